"""Remove deleted photos for good: their points, their rows, and blobs no other photo shares."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, exists, select
from sqlalchemy.orm import Session

from mindreader.blobs import BlobStore, original_key, thumbnail_key
from mindreader.catalog import Catalog, Collection, Embedding, EmbeddingSpace, EmbeddingState, Photo
from mindreader.catalog.locks import lock_content
from mindreader.photo_index import PhotoIndexes
from mindreader.settings import Settings

_BATCH = 500


def purge_deleted(catalog: Catalog, blobs: BlobStore, indexes: PhotoIndexes, settings: Settings) -> int:
    """Remove every photo marked deleted that no worker is embedding right now; returns how many.

    Points go first: a point without a photo is never shown, a photo without its point would be.
    """
    removed = 0
    while photos := _next_deleted(catalog):
        _remove_points(catalog, indexes, [photo.id for photo in photos])
        for photo in photos:
            removed += _remove_photo(catalog, blobs, settings, photo)
    with catalog.transaction() as session:
        unused = ~exists().where(Photo.collection_id == Collection.id)
        session.execute(delete(Collection).where(Collection.deleted_at.is_not(None), unused))
    return removed


def _next_deleted(catalog: Catalog) -> Sequence[Photo]:
    being_embedded = exists().where(Embedding.photo_id == Photo.id, Embedding.state == EmbeddingState.LEASED)
    with catalog.snapshot() as session:
        return session.scalars(
            select(Photo).where(Photo.deleted_at.is_not(None), ~being_embedded).order_by(Photo.id).limit(_BATCH)
        ).all()


def _remove_points(catalog: Catalog, indexes: PhotoIndexes, photo_ids: list[int]) -> None:
    with catalog.snapshot() as session:
        spaces = session.scalars(select(EmbeddingSpace).where(EmbeddingSpace.opened_at.is_not(None))).all()
    for space in spaces:
        indexes.get(space.key, space.dimension).delete(photo_ids)


def _remove_photo(catalog: Catalog, blobs: BlobStore, settings: Settings, photo: Photo) -> int:
    """Remove one photo unless it was uploaded again in the meantime."""
    with catalog.transaction() as session:
        lock_content(session, photo.sha256)
        removed = session.execute(
            delete(Photo).where(Photo.id == photo.id, Photo.deleted_at.is_not(None)).returning(Photo.id)
        ).scalar()
        if removed is not None and not _is_shared(session, photo.sha256):
            # Within the lock: nobody can add a photo with these bytes between the question and the deletion.
            blobs.delete(original_key(photo.sha256))
            blobs.delete(thumbnail_key(photo.sha256, settings.thumbnail_pixels))
    return 0 if removed is None else 1


def _is_shared(session: Session, sha256: str) -> bool:
    return session.scalar(select(exists().where(Photo.sha256 == sha256))) or False
