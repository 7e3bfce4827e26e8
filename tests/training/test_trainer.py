import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from mindreader.bundles import read_bundle
from mindreader.errors import InvalidInputError
from mindreader.networks.compute import choose_compute
from mindreader_training.commands import bundle, evaluate, train
from mindreader_training.data.batches import Sampler
from mindreader_training.data.layouts import read_dataset
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


def test_sketches_that_nothing_can_answer_are_left_out_and_counted(run, drawn_data, tmp_path):
    photos = tmp_path / "photos"
    (photos / "ball").mkdir(parents=True)
    (photos / "ball" / "0.jpg").write_bytes((drawn_data / "photos" / "ball" / "0.jpg").read_bytes())
    options = (evaluate, run / "bundle", "--photos", photos, "--sketches", drawn_data / "sketches", "--json")
    result = json.loads(_invoke(*options, "--out", tmp_path / "report"))
    assert (result["protocol"]["queries"], result["protocol"]["queries_left_out"]) == (10, 10)
    (photos / "ball").rename(photos / "rose")
    failed = CliRunner().invoke(evaluate, [str(option) for option in options[1:]])
    assert "nothing to measure" in str(failed.exception)


def test_nobody_who_took_part_judges_the_imaginary_images(drawn_data, tmp_path):
    both = ("--set", "query_encoder=efficientnet-lite2")
    options = ("--preset", "tiny", "--steps", 3, "--data", drawn_data, "--out", tmp_path / "run", *both)
    _invoke(train, *options, "--device", "cpu")
    bundle = str(tmp_path / "run" / "bundle")
    result = CliRunner().invoke(evaluate, [bundle, "--data", str(drawn_data), "--imagination"])
    assert "both took part" in str(result.exception)


def test_the_gallery_is_given_one_way_or_the_other(run, drawn_data):
    result = CliRunner().invoke(evaluate, [str(run / "bundle"), "--photos", str(drawn_data / "photos")])
    assert result.exit_code == 2
    assert "--data" in result.output


def _folders(drawn_data, folder):
    """The drawn data set without its lists."""
    other = folder / "folders"
    for side in ("photos", "sketches"):
        (other / side).parent.mkdir(exist_ok=True)
        (other / side).symlink_to(drawn_data / side)
    return other


def test_golden_results_are_found_again_and_a_change_is_noticed(run, drawn_data, tmp_path):
    copy = tmp_path / "bundle"
    copy.mkdir()
    for path in (run / "bundle").iterdir():
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
    program = "import sys; from mindreader.commands.main import main; sys.argv[0] = 'mindreader'; main()"
    command = [sys.executable, "-c", program, "train", "--preset", "tiny", "--data", str(drawn_data)]
    command += ["--out", str(folder), "--device", "cpu", "--measure-every", "20"]
    _killed_after_a_checkpoint(command, folder)
    assert not (folder / "bundle").exists()
    subprocess.run([*command, "--resume"], check=True, stdout=subprocess.DEVNULL)
    whole, resumed = _log(run)[-1], _log(folder)[-1]
    assert whole["step"] == resumed["step"] == 40
    assert resumed["category"] == pytest.approx(whole["category"], rel=1e-2)


def test_a_run_is_not_resumed_with_other_settings_data_or_seed(run, drawn_data):
    other = _run(drawn_data, run, changed(preset("tiny"), ["weights.gan=0.9"]))
    with pytest.raises(InvalidInputError, match="other settings"):
        other.resume()
    fewer = read_dataset(drawn_data, "train").only(lambda item: item.path.stem != "1")
    with pytest.raises(InvalidInputError, match="other seed, data"):
        Run(Trainer(fewer, preset("tiny"), CPU, run, seed=1), run).resume()


def test_measuring_changes_nothing_in_the_run(drawn_data, tmp_path):
    run = _run(drawn_data, tmp_path / "run")
    trainer = run.trainer
    for step in range(3):
        trainer.step(step, trainer.sampler.batch(step))
    before = {name: tensor.clone() for name, tensor in trainer.e1_average.state_dict().items()}
    measured = [trainer.averaged(3)[1].state_dict() for _ in range(2)]
    for name, tensor in trainer.e1_average.state_dict().items():
        assert torch.equal(tensor, before[name])
    assert all(torch.equal(measured[0][name], measured[1][name]) for name in measured[0])
    assert not torch.equal(measured[0]["network.bn1.running_mean"], before["module.network.bn1.running_mean"])


def test_a_space_without_projection_is_trained_for(drawn_data, tmp_path):
    run = _run(drawn_data, tmp_path / "run", changed(preset("tiny", steps=3), ["projection=none"]))
    run.train()
    made = run.trainer.result(3)
    assert isinstance(made.photo_encoder.projection, torch.nn.Identity)
    assert made.generator.sizes.condition == 1280


def test_a_projection_has_no_more_dimensions_than_the_encoder(drawn_data, tmp_path):
    with pytest.raises(InvalidInputError, match="at most that"):
        _run(drawn_data, tmp_path / "run", changed(preset("tiny"), ["projection.dimension=5000"]))


def test_a_drawn_sketch_and_its_photo_face_the_same_way(drawn_data, monkeypatch):
    """The shapes lie left of the middle; where one was mirrored, both lie right of it."""
    monkeypatch.setattr("mindreader_training.data.batches.augmented_sketch", lambda sketch, _random: sketch)
    left = read_dataset(drawn_data, "train").only(lambda item: item.path.stem in ("1", "2"))
    sampler = Sampler(left, changed(preset("tiny"), ["aligned_share=0"]), seed=0)
    ways = set()
    for step in range(4):
        batch = sampler.batch(step)
        red = ((batch.photos[:, 0] > 0.8) & (batch.photos[:, 1] < 0.3)).float()
        ways |= set(zip((_centre(red) > 0.5).tolist(), (_centre(1 - batch.sketches[:, 0]) > 0.5).tolist(), strict=True))
    assert ways == {(False, False), (True, True)}


def _centre(weight):
    columns = weight.sum(1)
    return (columns * torch.linspace(0, 1, columns.shape[1])).sum(1) / columns.sum(1)


def test_a_phase_that_gets_no_better_ends_early(drawn_data, tmp_path):
    stopping = EarlyStopping(lambda _g, _e1: 0.5, every=2, patience=2)
    run = _run(drawn_data, tmp_path / "run", stopping=stopping)
    run.train()
    # Measured at steps 2 (the best), 4 and 6: no better twice.
    assert run.progress.stopped == ["read sketches", "read both"]
    assert run.progress.step == 40
    assert run.progress.trained == 6 + 15 + 6


def test_the_model_card_says_that_dev_chose_when_to_stop(drawn_data, tmp_path):
    options = ("--preset", "tiny", "--data", drawn_data, "--out", tmp_path / "run", "--device", "cpu")
    _invoke(train, *options, "--measure-every", 1, "--patience", 1)
    made = read_bundle(tmp_path / "run" / "bundle")
    assert made.manifest.training.stopped_by_dev
    assert made.manifest.training.steps < 40
    assert "The split dev chose when to stop" in (made.folder / "model_card.md").read_text()


def test_there_must_be_something_to_measure_on(drawn_data, tmp_path):
    (tmp_path / "photos" / "ball").mkdir(parents=True)
    for path in (drawn_data / "photos" / "ball").iterdir():
        (tmp_path / "photos" / "ball" / path.name).write_bytes(path.read_bytes())
    options = ["--preset", "tiny", "--data", str(tmp_path), "--out", str(tmp_path / "run"), "--measure-every", "5"]
    result = CliRunner().invoke(train, options)
    assert result.exit_code == 2
    assert "nothing to measure on" in result.output


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
    command += ["--device", "cpu", "--measure-every", "2", "--patience", "1"]
    subprocess.run([*launcher, *map(str, command)], check=True, capture_output=True, timeout=300)
    training = read_bundle(tmp_path / "run" / "bundle").manifest.training
    assert training.steps <= 12
    assert "2 × " not in training.hardware  # processes share this machine's cores
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
        ("generator.upsampling=magic", "'transposed' or 'resize'"),
        ("generator.condition=12", "Unknown setting generator.condition"),
        ("generator.image_size=100", "power of two"),
        ("conditioned=false", "needs conditioned=true"),
        ("projection.dimension=0", "projection.dimension must be at least 1"),
        ("weights.gan=-1", "must not be negative"),
        ("batch=0", "batch must be at least 1"),
        ("steps=5", "Unknown setting steps"),
        ("phases.dream.steps=5", "Unknown setting phases.dream.steps"),
        ("phases.imagine.colour=5", "Unknown setting phases.imagine.colour"),
        ("phases.imagine.name=joint", "Unknown setting phases.imagine.name"),
    ],
)
def test_a_setting_that_does_not_exist_is_an_error(change, message):
    with pytest.raises(InvalidInputError, match=message):
        changed(preset("tiny"), [change])


def test_settings_are_changed_by_name():
    settings = changed(preset("tiny"), ["weights.gan=0.25", "temperature=0.1", "generator.base_channels=4"])
    assert (settings.weights.gan, settings.temperature, settings.generator.base_channels) == (0.25, 0.1, 4)
    assert [p.steps for p in changed(preset("tiny"), ["phases.imagine.steps=0"]).phases] == [15, 0, 10]


def test_a_phase_can_be_left_out_and_g_trained_without_pseudo_sketches(drawn_data, tmp_path):
    settings = changed(preset("tiny", steps=9), ["phases.read sketches.steps=0", "aligned_share=0"])
    run = _run(drawn_data, tmp_path / "run", settings)
    run.train()
    first = _log(tmp_path / "run")[0]
    assert first["phase"] == "imagine"
    assert "gan" in first
    assert "perceptual" not in first
    assert all(np.isfinite(value) for value in first.values() if isinstance(value, float))


def test_steps_stretch_every_phase():
    phases = preset("tiny", steps=80).phases
    assert [phase.steps for phase in phases] == [30, 30, 20]


def test_a_zero_shot_run_leaves_its_categories_out(drawn_data, tmp_path):
    options = ("--preset", "tiny", "--steps", 3, "--data", drawn_data, "--out", tmp_path / "run", "--zero-shot")
    _invoke(train, *options, "--device", "cpu")
    with np.load(tmp_path / "run" / "photo_embeddings.npz") as stored:
        assert len(stored["embeddings"]) == 8  # the balls are gone
