"""Compare the catalog with blobs and photo indexes; the catalog is the truth, so repairing follows it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mindreader.blobs import BlobStore, original_key, thumbnail_key
from mindreader.catalog import Catalog, Embedding, EmbeddingSpace, EmbeddingState, ModelVersion, Photo
from mindreader.embedding import queue
from mindreader.embedding.rebuild import rebuild_damaged
from mindreader.embedding.spaces import is_open, spaces
from mindreader.errors import DamagedIndexError, NotReadyError
from mindreader.imaging import decode_photo, make_thumbnail
from mindreader.model_versions.registry import bundle_store
from mindreader.photo_index import PhotoIndexes
from mindreader.settings import Settings

log = logging.getLogger(__name__)

_STALE_SECONDS = 3600


@dataclass(frozen=True)
class Finding:
    """One kind of difference, how often it was found, and whether it is mended now."""

    kind: str
    count: int
    sentence: str
    repaired: bool

    def as_json(self) -> dict[str, object]:
        """As `mindreader doctor --json` prints it."""
        return asdict(self)


def diagnose(
    catalog: Catalog, blobs: BlobStore, indexes: PhotoIndexes, settings: Settings, *, repair: bool
) -> list[Finding]:
    """Look for everything that differs, and mend it if asked to."""
    if repair:
        blobs.sweep_temporary(_STALE_SECONDS)
    return [
        *_no_active_version(catalog),
        *_lost_bundles(catalog, blobs, settings),
        *_missing_originals(catalog, blobs),
        *_missing_thumbnails(catalog, blobs, settings, repair),
        *_missing_rows(catalog, repair),
        *_damaged_indexes(catalog, indexes, repair),
        *(finding for space in _spaces(catalog) for finding in _index_differences(catalog, indexes, space, repair)),
    ]


def repair_indexes(catalog: Catalog, indexes: PhotoIndexes) -> list[Finding]:
    """Mend the open spaces whose index holds another number of points than the catalog says; cheap where none does."""
    mended = []
    for space in _spaces(catalog):
        with catalog.snapshot() as session:
            counted = select(func.count()).select_from(Embedding)
            rows = counted.where(Embedding.space_id == space.id, Embedding.state == EmbeddingState.INDEXED)
            indexed = session.scalar(rows)
        if indexes.get(space.key, space.dimension).count() != indexed:
            mended += list(_index_differences(catalog, indexes, space, repair=True))
    for finding in mended:
        log.warning("%s", finding.sentence)
    return mended


def _no_active_version(catalog: Catalog) -> Iterator[Finding]:
    with catalog.snapshot() as session:
        active = session.scalar(select(ModelVersion.id).where(ModelVersion.active))
    if active is None:
        yield Finding("no-active-version", 1, "No model version is active: searches cannot be answered.", False)


def _lost_bundles(catalog: Catalog, blobs: BlobStore, settings: Settings) -> Iterator[Finding]:
    kept = bundle_store(settings, blobs)
    with catalog.snapshot() as session:
        versions = session.execute(select(ModelVersion.bundle_sha256, ModelVersion.name)).all()
    for sha256, name in versions:
        try:
            kept.read(sha256, name)
        except NotReadyError as error:
            yield Finding("lost-bundle", 1, error.for_administrators, False)


def _missing_originals(catalog: Catalog, blobs: BlobStore) -> Iterator[Finding]:
    lost = sorted(_digests(catalog) - _stored(blobs, "originals"))
    if lost:
        example = f"for example {original_key(lost[0])}"
        yield Finding(
            "lost-original", len(lost), f"{len(lost)} originals are gone ({example}): restore a backup.", False
        )


def _missing_thumbnails(catalog: Catalog, blobs: BlobStore, settings: Settings, repair: bool) -> Iterator[Finding]:
    kept = _digests(catalog) & _stored(blobs, "originals")
    wanted = {thumbnail_key(digest, settings.thumbnail_pixels): digest for digest in kept}
    missing = {key: wanted[key] for key in wanted.keys() - set(blobs.keys("thumbnails"))}
    if not missing:
        return
    if repair:
        for key, digest in missing.items():
            photo = decode_photo(blobs.get(original_key(digest)), max_pixels=settings.image_max_pixels)
            blobs.put(key, make_thumbnail(photo.image, settings.thumbnail_pixels))
    yield Finding("missing-thumbnail", len(missing), f"{len(missing)} thumbnails are missing.{_done(repair)}", repair)


def _missing_rows(catalog: Catalog, repair: bool) -> Iterator[Finding]:
    """Photos that no one ever asked to embed for a space in use."""
    for space in _spaces(catalog):
        with catalog.snapshot() as session:
            queued = select(Embedding.photo_id).where(Embedding.space_id == space.id)
            lost = session.scalars(select(Photo.id).where(Photo.deleted_at.is_(None), Photo.id.not_in(queued))).all()
        if not lost:
            continue
        if repair:
            with catalog.transaction() as session:
                queue.enqueue_missing(session, space.id)
        yield Finding("not-queued", len(lost), f"{len(lost)} photos were never queued.{_done(repair)}", repair)


def _damaged_indexes(catalog: Catalog, indexes: PhotoIndexes, repair: bool) -> Iterator[Finding]:
    for space in _spaces(catalog):
        try:
            indexes.get(space.key, space.dimension)
        except DamagedIndexError as error:
            if repair:
                rebuild_damaged(catalog, indexes)
            done = " It was set aside, and its photos are embedded again." if repair else _done(repair)
            yield Finding("damaged-index", 1, f"{error.inside}: the photo index is damaged.{done}", repair)


def _index_differences(
    catalog: Catalog, indexes: PhotoIndexes, space: EmbeddingSpace, repair: bool
) -> Iterator[Finding]:
    try:
        index = indexes.get(space.key, space.dimension)
    except DamagedIndexError:
        return  # `_damaged_indexes` names it
    # The index first: a photo that is indexed in between then looks unexpected, not lost, and is checked again.
    points = set(index.ids())
    with catalog.snapshot() as session:
        indexed = set(_embedded(space.id, session, EmbeddingState.INDEXED))
        known = set(session.scalars(select(Photo.id).where(Photo.deleted_at.is_(None))))
    # Looked for once more: what was indexed between the two looks is not lost.
    if lost := sorted((indexed - points) - index.existing(indexed - points)):
        if repair:
            with catalog.transaction() as session:
                queue.requeue(session, lost, [EmbeddingState.INDEXED], space_id=space.id)
        sentence = f"{len(lost)} photos are not in the index of space {space.key}.{_done(repair)}"
        yield Finding("lost-point", len(lost), sentence, repair)
    if orphans := sorted(points - known):
        if repair:
            index.delete(orphans)
        sentence = f"{len(orphans)} points of space {space.key} have no photo.{_done(repair)}"
        yield Finding("orphan-point", len(orphans), sentence, repair)


def _embedded(space_id: int, session: Session, state: EmbeddingState) -> Iterator[int]:
    return iter(
        session.scalars(select(Embedding.photo_id).where(Embedding.space_id == space_id, Embedding.state == state))
    )


def _spaces(catalog: Catalog) -> list[EmbeddingSpace]:
    """The open ones: the others have no index, or are about to lose it."""
    with catalog.snapshot() as session:
        return [space for space in spaces(session) if is_open(space)]


def _digests(catalog: Catalog) -> set[str]:
    with catalog.snapshot() as session:
        return set(session.scalars(select(Photo.sha256).where(Photo.deleted_at.is_(None))))


def _stored(blobs: BlobStore, folder: str) -> set[str]:
    return {key.rsplit("/", 1)[-1] for key in blobs.keys(folder)}  # a method, not a dict


def _done(repair: bool) -> str:
    return " Mended." if repair else " `mindreader doctor --repair` mends that."
