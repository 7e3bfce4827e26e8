"""Compare what a walk sees with the files the catalog knows, sub-folder by sub-folder, and note what differs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from sqlalchemy import delete, insert, select, update

from mindreader.catalog import Catalog, FolderFile, FolderFileState
from mindreader.catalog.models import now
from mindreader.folders.patterns import Patterns
from mindreader.folders.scanning.reports import ScanReport
from mindreader.folders.scanning.walk import FileStatus, WalkedDirectory

UNREAD_SIZE = -1
"""Stored in place of the size of a file that could not be read: the next scan takes it for changed, and tries again."""
AT_ONCE = 500


class Gone(NamedTuple):
    """A file of the catalog that a walk did not see."""

    id: int
    was_missing: bool
    """Also when it was last looked for."""


class _Known(NamedTuple):
    id: int
    name: bytes
    size_bytes: int
    mtime_ns: int
    is_missing: bool
    photo_id: int | None


class Differences:
    """Notes new, changed and returned files in the catalog as a walk goes on; collects those that it does not see."""

    def __init__(self, catalog: Catalog, folder_id: int, patterns: Patterns, report: ScanReport) -> None:
        self._catalog, self._folder_id, self._patterns, self._report = catalog, folder_id, patterns, report
        self._new: list[dict[str, Any]] = []
        self._changed: list[dict[str, Any]] = []
        self._back: list[int] = []
        self._left_out: list[int] = []
        self._walked: set[bytes] = set()
        self._unreadable: list[bytes] = []
        self.gone: list[Gone] = []
        self.has_any = False
        """Whether anything differed."""
        self.left_out_photos: set[int] = set()
        """Photos of files that a pattern leaves out by now; the files are forgotten."""

    def compare(self, walked: WalkedDirectory) -> None:
        """Take up what one sub-folder holds."""
        self._walked.add(walked.path)
        for problem in walked.problems:
            self._report.note(problem)
        if not walked.is_readable:
            self._unreadable.append(walked.path)
            return
        known = self._known(walked.path)
        self._report.files += len(walked.files)
        for name, status in walked.files.items():
            self._one(walked.path, name, status, known.pop(name, None))
        for row in known.values():
            if row.name not in walked.unsure:
                self._lacks(walked.path, row)
        if len(self._new) + len(self._changed) + len(self._back) >= AT_ONCE:
            self.write()

    def compare_rest(self) -> None:
        """Take up the sub-folders of the catalog that a whole walk did not come by."""
        for directory in self._directories():
            if directory not in self._walked and not self._is_below_unreadable(directory):
                for row in self._known(directory).values():
                    self._lacks(directory, row)
        self.write()

    def compare_below(self, directory: bytes) -> None:
        """The same for what lay below one sub-folder that is gone."""
        for each in self._directories():
            is_below = each == directory or each.startswith(directory + b"/") or not directory
            if is_below and each not in self._walked and not self._is_below_unreadable(each):
                for row in self._known(each).values():
                    self._lacks(each, row)
        self.write()

    def write(self) -> None:
        """Write down what was noted."""
        with self._catalog.transaction() as session:
            if self._new:
                session.execute(insert(FolderFile), self._new)
            if self._changed:
                session.execute(update(FolderFile), self._changed)
            for some in pieces(self._back):
                session.execute(update(FolderFile).where(FolderFile.id.in_(some)).values(missing_since=None))
            for some in pieces(self._left_out):
                session.execute(delete(FolderFile).where(FolderFile.id.in_(some)))
        self._new, self._changed, self._back, self._left_out = [], [], [], []

    def _one(self, directory: bytes, name: bytes, status: FileStatus, known: _Known | None) -> None:
        if known is None:
            self._report.new += 1
            self._new.append(
                {
                    "folder_id": self._folder_id,
                    "directory": directory,
                    "name": name,
                    "state": FolderFileState.WAITING,
                    "found_at": now(),
                    **status._asdict(),
                }
            )
        elif (known.size_bytes, known.mtime_ns) != status:
            self.has_any = True
            self._report.changed += 1
            waiting = {"state": FolderFileState.WAITING, "found_at": now(), "missing_since": None}
            self._changed.append({"id": known.id, **waiting, **status._asdict()})
        elif known.is_missing:
            self.has_any = True
            self._report.back += 1
            self._back.append(known.id)

    def _lacks(self, directory: bytes, row: _Known) -> None:
        self.has_any = self.has_any or not row.is_missing
        if self._patterns.leaves_out(directory, row.name):
            self._leave_out(row)
        else:
            self.gone.append(Gone(row.id, row.is_missing))

    def _leave_out(self, row: _Known) -> None:
        self._left_out.append(row.id)
        if row.photo_id is not None:
            self.left_out_photos.add(row.photo_id)

    def _known(self, directory: bytes) -> dict[bytes, _Known]:
        columns = (
            FolderFile.id,
            FolderFile.name,
            FolderFile.size_bytes,
            FolderFile.mtime_ns,
            FolderFile.missing_since.is_not(None),
            FolderFile.photo_id,
        )
        here = (FolderFile.folder_id == self._folder_id, FolderFile.directory == directory)
        with self._catalog.snapshot() as session:
            rows = session.execute(select(*columns).where(*here)).all()
        return {row[1]: _Known(*row) for row in rows}

    def _directories(self) -> list[bytes]:
        with self._catalog.snapshot() as session:
            known = select(FolderFile.directory).where(FolderFile.folder_id == self._folder_id).distinct()
            return list(session.scalars(known))

    def _is_below_unreadable(self, directory: bytes) -> bool:
        return any(directory == each or directory.startswith(each + b"/") or not each for each in self._unreadable)


def pieces(ids: list[int]) -> Iterator[list[int]]:
    """Ids, as many at once as every database takes in one question."""
    return (ids[start : start + AT_ONCE] for start in range(0, len(ids), AT_ONCE))
