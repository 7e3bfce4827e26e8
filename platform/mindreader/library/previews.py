"""What is made of an original when somebody looks at a photo: its preview, and what it says of its camera."""

from __future__ import annotations

import logging
from pathlib import Path
from threading import Lock

from sqlalchemy import exists, select

from mindreader.blobs import BlobStore, original_key, preview_key
from mindreader.catalog import Catalog, Photo
from mindreader.catalog.locks import lock_content
from mindreader.imaging import Camera, decoders
from mindreader.settings import Settings

PREVIEW_PIXELS = 2048
"""Longer side of a preview at most; a smaller photo is never enlarged."""

_log = logging.getLogger(__name__)
_BEING_MADE = tuple(Lock() for _ in range(64))
"""Whoever asks for a preview that is being made waits for it."""


def has_preview(photo: Photo, settings: Settings) -> bool:
    """Whether the photo is larger than its thumbnail, which otherwise shows all there is."""
    return max(photo.width, photo.height) > settings.thumbnail_pixels


def made_preview(catalog: Catalog, blobs: BlobStore, settings: Settings, sha256: str) -> bytes | None:
    """Make the preview of the original ``sha256`` and keep it; nothing where it is kept already.

    Returns:
        WebP; also if it could not be kept, for it can be looked at all the same.

    Raises:
        NotFoundError: the original is gone.
        PhotoRejectedError: the original is damaged.
        OSError: the original cannot be read.
    """
    with _BEING_MADE[int(sha256[:2], 16) % len(_BEING_MADE)]:
        if blobs.exists(preview_key(sha256, PREVIEW_PIXELS)):
            return None
        preview = decoders(settings).photo_file(_original(blobs, sha256), PREVIEW_PIXELS).thumbnail
        _keep(catalog, blobs, sha256, preview)
        return preview


def camera_of(blobs: BlobStore, settings: Settings, sha256: str) -> Camera:
    """What the original ``sha256`` says of how it was taken. It is read each time: few people ask, and of few photos.

    Raises:
        NotFoundError, PhotoRejectedError, OSError: as `made_preview`.
    """
    return decoders(settings).camera(_original(blobs, sha256))


def _original(blobs: BlobStore, sha256: str) -> Path | bytes:
    key = original_key(sha256)
    return blobs.local_path(key) or blobs.get(key)


def _keep(catalog: Catalog, blobs: BlobStore, sha256: str, preview: bytes) -> None:
    """Put it into the blob store, unless the last photo with these bytes was purged while it was made."""
    try:
        with catalog.transaction() as session:
            lock_content(session, sha256)
            if session.scalar(select(exists().where(Photo.sha256 == sha256))):
                blobs.put(preview_key(sha256, PREVIEW_PIXELS), preview)
    except OSError as error:
        _log.warning("The preview of %s could not be kept: %s", sha256, error)
