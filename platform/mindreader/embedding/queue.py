"""Queue photos for every embedding space in use."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ColumnElement, case, delete, exists, func, select, update
from sqlalchemy.orm import Session

from mindreader.catalog import (
    Catalog,
    Embedding,
    EmbeddingSpace,
    EmbeddingState,
    Job,
    JobState,
    Photo,
)
from mindreader.catalog.models import now
from mindreader.embedding.spaces import (
    lock_spaces,
    spaces_in_use,
)
from mindreader.settings import Settings


def queue_photos(session: Session, photo_ids: Sequence[int]) -> None:
    """Queue photos somebody waits for, as if they had never been embedded."""
    lock_spaces(session, opening=False)
    session.execute(delete(Embedding).where(Embedding.photo_id.in_(photo_ids)))
    spaces = spaces_in_use(session)
    session.add_all(
        Embedding(photo_id=photo_id, space_id=space, priority=URGENT) for photo_id in photo_ids for space in spaces
    )


@dataclass(frozen=True)
class LeasedPhoto:
    """A photo this worker may embed for now."""

    photo_id: int
    sha256: str
    collection_id: int
    category_id: int | None
    day: int
    priority: int


def lease(session: Session, space_id: int, owner: str, settings: Settings, most: int) -> list[LeasedPhoto]:
    """Lease up to `most` of the next pending photos of a space, the urgent ones first.

    The last attempt at a photo is made alone, so one that kills the worker cannot fail its neighbours.
    """
    _take_back(session, space_id, settings)
    rows = session.execute(
        select(Embedding, Photo)
        .join(Photo)
        .where(
            Embedding.space_id == space_id,
            Embedding.state == EmbeddingState.PENDING,
            Photo.deleted_at.is_(None),
            not_paused(),
        )
        .order_by(Embedding.priority.desc(), Embedding.photo_id)
        .limit(most)
        # Rows another worker is taking this very moment are passed over, not waited for.
        .with_for_update(skip_locked=True, of=Embedding)
    ).all()
    last_chance = settings.max_attempts - 1
    if rows and settings.max_attempts > 1:
        fresh = [row for row in rows if row.Embedding.attempts < last_chance]
        rows = fresh or rows[:1]
    until = now() + timedelta(seconds=settings.lease_seconds)
    for row in rows:
        row.Embedding.state, row.Embedding.lease_owner, row.Embedding.lease_until = EmbeddingState.LEASED, owner, until
        row.Embedding.attempts += 1
    return [LeasedPhoto(p.id, p.sha256, p.collection_id, p.category_id, p.day, e.priority) for e, p in rows]


def take_back_expired(catalog: Catalog, settings: Settings) -> None:
    """Return the leases of workers that were not heard of in time; after too many attempts a photo has failed.

    In every space, also those nobody would embed in now: a deleted photo is not purged while it is leased.
    """
    with catalog.transaction() as session:
        for space_id in session.scalars(select(EmbeddingSpace.id).order_by(EmbeddingSpace.id)).all():
            _take_back(session, space_id, settings)


def _take_back(session: Session, space_id: int, settings: Settings) -> None:
    moment = now()
    # One that lasts longer than any lease was given before the clock was set back; clocks may differ a little.
    longest = moment + timedelta(seconds=2 * settings.lease_seconds)
    expired = (
        Embedding.space_id == space_id,
        Embedding.state == EmbeddingState.LEASED,
        (Embedding.lease_until < moment) | (Embedding.lease_until > longest),
    )
    free = {"lease_owner": None, "lease_until": None}
    reason = f"The worker stopped {settings.max_attempts} times while it was working on this photo."
    session.execute(
        update(Embedding)
        .where(*expired, Embedding.attempts >= settings.max_attempts)
        .values(state=EmbeddingState.FAILED, error=reason, **free)
    )
    session.execute(update(Embedding).where(*expired).values(state=EmbeddingState.PENDING, **free))


def release_all_leases(catalog: Catalog) -> None:
    """Expire every lease at once: for the start of an embedded server, which is the only worker there is."""
    with catalog.transaction() as session:
        session.execute(update(Embedding).where(Embedding.lease_owner.is_not(None)).values(lease_until=now()))


def spaces_with_work(catalog: Catalog) -> list[EmbeddingSpace]:
    """Open spaces that have photos waiting, or leases that ran out: first where somebody waits, else by chance.

    By chance, so that several workers and several jobs share their time.
    """
    waiting = exists().where(Embedding.space_id == EmbeddingSpace.id, *_due()).correlate(EmbeddingSpace)
    urgent = waiting.where(Embedding.priority >= URGENT)
    with catalog.snapshot() as session:
        return list(
            session.scalars(
                select(EmbeddingSpace)
                .where(waiting, EmbeddingSpace.drop_requested_at.is_(None))
                .order_by(case((urgent, 0), else_=1), func.random())
            )
        )


def _due() -> tuple[ColumnElement[bool], ...]:
    """Conditions on `Embedding`: a worker may take it up now."""
    # Said of the state first and alone: that is what the queue's index can look up.
    unfinished = Embedding.state.in_([EmbeddingState.PENDING, EmbeddingState.LEASED])
    free = (Embedding.state == EmbeddingState.PENDING) | (Embedding.lease_until < now())
    there = exists().where(Photo.id == Embedding.photo_id, Photo.deleted_at.is_(None))
    return unfinished, free, there, not_paused()


URGENT = 10


def queue_again(session: Session, photo_ids: Sequence[int], states: Iterable[EmbeddingState]) -> bool:
    """Make the photos' rows in these states pending and urgent; a worker that holds one loses it."""
    changed = session.scalars(
        update(Embedding)
        .where(Embedding.photo_id.in_(photo_ids), Embedding.state.in_(list(states)))
        .values(
            state=EmbeddingState.PENDING,
            priority=URGENT,
            attempts=0,
            error=None,
            lease_owner=None,
            lease_until=None,
        )
        .returning(Embedding.space_id)
    )
    return bool(changed.all())


def not_paused() -> ColumnElement[bool]:
    """Condition on `Embedding`: no paused job keeps this photo waiting. What a person waits for is never kept."""
    paused = exists().where(
        Job.space_id == Embedding.space_id, Job.state == JobState.PAUSED, Job.last_photo_id >= Embedding.photo_id
    )
    return (Embedding.priority >= URGENT) | ~paused
