import json

import pytest
from click.testing import CliRunner

from mindreader.bundles import read_bundle
from mindreader.networks.compute import choose_compute
from mindreader_training.commands import evaluate, train
from mindreader_training.datasets import listed_dataset
from mindreader_training.presets import preset
from mindreader_training.trainer import Trainer

CPU = choose_compute("cpu", "float32")


def _trainer(data, run, **changes):
    run.mkdir(exist_ok=True)
    return Trainer(
        listed_dataset(data, lambda row: row["split"] == "train"), preset("tiny", **changes), CPU, run, seed=0
    )


def _log(run):
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


def _invoke(command, *arguments):
    result = CliRunner().invoke(command, list(map(str, arguments)))
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(scope="module")
def run(drawn_data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    _invoke(train, "--preset", "tiny", "--data", drawn_data, "--out", folder, "--device", "cpu")
    return folder


def test_the_losses_that_matter_fall(run):
    first, *_, last = _log(run)
    assert last["category"] < first["category"]
    assert last["pixel"] < first["pixel"]


def test_training_ends_in_a_bundle_with_its_dev_evaluation(run):
    bundle = read_bundle(run / "bundle")
    (evaluation,) = bundle.manifest.metrics
    assert evaluation["protocol"]["name"] == "dev"
    assert evaluation["protocol"]["queries"] == 4
    assert set(evaluation["rows"]) == {"raw_sketch", "query_encoder", "generator_and_query_encoder", "photo_to_photo"}
    assert "| generator_and_query_encoder |" in (run / "bundle" / "model_card.md").read_text()


def test_evaluate_prints_every_row_with_its_protocol(run, drawn_data):
    printed = _invoke(
        evaluate, run / "bundle", "--photos", drawn_data / "photos", "--sketches", drawn_data / "sketches", "--json"
    )
    result = json.loads(printed)
    assert result["protocol"]["gallery"] == 20
    assert result["protocol"]["chance_map"] == 0.5
    for row in result["rows"].values():
        assert {"map", "p@5", "p@20"} <= row.keys()
        low, high = row["interval"]["map"]
        assert low <= row["map"] <= high


def test_a_run_that_was_stopped_goes_on_along_the_same_curve(drawn_data, tmp_path):
    whole = _trainer(drawn_data, tmp_path / "whole", steps=8, imagine_steps=2)
    whole.train()
    half = _trainer(drawn_data, tmp_path / "halves", steps=8, imagine_steps=2)
    for batch in half.sampler.batches(0, 4):
        half.step(batch)
        half.progress.step += 1
    half.save()
    rest = _trainer(drawn_data, tmp_path / "halves", steps=8, imagine_steps=2)
    rest.resume()
    rest.train()
    whole_end, rest_end = _log(tmp_path / "whole")[-1], _log(tmp_path / "halves")[-1]
    for term in ("pixel", "category", "discriminator"):
        assert rest_end[term] == pytest.approx(whole_end[term], rel=1e-2)


def test_a_run_is_not_overwritten_by_accident(run, drawn_data):
    result = CliRunner().invoke(train, ["--preset", "tiny", "--data", str(drawn_data), "--out", str(run)])
    assert result.exit_code == 2
    assert "--resume" in result.output
