"""Labels in the photo indexes: a photo that got another category, collection or date is not embedded again for it."""

from __future__ import annotations

from mindreader.catalog import Catalog, EmbeddingSpace
from mindreader.embedding import queue
from mindreader.embedding.spaces import is_open, spaces
from mindreader.photo_index import PhotoIndexes, PhotoLabels

_BATCH = 500


def update_stale_labels(catalog: Catalog, indexes: PhotoIndexes) -> int:
    """Tell every open space's index the present labels of photos whose points have older ones; returns how many.

    In one transaction with the catalog: an index that does not answer leaves them stale.
    """
    with catalog.snapshot() as session:
        open_spaces = [space for space in spaces(session) if is_open(space)]
    updated = 0
    for space in open_spaces:
        while done := _update_some(catalog, indexes, space):
            updated += done
    return updated


def _update_some(catalog: Catalog, indexes: PhotoIndexes, space: EmbeddingSpace) -> int:
    with catalog.transaction() as session:
        photos = queue.take_stale_labels(session, space.id, _BATCH)
        if photos:
            labels = [PhotoLabels(photo.id, photo.collection_id, photo.category_id, photo.day) for photo in photos]
            indexes.of(space).update_labels(labels)
    return len(photos)
