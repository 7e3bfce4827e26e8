"""Embedding spaces: open one and queue every photo for it, count how far it is, drop its index.

A space is known (a bundle targets it), then opened (every photo is queued for it, and every upload from then
on), then perhaps dropped: rows and index go, and it is merely known again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta

from sqlalchemy import delete, exists, func, select, update
from sqlalchemy.orm import Session

from mindreader.catalog import (
    Catalog,
    Embedding,
    EmbeddingSpace,
    EmbeddingState,
    Job,
    JobState,
    ModelVersion,
    Photo,
)
from mindreader.catalog.locks import lock_spaces
from mindreader.catalog.models import now
from mindreader.embedding import queue
from mindreader.errors import ConflictError, NotFoundError
from mindreader.photo_index import PhotoIndexes
from mindreader.region_schemes import MOST_VECTORS, REGION_SCHEMES, RegionScheme, region_scheme

ONGOING = (JobState.RUNNING, JobState.PAUSED)
"""States of a job that has not ended."""
_RATE_SECONDS = 60
INDEX_BYTES_PER_PHOTO = 300
"""Of an index besides its vectors: id, payload and their indexes (measured, see docs/performance.md)."""
INDEX_BYTES_PER_REGION = 80
"""Of each region besides its vectors: its box and what the engine notes of it (measured, see docs/scaling.md)."""
_FLOAT_BYTES = 4
_TELLING_PHOTOS = 16
"""Embedded in one slice, from which on its time says how fast the encoder is."""


@dataclass(frozen=True)
class SpaceCounts:
    """Photos of a space by where they stand; photos in the trash do not count."""

    pending: int = 0
    leased: int = 0
    indexed: int = 0
    failed: int = 0
    skipped: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.pending + self.leased + self.indexed + self.failed + self.skipped

    @property
    def waiting(self) -> int:
        """Those that may still be indexed without anybody doing anything."""
        return self.pending + self.leased


@dataclass(frozen=True)
class Cost:
    """What building a space takes."""

    photos: int
    seconds: float | None
    """None where no worker has measured its encoder yet, or its regions are of a newer MindReader."""
    index_bytes: int
    memory_bytes: int
    """Of each embed worker for E2, and of what is searched in memory: the index once more, or, with regions, half a
    byte for each number of their vectors."""


def is_open(space: EmbeddingSpace) -> bool:
    """Whether photos are embedded in it."""
    return space.opened_at is not None and space.drop_requested_at is None


def open_space(session: Session, space_id: int) -> EmbeddingSpace:
    """Queue every photo for a space.

    Raises:
        NotFoundError: there is no such space.
        ConflictError: it is open already, or its old index is still being removed.
    """
    lock_spaces(session, opening=True)
    space = session.get(EmbeddingSpace, space_id, with_for_update=True)
    if space is None:
        raise NotFoundError("There is no such embedding space.")
    if space.drop_requested_at is not None:
        raise ConflictError("The old index of this embedding space is still being removed. Try again in a minute.")
    if space.opened_at is not None:
        raise ConflictError("This embedding space is built already, or being built.")
    space.opened_at = now()
    queue.enqueue_missing(session, space.id)
    return space


def space_counts(session: Session, space_id: int, up_to: int | None = None) -> SpaceCounts:
    """Count a space's photos by state.

    Args:
        up_to: only photos with at most this id.
    """
    counted = (
        select(Embedding.state, func.count())
        .join(Photo)
        .where(Embedding.space_id == space_id, Photo.deleted_at.is_(None))
        .group_by(Embedding.state)
    )
    if up_to is not None:
        counted = counted.where(Photo.id <= up_to)
    return SpaceCounts(**dict(session.execute(counted).all()))


def recent_rate(session: Session, space_id: int) -> float:
    """Photos indexed a second, over the last minute; 0 when nothing happens."""
    since = now() - timedelta(seconds=_RATE_SECONDS)
    recent = (Embedding.space_id == space_id, Embedding.updated_at >= since, Embedding.state == EmbeddingState.INDEXED)
    count, first = session.execute(select(func.count(), func.min(Embedding.updated_at)).where(*recent)).one()
    if not count:
        return 0.0
    return float(count / max((now() - first).total_seconds(), 1.0))


def cost(session: Session, space: EmbeddingSpace, regions: str | None = None) -> Cost:
    """What building a space would take now.

    Args:
        regions: with this scheme in place of the space's own.

    Raises:
        InvalidInputError: there is no such scheme.
    """
    # An older MindReader may meet a scheme of a newer one: it cannot build the space, and its page must still be shown.
    known = regions is not None or space.regions in REGION_SCHEMES
    scheme = region_scheme(regions or space.regions) if known else None
    vectors = scheme.vectors if scheme is not None else MOST_VECTORS
    photos = session.scalar(select(func.count()).select_from(Photo).where(Photo.deleted_at.is_(None))) or 0
    vector = space.dimension * _FLOAT_BYTES
    index = in_memory = vector + INDEX_BYTES_PER_PHOTO
    if vectors > 1:
        codes = vectors * space.dimension // 2
        index += vectors * (vector + INDEX_BYTES_PER_REGION) + codes
        in_memory = INDEX_BYTES_PER_PHOTO + codes
    rate = space.photos_per_second
    seconds = photos * _passes(space, scheme) / rate if rate and scheme is not None else None
    return Cost(photos, seconds, photos * index, (space.encoder_bytes or 0) + photos * in_memory)


def _passes(space: EmbeddingSpace, scheme: RegionScheme) -> float:
    """Of E2 for each photo."""
    return scheme.passes(flexible=bool(space.description["encoder"].get("flexible", True)))


def note_speed(catalog: Catalog, space: EmbeddingSpace, photos: int, seconds: float) -> None:
    """Remember how fast E2 was, for all spaces of it that no trial of a bundle has measured."""
    if space.photos_per_second is not None or photos < _TELLING_PHOTOS or seconds <= 0:
        return
    space.photos_per_second = round(photos * _passes(space, region_scheme(space.regions)) / seconds, 2)
    unknown = update(EmbeddingSpace).where(
        EmbeddingSpace.photo_encoder == space.photo_encoder, EmbeddingSpace.photos_per_second.is_(None)
    )
    with catalog.transaction() as session:
        session.execute(unknown.values(photos_per_second=space.photos_per_second))


def request_drop(session: Session, space_id: int) -> None:
    """Let a worker remove a space's index and rows; its photos stop being embedded at once.

    Raises:
        NotFoundError: there is no such space.
        ConflictError: the active model version searches it.
    """
    space = session.get(EmbeddingSpace, space_id, with_for_update=True)
    if space is None:
        raise NotFoundError("There is no such embedding space.")
    active = select(ModelVersion.name).where(ModelVersion.space_id == space_id, ModelVersion.active)
    if (name := session.scalar(active)) is not None:
        raise ConflictError(
            "{name} searches this embedding space now. Activate a version of another space first.", name=name
        )
    space.drop_requested_at = now()
    ongoing = select(Job).where(Job.space_id == space_id, Job.state.in_(ONGOING)).with_for_update()
    for job in session.scalars(ongoing):
        counts = space_counts(session, space_id, job.last_photo_id)
        job.state, job.finished_at, job.final_counts = JobState.CANCELLED, now(), asdict(counts)
    # Rows a worker holds stay until it is done with them, so that it writes into no index that is gone.
    queue.remove_space(session, space_id, leased_too=False)


def drop_requested(catalog: Catalog, indexes: PhotoIndexes) -> list[str]:
    """Remove the indexes of spaces that are to be dropped and that no worker writes to; returns their keys."""
    held = exists().where(
        Embedding.space_id == EmbeddingSpace.id,
        Embedding.state == EmbeddingState.LEASED,
        Embedding.lease_until >= now(),
    )
    with catalog.snapshot() as session:
        asked = session.scalars(
            select(EmbeddingSpace).where(EmbeddingSpace.drop_requested_at.is_not(None), ~held)
        ).all()
    for space in asked:
        indexes.drop(space.key)
        with catalog.transaction() as session:
            _forget(session, space.id)
    return [space.key for space in asked]


def _forget(session: Session, space_id: int) -> None:
    """Close a dropped space; one that no version targets is forgotten altogether."""
    queue.remove_space(session, space_id, leased_too=True)
    used = session.scalar(select(exists().where(ModelVersion.space_id == space_id)))
    if used:
        closed = update(EmbeddingSpace).where(EmbeddingSpace.id == space_id)
        session.execute(closed.values(opened_at=None, drop_requested_at=None))
    else:
        session.execute(delete(EmbeddingSpace).where(EmbeddingSpace.id == space_id))


def spaces(session: Session) -> Sequence[EmbeddingSpace]:
    """All known spaces, in the order they became known."""
    return session.scalars(select(EmbeddingSpace).order_by(EmbeddingSpace.id)).all()
