"""Take a photo in: check it, keep its bytes, and queue it for every embedding space in use."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from mindreader.blobs import BlobStore, original_key, sha256_of, thumbnail_key
from mindreader.catalog import Catalog, Collection, Photo, PhotoFingerprint
from mindreader.catalog.locks import lock_content
from mindreader.catalog.models import LONGEST_FOLDER
from mindreader.dates import DateSource, Taken, in_name, in_takeout, in_xmp, is_plausible, known, of_file
from mindreader.embedding import queue
from mindreader.errors import MindReaderError, NotFoundError, PhotoRejectedError
from mindreader.imaging import PhotoFile, decoders
from mindreader.library.categories import LONGEST_CATEGORY, category_named
from mindreader.library.files.origins import Origin, note_origin
from mindreader.settings import Settings
from mindreader.text import checked_name, normalised, visible_text

LONGEST_FILENAME = 255
_NAMELESS = "photo"


@dataclass(frozen=True)
class Outcome:
    """What became of one file."""

    status: Literal["created", "duplicate", "rejected"]
    photo_id: int | None
    reason: str | None
    """Why it was rejected, as a sentence."""


@dataclass(frozen=True)
class Beside:
    """What is known of a file besides its bytes and its name."""

    modified: datetime | None = None
    """When it was last written, by the clock where it lay, without a zone."""
    xmp: str = ""
    """Text of the XMP file beside it, or its beginning."""
    takeout: str = ""
    """Text of Google Takeout's JSON file beside it."""
    folder: str = ""
    """Path of the folder it lay in, below the one that was chosen and with that one's name."""
    origin: Origin | None = None
    """What it is in the photo library it is taken over from."""
    taken_at: datetime | None = None
    """When it was taken, as that library says, by the camera's own clock."""


NOTHING = Beside()


@dataclass(frozen=True)
class CheckedFile:
    """A file that can become a photo."""

    collection_id: int
    filename: str
    category: str | None
    sha256: str
    size_bytes: int
    decoded: PhotoFile
    taken: Taken
    origin: Origin | None
    folder: str | None


def add_photo(
    catalog: Catalog,
    blobs: BlobStore,
    settings: Settings,
    collection_id: int,
    filename: str,
    file: Path,
    category: str | None,
    beside: Beside = NOTHING,
) -> Outcome:
    """Add a file to a collection; a file that cannot be a photo is an outcome, not an error.

    When this returns "created", the bytes and the row are on the disk.

    Raises:
        OSError: the disk or the blob store failed, which says nothing about the file.
    """
    try:
        check_size(file.stat().st_size, settings)
        if category is not None and normalised(category):
            checked_name(category, LONGEST_CATEGORY)  # before anything is written
        sha256 = sha256_of(file)
        known = _photo_with(catalog, collection_id, sha256)
        if known is not None:
            _note_origin(catalog, known, beside.origin)
            return Outcome("duplicate", known, None)
        checked = checked_file(settings, collection_id, filename, file, sha256, category, beside)
        _put_blobs(blobs, settings, checked, file)
        return _commit(catalog, blobs, settings, checked, file)
    except MindReaderError as error:
        return Outcome("rejected", None, error.detail)


def check_size(size: int, settings: Settings) -> None:
    """See that a file of so many bytes is taken.

    Raises:
        PhotoRejectedError: it is not.
    """
    limit = settings.upload_max_bytes
    if size > limit:
        raise PhotoRejectedError("This file is larger than {size:.4g} MB. Send a smaller copy.", size=limit / 2**20)


def checked_file(
    settings: Settings,
    collection_id: int,
    filename: str,
    file: Path,
    sha256: str,
    category: str | None,
    beside: Beside = NOTHING,
) -> CheckedFile:
    """Decode a file whose bytes have this SHA-256, and find out when it was taken.

    Raises:
        PhotoRejectedError: it cannot become a photo.
        OSError: it cannot be read.
    """
    decoded = decoders(settings).photo_file(file, settings.thumbnail_pixels)
    name = safe_filename(filename)
    size = file.stat().st_size
    when, folder = taken(name, decoded, beside), safe_folder(beside.folder)
    return CheckedFile(collection_id, name, category, sha256, size, decoded, when, beside.origin, folder)


def taken(filename: str, decoded: PhotoFile, beside: Beside = NOTHING) -> Taken:
    """When a photo was taken, by what it says itself, what lies beside it, its name, and its file."""
    around = known(
        sidecar=in_xmp(beside.xmp),
        takeout=in_takeout(beside.takeout),
        library=beside.taken_at if beside.taken_at and is_plausible(beside.taken_at) else None,
        name=in_name(filename),
        file=of_file(beside.modified),
    )
    return Taken.best({**decoded.dates, **around})


def safe_filename(name: str) -> str:
    """The client's name for a file: the last part of its path, visible characters only, at most 255 of them."""
    last = normalised(visible_text(re.split(r"[/\\]", name.rstrip("/\\"))[-1]))
    if len(last) > LONGEST_FILENAME:
        stem, dot, suffix = last.rpartition(".")
        # A long name keeps its end, which says what kind of file it is.
        last = stem[: LONGEST_FILENAME - len(suffix) - 1] + dot + suffix if len(suffix) < 16 else last
    return last[:LONGEST_FILENAME] or _NAMELESS


def safe_folder(path: str) -> str | None:
    """The client's path of a folder: visible characters only, `/` between its parts, of a long one the end; None for
    none.
    """
    parts = (normalised(visible_text(part)) for part in re.split(r"[/\\]", path))
    kept = [part for part in parts if part not in ("", ".", "..")]
    while len("/".join(kept)) > LONGEST_FOLDER and len(kept) > 1:
        del kept[0]
    return "/".join(kept)[-LONGEST_FOLDER:] or None


def _photo_with(catalog: Catalog, collection_id: int, sha256: str) -> int | None:
    with catalog.snapshot() as session:
        photo = same_bytes(session, collection_id, sha256)
    return photo.id if photo is not None and photo.deleted_at is None else None


def same_bytes(session: Session, collection_id: int, sha256: str) -> Photo | None:
    """The collection's photo with these bytes, also one that is deleted and not purged yet."""
    return session.scalar(select(Photo).where(Photo.collection_id == collection_id, Photo.sha256 == sha256))


def _put_blobs(blobs: BlobStore, settings: Settings, checked: CheckedFile, file: Path) -> None:
    blobs.put_file(original_key(checked.sha256), file)
    put_thumbnail(blobs, settings, checked)


def put_thumbnail(blobs: BlobStore, settings: Settings, checked: CheckedFile) -> None:
    """Keep a file's thumbnail; does nothing where it is there.

    Raises:
        OSError: the blob store cannot take it.
    """
    key = thumbnail_key(checked.sha256, settings.thumbnail_pixels)
    if not blobs.exists(key):
        blobs.put(key, checked.decoded.thumbnail)


def _commit(catalog: Catalog, blobs: BlobStore, settings: Settings, checked: CheckedFile, file: Path) -> Outcome:
    with catalog.transaction() as session:
        # From here on nobody else adds, revives or purges a photo with these bytes.
        lock_content(session, checked.sha256)
        # A purge may have removed the blobs since they were written; usually they are there and this does nothing.
        _put_blobs(blobs, settings, checked, file)
        hold_collection(session, checked.collection_id)
        photo = same_bytes(session, checked.collection_id, checked.sha256)
        if photo is not None and photo.deleted_at is None:
            _note(session, photo.id, checked.origin)
            return Outcome("duplicate", photo.id, None)
        photo = written(session, photo, checked)
        _note(session, photo.id, checked.origin)
        queue.enqueue(session, [photo.id])
        return Outcome("created", photo.id, None)


def _note_origin(catalog: Catalog, photo_id: int, origin: Origin | None) -> None:
    if origin is not None:
        with catalog.transaction() as session:
            note_origin(session, photo_id, origin)


def _note(session: Session, photo_id: int, origin: Origin | None) -> None:
    if origin is not None:
        note_origin(session, photo_id, origin)


def hold_collection(session: Session, collection_id: int) -> None:
    """Keep the collection from being deleted until the transaction ends.

    Raises:
        NotFoundError: it has been deleted.
    """
    living = select(Collection.id).where(Collection.id == collection_id, Collection.deleted_at.is_(None))
    if session.scalar(living.with_for_update(read=True)) is None:
        raise NotFoundError("This collection has been deleted.")


def written(session: Session, deleted: Photo | None, checked: CheckedFile) -> Photo:
    """A new row, or the row of the same photo that was deleted and is not purged yet."""
    decoded = checked.decoded
    photo = deleted or Photo(
        collection_id=checked.collection_id,
        sha256=checked.sha256,
        size_bytes=checked.size_bytes,
        media_type=decoded.media_type,
        width=decoded.width,
        height=decoded.height,
    )
    if photo.date_source != DateSource.PERSON:
        photo.taken_at, photo.date_source = checked.taken.moment, checked.taken.source
    photo.deleted_at = None
    photo.filename, photo.folder = checked.filename, checked.folder
    photo.category_id = category_named(session, checked.collection_id, checked.category)
    session.add(photo)
    session.flush()
    session.merge(PhotoFingerprint(photo_id=photo.id, picture=decoded.fingerprint))
    return photo
