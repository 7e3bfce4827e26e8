"""What must be true after every fault, once MindReader has had time to recover and without a person doing anything."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from mindreader.blobs import BlobStore
from mindreader.catalog import (
    Catalog,
    Collection,
    Embedding,
    EmbeddingSpace,
    EmbeddingState,
    Job,
    JobState,
    ModelVersion,
    Photo,
)
from mindreader.catalog.models import Base
from mindreader.embedding.jobs import job_view
from mindreader.embedding.spaces import is_open
from mindreader.operations.doctor import diagnose
from mindreader.photo_index import PhotoIndexes
from mindreader.settings import Settings
from tests.support.patrons import Record

ENDED = (EmbeddingState.INDEXED, EmbeddingState.FAILED, EmbeddingState.SKIPPED)


def settle(settings: Settings, seconds: float = 600.0) -> None:
    """Wait until nothing is left to do.

    Raises:
        AssertionError: something is stuck; it says what.
    """
    catalog = Catalog(settings.catalog_url)
    stop_at = time.monotonic() + seconds
    try:
        while left := _unfinished(catalog):
            assert time.monotonic() < stop_at, f"after {seconds:g} seconds there are still {left}"
            time.sleep(0.2)
    finally:
        catalog.close()


def count(catalog: Catalog, state: EmbeddingState) -> int:
    """Photos in this state, over all spaces."""
    with catalog.snapshot() as session:
        return _count(session, Embedding, Embedding.state == state)


def check(settings: Settings, record: Record) -> None:
    """Compare catalog, photo indexes and blobs with each other and with the record; nothing may have them open.

    Raises:
        AssertionError: naming everything that is wrong.
    """
    assert not (wrong := violations(settings, record)), "\n".join(wrong)


def violations(settings: Settings, record: Record) -> list[str]:
    """Everything that is wrong, as sentences; none is how it should be."""
    catalog, indexes = Catalog(settings.catalog_url), PhotoIndexes(settings)
    try:
        with catalog.snapshot() as session:
            wrong = [*_wrong_photos(session, record), *_wrong_jobs(session), *_wrong_versions(session)]
            for space in session.scalars(select(EmbeddingSpace)):
                wrong += _wrong_rows(session, space) if is_open(space) else _left_rows(session, space)
                if is_open(space):
                    wrong += _wrong_points(session, indexes, space)
        findings = diagnose(catalog, BlobStore(settings.blobs_root), indexes, settings, repair=False)
    finally:
        indexes.close()
        catalog.close()
    return wrong + [f"doctor: {finding.sentence}" for finding in findings]


def _unfinished(catalog: Catalog) -> dict[str, int]:
    with catalog.snapshot() as session:
        counts = {
            "photos to embed": _count(session, Embedding, Embedding.state.not_in(ENDED)),
            "photos to purge": _count(session, Photo, Photo.deleted_at.is_not(None)),
            "collections to purge": _count(session, Collection, Collection.deleted_at.is_not(None)),
            "spaces to drop": _count(session, EmbeddingSpace, EmbeddingSpace.drop_requested_at.is_not(None)),
            "jobs to finish": _count(session, Job, Job.state == JobState.RUNNING),
        }
    return {what: count for what, count in counts.items() if count}


def _count(session: Session, table: type[Base], condition: ColumnElement[bool]) -> int:
    return session.scalar(select(func.count()).select_from(table).where(condition)) or 0


def _wrong_photos(session: Session, record: Record) -> Iterator[str]:
    living = {photo.id: photo for photo in session.scalars(select(Photo).where(Photo.deleted_at.is_(None)))}
    for photo_id, sha256 in record.present.items():
        if photo_id not in living:
            yield f"lost: photo {photo_id} was acknowledged and is gone"
        elif living[photo_id].sha256 != sha256:
            yield f"lost: photo {photo_id} has other bytes now"
    yield from (f"undead: photo {photo_id} was deleted and is there" for photo_id in record.deleted & living.keys())
    files = Counter((photo.collection_id, photo.sha256) for photo in living.values())
    yield from (f"duplicated: {count} photos are file {sha256}" for (_, sha256), count in files.items() if count > 1)
    for photo_id in living.keys() - record.created.keys():
        if living[photo_id].sha256 not in record.unanswered_uploads:
            yield f"unknown: nobody uploaded photo {photo_id}"


def _wrong_rows(session: Session, space: EmbeddingSpace) -> Iterator[str]:
    """Every photo has one row, and it has ended."""
    rows = {row.photo_id: row for row in session.scalars(select(Embedding).where(Embedding.space_id == space.id))}
    living = set(session.scalars(select(Photo.id).where(Photo.deleted_at.is_(None))))
    for photo_id in sorted(living ^ rows.keys()):
        yield f"space {space.key}: photo {photo_id} has a row without a photo, or none"
    for photo_id, row in rows.items():
        if row.state not in ENDED or row.lease_owner or row.lease_until:
            yield f"stuck: space {space.key}: photo {photo_id} is {row.state}, lease {row.lease_owner}"
        if row.state == EmbeddingState.FAILED and not row.error:
            yield f"space {space.key}: photo {photo_id} failed without a reason"


def _left_rows(session: Session, space: EmbeddingSpace) -> Iterator[str]:
    if left := _count(session, Embedding, Embedding.space_id == space.id):
        yield f"space {space.key} is closed and has {left} rows"


def _wrong_points(session: Session, indexes: PhotoIndexes, space: EmbeddingSpace) -> Iterator[str]:
    """The index holds each indexed photo once and no other."""
    points = Counter(indexes.of(space).ids())
    indexed = set(
        session.scalars(
            select(Embedding.photo_id).where(Embedding.space_id == space.id, Embedding.state == EmbeddingState.INDEXED)
        )
    )
    yield from (f"lost: space {space.key} has no point of photo {p}" for p in sorted(indexed - points.keys()))
    yield from (f"orphan: space {space.key} has a point of photo {p}" for p in sorted(points.keys() - indexed))
    yield from (f"duplicated: space {space.key} has {n} points of photo {p}" for p, n in points.items() if n > 1)


def _wrong_jobs(session: Session) -> Iterator[str]:
    for job in session.scalars(select(Job)):
        counts = job_view(session, job.id).counts
        if job.state == JobState.COMPLETED and counts.waiting:
            yield f"job {job.id} says completed, but {counts.waiting} photos wait"
        living = _count(session, Photo, Photo.deleted_at.is_(None) & (Photo.id <= job.last_photo_id))
        # What is deleted after its end stays in its numbers.
        if job.state == JobState.COMPLETED and is_open(job.space) and counts.total < living:
            yield f"job {job.id} counts {counts.total} photos of {living}"


def _wrong_versions(session: Session) -> Iterator[str]:
    active = session.scalars(select(ModelVersion).where(ModelVersion.active)).all()
    if len(active) != 1 or not is_open(active[0].space):
        yield f"{len(active)} model versions are active, or their space is not open"
