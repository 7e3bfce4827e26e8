"""`mindreader train --library`: the active model version learns the photos of this installation, in the foreground."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from threading import Event
from typing import TYPE_CHECKING

import click

from mindreader.errors import ConflictError, MindReaderError
from mindreader.settings import Settings, keep_private, load_settings

if TYPE_CHECKING:
    from mindreader.catalog import Catalog, Training
    from mindreader.learning.learner import Learner

_SLICE_SECONDS = 5.0


def learn_library(resume: bool, overrides: Sequence[str]) -> None:
    """Start a training, or go on with the one there is, and work on it until it ends.

    Ctrl-C and SIGTERM stop it where it is; it stays paused, and goes on with `resume` or on the page Models.

    Args:
        resume: go on with the one there is.
        overrides: settings of the preset that are changed, as NAME=VALUE.

    Raises:
        ConflictError: another process is at work in the data folder, one goes on already, there is none to go on with,
            or the library cannot be learned.
    """
    settings, stopping = load_settings(), Event()
    with _learner(settings, tuple(overrides)) as (catalog, learner), _stopped_by_signals(stopping):
        training_id = _begun(catalog, resume)
        shown = ""
        while learner.work(_SLICE_SECONDS, stopping.is_set):
            shown = _show(_seen(catalog, training_id), shown)
        if stopping.is_set():
            _pause(catalog)
        _say_how_it_ended(_seen(catalog, training_id))


@contextmanager
def _learner(settings: Settings, overrides: tuple[str, ...]) -> Iterator[tuple[Catalog, Learner]]:
    from mindreader.blobs import BlobStore
    from mindreader.catalog import Catalog
    from mindreader.host.locks import exclusive_lock
    from mindreader.learning.learner import Learner
    from mindreader.photo_index import PhotoIndexes

    with exclusive_lock(settings):
        keep_private(settings)
        catalog, indexes = Catalog(settings.catalog_url), PhotoIndexes(settings)
        catalog.migrate()
        learner = Learner(catalog, BlobStore(settings.blobs_root), indexes, settings, overrides)
        try:
            yield catalog, learner
        finally:
            learner.rest()
            indexes.close()
            catalog.close()


@contextmanager
def _stopped_by_signals(stopping: Event) -> Iterator[None]:
    before = {number: signal.signal(number, lambda *_: stopping.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _begun(catalog: Catalog, resume: bool) -> int:
    from mindreader.catalog import TrainingState
    from mindreader.learning.trainings import (
        expire_training_leases,
        ongoing_training,
        resume_training,
        start_training,
    )

    with catalog.transaction() as session:
        ongoing = ongoing_training(session)
        if resume and ongoing is None:
            raise ConflictError("No training is there to go on with. Leave --resume out to begin one.")
        if not resume and ongoing is not None:
            raise ConflictError("This library is being learned already. --resume goes on with it.")
        if ongoing is None:
            return start_training(session, None).id
        if ongoing.state == TrainingState.PAUSED:
            resume_training(session)
        training_id = ongoing.id
    if catalog.engine.dialect.name == "sqlite":  # with the exclusive lock: whoever held it is gone
        expire_training_leases(catalog)
    return training_id


def _seen(catalog: Catalog, training_id: int) -> Training:
    from mindreader.learning.trainings import training_by_id

    with catalog.snapshot() as session:
        return training_by_id(session, training_id)


def _pause(catalog: Catalog) -> None:
    from mindreader.learning.trainings import pause_training

    with catalog.transaction() as session:
        pause_training(session)


def _show(training: Training, shown: str) -> str:
    """Print how far it is, if that is news; returns what was printed last."""
    line = f"{training.stage or 'waiting'}: {training.step} of {training.steps}"
    if training.seconds_left is not None:
        line += f", {timedelta(seconds=round(training.seconds_left))} left"
    if line != shown:
        click.echo(line)
    return line


def _say_how_it_ended(training: Training) -> None:
    from mindreader.catalog import TrainingState

    if training.state == TrainingState.PAUSED:
        click.echo("Paused. `mindreader train --library --resume` goes on.")
    elif training.state == TrainingState.CANCELLED:
        click.echo("Cancelled.")
    elif training.state == TrainingState.FAILED:
        raise MindReaderError(training.problem or "Learning failed.")
    elif training.result_version is None:
        raise ConflictError("Another worker goes on with it, or its result was removed. See the page Models.")
    else:
        version = training.result_version
        for evaluation in version.metrics:
            name, rows, gained = evaluation["protocol"]["name"], evaluation["rows"], evaluation["difference"]
            low, high = gained["interval"]["map"]
            click.echo(
                f"{name}: mean average precision {rows['before']['map']:.3f} before, {rows['after']['map']:.3f} now; "
                f"difference {gained['map']:+.3f} ({low:+.3f} to {high:+.3f})"
            )
        click.echo(
            f"Model version {version.id}, {version.name}, stands beside the active one. It does not answer before you "
            f"switch to it: on the page Models, or `mindreader models activate {version.id}`."
        )
