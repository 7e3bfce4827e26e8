"""Does what a training asks for: writes the library into a folder, has the program learn it, registers what it made."""

from __future__ import annotations

import logging
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

from mindreader.blobs import BlobStore
from mindreader.blobs.atomic import make_folder
from mindreader.bundles import Bundle, read_bundle
from mindreader.catalog import Catalog, ModelVersion, Training, TrainingState
from mindreader.errors import MindReaderError, NotReadyError
from mindreader.host.machine import processors
from mindreader.learning import trainings
from mindreader.learning.dataset import LibraryDataset
from mindreader.learning.program import KilledError, LearningProgram
from mindreader.learning.task import RESULT_FOLDER, TASK_FILE, LearningTask, read_progress
from mindreader.model_versions.registry import bundle_store, register_successor
from mindreader.photo_index import PhotoIndexes
from mindreader.settings import Settings

log = logging.getLogger(__name__)

_FOLDER = "learning"
_NICE = 19
"""The lowest priority there is: whatever else this machine has to do comes first."""
_SECONDS_BETWEEN_LOOKS = 1.0
_SECONDS_BETWEEN_NOTES = 2.0
_SUCCESSOR = " · library"
_REGIONS = " · regions"
_LONGEST_STEM = 75


class Learner:
    """Works on the training that goes on, a slice at a time. Between slices its program goes on by itself."""

    def __init__(
        self,
        catalog: Catalog,
        blobs: BlobStore,
        indexes: PhotoIndexes,
        settings: Settings,
        overrides: tuple[str, ...] = (),
    ) -> None:
        """Begin nothing yet.

        Args:
            overrides: settings of the preset that are changed, as NAME=VALUE.
        """
        self._catalog, self._blobs, self._indexes, self._settings = catalog, blobs, indexes, settings
        self._kept = bundle_store(settings, blobs)
        self._overrides, self._owner = overrides, uuid.uuid4().hex
        self._root = settings.data_dir / _FOLDER
        self._at: int | None = None
        self._writing: Iterator[tuple[int, int]] | None = None
        self._program: LearningProgram | None = None
        self._noted = 0.0

    def work(self, seconds: float, is_stopping: Callable[[], bool] = lambda: False) -> bool:
        """Go on with the training that runs, if there is one, for so many seconds.

        Returns:
            whether there is more to do: else none runs, another learner has it, or this one is stopping.
        """
        stop_at = time.monotonic() + seconds
        while not is_stopping():
            with self._catalog.transaction() as session:
                training = trainings.lease_training(session, self._owner)
            if training is None:
                self.rest()
                self._tidy()
                return False
            if training.id != self._at:
                self.rest()
                self._at = training.id
            try:
                self._go_on(training)
            except MindReaderError as error:
                self._fail(training, error)
            if time.monotonic() > stop_at:
                return True
        self.rest()
        return False

    def rest(self) -> None:
        """Stop the program, which keeps what it has learned, and let another learner go on."""
        if self._program is not None:
            self._program.stop()
        self._program = self._writing = self._at = None
        with self._catalog.transaction() as session:
            trainings.give_back(session, self._owner)

    @property
    def pid(self) -> int | None:
        """Of the program that learns, while there is one."""
        return self._program.pid if self._program else None

    def _go_on(self, training: Training) -> None:
        """One short step of whatever is to be done next."""
        folder = self._folder(training)
        if not (folder / TASK_FILE).exists():
            self._write_some(training, folder)
        elif self._program is None:
            self._program = LearningProgram(folder)
        elif self._program.has_ended():
            self._take_result(training, folder)
        else:
            self._watch(training, folder)

    def _write_some(self, training: Training, folder: Path) -> None:
        if self._writing is None:
            shutil.rmtree(folder, ignore_errors=True)
            make_folder(folder)
            self._writing = self._written(training, folder)
        done = next(self._writing, None)
        if done is None:
            self._writing = None
        elif time.monotonic() - self._noted > _SECONDS_BETWEEN_NOTES:
            self._note(training, "preparing", *done)

    def _written(self, training: Training, folder: Path) -> Iterator[tuple[int, int]]:
        original = _required(training.from_version)
        bundle = self._bundle(original)
        task = LearningTask(
            bundle=bundle.folder.absolute(),
            name=_name(original, training.id),
            data="",
            device=self._settings.device,
            threads=self._settings.inference_threads or processors(),
            nice=_NICE,
            overrides=self._overrides,
        )
        library = LibraryDataset(self._catalog, self._blobs, self._indexes, self._settings, original.space)
        return library.write(folder, bundle, task)

    def _watch(self, training: Training, folder: Path) -> None:
        if time.monotonic() - self._noted > _SECONDS_BETWEEN_NOTES and (progress := read_progress(folder)):
            self._note(training, progress.stage, progress.step, progress.steps, progress.seconds_left)
        time.sleep(_SECONDS_BETWEEN_LOOKS)

    def _note(
        self, training: Training, stage: trainings.Stage, step: int, steps: int, seconds_left: float | None = None
    ) -> None:
        with self._catalog.transaction() as session:
            trainings.note_progress(session, training.id, self._owner, stage, step, steps, seconds_left)
        self._noted = time.monotonic()

    def _take_result(self, training: Training, folder: Path) -> None:
        program, self._program = self._program, None
        assert program is not None
        try:
            done = program.is_done()
        except KilledError:
            self._start_again(training)
            return
        if done:
            self._register(training, read_bundle(folder / RESULT_FOLDER))
            self._forget(training.id)

    def _start_again(self, training: Training) -> None:
        with self._catalog.transaction() as session:
            attempts = trainings.count_attempt(session, training.id)
        log.warning("the program that learns was killed, for time %d", attempts)
        if attempts >= trainings.MOST_ATTEMPTS:
            raise MindReaderError(
                "Learning was stopped {n} times, by a person or for want of memory. Free some memory, then start it "
                "again.",
                n=attempts,
            )

    def _register(self, training: Training, bundle: Bundle) -> None:
        self._kept.keep(bundle)
        with self._catalog.transaction() as session:
            original = session.get(ModelVersion, _required(training.from_version).id)
            version = register_successor(session, bundle, _required(original))
            ended = trainings.end_training(session, training.id, TrainingState.COMPLETED, result=version)
            if not ended:  # cancelled in this moment
                session.rollback()
        if ended:
            log.info("model version %s has learned this library", bundle.manifest.name)
        else:
            self._kept.remove(bundle.sha256)

    def _fail(self, training: Training, error: MindReaderError) -> None:
        log.error("learning this library failed: %s", error.for_administrators)
        if self._program is not None:
            self._program.kill()
        self._program = self._writing = None
        with self._catalog.transaction() as session:
            trainings.end_training(session, training.id, TrainingState.FAILED, problem=error.for_administrators)
        self._forget(training.id)

    def _bundle(self, version: ModelVersion) -> Bundle:
        return self._kept.read(version.bundle_sha256, version.name)

    def _folder(self, training: Training) -> Path:
        return self._root / str(training.id)

    def _forget(self, training_id: int) -> None:
        self._at = self._writing = None
        shutil.rmtree(self._root / str(training_id), ignore_errors=True)

    def _tidy(self) -> None:
        """Remove the folders of trainings that have ended, cancelled ones too."""
        if not self._root.is_dir():
            return
        ids = [int(folder.name) for folder in self._root.iterdir() if folder.name.isdigit()]
        with self._catalog.snapshot() as session:
            ended = trainings.ended_trainings(session, ids)
        for training_id in ended:
            self._forget(training_id)


def _required(version: ModelVersion | None) -> ModelVersion:
    if version is None:
        raise NotReadyError("The model version that was to learn this library was removed. Start again with another.")
    return version


def _name(original: ModelVersion, training_id: int) -> str:
    """Of the version that is made: the first one's, and which training it is of."""
    stem = original.name.split(_SUCCESSOR)[0].split(_REGIONS)[0]
    return f"{stem[:_LONGEST_STEM]}{_SUCCESSOR} {training_id}"
