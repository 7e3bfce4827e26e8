"""What is made of an original when somebody looks at a photo: its preview, and what it says of its camera."""

from __future__ import annotations

import logging
from threading import Lock

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import exists, select

from mindreader.blobs import BlobStore, preview_key, thumbnail_key
from mindreader.boxes import Box
from mindreader.catalog import Catalog, Photo
from mindreader.catalog.locks import lock_content
from mindreader.imaging import Camera, decoders
from mindreader.originals import Originals
from mindreader.settings import Settings

Pixels = NDArray[np.uint8]

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
        OriginalAwayError: the folder it lies in is not there now.
        PhotoRejectedError: the original is damaged.
        OSError: the original cannot be read.
    """
    with _BEING_MADE[int(sha256[:2], 16) % len(_BEING_MADE)]:
        if blobs.exists(preview_key(sha256, PREVIEW_PIXELS)):
            return None
        original = Originals(catalog, blobs, settings).source(sha256)
        preview = decoders(settings).photo_file(original, PREVIEW_PIXELS).thumbnail
        _keep(catalog, blobs, sha256, preview)
        return preview


def framed(catalog: Catalog, blobs: BlobStore, settings: Settings, photo: Photo, box: Box, side: int) -> Pixels:
    """What lies in a box of a photo, stretched to (side, side, 3), from what the viewer shows of it: its preview.

    Raises:
        NotFoundError, OriginalAwayError, PhotoRejectedError, OSError: as `made_preview`.
    """
    made, key = None, thumbnail_key(photo.sha256, settings.thumbnail_pixels)
    if has_preview(photo, settings):
        made, key = made_preview(catalog, blobs, settings, photo.sha256), preview_key(photo.sha256, PREVIEW_PIXELS)
    return decoders(settings).photo_region(blobs.get(key) if made is None else made, box, side)


def camera_of(originals: Originals, settings: Settings, sha256: str) -> Camera:
    """What the original ``sha256`` says of how it was taken. It is read each time: few people ask, and of few photos.

    Raises:
        NotFoundError, OriginalAwayError, PhotoRejectedError, OSError: as `made_preview`.
    """
    return decoders(settings).camera(originals.source(sha256))


def _keep(catalog: Catalog, blobs: BlobStore, sha256: str, preview: bytes) -> None:
    """Put it into the blob store, unless the last photo with these bytes was purged while it was made."""
    try:
        with catalog.transaction() as session:
            lock_content(session, sha256)
            if session.scalar(select(exists().where(Photo.sha256 == sha256))):
                blobs.put(preview_key(sha256, PREVIEW_PIXELS), preview)
    except OSError as error:
        _log.warning("The preview of %s could not be kept: %s", sha256, error)
