"""Fingerprints of photos that came before there were any, or whose upload could not make one."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from mindreader.blobs import BlobStore, thumbnail_key
from mindreader.catalog import Catalog, Photo, PhotoFingerprint
from mindreader.catalog.locks import lock_content
from mindreader.errors import NotFoundError, OriginalAwayError, PhotoRejectedError
from mindreader.imaging import decoders
from mindreader.originals import Originals
from mindreader.settings import Settings

log = logging.getLogger(__name__)

_BATCH = 32
_NOTHING = b""
_MISSING = ~exists().where(PhotoFingerprint.photo_id == Photo.id)


@dataclass
class Fingerprinter:
    """Goes through the library once, from the first photo to the last, a slice at a time; then looks at new ones only.

    Until a photo has its fingerprint it is a copy of those with equal bytes alone.
    """

    catalog: Catalog
    blobs: BlobStore
    settings: Settings
    after: int = 0
    """Every photo up to this id has a fingerprint, or none can be made."""

    def work(self, seconds: float) -> bool:
        """Make missing fingerprints from thumbnails for so long; returns whether more are missing.

        Raises:
            OSError: the blob store is away; the next slice goes on where this one ended.
        """
        stop_at = time.monotonic() + seconds
        while batch := self._next():
            self._keep({photo.id: self._made(photo.sha256) for photo in batch}, batch)
            self.after = batch[-1].id
            if time.monotonic() > stop_at:
                return True
        return False

    def _next(self) -> Sequence[Photo]:
        with self.catalog.snapshot() as session:
            missing = select(Photo).where(Photo.id > self.after, _MISSING).order_by(Photo.id).limit(_BATCH)
            photos = session.scalars(missing).all()
            if not photos:
                self.after = session.scalar(select(func.max(Photo.id))) or self.after
        return photos

    def _made(self, sha256: str) -> bytes:
        """From the thumbnail, else from the original."""
        originals = Originals(self.catalog, self.blobs, self.settings)
        sources: tuple[Callable[[str], Path | bytes], ...] = (self._thumbnail, originals.source)
        for source in sources:
            try:
                return decoders(self.settings).fingerprint(source(sha256))
            except (PhotoRejectedError, NotFoundError, OriginalAwayError) as error:
                log.warning("no fingerprint can be made of %s: %s", sha256, error.detail)
            except OSError as error:
                self.blobs.check_reachable()  # else nothing is said about this photo
                log.warning("no fingerprint can be made of %s: %s", sha256, error)
        return _NOTHING

    def _thumbnail(self, sha256: str) -> Path | bytes:
        key = thumbnail_key(sha256, self.settings.thumbnail_pixels)
        return self.blobs.local_path(key) or self.blobs.get(key)

    def _keep(self, made: dict[int, bytes], photos: Sequence[Photo]) -> None:
        with self.catalog.transaction() as session:
            # One order, so that two workers never wait for each other; nobody purges or revives a photo meanwhile.
            for sha256 in sorted({photo.sha256 for photo in photos}):
                lock_content(session, sha256)
            still = _still_missing(session, list(made))
            session.add_all(PhotoFingerprint(photo_id=photo_id, picture=made[photo_id]) for photo_id in still)


def _still_missing(session: Session, photo_ids: Sequence[int]) -> Sequence[int]:
    return session.scalars(select(Photo.id).where(Photo.id.in_(photo_ids), _MISSING)).all()
