"""Dates of photos that an earlier version took in: read again once, from the originals, while workers have time."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from mindreader.blobs import BlobStore
from mindreader.catalog import Catalog, Photo
from mindreader.dates import Taken, in_name, known
from mindreader.embedding import queue
from mindreader.errors import NotFoundError, OriginalAwayError, PhotoRejectedError
from mindreader.imaging import decoders
from mindreader.library.files.upload import taken
from mindreader.originals import Originals
from mindreader.settings import Settings

log = logging.getLogger(__name__)

_BATCH = 32
_LEAST_SIDE = 16
"""Pixels: the picture is not needed."""


@dataclass(frozen=True)
class _Unread:
    photo_id: int
    sha256: str
    filename: str


def read_unread(
    catalog: Catalog,
    blobs: BlobStore,
    settings: Settings,
    seconds: float,
    is_stopping: Callable[[], bool] = lambda: False,
) -> int:
    """Read the dates of photos whose dates were not read yet, the newest photos first, for so many seconds at most.

    What lay beside the files is gone, so only they themselves and their names can tell; a photo whose original cannot
    become one any more keeps the date it had.

    Returns:
        how many were read.

    Raises:
        OSError: the originals cannot be read now; the next call goes on.
    """
    stop_at, done = time.monotonic() + seconds, 0
    originals = Originals(catalog, blobs, settings)
    while time.monotonic() < stop_at and not is_stopping() and (batch := _some(catalog)):
        read = [(photo, _read(originals, settings, photo)) for photo in batch]
        with catalog.transaction() as session:
            for photo, found in read:
                _note(session, photo.photo_id, found)
        done += len(batch)
    if done:
        log.info("read the dates of %d photos again", done)
    return done


def _some(catalog: Catalog) -> Sequence[_Unread]:
    unread = select(Photo.id, Photo.sha256, Photo.filename).where(Photo.date_source.is_(None), ~Photo.is_away)
    with catalog.snapshot() as session:
        return [_Unread(*row) for row in session.execute(unread.order_by(Photo.id.desc()).limit(_BATCH))]


def _read(originals: Originals, settings: Settings, photo: _Unread) -> Taken | None:
    """None where the original is of no use."""
    try:
        return taken(photo.filename, decoders(settings).photo_file(originals.source(photo.sha256), _LEAST_SIDE))
    except (PhotoRejectedError, NotFoundError, OriginalAwayError):
        return None
    except OSError:
        originals.blobs.check_reachable()  # else the disk fails at this photo alone, and the others go on
        return None


def _note(session: Session, photo_id: int, found: Taken | None) -> None:
    """Unless a person or another worker was quicker. The point of one without a date had the day it was uploaded."""
    photo = session.scalar(select(Photo).where(Photo.id == photo_id, Photo.date_source.is_(None)).with_for_update())
    if photo is None:
        return
    before, had_date = photo.day, photo.taken_at is not None
    if found is None:
        found = Taken.best(known(exif=photo.taken_at, name=in_name(photo.filename)))
    photo.taken_at, photo.date_source = found.moment, found.source
    session.flush()
    if not had_date or photo.day != before:
        queue.labels_changed(session, [photo_id])
