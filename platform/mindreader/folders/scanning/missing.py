"""Files that are missing: moved, for now, or for good; and when a folder is taken for away instead."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, exists, func, literal_column, select, update
from sqlalchemy.orm import Session, aliased

from mindreader.catalog import Folder, FolderFile, FolderFileState, OfflineReason, Photo
from mindreader.catalog.models import now
from mindreader.folders.scanning.differences import AT_ONCE, Gone, pieces
from mindreader.library.trash import PURGE_AT_ONCE
from mindreader.originals import path_of

_FEW = 5
"""So many files may go at once from any folder, however small."""
_SHARE = 10
"""One file in so many may go at once."""


def is_loss(lost: int, files: int) -> bool:
    """Whether so many of the files went that their disk is more likely away than they are deleted."""
    return lost > max(_FEW, files / _SHARE)


def note_missing(session: Session, folder: Folder, gone: Sequence[Gone], files: int) -> int:
    """Note which files are missing, and take the folder for away if too many went at once; returns how many moved.

    All of it in the session's one transaction: a scanner that is killed leaves no loss that looks like deletions.

    Args:
        gone: what the walk did not see.
        files: how many were there before.
    """
    moment = now()
    newly = [each.id for each in gone if not each.was_missing]
    for some in pieces(newly):
        session.execute(update(FolderFile).where(FolderFile.id.in_(some)).values(missing_since=moment))
    _forget_unread(session, folder.id)
    moved = drop_superseded(session, folder.id)
    was_lost = folder.offline_reason == OfflineReason.LOST
    lost = _lost(session, folder.id, None if was_lost else moment)
    set_offline(session, folder, OfflineReason.LOST if is_loss(lost, files) else None)
    return moved


def set_offline(session: Session, folder: Folder, reason: OfflineReason | None) -> None:
    """Say why a folder is away, or that it is there, and mark its photos."""
    if folder.offline_reason != reason:
        folder.offline_reason = reason
        folder.offline_since = now() if reason is not None else None
        state = {"offline_reason": reason, "offline_since": folder.offline_since}
        session.execute(update(Folder).where(Folder.id == folder.id).values(**state))
        mark_away(session, folder)


def mark_away(session: Session, folder: Folder) -> None:
    """Mark the photos of a folder whose originals are not there, and no others."""
    here = exists().where(
        FolderFile.photo_id == Photo.id,
        FolderFile.folder_id == folder.id,
        FolderFile.state == FolderFileState.PHOTO,
        FolderFile.missing_since.is_(None),
    )
    is_whole = folder.offline_reason not in (None, OfflineReason.LOST)
    mine = Photo.collection_id == folder.collection_id
    away = update(Photo).where(mine, ~Photo.is_away) if is_whole else update(Photo).where(mine, ~Photo.is_away, ~here)
    session.execute(away.values(is_away=True), execution_options={"synchronize_session": False})
    if not is_whole:
        back = update(Photo).where(mine, Photo.is_away, here)
        session.execute(back.values(is_away=False), execution_options={"synchronize_session": False})


def drop_superseded(session: Session, folder_id: int, sha256: str | None = None) -> int:
    """Forget missing files whose bytes lie elsewhere in the folder; returns how many: they were moved.

    Args:
        sha256: only files with these bytes; None means all.
    """
    other = aliased(FolderFile)
    is_there = (other.folder_id == folder_id, other.state == FolderFileState.PHOTO, other.missing_since.is_(None))
    elsewhere = exists().where(*is_there, other.sha256 == FolderFile.sha256)
    moved = delete(FolderFile).where(*_missing(folder_id), FolderFile.state == FolderFileState.PHOTO, elsewhere)
    if sha256 is not None:
        moved = moved.where(FolderFile.sha256 == sha256)
    return len(session.scalars(moved.returning(FolderFile.id)).all())


def forget_missing(session: Session, folder: Folder, days: int | None, after: int = 0) -> tuple[int, int | None]:
    """Forget some files that have been missing for so many days, and remove their photos.

    A file that is there again by now is left to the next scan.

    Args:
        days: None means whatever is missing.
        after: only files with a greater id.

    Returns:
        how many were forgotten, and the id to go on after; None at the end.
    """
    overdue = (
        FolderFile.missing_since <= now() - timedelta(days=days) if days else FolderFile.missing_since.is_not(None)
    )
    wanted = select(FolderFile).where(FolderFile.folder_id == folder.id, overdue, FolderFile.id > after)
    rows = session.scalars(wanted.order_by(FolderFile.id).limit(AT_ONCE)).all()
    gone = [row for row in rows if not os.path.lexists(path_of(folder.path, row.directory, row.name))]
    photos = {row.photo_id for row in gone if row.photo_id is not None}
    session.execute(delete(FolderFile).where(FolderFile.id.in_([row.id for row in gone])))
    remove_orphans(session, photos)
    return len(gone), rows[-1].id if rows else None


def remove_orphans(session: Session, photo_ids: Collection[int]) -> None:
    """Remove those of the photos that no file has any more, at once: there is nothing to restore them from."""
    ids = list(photo_ids)
    for some in pieces(ids):
        without = ~exists().where(FolderFile.photo_id == Photo.id)
        orphans = update(Photo).where(Photo.id.in_(some), without)
        session.execute(orphans.values(deleted_at=PURGE_AT_ONCE), execution_options={"synchronize_session": False})


def count_missing(session: Session, folder_id: int) -> int:
    """How many files are missing."""
    return session.scalar(select(func.count()).select_from(FolderFile).where(*_missing(folder_id))) or 0


def is_waiting() -> ColumnElement[bool]:
    """Condition on `FolderFile`: it is to be read. Said as the index of these files says it, which SQLite then uses."""
    return FolderFile.state == literal_column("'waiting'")


def count_refused(session: Session, folder_id: int) -> int:
    """How many files cannot be photos, or could not be read."""
    return session.scalar(select(func.count()).select_from(FolderFile).where(*is_refused(folder_id))) or 0


def is_refused(folder_id: int) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Conditions on `FolderFile`: it is in the folder and was refused."""
    return FolderFile.folder_id == folder_id, FolderFile.state == literal_column("'refused'")


def count_waiting(session: Session, folder_id: int) -> int:
    """How many files are to be read."""
    waiting = (is_waiting(), FolderFile.missing_since.is_(None))
    counted = select(func.count()).select_from(FolderFile).where(FolderFile.folder_id == folder_id, *waiting)
    return session.scalar(counted) or 0


def count_present(session: Session, folder_id: int) -> int:
    """How many files there are, as far as is known."""
    present = (FolderFile.folder_id == folder_id, FolderFile.missing_since.is_(None))
    return session.scalar(select(func.count()).select_from(FolderFile).where(*present)) or 0


def _lost(session: Session, folder_id: int, since: datetime | None) -> int:
    """How many went, less those that a new file of the same size and time is likely to be.

    Args:
        since: only those that went at this moment; None means all that are missing.
    """
    shape = (FolderFile.size_bytes, FolderFile.mtime_ns)
    gone = select(*shape).where(*_missing(folder_id))
    if since is not None:
        gone = gone.where(FolderFile.missing_since == since)
    went = Counter(tuple(row) for row in session.execute(gone))
    if not went:
        return 0
    waiting = (is_waiting(), FolderFile.missing_since.is_(None))
    new = select(*shape).where(FolderFile.folder_id == folder_id, *waiting)
    came = Counter(tuple(row) for row in session.execute(new))
    return (went - came).total()


def _forget_unread(session: Session, folder_id: int) -> None:
    """Files that were never read, and are gone: nothing hangs on them."""
    unread = (FolderFile.state != FolderFileState.PHOTO, FolderFile.photo_id.is_(None))
    session.execute(delete(FolderFile).where(*_missing(folder_id), *unread))


def _missing(folder_id: int) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return FolderFile.folder_id == folder_id, FolderFile.missing_since.is_not(None)
