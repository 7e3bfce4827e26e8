"""Remove deleted photos: from the indexes at once, their rows and blobs when their time in the trash is over."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, exists, select
from sqlalchemy.orm import Session

from mindreader.blobs import BlobStore, original_key, preview_key, thumbnail_key
from mindreader.catalog import Catalog, Collection, Embedding, EmbeddingSpace, EmbeddingState, Photo
from mindreader.catalog.locks import lock_content
from mindreader.embedding import queue
from mindreader.library.files.previews import PREVIEW_PIXELS
from mindreader.library.trash import is_expired, is_in_trash
from mindreader.originals import is_shown_in_place
from mindreader.photo_index import PhotoIndexes
from mindreader.settings import Settings

_BATCH = 500
_BEING_EMBEDDED = exists().where(Embedding.photo_id == Photo.id, Embedding.state == EmbeddingState.LEASED)


def purge_deleted(catalog: Catalog, blobs: BlobStore, indexes: PhotoIndexes, settings: Settings) -> int:
    """Remove for good what was deleted longer ago than the trash keeps it; returns how many photos.

    A photo that a worker is embedding right now is left for the next time. Points go first: a point without a photo
    is never shown, a photo without its point would be.
    """
    while _empty_indexes(catalog, indexes, settings):
        pass
    removed = 0
    while photos := _next_expired(catalog, settings):
        _remove_points(catalog, indexes, [photo.id for photo in photos])
        for photo in photos:
            removed += _remove_photo(catalog, blobs, settings, photo)
    with catalog.transaction() as session:
        unused = ~exists().where(Photo.collection_id == Collection.id)
        session.execute(delete(Collection).where(is_expired(Collection.deleted_at, settings), unused))
    return removed


def _empty_indexes(catalog: Catalog, indexes: PhotoIndexes, settings: Settings) -> int:
    """Take photos in the trash out of every index, so that searches need not look past them; returns how many.

    Restoring queues them anew. In one transaction, which holds the photos: nobody restores and embeds one in between.
    """
    queued = exists().where(Embedding.photo_id == Photo.id)
    with catalog.transaction() as session:
        photo_ids = session.scalars(
            select(Photo.id)
            .where(is_in_trash(Photo.deleted_at, settings), queued, ~_BEING_EMBEDDED)
            .limit(_BATCH)
            .with_for_update(skip_locked=True, of=Photo)
        ).all()
        if photo_ids:
            _remove_points(catalog, indexes, photo_ids)
            queue.remove(session, photo_ids)
    return len(photo_ids)


def _next_expired(catalog: Catalog, settings: Settings) -> Sequence[Photo]:
    with catalog.snapshot() as session:
        return session.scalars(
            select(Photo)
            .where(is_expired(Photo.deleted_at, settings), ~_BEING_EMBEDDED)
            .order_by(Photo.id)
            .limit(_BATCH)
        ).all()


def _remove_points(catalog: Catalog, indexes: PhotoIndexes, photo_ids: Sequence[int]) -> None:
    with catalog.snapshot() as session:
        spaces = session.scalars(select(EmbeddingSpace).where(EmbeddingSpace.opened_at.is_not(None))).all()
    for space in spaces:
        indexes.of(space).delete(photo_ids)


def _remove_photo(catalog: Catalog, blobs: BlobStore, settings: Settings, photo: Photo) -> int:
    """Remove one photo unless it was uploaded again in the meantime."""
    with catalog.transaction() as session:
        lock_content(session, photo.sha256)
        removed = session.execute(
            delete(Photo).where(Photo.id == photo.id, is_expired(Photo.deleted_at, settings)).returning(Photo.id)
        ).scalar()
        # Within the lock: nobody can add a photo with these bytes between the questions and the deletions.
        if removed is not None and not _is_stored(session, photo.sha256):
            blobs.delete(original_key(photo.sha256))
        if removed is not None and not _is_shared(session, photo.sha256):
            blobs.delete(thumbnail_key(photo.sha256, settings.thumbnail_pixels))
            blobs.delete(preview_key(photo.sha256, PREVIEW_PIXELS))
    return 0 if removed is None else 1


def _is_stored(session: Session, sha256: str) -> bool:
    """Whether a photo needs the original in the blob store: one in a folder has it there, and nowhere else."""
    return session.scalar(select(exists().where(Photo.sha256 == sha256, ~is_shown_in_place()))) or False


def _is_shared(session: Session, sha256: str) -> bool:
    return session.scalar(select(exists().where(Photo.sha256 == sha256))) or False
