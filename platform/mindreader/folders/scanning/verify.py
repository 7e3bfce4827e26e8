"""Read every file of a folder and compare its bytes: what no size and no time tells is found here."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import func, select, update

from mindreader.blobs import sha256_of
from mindreader.catalog import Catalog, Folder, FolderFile, FolderFileState
from mindreader.catalog.models import now
from mindreader.errors import Sentence
from mindreader.folders.scanning.reports import Progress, ScanReport
from mindreader.folders.scanning.walk import Problem
from mindreader.originals import path_of

_AT_ONCE = 32


def verify_files(
    catalog: Catalog,
    folder: Folder,
    report: ScanReport,
    progress: Progress,
    go_on: Callable[[Progress], None],
) -> int:
    """Have every file that holds other bytes than were read be read anew; returns how many were compared.

    A file whose size or time differs is left to a scan.

    Args:
        progress: goes on after its `after_id`.
        go_on: told of it after each file; what it raises ends the work.
    """
    there = (
        FolderFile.folder_id == folder.id,
        FolderFile.state == FolderFileState.PHOTO,
        FolderFile.missing_since.is_(None),
    )
    with catalog.snapshot() as session:
        counted = select(func.count()).select_from(FolderFile)
        progress.total = session.scalar(counted.where(*there)) or 0
        progress.done = session.scalar(counted.where(*there, FolderFile.id <= progress.after_id)) or 0
    while True:
        wanted = select(FolderFile).where(*there, FolderFile.id > progress.after_id)
        with catalog.snapshot() as session:
            rows = session.scalars(wanted.order_by(FolderFile.id).limit(_AT_ONCE)).all()
        if not rows:
            return progress.done
        _read_again(catalog, [row for row in rows if _differs(folder, row, report)], report)
        progress.done += len(rows)
        progress.after_id = rows[-1].id
        go_on(progress)


def _differs(folder: Folder, row: FolderFile, report: ScanReport) -> bool:
    path = path_of(folder.path, row.directory, row.name)
    try:
        status = path.stat()
        if (status.st_size, status.st_mtime_ns) != (row.size_bytes, row.mtime_ns):
            return False
        return sha256_of(path) != row.sha256
    except FileNotFoundError:
        return False  # a scan sees that it is gone
    except OSError as error:
        name = row.directory + b"/" + row.name if row.directory else row.name
        reason = Sentence("This file cannot be read ({reason}).", reason=error.strerror or str(error))
        report.note(Problem(name, reason))
        return False


def _read_again(catalog: Catalog, rows: Sequence[FolderFile], report: ScanReport) -> None:
    if not rows:
        return
    report.changed += len(rows)
    with catalog.transaction() as session:
        changed = update(FolderFile).where(FolderFile.id.in_([row.id for row in rows]))
        session.execute(changed.values(state=FolderFileState.WAITING, found_at=now()))
