"""The work queue: rows of `Embedding`, one for each photo and embedding space. Nothing else writes them.

Each transition says from which states it is allowed; rows in another state stay as they are:

    enqueue       (no row)                            → pending
    lease         pending                             → leased
    release       leased                              → pending
    put_aside     leased                              → pending (not leased until the photo's original is back)
    mark_indexed  leased                              → indexed
    fail          leased                              → failed
    skip          failed, skipped                     → skipped
    requeue       indexed, leased, failed, skipped    → pending
    remove        any                                 → (no row)

A worker writes only rows it holds the lease of, a lease that ran out is taken over, and doing a photo twice changes
nothing: killed workers, doubled tasks and lost messages all end the same way.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import takewhile
from typing import Any, Final

from sqlalchemy import ColumnElement, Update, case, delete, exists, func, insert, literal, select, update
from sqlalchemy.orm import Session

from mindreader.catalog import Catalog, Embedding, EmbeddingSpace, EmbeddingState, Job, JobState, Photo
from mindreader.catalog.locks import lock_spaces
from mindreader.catalog.models import now
from mindreader.settings import Settings

URGENT = 10
"""Priority of photos somebody waits for; those of jobs have 0."""
FOUND = 5
"""Priority of photos found in a folder: however many they are, uploads come before them."""
_BATCH = 500
_NO_LEASE: Final = {"lease_owner": None, "lease_until": None}

_ALLOWED: Mapping[str, frozenset[EmbeddingState]] = {
    "lease": frozenset({EmbeddingState.PENDING}),
    "release": frozenset({EmbeddingState.LEASED}),
    "mark_indexed": frozenset({EmbeddingState.LEASED}),
    "fail": frozenset({EmbeddingState.LEASED}),
    "skip": frozenset({EmbeddingState.FAILED, EmbeddingState.SKIPPED}),
    "requeue": frozenset(EmbeddingState) - {EmbeddingState.PENDING},
}


@dataclass(frozen=True)
class LeasedPhoto:
    """A photo this worker may embed for now."""

    photo_id: int
    sha256: str
    collection_id: int
    category_id: int | None
    day: int | None
    priority: int
    is_suspect: bool
    """A worker stopped while it held this photo: now it is the only one its worker holds."""


# From no row, and to none.


def enqueue(session: Session, photo_ids: Sequence[int], priority: int = URGENT) -> None:
    """Queue new photos in every open space, as if they had never been embedded."""
    lock_spaces(session, opening=False)
    remove(session, photo_ids)
    rows = [
        {"photo_id": photo_id, "space_id": space_id, "state": EmbeddingState.PENDING, "priority": priority}
        for space_id in _open_spaces(session)
        for photo_id in photo_ids
    ]
    if rows:
        session.execute(insert(Embedding), rows)


def enqueue_missing(session: Session, space_id: int) -> int:
    """Queue every photo that has no row in this space yet; returns how many."""
    queued = select(Embedding.photo_id).where(Embedding.space_id == space_id)
    missing = select(Photo.id, literal(space_id), literal(EmbeddingState.PENDING.value)).where(
        Photo.deleted_at.is_(None), Photo.id.not_in(queued)
    )
    done = session.execute(insert(Embedding).from_select(["photo_id", "space_id", "state"], missing))
    return int(done.rowcount)  # type: ignore[attr-defined]  # an INSERT's result has it


def remove(session: Session, photo_ids: Sequence[int]) -> None:
    """Take photos out of the queue of every space, whatever their state."""
    session.execute(delete(Embedding).where(Embedding.photo_id.in_(photo_ids)))


def remove_space(session: Session, space_id: int, *, leased_too: bool) -> None:
    """Take every photo out of a space's queue; rows that workers hold only if `leased_too`."""
    rows = delete(Embedding).where(Embedding.space_id == space_id)
    session.execute(rows if leased_too else rows.where(Embedding.state != EmbeddingState.LEASED))


# What workers do.


def lease(
    session: Session, space_id: int, owner: str, settings: Settings, most: int, *, holds_others: bool = False
) -> list[LeasedPhoto]:
    """Lease up to `most` of the next pending photos of a space, the urgent ones first.

    A photo that was leased when a worker stopped is leased alone from then on, so one that stops its worker cannot fail
    its neighbours, and a worker that is stopped from outside fails nothing: the same photo would have to be the one it
    holds each time.

    Args:
        holds_others: the worker has not finished what it leased before: none is leased that has to be leased alone.
    """
    reclaim_expired(session, space_id, settings)
    rows = session.execute(
        select(Embedding, Photo)
        .join(Photo)
        .where(
            Embedding.space_id == space_id,
            Embedding.state.in_(_ALLOWED["lease"]),
            Photo.deleted_at.is_(None),
            ~Photo.is_away,
            not_paused(),
        )
        .order_by(Embedding.priority.desc(), Embedding.photo_id)
        .limit(most)
        # Rows another worker is taking this very moment are passed over, not waited for.
        .with_for_update(skip_locked=True, of=Embedding)
    ).all()
    # In their turn, neither passed over nor first: suspects would else wait for all others, or all others for them.
    rows = list(takewhile(lambda row: not row.Embedding.attempts, rows)) or ([] if holds_others else rows[:1])
    until = now() + timedelta(seconds=settings.lease_seconds)
    for embedding, _ in rows:
        embedding.state, embedding.lease_owner, embedding.lease_until = EmbeddingState.LEASED, owner, until
        embedding.attempts += 1
        embedding.labels_stale = False  # these are read now
    return [
        LeasedPhoto(p.id, p.sha256, p.collection_id, p.category_id, p.day, e.priority, is_suspect=e.attempts > 1)
        for e, p in rows
    ]


def release(session: Session, owner: str) -> None:
    """Give back every lease of this worker; these attempts do not count."""
    held = Embedding.lease_owner == owner
    _move(session, "release", EmbeddingState.PENDING, held, attempts=Embedding.attempts - 1, **_NO_LEASE)


def put_aside(session: Session, space_id: int, owner: str, photo_ids: Collection[int]) -> None:
    """Give back photos whose originals are not there now; nobody takes them until a scan finds them again."""
    held = _held(space_id, owner, photo_ids)
    _move(session, "release", EmbeddingState.PENDING, *held, attempts=Embedding.attempts - 1, **_NO_LEASE)
    session.execute(update(Photo).where(Photo.id.in_(list(photo_ids))).values(is_away=True))


def mark_indexed(session: Session, space_id: int, owner: str, photo_ids: Collection[int]) -> set[int]:
    """Finish photos whose points are written; returns those this worker still held."""
    held = _held(space_id, owner, photo_ids)
    return _move(session, "mark_indexed", EmbeddingState.INDEXED, *held, error=None, **_NO_LEASE)


def fail(session: Session, space_id: int, owner: str, photo_id: int, reason: str) -> None:
    """Give a photo up, if this worker still holds it."""
    held = _held(space_id, owner, [photo_id])
    _move(session, "fail", EmbeddingState.FAILED, *held, error=reason, **_NO_LEASE)


def reclaim_expired(session: Session, space_id: int, settings: Settings) -> None:
    """Take back the leases of workers that were not heard of in time; after too many attempts a photo has failed."""
    moment = now()
    # One that lasts longer than any lease was given before the clock was set back; clocks may differ a little.
    longest = moment + timedelta(seconds=2 * settings.lease_seconds)
    expired = (
        Embedding.space_id == space_id,
        (Embedding.lease_until < moment) | (Embedding.lease_until > longest),
    )
    reason = f"The worker stopped {settings.max_attempts} times while it was working on this photo."
    spent = Embedding.attempts >= settings.max_attempts
    _move(session, "fail", EmbeddingState.FAILED, *expired, spent, error=reason, **_NO_LEASE)
    _move(session, "release", EmbeddingState.PENDING, *expired, **_NO_LEASE)


def reclaim_all_expired(catalog: Catalog, settings: Settings) -> None:
    """The same in every space, also those nobody would embed in now: a deleted photo is not purged while leased."""
    with catalog.transaction() as session:
        for space_id in session.scalars(select(EmbeddingSpace.id).order_by(EmbeddingSpace.id)).all():
            reclaim_expired(session, space_id, settings)


def expire_all_leases(catalog: Catalog) -> None:
    """Expire every lease at once: for the start of an embedded server, which is the only worker there is."""
    with catalog.transaction() as session:
        session.execute(update(Embedding).where(Embedding.lease_owner.is_not(None)).values(lease_until=now()))


# What people decide, and repairs.


def requeue(
    session: Session,
    photo_ids: Collection[int],
    states: Iterable[EmbeddingState] = _ALLOWED["requeue"],
    *,
    space_id: int | None = None,
    priority: int | None = None,
) -> int:
    """Embed photos again with all their attempts; a worker that holds one loses it. Returns how many rows changed.

    Args:
        states: only rows in these.
        space_id: only in this space; None means all.
        priority: their new one; None leaves it.
    """
    where: list[ColumnElement[bool]] = [Embedding.state.in_(list(states))]
    if space_id is not None:
        where.append(Embedding.space_id == space_id)
    again: dict[str, Any] = {"attempts": 0, "error": None, **_NO_LEASE}
    if priority is not None:
        again["priority"] = priority
    ids = list(photo_ids)
    return sum(
        len(_move(session, "requeue", EmbeddingState.PENDING, *where, _among(ids[start : start + _BATCH]), **again))
        for start in range(0, len(ids), _BATCH)
    )


def requeue_all(
    session: Session, states: Iterable[EmbeddingState], *, space_id: int | None = None, priority: int | None = None
) -> None:
    """Embed again whatever is in these states: its index is elsewhere, or gone.

    Args:
        space_id: only in this space; None means all.
        priority: their new one; None leaves it.
    """
    where = [Embedding.state.in_(list(states)), *([] if space_id is None else [Embedding.space_id == space_id])]
    again: dict[str, Any] = {"attempts": 0, "error": None, **_NO_LEASE}
    if priority is not None:
        again["priority"] = priority
    session.execute(_transition("requeue", EmbeddingState.PENDING, *where).values(**again))


def skip(session: Session, space_id: int, photo_ids: Collection[int]) -> int:
    """Leave failed photos out for good; requeueing takes them back. Returns how many."""
    return len(_move(session, "skip", EmbeddingState.SKIPPED, Embedding.space_id == space_id, _among(photo_ids)))


# Labels: what a point says of its photo besides the vector.


def labels_changed(session: Session, photo_ids: Sequence[int]) -> None:
    """Have the points of photos that have some, or are about to, say their new collection, category and day."""
    with_labels = Embedding.state.in_([EmbeddingState.INDEXED, EmbeddingState.LEASED])
    _set_stale(session, True, _among(photo_ids), with_labels)


def take_stale_labels(session: Session, space_id: int, most: int) -> Sequence[Photo]:
    """Up to `most` photos whose points have old labels: stale no longer, and held until the transaction ends."""
    photos = session.scalars(
        select(Photo)
        .join(Embedding, Embedding.photo_id == Photo.id)
        .where(Embedding.space_id == space_id, Embedding.labels_stale, Embedding.state == EmbeddingState.INDEXED)
        .order_by(Photo.id)
        .limit(most)
        .with_for_update(skip_locked=True, of=Embedding)
    ).all()
    _set_stale(session, False, Embedding.space_id == space_id, _among([photo.id for photo in photos]))
    return photos


# Questions.


def spaces_with_work(catalog: Catalog) -> list[EmbeddingSpace]:
    """Open spaces that have photos waiting, or leases that ran out: first where somebody waits, else by chance.

    By chance, so that several workers and several jobs share their time.
    """
    waiting = exists().where(Embedding.space_id == EmbeddingSpace.id, *due()).correlate(EmbeddingSpace)
    urgent = waiting.where(Embedding.priority >= URGENT)
    with catalog.snapshot() as session:
        return list(
            session.scalars(
                select(EmbeddingSpace)
                .where(waiting, EmbeddingSpace.drop_requested_at.is_(None))
                .order_by(case((urgent, 0), else_=1), func.random())
            )
        )


def due() -> tuple[ColumnElement[bool], ...]:
    """Conditions on `Embedding`: a worker may take it up now."""
    # Said of the state first and alone: that is what the queue's index can look up.
    unfinished = Embedding.state.in_([EmbeddingState.PENDING, EmbeddingState.LEASED])
    free = (Embedding.state == EmbeddingState.PENDING) | (Embedding.lease_until < now())
    there = exists().where(Photo.id == Embedding.photo_id, Photo.deleted_at.is_(None), ~Photo.is_away)
    return unfinished, free, there, not_paused()


def not_paused() -> ColumnElement[bool]:
    """Condition on `Embedding`: no paused job keeps this photo waiting. What a person waits for is never kept."""
    paused = exists().where(
        Job.space_id == Embedding.space_id, Job.state == JobState.PAUSED, Job.last_photo_id >= Embedding.photo_id
    )
    return (Embedding.priority >= URGENT) | ~paused


def _open_spaces(session: Session) -> Sequence[int]:
    is_open = EmbeddingSpace.opened_at.is_not(None) & EmbeddingSpace.drop_requested_at.is_(None)
    return session.scalars(select(EmbeddingSpace.id).where(is_open).order_by(EmbeddingSpace.id)).all()


def _move(
    session: Session, transition: str, to: EmbeddingState, *where: ColumnElement[bool], **values: Any
) -> set[int]:
    """Make one transition on the rows that meet the conditions and are in a state it is allowed from.

    Returns:
        the photos whose rows changed.
    """
    rows = _transition(transition, to, *where)
    return set(session.scalars(rows.values(**values).returning(Embedding.photo_id)))


def _transition(name: str, to: EmbeddingState, *where: ColumnElement[bool]) -> Update:
    return update(Embedding).where(*where, Embedding.state.in_(_ALLOWED[name])).values(state=to)


def _set_stale(session: Session, stale: bool, *where: ColumnElement[bool]) -> None:
    # When a photo was indexed says how fast workers are; a new label changes nothing about that.
    rows = update(Embedding).where(*where)
    session.execute(rows.values(labels_stale=stale, updated_at=Embedding.updated_at))


def _held(space_id: int, owner: str, photo_ids: Collection[int]) -> tuple[ColumnElement[bool], ...]:
    return Embedding.space_id == space_id, _among(photo_ids), Embedding.lease_owner == owner


def _among(photo_ids: Collection[int]) -> ColumnElement[bool]:
    return Embedding.photo_id.in_(list(photo_ids))
