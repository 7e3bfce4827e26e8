"""Bring the bytes of photos in folders into the blob store, for copies that MindReader keeps itself."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from mindreader.blobs import BlobStore, original_key
from mindreader.catalog import Catalog, Photo, User
from mindreader.library.bulk_edit import visible_selection
from mindreader.originals import Originals, is_shown_in_place
from mindreader.settings import Settings


def store_originals(
    catalog: Catalog, blobs: BlobStore, settings: Settings, user: User, photo_ids: Sequence[int]
) -> None:
    """Put the originals of those of the photos that lie in folders into the blob store, as far as they are not there.

    Raises:
        NotFoundError: none of the photos is there.
        OriginalAwayError: a folder is not there now, or a file has changed; some may have been stored.
        OSError: the blob store cannot take them.
    """
    with catalog.snapshot() as session:
        there = [photo.id for photo in visible_selection(session, user, photo_ids)]
        in_place = select(Photo.sha256).where(Photo.id.in_(there), is_shown_in_place()).distinct()
        digests = session.scalars(in_place).all()
    originals = Originals(catalog, blobs, settings)
    for sha256 in digests:
        source = originals.source(sha256)
        if isinstance(source, bytes):
            continue  # the blob store has it, as another collection's
        blobs.put_file(original_key(sha256), source)
