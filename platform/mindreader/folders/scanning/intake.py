"""Read the files of a folder that wait for it: each becomes a photo, is known already, or is refused with a reason.

The bytes are hashed once and decoded once, and stay where they are; the blob store gets the thumbnail.
"""

from __future__ import annotations

import logging
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import exists, select, tuple_
from sqlalchemy.orm import Session

from mindreader.blobs import BlobStore, sha256_of
from mindreader.catalog import Catalog, Folder, FolderFile, FolderFileState
from mindreader.catalog.models import now
from mindreader.errors import MindReaderError, PhotoRejectedError, Sentence
from mindreader.folders.scanning.missing import is_waiting
from mindreader.folders.scanning.outcomes import Gone, Known, Later, Read, Refused, write_outcome
from mindreader.folders.scanning.reports import ScanReport
from mindreader.folders.scanning.sidecars import beside
from mindreader.folders.scanning.walk import LEADS_OUT, Problem
from mindreader.imaging import decode_processes
from mindreader.library.categories import category_of_folder
from mindreader.library.files.upload import check_size, checked_file, hold_collection, put_thumbnail
from mindreader.originals import lies_below, path_of
from mindreader.settings import Settings
from mindreader.text import repaired

log = logging.getLogger(__name__)

REST_SECONDS = 2.0
"""A file is read once nobody has written to it for so long."""
_BATCH = 16
_NO_FILE = Sentence("This is no plain file.")


@dataclass
class Intake:
    """Reads the waiting files of one folder, in the order of its sub-folders."""

    catalog: Catalog
    blobs: BlobStore
    settings: Settings
    folder: Folder
    report: ScanReport

    def work(self, after_batch: Callable[[int, bool], bool]) -> bool:
        """Read what waits and is at rest; returns whether some is left.

        Args:
            after_batch: told how many files were done, and whether there are new photos; returns whether to go on.

        Raises:
            OSError: the blob store cannot take thumbnails.
            NotFoundError: the collection has been deleted.
        """
        restless = False
        # Half of the decoders: the other half is left to uploads.
        with ThreadPoolExecutor(max(1, decode_processes(self.settings) // 2)) as pool:
            for rows in self._batches():
                outcomes = list(zip(rows, pool.map(self._read, rows), strict=True))
                created = self._write(outcomes)
                restless = restless or any(isinstance(outcome, Later) for _, outcome in outcomes)
                done = sum(not isinstance(outcome, Later) for _, outcome in outcomes)
                if not after_batch(done, created):
                    return True
        return restless

    def _batches(self) -> Iterator[Sequence[FolderFile]]:
        place = tuple_(FolderFile.directory, FolderFile.name)
        waiting = (
            FolderFile.folder_id == self.folder.id,
            is_waiting(),
            FolderFile.missing_since.is_(None),
        )
        wanted = select(FolderFile).where(*waiting).order_by(FolderFile.directory, FolderFile.name).limit(_BATCH)
        last: tuple[bytes, bytes] | None = None
        while True:
            with self.catalog.snapshot() as session:
                rows = session.scalars(wanted if last is None else wanted.where(place > tuple_(*last))).all()
            if not rows:
                return
            yield rows
            last = rows[-1].directory, rows[-1].name

    def _read(self, row: FolderFile) -> Read:
        """What a file is; whatever is wrong with it is an outcome, so that the others go on."""
        path = path_of(self.folder.path, row.directory, row.name)
        try:
            return self._looked_at(row, path)
        except PhotoRejectedError as error:
            return Refused(error.detail)
        except MindReaderError as error:
            return Refused(error.detail, may_pass=True)
        except FileNotFoundError:
            return Gone()
        except OSError as error:
            reason = Sentence("This file cannot be read ({reason}).", reason=error.strerror or str(error))
            return Refused(reason, may_pass=True)

    def _looked_at(self, row: FolderFile, path: Path) -> Read:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            return Refused(_NO_FILE)
        if not lies_below(path, self.settings.allowed_folders):
            return Refused(LEADS_OUT)
        if not _is_at_rest(row, status.st_size, status.st_mtime_ns, max(status.st_mtime, status.st_ctime)):
            return Later(status.st_size, status.st_mtime_ns)
        check_size(status.st_size, self.settings)
        sha256 = sha256_of(path)
        is_known = sha256 == row.sha256 or self._is_known(sha256)
        read = Known(sha256) if is_known else self._decoded(row, path, sha256)
        after = path.stat()
        if (after.st_size, after.st_mtime_ns) != (status.st_size, status.st_mtime_ns):
            return Later(after.st_size, after.st_mtime_ns)  # somebody wrote to it meanwhile
        return read

    def _decoded(self, row: FolderFile, path: Path, sha256: str) -> Read:
        category = self._category(row)
        said = beside(path, row.mtime_ns, path.parent.stat().st_mtime_ns)
        name = repaired(path.name)
        checked = checked_file(self.settings, self.folder.collection_id, name, path, sha256, category, said)
        return Known(sha256, checked)

    def _is_known(self, sha256: str) -> bool:
        """Whether the folder has, or had, a file with these bytes whose photo stays what it is."""
        known = exists().where(FolderFile.folder_id == self.folder.id, FolderFile.sha256 == sha256)
        is_read = FolderFile.state == FolderFileState.PHOTO
        with self.catalog.snapshot() as session:
            return session.scalar(select(known.where(is_read))) or False

    def _category(self, row: FolderFile) -> str | None:
        if not self.folder.categories_from_folders:
            return None
        path = path_of(self.folder.path, row.directory, row.name)
        return category_of_folder(repaired(path.parent.name))

    def _write(self, outcomes: Sequence[tuple[FolderFile, Read]]) -> bool:
        """Write a batch; returns whether there are new photos."""
        for _, outcome in outcomes:
            if isinstance(outcome, Known) and outcome.checked is not None:
                put_thumbnail(self.blobs, self.settings, outcome.checked)
        created = 0
        with self.catalog.transaction() as session:
            hold_collection(session, self.folder.collection_id)
            for row, outcome in sorted(outcomes, key=lambda each: getattr(each[1], "sha256", "")):
                created += self._write_one(session, row, outcome)
        self.report.photos += created
        return created > 0

    def _write_one(self, session: Session, row: FolderFile, outcome: Read) -> int:
        ours = session.get(FolderFile, row.id)
        if ours is None or ours.state != FolderFileState.WAITING:
            return 0  # forgotten meanwhile
        if isinstance(outcome, Refused):
            self.report.refused += 1
            self.report.note(Problem(_path(row), outcome.reason))
        written = write_outcome(session, self.folder, ours, outcome)
        self.report.moved += written.moved
        if written.is_new and isinstance(outcome, Known) and outcome.checked is not None:
            # A purge may have removed it since it was put there; the lock on its bytes keeps others away from now on.
            put_thumbnail(self.blobs, self.settings, outcome.checked)
        return int(written.is_new)


def _path(row: FolderFile) -> bytes:
    return row.directory + b"/" + row.name if row.directory else row.name


def _is_at_rest(row: FolderFile, size: int, mtime_ns: int, touched: float) -> bool:
    """Whether the file is the one that was seen, and nobody has written to it for a while, by either clock."""
    if (size, mtime_ns) != (row.size_bytes, row.mtime_ns):
        return False
    by_its_disk = time.time() - touched
    by_ours = (now() - row.found_at).total_seconds()
    return by_its_disk >= REST_SECONDS or by_ours >= REST_SECONDS
