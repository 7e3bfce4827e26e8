"""Where a photo's original is: in the blob store, or in the folder it was found in and stays in.

Whoever needs an original asks here, by its SHA-256, and takes either: a path on this machine, or bytes. A file in a
folder is given out only while it is the one whose bytes were hashed, as its size and time say.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import ColumnElement, inspect, select
from sqlalchemy.orm import Session

from mindreader.blobs import BlobStore, original_key
from mindreader.catalog import Catalog, Folder, FolderFile, FolderFileState, Photo
from mindreader.errors import NotFoundError, OriginalAwayError, Sentence
from mindreader.settings import Settings

AWAY = Sentence("The disk this photo lies on is not there now. Once it is connected again, the photo opens as before.")
CHANGED = Sentence("This photo's file has changed since it was read. The next scan of its folder takes the new one.")
_MOST_PLACES = 50
"""Files with equal bytes that are looked at until one of them is there."""


@dataclass(frozen=True)
class _Place:
    """A file that had the bytes when it was read."""

    path: Path
    size_bytes: int
    mtime_ns: int
    is_read: bool
    """Else it has changed since, and its new bytes wait to be read."""


class Originals:
    """The originals of all photos."""

    def __init__(self, catalog: Catalog, blobs: BlobStore, settings: Settings) -> None:
        self._catalog, self.blobs = catalog, blobs
        self._roots = settings.allowed_folders

    def source(self, sha256: str) -> Path | bytes:
        """An original as decoders take it: its path on this machine, or its bytes where the blob store is elsewhere.

        Raises:
            NotFoundError: it is in the blob store no more, and no folder has it.
            OriginalAwayError: the folder that has it is not there now.
            OSError: the blob store is out of reach.
        """
        key = original_key(sha256)
        try:
            return self.blobs.local_path(key) or self.blobs.get(key)
        except NotFoundError as missing:
            return self._in_place(sha256, missing)

    def place(self, sha256: str) -> Path | BinaryIO:
        """An original as it is sent: its path on this machine, or an open file that the caller closes.

        Raises:
            NotFoundError, OriginalAwayError, OSError: as `source`.
        """
        key = original_key(sha256)
        try:
            return self.blobs.local_path(key) or self.blobs.open(key)
        except NotFoundError as missing:
            return self._in_place(sha256, missing)

    def open(self, sha256: str) -> BinaryIO:
        """An original as a readable, seekable file that the caller closes.

        Raises:
            NotFoundError, OriginalAwayError, OSError: as `source`.
        """
        try:
            return self.blobs.open(original_key(sha256))
        except NotFoundError as missing:
            path = self._in_place(sha256, missing)
            try:
                return path.open("rb")
            except OSError as error:
                raise OriginalAwayError(AWAY).with_inside(f"{path}: {error.strerror}") from error

    def is_in_place(self, sha256: str) -> bool:
        """Whether the blob store lacks it, and a folder has it or had it.

        Raises:
            OSError: the blob store is out of reach.
        """
        return not self.blobs.exists(original_key(sha256)) and any(self._places(sha256))

    def _in_place(self, sha256: str, missing: NotFoundError) -> Path:
        trouble = None
        for place in self._places(sha256):
            trouble = self._trouble(place)
            if trouble is None:
                return place.path
        raise trouble or missing

    def _places(self, sha256: str) -> Iterator[_Place]:
        found = (
            select(Folder.path, FolderFile)
            .join(Folder, Folder.id == FolderFile.folder_id)
            .where(FolderFile.sha256 == sha256)
            .order_by(FolderFile.missing_since.is_not(None), FolderFile.id)
            .limit(_MOST_PLACES)
        )
        with self._catalog.snapshot() as session:
            rows = session.execute(found).all()
        return (
            _Place(
                path_of(root, file.directory, file.name),
                file.size_bytes,
                file.mtime_ns,
                file.state == FolderFileState.PHOTO,
            )
            for root, file in rows
        )

    def _trouble(self, place: _Place) -> OriginalAwayError | None:
        try:
            status = place.path.stat()
        except OSError as error:
            return OriginalAwayError(AWAY).with_inside(f"{place.path}: {error.strerror}")
        if not place.is_read or (status.st_size, status.st_mtime_ns) != (place.size_bytes, place.mtime_ns):
            return OriginalAwayError(CHANGED).with_inside(str(place.path))
        # A link put in the file's place since may lead to what nobody is to see.
        if not lies_below(place.path, self._roots):
            return OriginalAwayError(AWAY).with_inside(f"{place.path} leads out of MINDREADER_FOLDER_ROOTS")
        return None


def path_of(root: str, directory: bytes, name: bytes) -> Path:
    """Path of a file in a folder."""
    return Path(root, os.fsdecode(directory), os.fsdecode(name))


def lies_below(path: Path, roots: tuple[Path, ...]) -> bool:
    """Whether a path, with all links followed, is one of these folders or lies below one."""
    real = Path(os.path.realpath(path))
    return any(real.is_relative_to(os.path.realpath(root)) for root in roots)


def is_shown_in_place() -> ColumnElement[bool]:
    """Condition on `Photo`: its collection is a folder, which has its original; no blob does."""
    return Photo.collection_id.in_(select(Folder.collection_id))


def knows_folders(session: Session) -> bool:
    """Whether the catalog has folders: a backup may be of one that is older than they are."""
    return inspect(session.connection()).has_table(Folder.__tablename__)


def stored_originals(session: Session) -> dict[str, int]:
    """Bytes of each original that is to be in the blob store, by its SHA-256; those in the trash too."""
    photos = select(Photo.sha256, Photo.size_bytes)
    return dict(session.execute(photos.where(~is_shown_in_place()) if knows_folders(session) else photos).all())
