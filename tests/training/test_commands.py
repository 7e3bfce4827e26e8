"""The commands `train`, `evaluate` and `bundle`, on a run in miniature."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from mindreader.bundles import read_bundle
from mindreader_training.commands import _bundle_name, bundle, evaluate, train
from mindreader_training.evaluation.disturbances import DISTURBANCES

ROWS = {
    "raw_sketch",
    "query_encoder",
    "imaginary_to_query_encoder",
    "generator_and_query_encoder",
    "photo_to_photo",
}


def _invoke(command, *arguments):
    result = CliRunner().invoke(command, list(map(str, arguments)))
    assert result.exit_code == 0, result.output
    return result.output


def test_training_ends_in_a_bundle_with_its_dev_evaluation(trained):
    made = read_bundle(trained / "bundle")
    (evaluation,) = made.manifest.metrics
    assert evaluation["protocol"]["name"] == "dev"
    assert evaluation["protocol"]["queries"] == 4
    assert set(evaluation["rows"]) == ROWS
    assert "recall@10" in evaluation["rows"]["query_encoder"]
    assert "| generator_and_query_encoder |" in (trained / "bundle" / "model_card.md").read_text()
    assert made.space.projection is not None
    assert made.space.dimension == made.manifest.generator.condition == 64


def test_evaluate_prints_every_row_with_its_protocol(trained, drawn_data):
    printed = _invoke(
        evaluate, trained / "bundle", "--photos", drawn_data / "photos", "--sketches", drawn_data / "sketches", "--json"
    )
    result = json.loads(printed)
    assert result["protocol"]["gallery"] == 20
    assert result["protocol"]["chance_map"] == 0.5
    for row in result["rows"].values():
        assert {"map", "p@5", "p@20"} <= row.keys()
        low, high = row["interval"]["map"]
        assert low <= row["map"] <= high


def test_disturbed_sketches_have_rows_of_their_own(trained, drawn_data):
    printed = _invoke(evaluate, trained / "bundle", "--data", drawn_data, "--robustness", "--json")
    rows = json.loads(printed)["rows"]
    assert {"product", *(f"product, {name}" for name in DISTURBANCES)} <= rows.keys()
    assert all(0 <= row["map"] <= 1 for row in rows.values())


@pytest.mark.slow
def test_a_report_has_tables_plots_and_an_independent_encoder(trained, drawn_data, tmp_path):
    _invoke(
        evaluate,
        trained / "bundle",
        "--data",
        drawn_data,
        "--protocol",
        "dev-large",
        "--imagination",
        "--out",
        tmp_path,
    )
    result = json.loads((tmp_path / "evaluation.json").read_text())
    assert result["imagination"]["encoder"] == "efficientnet-lite2"  # Lite0 took part in training
    assert set(result["imagination"]["rows"]) == {"raw_sketch", "imaginary_to_photo_encoder"}
    kid = result["imagination"]["kid"]
    assert kid["photos_to_other_photos"]["mean"] < kid["raw_sketch"]["mean"]
    assert "Protocol **dev-large**" in (tmp_path / "evaluation.md").read_text()
    for name in ("imagined", "retrieved", "categories", "confusion"):
        assert (tmp_path / f"{name}.png").stat().st_size > 1000


def test_sketches_that_nothing_can_answer_are_left_out_and_counted(trained, drawn_data, tmp_path):
    photos = tmp_path / "photos"
    (photos / "ball").mkdir(parents=True)
    (photos / "ball" / "0.jpg").write_bytes((drawn_data / "photos" / "ball" / "0.jpg").read_bytes())
    options = (evaluate, trained / "bundle", "--photos", photos, "--sketches", drawn_data / "sketches", "--json")
    result = json.loads(_invoke(*options, "--out", tmp_path / "report"))
    assert (result["protocol"]["queries"], result["protocol"]["queries_left_out"]) == (10, 10)
    (photos / "ball").rename(photos / "rose")
    failed = CliRunner().invoke(evaluate, [str(option) for option in options[1:]])
    assert "nothing to measure" in str(failed.exception)


def test_no_encoder_that_took_part_evaluates_the_imaginary_images(trained, drawn_data, monkeypatch):
    monkeypatch.setattr(
        "mindreader_training.evaluation.imaginary_quality.INDEPENDENT_ENCODERS", ("efficientnet-lite0",)
    )
    result = CliRunner().invoke(evaluate, [str(trained / "bundle"), "--data", str(drawn_data), "--imagination"])
    assert "took part in training" in str(result.exception)


def test_the_gallery_is_given_one_way_or_the_other(trained, drawn_data):
    result = CliRunner().invoke(evaluate, [str(trained / "bundle"), "--photos", str(drawn_data / "photos")])
    assert result.exit_code == 2
    assert "--data" in result.output


def _folders(drawn_data, folder):
    """The drawn data set without its lists."""
    other = folder / "folders"
    for side in ("photos", "sketches"):
        (other / side).parent.mkdir(exist_ok=True)
        (other / side).symlink_to(drawn_data / side)
    return other


@pytest.mark.slow
def test_golden_results_are_found_again_and_a_change_is_noticed(trained, drawn_data, tmp_path):
    copy = tmp_path / "bundle"
    copy.mkdir()
    for path in (trained / "bundle").iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    without = CliRunner().invoke(bundle, ["check", str(copy), "--data", str(drawn_data)])
    assert "no golden results" in str(without.exception)
    _invoke(bundle, "measure", copy, "--data", drawn_data, "--protocol", "dev", "--device", "cpu")
    assert "3 golden results" in _invoke(bundle, "check", copy, "--data", drawn_data, "--device", "cpu")
    elsewhere = CliRunner().invoke(bundle, ["check", str(copy), "--data", str(_folders(drawn_data, tmp_path))])
    assert "not the data set" in str(elsewhere.exception)
    manifest = json.loads((copy / "bundle.json").read_text())
    manifest["golden"][0]["found"] = manifest["golden"][0]["found"][::-1]
    (copy / "bundle.json").write_text(json.dumps(manifest))
    changed_result = CliRunner().invoke(bundle, ["check", str(copy), "--data", str(drawn_data)])
    assert "when the bundle was made" in str(changed_result.exception)


def test_the_model_card_is_shown(trained):
    assert "## Limits" in _invoke(bundle, "show", trained / "bundle")


def test_the_model_card_says_that_dev_chose_when_to_stop(drawn_data, miniature_options, tmp_path, monkeypatch):
    monkeypatch.setattr("mindreader_training.dev_measure.development_measure", lambda _t, _d: lambda _g, _e1: 0.5)
    options = (*miniature_options, "--data", drawn_data, "--out", tmp_path / "run", "--device", "cpu")
    _invoke(train, *options, "--measure-every", 1, "--patience", 1, "--set", "phases.query encoder.steps=4")
    made = read_bundle(tmp_path / "run" / "bundle")
    assert made.manifest.training.stopped_by_dev == ["query encoder", "joint fine-tuning"]
    assert made.manifest.training.steps == 2 + 2 + 2
    assert "The split dev chose when to stop" in (made.folder / "model_card.md").read_text()


def test_there_must_be_something_to_measure_on(drawn_data, tmp_path):
    (tmp_path / "photos" / "ball").mkdir(parents=True)
    for path in (drawn_data / "photos" / "ball").iterdir():
        (tmp_path / "photos" / "ball" / path.name).write_bytes(path.read_bytes())
    options = ["--preset", "tiny", "--data", str(tmp_path), "--out", str(tmp_path / "run"), "--measure-every", "5"]
    result = CliRunner().invoke(train, options)
    assert result.exit_code == 2
    assert "nothing to measure on" in result.output


def test_a_run_is_not_overwritten_by_accident(trained, drawn_data):
    result = CliRunner().invoke(train, ["--preset", "tiny", "--data", str(drawn_data), "--out", str(trained)])
    assert result.exit_code == 2
    assert "--resume" in result.output


@pytest.mark.parametrize("given", [["--name", "a\nb"], ["--name", "x" * 101]])
def test_a_name_no_bundle_can_have_is_refused_before_training(drawn_data, tmp_path, given):
    out = tmp_path / "run"
    result = CliRunner().invoke(train, ["--preset", "tiny", "--data", str(drawn_data), "--out", str(out), *given])
    assert result.exit_code == 2
    assert "one line of 1 to 100 characters" in result.output
    assert not out.exists()


def test_the_bundle_of_a_run_in_this_folder_has_the_folder_s_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert _bundle_name(None, Path()) == tmp_path.name


def test_a_zero_shot_run_leaves_its_categories_out(drawn_data, miniature_options, tmp_path):
    options = (*miniature_options, "--steps", 1, "--data", drawn_data, "--out", tmp_path / "run", "--zero-shot")
    _invoke(train, *options, "--device", "cpu")
    with np.load(tmp_path / "run" / "photo_embeddings.npz") as stored:
        assert len(stored["embeddings"]) == 8  # the balls are gone


def test_a_run_on_fewer_sketches_goes_on_with_the_same_alone(drawn_data, miniature_options, tmp_path):
    options = [*miniature_options, "--data", drawn_data, "--out", tmp_path / "run", "--device", "cpu"]
    _invoke(train, *options, "--steps", 1, "--sketches-per-category", 3)
    fewer = CliRunner().invoke(train, [*map(str, options), "--resume", "--sketches-per-category", "2"])
    assert "run with other data" in str(fewer.exception)
    all_of_them = CliRunner().invoke(train, [*map(str, options), "--resume"])
    assert "run with other data" in str(all_of_them.exception)
    _invoke(train, *options, "--steps", 2, "--resume", "--sketches-per-category", 3)


@pytest.mark.parametrize("most", ["-1", "many"])
def test_a_number_of_sketches_that_is_none_is_refused(drawn_data, tmp_path, most):
    options = ["--preset", "tiny", "--data", str(drawn_data), "--out", str(tmp_path), "--sketches-per-category", most]
    result = CliRunner().invoke(train, options)
    assert result.exit_code == 2
    assert "--sketches-per-category" in result.output


def test_a_run_is_of_the_sources_asked_for(drawn_data, miniature_options, tmp_path):
    with (drawn_data / "meta.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    for row in rows[1:]:
        row[0] = str(drawn_data / row[0])
        row[4] = "sketchy" if Path(row[0]).stem in ("0", "1", "2") else "caltech"
    with (tmp_path / "meta.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    (tmp_path / "pairs.csv").write_text("sketch,photo\n")
    options = (*miniature_options, "--steps", 1, "--data", tmp_path, "--device", "cpu")
    _invoke(train, *options, "--out", tmp_path / "run", "--source", "sketchy")
    with np.load(tmp_path / "run" / "photo_embeddings.npz") as stored:
        assert len(stored["embeddings"]) == 2 * 2
    refused = CliRunner().invoke(train, [*map(str, options), "--out", str(tmp_path / "other"), "--source", "pacs"])
    assert "Sources: caltech, sketchy" in str(refused.exception)
