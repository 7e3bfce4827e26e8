"""Trainings: a model version learns this library. Started, paused, resumed, cancelled; one at a time.

The row says what is wanted; a learner (`mindreader.learning.learner`) holds it by a lease and says how far it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from sqlalchemy import ColumnElement, and_, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload
from sqlalchemy.orm.interfaces import ORMOption

from mindreader.catalog import Catalog, ModelVersion, Training, TrainingState, User
from mindreader.catalog.models import now
from mindreader.embedding.spaces import is_open, space_counts
from mindreader.errors import ConflictError, NotFoundError, Sentence
from mindreader.model_versions.registry import active_version

LEAST_PHOTOS = 200
"""Of fewer, those that are kept out to compare on would be about thirty, and say nothing."""
MOST_PHOTOS = 6000
"""Of more, so many are drawn: they are held in memory, 50 KB each."""
MOST_ATTEMPTS = 3
"""So often the program may be killed before the training has failed."""
LEASE_SECONDS = 120.0
_LONGEST_PROBLEM = 1000
_PASSES = 7_000
"""Photos that E2 embeds in the time one training takes, roughly (docs/quality.md, "Learning a library")."""

Stage = Literal["preparing", "training", "comparing"]


@dataclass(frozen=True)
class Prospect:
    """What a training would begin with, if it were started now."""

    version: ModelVersion | None
    """The active one."""
    photos: int
    """That are in its index."""
    hindrance: Sentence | None
    """Why nothing can be learned, and what to do; None where it can."""

    @property
    def seconds(self) -> float | None:
        """How long it takes about; None where no worker has measured the photo encoder."""
        rate = self.version.space.photos_per_second if self.version else None
        return _PASSES / rate if rate else None


def prospect(session: Session) -> Prospect:
    """What a training would begin with."""
    version = active_version(session)
    if version is None:
        return Prospect(None, 0, Sentence("No model version is active. Activate one, then it can learn this library."))
    if not is_open(version.space):
        return Prospect(version, 0, Sentence("The index of the active version is not built. Build it first."))
    photos = space_counts(session, version.space_id).indexed
    hindrance = None
    if photos < LEAST_PHOTOS:
        hindrance = Sentence(
            "This library is too small to be learned: {photos} photos can be found by drawing, and {least} are the "
            "fewest that teach more than they mislead. Upload more photos first.",
            photos=photos,
            least=LEAST_PHOTOS,
        )
    return Prospect(version, photos, hindrance)


def start_training(session: Session, user: User | None) -> Training:
    """Let the active model version learn this library, as soon as a learner has time.

    Raises:
        ConflictError: one is going on, no version is active, its index is not built, or the library is too small.
    """
    if ongoing_training(session) is not None:
        raise ConflictError("This library is being learned already. Wait until that is done, or cancel it.")
    seen = prospect(session)
    if seen.hindrance is not None:
        raise ConflictError(seen.hindrance)
    training = Training(
        state=TrainingState.RUNNING,
        ongoing=True,
        from_version=seen.version,
        requested_by_id=user.id if user else None,
    )
    session.add(training)
    try:
        session.flush()
    except IntegrityError:
        raise ConflictError("This library is being learned already. Wait until that is done, or cancel it.") from None
    return training


def latest_training(session: Session) -> Training | None:
    """The newest one, with its versions and who asked for it."""
    return session.scalar(select(Training).options(*_loaded()).order_by(Training.id.desc()).limit(1))


def training_by_id(session: Session, training_id: int) -> Training:
    """One training, as `latest_training` gives it.

    Raises:
        NotFoundError: there is none of that id.
    """
    training = session.get(Training, training_id, options=_loaded())
    if training is None:
        raise NotFoundError("There is no such training.")
    return training


def ongoing_training(session: Session) -> Training | None:
    """The one that goes on or is paused, as `latest_training` gives it."""
    return session.scalar(select(Training).where(Training.ongoing).options(*_loaded()))


def pause_training(session: Session) -> None:
    """Stand still; what is learned so far is kept.

    Raises:
        NotFoundError: nothing is being learned.
        ConflictError: it is paused already.
    """
    _move(session, TrainingState.RUNNING, TrainingState.PAUSED, Sentence("Only what is running can be paused."))


def resume_training(session: Session) -> None:
    """Go on.

    Raises:
        NotFoundError: nothing is being learned.
        ConflictError: it is not paused.
    """
    _move(session, TrainingState.PAUSED, TrainingState.RUNNING, Sentence("Only what is paused can be resumed."))


def cancel_training(session: Session) -> None:
    """Give it up with everything learned so far.

    Raises:
        NotFoundError: nothing is being learned.
    """
    training = _required(session)
    end_training(session, training.id, TrainingState.CANCELLED)


def _move(session: Session, allowed: TrainingState, to: TrainingState, otherwise: Sentence) -> None:
    training = _required(session)
    moved = update(Training).where(Training.id == training.id, Training.state == allowed).values(state=to, attempts=0)
    if not session.scalars(moved.returning(Training.id)).all():
        raise ConflictError(otherwise)


def _required(session: Session) -> Training:
    training = ongoing_training(session)
    if training is None:
        raise NotFoundError("Nothing is being learned now.")
    return training


# --- What a learner does ---


def lease_training(session: Session, owner: str) -> Training | None:
    """The training that runs, where nobody else holds it; it is the owner's for `LEASE_SECONDS` from now on."""
    moment = now()
    held = (
        update(Training)
        .where(Training.ongoing, Training.state == TrainingState.RUNNING, _free(owner))
        .values(lease_owner=owner, lease_until=moment + timedelta(seconds=LEASE_SECONDS))
        .returning(Training.id)
    )
    found = session.scalar(held)
    return session.get(Training, found, options=_loaded()) if found is not None else None


def note_progress(
    session: Session,
    training_id: int,
    owner: str,
    stage: Stage,
    step: int,
    steps: int,
    seconds_left: float | None = None,
) -> None:
    """Say how far it is, while it runs and is the owner's."""
    held = (Training.id == training_id, Training.state == TrainingState.RUNNING, Training.lease_owner == owner)
    noted = update(Training).where(*held)
    session.execute(noted.values(stage=stage, step=step, steps=steps, seconds_left=seconds_left))


def count_attempt(session: Session, training_id: int) -> int:
    """One more program was killed; returns how many were since somebody started or resumed it."""
    counted = update(Training).where(Training.id == training_id).values(attempts=Training.attempts + 1)
    return session.scalar(counted.returning(Training.attempts)) or 0


def give_back(session: Session, owner: str) -> None:
    """Let another learner have it."""
    session.execute(update(Training).where(Training.lease_owner == owner).values(lease_owner=None, lease_until=None))


def end_training(
    session: Session,
    training_id: int,
    state: TrainingState,
    *,
    result: ModelVersion | None = None,
    problem: str | None = None,
) -> bool:
    """End one that goes on; returns whether it had not ended before."""
    ended = (
        update(Training)
        .where(Training.id == training_id, Training.ongoing)
        .values(state=state, ongoing=False, finished_at=now(), lease_owner=None, lease_until=None, seconds_left=None)
        .values(result_version_id=result.id if result else None, problem=(problem or "")[:_LONGEST_PROBLEM] or None)
        .returning(Training.id)
    )
    return session.scalar(ended) is not None


def ended_trainings(session: Session, ids: Sequence[int]) -> set[int]:
    """Those of these trainings that are over, or are not known at all."""
    going_on = set(session.scalars(select(Training.id).where(Training.id.in_(ids), Training.ongoing)))
    return set(ids) - going_on


def expire_training_leases(catalog: Catalog) -> None:
    """Free what runs: for the start of an embedded server, which has the only learner there is."""
    with catalog.transaction() as session:
        session.execute(update(Training).values(lease_owner=None, lease_until=None))


def _free(owner: str) -> ColumnElement[bool]:
    moment = now()
    # One that lasts longer than any lease was given before the clock was set back.
    over = or_(Training.lease_until < moment, Training.lease_until > moment + timedelta(seconds=2 * LEASE_SECONDS))
    return or_(
        Training.lease_owner.is_(None), Training.lease_owner == owner, and_(Training.lease_until.is_not(None), over)
    )


def _loaded() -> tuple[ORMOption, ...]:
    return (
        joinedload(Training.from_version).joinedload(ModelVersion.space),
        joinedload(Training.result_version),
        joinedload(Training.requested_by),
    )
