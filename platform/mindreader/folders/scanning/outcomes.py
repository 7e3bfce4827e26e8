"""What was read of a file becomes rows of the catalog: a photo that is new, or one that is known by its bytes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from mindreader.catalog import Folder, FolderFile, FolderFileState, Photo
from mindreader.catalog.locks import lock_content
from mindreader.catalog.models import now
from mindreader.dates import DateSource
from mindreader.embedding import queue
from mindreader.errors import Sentence
from mindreader.folders.scanning.differences import UNREAD_SIZE
from mindreader.folders.scanning.missing import drop_superseded, remove_orphans
from mindreader.library.files.upload import CheckedFile, safe_filename, safe_folder, same_bytes, written
from mindreader.text import repaired

_LONGEST_REASON = 1000


@dataclass(frozen=True)
class Known:
    """A file whose bytes are known by now."""

    sha256: str
    checked: CheckedFile | None = None
    """None where the folder has had a file with these bytes."""


@dataclass(frozen=True)
class Refused:
    """A file that cannot be a photo, or cannot be read."""

    reason: Sentence
    may_pass: bool = False
    """It has nothing to do with its bytes: the next scan tries again."""


@dataclass(frozen=True)
class Later:
    """A file that is not at rest, as it is now."""

    size_bytes: int
    mtime_ns: int


@dataclass(frozen=True)
class Gone:
    """A file that is gone since a walk came by."""


Read = Known | Refused | Later | Gone


@dataclass(frozen=True)
class Written:
    """What became of a file."""

    is_new: bool = False
    moved: int = 0
    """Missing files whose place it took."""


def write_outcome(session: Session, folder: Folder, row: FolderFile, outcome: Read) -> Written:
    """Write down what was read of a file.

    Args:
        row: the file, of this session.
    """
    if isinstance(outcome, Later):
        is_other = (outcome.size_bytes, outcome.mtime_ns) != (row.size_bytes, row.mtime_ns)
        if is_other:
            row.size_bytes, row.mtime_ns, row.found_at = outcome.size_bytes, outcome.mtime_ns, now()
        return Written()
    if isinstance(outcome, Gone):
        row.missing_since = now()
        return Written()
    if isinstance(outcome, Refused):
        row.state, row.problem = FolderFileState.REFUSED, outcome.reason[:_LONGEST_REASON]
        if outcome.may_pass:
            row.size_bytes = UNREAD_SIZE
        return Written()
    return _write_known(session, folder, row, outcome)


def _write_known(session: Session, folder: Folder, row: FolderFile, known: Known) -> Written:
    if row.sha256 == known.sha256:  # written to, and the same all the same
        _settle(row, known.sha256, row.photo_id)
        return Written()
    lock_content(session, known.sha256)
    twin = _twin(session, folder.id, row.id, known.sha256)
    if twin is None and known.checked is None:
        return Written()  # it was forgotten a moment ago: the next time it is decoded
    before = row.photo_id
    photo = None if twin is not None else _new_photo(session, folder, row, known)
    _settle(row, known.sha256, twin.photo_id if twin is not None else photo.id if photo is not None else None)
    session.flush()
    if before is not None and before != row.photo_id:
        remove_orphans(session, [before])
    moved = drop_superseded(session, folder.id, known.sha256)
    if moved and row.photo_id is not None:
        _rename(session, folder, row)
    return Written(photo is not None, moved)


def _settle(row: FolderFile, sha256: str, photo_id: int | None) -> None:
    row.state, row.sha256, row.photo_id, row.problem = FolderFileState.PHOTO, sha256, photo_id, None


def _twin(session: Session, folder_id: int, file_id: int, sha256: str) -> FolderFile | None:
    """Another file of the folder with these bytes, there or missing."""
    same = (FolderFile.folder_id == folder_id, FolderFile.sha256 == sha256, FolderFile.id != file_id)
    twins = select(FolderFile).where(*same, FolderFile.state == FolderFileState.PHOTO)
    return session.scalars(twins.order_by(FolderFile.photo_id.is_(None), FolderFile.id).limit(1)).first()


def _new_photo(session: Session, folder: Folder, row: FolderFile, known: Known) -> Photo | None:
    """The photo of bytes that are new here; what a person said of the file's photo before holds for it too."""
    if known.checked is None:
        return None
    photo = written(session, same_bytes(session, folder.collection_id, known.sha256), known.checked)
    photo.is_away, photo.folder = False, _lies_in(folder, row)
    old = session.get(Photo, row.photo_id) if row.photo_id is not None else None
    if old is not None:
        photo.category_id = old.category_id
        if old.date_source == DateSource.PERSON:
            photo.taken_at, photo.date_source = old.taken_at, old.date_source
    session.flush()
    queue.enqueue(session, [photo.id], queue.FOUND)
    return photo


def _rename(session: Session, folder: Folder, row: FolderFile) -> None:
    photo = session.get(Photo, row.photo_id)
    if photo is not None:
        photo.filename, photo.folder = safe_filename(repaired(os.fsdecode(row.name))), _lies_in(folder, row)


def _lies_in(folder: Folder, row: FolderFile) -> str | None:
    """The sub-folder a photo lies in, from the folder's own name on: members never see where on the server that is."""
    return safe_folder(repaired(f"{Path(os.fsdecode(folder.path)).name}/{os.fsdecode(row.directory)}"))
