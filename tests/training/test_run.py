"""A run: phases in order, early stopping, and going on after a kill along the same curve."""

import json
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from mindreader.errors import InvalidInputError
from mindreader.networks.compute import choose_compute
from mindreader_training.data.layouts import read_dataset
from mindreader_training.overrides import with_overrides
from mindreader_training.presets import preset
from mindreader_training.run import EarlyStopping, Run
from mindreader_training.trainer import Trainer


def _log(folder):
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def _losses(folder):
    return [{name: value for name, value in entry.items() if name != "seconds"} for entry in _log(folder)]


def test_the_losses_that_matter_fall(new_run, miniature):
    """Shown the same drawings again and again, each time augmented anew."""
    steps = ["phases.query encoder.steps=24", "phases.generator.steps=25", "phases.query encoder.batch=8"]
    trainer = new_run(with_overrides(miniature, [*steps, "encoder_rate=0.002", "generator_rate=0.02"])).trainer
    for first, count, name in ((0, 24, "category"), (24, 25, "pixel")):
        same = trainer.sampler.batch(first)
        losses = [trainer.step(first + step, same)[name] for step in range(count)]
        assert np.mean(losses[-10:]) < 0.97 * np.mean(losses[:10]), name


def test_every_phase_trains_what_it_says(trained):
    terms = {entry["phase"]: set(entry) for entry in _log(trained)}
    assert {"category", "instance"} <= terms["query encoder"]
    assert not {"category", "instance"} & terms["generator"]
    assert {"discriminator", "gan", "pixel", "perceptual", "semantic"} <= terms["generator"]
    assert "gan" not in terms["joint fine-tuning"]


def test_tensorboard_has_the_losses_and_the_development_split(trained):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(trained / "tensorboard")).Reload()
    assert {"loss/category", "loss/gan", "dev_map"} <= set(events.Tags()["scalars"])


def test_a_phase_can_be_left_out_and_g_trained_without_pseudo_sketches(new_run, miniature):
    run = new_run(with_overrides(miniature, ["phases.query encoder.steps=0", "aligned_share=0"]))
    run.train()
    first = _log(run.folder)[0]
    assert first["phase"] == "generator"
    assert "gan" in first
    assert "perceptual" not in first
    assert all(np.isfinite(value) for value in first.values() if isinstance(value, float))


def test_a_phase_that_gets_no_better_ends_early(new_run, miniature):
    settings = with_overrides(miniature, ["phases.query encoder.steps=5", "phases.joint fine-tuning.steps=5"])
    run = new_run(settings, stopping=EarlyStopping(lambda _g, _e1: 0.5, every=1, patience=2))
    run.train()
    # Measured at steps 1 (the best), 2 and 3: no better twice.
    assert run.progress.stopped == ["query encoder", "joint fine-tuning"]
    assert run.progress.step == 12
    assert run.progress.trained == 3 + 2 + 3


class _KilledError(Exception):
    pass


def _stop(run, at):
    """Train until step `at` is to be made."""
    step = run.trainer.step

    def killed(number, batch):
        if number == at:
            raise _KilledError
        return step(number, batch)

    run.trainer.step = killed
    with pytest.raises(_KilledError):
        run.train()


@pytest.fixture(scope="module")
def trained_miniature(tmp_path_factory):
    """Where the folder of a finished run of the miniature lies, once a test has made it."""
    return tmp_path_factory.mktemp("miniature") / "run"


@pytest.fixture
def finished(new_run, trained_miniature, tmp_path):
    """The folder `run` of a finished run of the miniature: trained once, and each test has a copy."""
    if not trained_miniature.exists():
        run = new_run()
        run.train()
        shutil.copytree(run.folder, trained_miniature)
    return shutil.copytree(trained_miniature, tmp_path / "run", dirs_exist_ok=True)


def test_a_run_stopped_between_two_checkpoints_goes_on_along_the_same_curve(new_run, finished):
    _stop(new_run(name="stopped"), at=3)  # a checkpoint was written at the end of the first phase, step 2
    resumed = new_run(name="stopped")
    resumed.resume()
    assert resumed.progress.step == 2
    resumed.train()
    assert _losses(resumed.folder) == _losses(finished)


@pytest.mark.slow
def test_a_run_killed_at_any_moment_goes_on_along_the_same_curve(drawn_data, trained, trained_options, tmp_path):
    """The same training as `trained`, killed when the first checkpoint is there, then resumed."""
    folder = tmp_path / "killed"
    # As many threads as `trained` had: with more, sums are rounded otherwise.
    program = "import sys, torch; torch.set_num_threads(1); sys.argv[0] = 'mindreader'; "
    program += "from mindreader.commands.main import main; main()"
    command = [sys.executable, "-c", program, "train", *trained_options, "--data", str(drawn_data)]
    command += ["--out", str(folder)]
    _killed_after_a_checkpoint(command, folder)
    assert not (folder / "bundle").exists()
    subprocess.run([*command, "--resume"], check=True, stdout=subprocess.DEVNULL)
    whole, resumed = _log(trained)[-1], _log(folder)[-1]
    assert whole["step"] == resumed["step"] == 16
    assert resumed["category"] == pytest.approx(whole["category"], rel=1e-2)


def _killed_after_a_checkpoint(command, folder):
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not (folder / "checkpoint.pt").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()


def test_a_finished_run_goes_on_for_longer(new_run, finished):
    longer = new_run()
    longer.resume(steps=9)
    assert longer.trainer.preset.lengths == longer.trainer.sampler.preset.lengths == (2, 2, 5)
    longer.train()
    assert (longer.progress.step, longer.progress.trained) == (9, 9)
    assert [entry["phase"] for entry in _log(longer.folder)][-1] == "joint fine-tuning"
    again = new_run()  # with the settings it began with
    again.resume()
    assert again.trainer.preset.lengths == (2, 2, 5)


def test_a_run_that_was_stopped_is_stretched_from_there(new_run):
    _stop(new_run(), at=3)  # a checkpoint was written at the end of the first phase, step 2
    stretched = new_run()
    stretched.resume(steps=10)
    assert stretched.trainer.preset.lengths == (2, 4, 4)
    stretched.train()
    assert stretched.progress.step == 10


def test_a_run_cannot_be_shorter_than_it_is_and_keeps_its_phases(new_run, finished, miniature):
    with pytest.raises(InvalidInputError, match="made 6 steps already"):
        new_run().resume(steps=5)
    other = new_run(with_overrides(miniature, ["phases.joint fine-tuning.steps=5"]))
    with pytest.raises(InvalidInputError, match=r"2 \+ 2 \+ 2 steps in its phases, not 2 \+ 2 \+ 5"):
        other.resume()


def test_a_run_is_not_resumed_with_other_settings_data_or_seed(drawn_data, trained):
    def resume(settings, dataset, seed):
        trainer = Trainer(dataset, settings, choose_compute("cpu", "float32"), trained, seed)
        Run(trainer, trained).resume()

    dataset = read_dataset(drawn_data, "train")
    with pytest.raises(InvalidInputError, match="other settings"):
        resume(with_overrides(preset("tiny"), ["weights.gan=0.9"]), dataset, 0)
    with pytest.raises(InvalidInputError, match="other seed, data"):
        resume(preset("tiny"), dataset.only(lambda item: item.path.stem != "1"), 1)
