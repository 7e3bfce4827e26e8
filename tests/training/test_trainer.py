import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from mindreader.bundles import read_bundle
from mindreader.errors import InvalidInputError
from mindreader.networks.compute import choose_compute
from mindreader_training.commands import bundle, evaluate, train
from mindreader_training.layouts import read_dataset
from mindreader_training.presets import changed, preset
from mindreader_training.run import EarlyStopping, Run
from mindreader_training.trainer import Trainer

ROWS = {
    "raw_sketch",
    "query_encoder",
    "imaginary_to_query_encoder",
    "generator_and_query_encoder",
    "photo_to_photo",
}
CPU = choose_compute("cpu", "float32")


def _run(data, folder, settings=None, stopping=None):
    folder.mkdir(exist_ok=True)
    return Run(Trainer(read_dataset(data, "train"), settings or preset("tiny"), CPU, folder, seed=0), folder, stopping)


def _log(run):
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


def _invoke(command, *arguments):
    result = CliRunner().invoke(command, list(map(str, arguments)))
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(scope="module")
def run(drawn_data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    options = ("--preset", "tiny", "--data", drawn_data, "--out", folder, "--device", "cpu", "--measure-every", 20)
    _invoke(train, *options)
    return folder


def test_the_losses_that_matter_fall(run):
    log = _log(run)
    category = [entry["category"] for entry in log if entry["phase"] == "read sketches"]
    imagined = [entry for entry in log if entry["phase"] == "imagine"]
    assert category[-1] < category[0]
    assert imagined[-1]["pixel"] < imagined[0]["pixel"]


def test_every_phase_trains_what_it_says(run):
    terms = {entry["phase"]: set(entry) for entry in _log(run)}
    assert {"category", "instance"} <= terms["read sketches"]
    assert not {"category", "instance"} & terms["imagine"]
    assert {"discriminator", "gan", "pixel", "perceptual", "semantic"} <= terms["imagine"]
    assert "gan" not in terms["read both"]


def test_training_ends_in_a_bundle_with_its_dev_evaluation(run):
    made = read_bundle(run / "bundle")
    (evaluation,) = made.manifest.metrics
    assert evaluation["protocol"]["name"] == "dev"
    assert evaluation["protocol"]["queries"] == 4
    assert set(evaluation["rows"]) == ROWS
    assert "recall@10" in evaluation["rows"]["query_encoder"]
    assert "| generator_and_query_encoder |" in (run / "bundle" / "model_card.md").read_text()
    assert made.space.projection is not None
    assert made.space.dimension == made.manifest.generator.condition == 64


def test_tensorboard_has_the_losses_and_the_development_split(run):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(run / "tensorboard")).Reload()
    assert {"loss/category", "loss/gan", "dev_map"} <= set(events.Tags()["scalars"])


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


def test_a_report_has_tables_figures_and_an_outside_judge(run, drawn_data, tmp_path):
    _invoke(
        evaluate, run / "bundle", "--data", drawn_data, "--protocol", "dev-large", "--imagination", "--out", tmp_path
    )
    result = json.loads((tmp_path / "evaluation.json").read_text())
    assert result["imagination"]["encoder"] == "efficientnet-lite2"  # Lite0 took part in training
    assert set(result["imagination"]["rows"]) == {"raw_sketch", "imaginary_to_photo_encoder"}
    kid = result["imagination"]["kid"]
    assert kid["photos_to_other_photos"]["mean"] < kid["raw_sketch"]["mean"]
    assert "Protocol **dev-large**" in (tmp_path / "evaluation.md").read_text()
    for name in ("imagined", "retrieved", "categories", "confusion"):
        assert (tmp_path / f"{name}.png").stat().st_size > 1000


def test_the_gallery_is_given_one_way_or_the_other(run, drawn_data):
    result = CliRunner().invoke(evaluate, [str(run / "bundle"), "--photos", str(drawn_data / "photos")])
    assert result.exit_code == 2
    assert "--data" in result.output


def test_golden_results_are_found_again_and_a_change_is_noticed(run, drawn_data, tmp_path):
    copy = tmp_path / "bundle"
    copy.mkdir()
    for path in (run / "bundle").iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    without = CliRunner().invoke(bundle, ["check", str(copy), "--data", str(drawn_data)])
    assert "no golden results" in str(without.exception)
    _invoke(bundle, "measure", copy, "--data", drawn_data, "--protocol", "dev", "--device", "cpu")
    assert "3 golden results" in _invoke(bundle, "check", copy, "--data", drawn_data, "--device", "cpu")
    manifest = json.loads((copy / "bundle.json").read_text())
    manifest["golden"][0]["found"] = manifest["golden"][0]["found"][::-1]
    (copy / "bundle.json").write_text(json.dumps(manifest))
    changed_result = CliRunner().invoke(bundle, ["check", str(copy), "--data", str(drawn_data)])
    assert "when the bundle was made" in str(changed_result.exception)


def test_the_model_card_is_shown(run):
    assert "## Limits" in _invoke(bundle, "show", run / "bundle")


def _killed_after_a_checkpoint(command, folder):
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not (folder / "checkpoint.pt").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()


def test_a_run_killed_at_any_moment_goes_on_along_the_same_curve(drawn_data, run, tmp_path):
    """The same training as `run`, killed when the first checkpoint is there, then resumed."""
    folder = tmp_path / "killed"
    program = "import sys; from mindreader.cli import main; sys.argv[0] = 'mindreader'; main()"
    command = [sys.executable, "-c", program, "train", "--preset", "tiny", "--data", str(drawn_data)]
    command += ["--out", str(folder), "--device", "cpu", "--measure-every", "20"]
    _killed_after_a_checkpoint(command, folder)
    assert not (folder / "bundle").exists()
    subprocess.run([*command, "--resume"], check=True, stdout=subprocess.DEVNULL)
    whole, resumed = _log(run)[-1], _log(folder)[-1]
    assert whole["step"] == resumed["step"] == 40
    assert resumed["category"] == pytest.approx(whole["category"], rel=1e-2)


def test_a_run_is_not_resumed_with_other_settings(run, drawn_data):
    other = _run(drawn_data, run, changed(preset("tiny"), ["weights.gan=0.9"]))
    with pytest.raises(InvalidInputError, match="other settings"):
        other.resume()


def test_a_phase_that_gets_no_better_ends_early(drawn_data, tmp_path):
    stopping = EarlyStopping(lambda _g, _e1: 0.5, every=2, patience=2)
    run = _run(drawn_data, tmp_path / "run", stopping=stopping)
    run.train()
    # Measured at steps 2 (the best), 4 and 6: no better twice.
    assert run.progress.stopped == ["read sketches", "read both"]
    assert run.progress.step == 40


def test_several_processes_train_one_model(drawn_data, tmp_path):
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--no-python"]
    mindreader = Path(sys.executable).parent / "mindreader"
    command = [
        mindreader,
        "train",
        "--preset",
        "tiny",
        "--steps",
        "12",
        "--data",
        drawn_data,
        "--out",
        tmp_path / "run",
    ]
    subprocess.run([*launcher, *map(str, command), "--device", "cpu"], check=True, capture_output=True, timeout=300)
    assert read_bundle(tmp_path / "run" / "bundle").manifest.training.steps == 12
    assert len(_log(tmp_path / "run")) == len({entry["step"] for entry in _log(tmp_path / "run")})


def test_a_run_is_not_overwritten_by_accident(run, drawn_data):
    result = CliRunner().invoke(train, ["--preset", "tiny", "--data", str(drawn_data), "--out", str(run)])
    assert result.exit_code == 2
    assert "--resume" in result.output


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("weights.gan", "NAME=VALUE"),
        ("weights.luck=1", "Unknown setting weights.luck"),
        ("colour=red", "Unknown setting colour"),
        ("temperature.warm=1", "Unknown setting temperature.warm"),
        ("ema_decay=much", "must be like"),
    ],
)
def test_a_setting_that_does_not_exist_is_an_error(change, message):
    with pytest.raises(InvalidInputError, match=message):
        changed(preset("tiny"), [change])


def test_settings_are_changed_by_name():
    settings = changed(preset("tiny"), ["weights.gan=0.25", "temperature=0.1", "generator.base_channels=4"])
    assert (settings.weights.gan, settings.temperature, settings.generator.base_channels) == (0.25, 0.1, 4)


def test_steps_stretch_every_phase():
    phases = preset("tiny", steps=80).phases
    assert [phase.steps for phase in phases] == [30, 30, 20]


def test_a_zero_shot_run_leaves_its_categories_out(drawn_data, tmp_path):
    options = ("--preset", "tiny", "--steps", 3, "--data", drawn_data, "--out", tmp_path / "run", "--zero-shot")
    _invoke(train, *options, "--device", "cpu")
    with np.load(tmp_path / "run" / "photo_embeddings.npz") as stored:
        assert len(stored["embeddings"]) == 8  # the balls are gone
