"""Learn a library: the program that a worker, or `mindreader train --library`, has do the training.

    python -m mindreader_training.library FOLDER

The folder holds the task and the data set (`mindreader.learning.task`), and takes the run, what it says of its progress
and the bundle it makes. The program prints one line of JSON. It keeps a checkpoint and ends when its input ends, which
is so too when its parent is gone; started again, it goes on from there.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Any

import cv2
import numpy as np

from mindreader.bundles import Bundle, TrainingRecord, read_bundle
from mindreader.errors import MindReaderError
from mindreader.host.child_programs import packed, print_alone
from mindreader.inference.engines.torch_engine import TorchEngine
from mindreader.learning.task import (
    EMBEDDINGS_FILE,
    PRESET,
    RESULT_FOLDER,
    TASK_FILE,
    LearningProgress,
    LearningTask,
    write_progress,
)
from mindreader.networks.compute import Compute, choose_compute
from mindreader_training.data.layouts import listed_dataset
from mindreader_training.evaluation.learned import LearnedFrom, compare_learned
from mindreader_training.export import export_bundle, record_results
from mindreader_training.hardware import hardware
from mindreader_training.overrides import with_overrides
from mindreader_training.presets import preset
from mindreader_training.run import Progress, Run
from mindreader_training.start import Start, preset_for
from mindreader_training.trainer import Trainer

_SAVE_EVERY = 50
_RUN = "run"
_SECONDS_BETWEEN_WORDS = 1.0
_STEPS_TO_TELL = 5
"""Made before anybody can tell how long the others take."""


def main() -> None:
    """Learn what lies in the folder that the argument names."""
    folder, stopping = Path(sys.argv[1]), Event()
    Thread(target=_stop_at_the_end_of_input, args=[stopping], daemon=True).start()
    print_alone(lambda: _outcome(folder, stopping.is_set))


def _stop_at_the_end_of_input(stopping: Event) -> None:
    os.read(0, 1)  # not sys.stdin, whose lock would keep this program from ending
    stopping.set()


def _outcome(folder: Path, is_stopping: Callable[[], bool]) -> dict[str, Any]:
    try:
        return {"done": learn(folder, is_stopping) is not None}
    except MindReaderError as error:
        return packed(error)


def learn(folder: Path, is_stopping: Callable[[], bool] = lambda: False) -> Bundle | None:
    """Train the query encoder of a bundle on a library, and compare both on what was kept out of the training.

    Returns:
        the bundle that was made; None where it was stopped before, with a checkpoint.

    Raises:
        InvalidInputError, BundleError, NotReadyError: nothing can be trained with what the folder holds.
    """
    task = LearningTask.model_validate_json((folder / TASK_FILE).read_text())
    if task.nice and hasattr(os, "nice"):
        os.nice(task.nice)
    compute = choose_compute(task.device, threads=task.threads)
    cv2.setNumThreads(max(1, task.threads // 2))
    start = read_bundle(task.bundle)
    run = _run(folder, task, start, compute, is_stopping)
    run.resume()
    if not run.train():
        return None
    steps = run.trainer.preset.steps
    write_progress(folder, LearningProgress(stage="comparing", step=steps, steps=steps, seconds_left=None))
    made = _exported(folder, task, run)
    library = LearnedFrom.read(folder)
    # In float32, as whatever is measured: it must not depend on the processor.
    exact = TorchEngine(choose_compute(task.device, "float32", task.threads))
    compared = compare_learned(start, made, library, exact)
    return record_results(made, [evaluation.as_json() for evaluation in compared])


def _run(folder: Path, task: LearningTask, start: Bundle, compute: Compute, is_stopping: Callable[[], bool]) -> Run:
    settings = with_overrides(preset_for(start, preset(PRESET)), task.overrides)
    with np.load(folder / EMBEDDINGS_FILE) as stored:
        known = stored["train"]
    (folder / _RUN).mkdir(exist_ok=True)
    dataset = listed_dataset(folder, lambda row: row["split"] == "train")
    trainer = Trainer(dataset, settings, compute, folder / _RUN, task.seed, start=Start(start, known))
    told = _Told(folder, settings.steps, is_stopping)
    return Run(trainer, folder / _RUN, watch=told, save_every=_SAVE_EVERY)


@dataclass
class _Told:
    """Says how far the run is, and whether it goes on."""

    folder: Path
    steps: int
    is_stopping: Callable[[], bool]
    _said: float = 0.0
    _first: tuple[int, float] | None = None

    def __call__(self, progress: Progress) -> bool:
        moment = time.monotonic()
        self._first = self._first or (progress.step, moment)
        if moment - self._said > _SECONDS_BETWEEN_WORDS:
            self._said = moment
            left = self._left(progress.step, moment)
            said = LearningProgress(stage="training", step=progress.step, steps=self.steps, seconds_left=left)
            write_progress(self.folder, said)
        return not self.is_stopping()

    def _left(self, step: int, moment: float) -> float | None:
        assert self._first is not None
        first, began = self._first
        made = step - first
        return (moment - began) / made * (self.steps - step) if made >= _STEPS_TO_TELL else None


def _exported(folder: Path, task: LearningTask, run: Run) -> Bundle:
    trainer, progress = run.trainer, run.progress
    assert trainer.start is not None
    record = TrainingRecord(
        command=" ".join(["mindreader train --library", *(f"--set {each}" for each in task.overrides)]),
        data=f"{task.data}; trained on from {trainer.start.bundle.manifest.name}",
        steps=progress.trained,
        hours=round(progress.seconds / 3600, 3),
        hardware=hardware(trainer),
        seed=task.seed,
    )
    return export_bundle(folder / RESULT_FOLDER, PRESET, trainer.result(progress.step), record, task.name)


if __name__ == "__main__":
    main()
