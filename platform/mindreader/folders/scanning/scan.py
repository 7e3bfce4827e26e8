"""Scan a folder: walk through it, note what differs, decide what is missing, read what waits.

Every step is written down as it is done. A scan that is killed is simply done again: what was read is not read anew.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sqlalchemy import update

from mindreader.blobs import BlobStore
from mindreader.catalog import Catalog, Folder, OfflineReason
from mindreader.catalog.models import now
from mindreader.folders.lease import keep_lease
from mindreader.folders.patterns import Patterns
from mindreader.folders.roots import absence_of
from mindreader.folders.scanning import missing
from mindreader.folders.scanning.differences import Differences
from mindreader.folders.scanning.intake import Intake
from mindreader.folders.scanning.reports import Progress, ScanReport
from mindreader.folders.scanning.verify import verify_files
from mindreader.folders.scanning.walk import Walk
from mindreader.settings import Settings

log = logging.getLogger(__name__)

_SECONDS_BETWEEN_WORDS = 1.0


class StoppingError(Exception):
    """The scanner's process ends; the next one goes on."""


@dataclass
class FolderScan:
    """A piece of work on one folder, by the scanner that holds its lease.

    Every method raises `LeaseLostError` where another scanner has taken over, `StoppingError` where this one is to end,
    `NotFoundError` where the collection is deleted, and `OSError` where the blob store fails.
    """

    catalog: Catalog
    blobs: BlobStore
    settings: Settings
    folder: Folder
    owner: str
    is_stopping: Callable[[], bool] = lambda: False
    on_new_photos: Callable[[], None] = lambda: None
    slice_seconds: float = math.inf
    """After so long reading is left to the next time, so that other folders have their turn."""
    report: ScanReport = field(default_factory=ScanReport)
    directories: set[bytes] = field(default_factory=set)
    """Sub-folders that were looked into."""
    _spoke_at: float = 0.0
    _spoke_of: str = ""
    _leased_at: float = 0.0

    def whole(self, *, adds: bool = False) -> bool:
        """Scan everything; returns whether files are left to read: they were not at rest, or the time was over.

        Args:
            adds: what it sees belongs to the report of the scan before.

        Raises: see the class.
        """
        began, asked = time.monotonic(), now()
        if self._is_absent():
            self._forget_request(asked)
            return False
        walk = Walk(self._root, self._patterns, self.settings.allowed_folders)
        differences, before = self._differences()
        progress = Progress("looking", total=before)
        for walked in walk.all():
            differences.compare(walked)
            self.directories.add(walked.path)
            progress.done = self.report.files
            self._go_on(progress)
        differences.write()
        differences.compare_rest()
        restless = self._settle(differences, before, marks=True) and self._read()
        if adds:
            self._add_to_report(restless)
        else:
            self._finish(began, asked, restless)
        return restless

    def some(self, directories: Collection[bytes]) -> bool:
        """Look at some sub-folders again, and below them; returns as `whole`.

        Raises: see the class.
        """
        if self._is_absent():
            return False
        walk = Walk(self._root, self._patterns, self.settings.allowed_folders)
        differences, before = self._differences()
        for path in sorted(directories):
            if path and self._patterns.leaves_out_folder(path):
                continue
            for walked in walk.below(path):
                differences.compare(walked)
                self.directories.add(walked.path)
                self._go_on(None)
            differences.write()
            differences.compare_below(path)
        more = self._settle(differences, before, marks=differences.has_any) and self._read()
        self._add_to_report(more)
        return more

    def waiting(self) -> bool:
        """Read what waits; returns as `whole`.

        Raises: see the class.
        """
        more = not self._is_absent() and self._read()
        self._add_to_report(more)
        return more

    def verify(self) -> bool:
        """Read every file's bytes and compare; returns as `whole`.

        Raises: see the class.
        """
        began, asked = time.monotonic(), now()
        restless = False
        if not self._is_absent():
            progress = Progress("verifying")
            progress.after_id = self._verified_so_far()
            self.report.files = verify_files(self.catalog, self.folder, self.report, progress, self._go_on)
            restless = self._read()
        with self.catalog.transaction() as session:
            done = Folder.verify_requested_at <= asked
            session.execute(update(Folder).where(Folder.id == self.folder.id, done).values(verify_requested_at=None))
        self._finish(began, None, restless)
        return restless

    @property
    def _root(self) -> Path:
        return Path(self.folder.path)

    @property
    def _patterns(self) -> Patterns:
        return Patterns(self.folder.excludes, self.settings.skip_folders)

    def _differences(self) -> tuple[Differences, int]:
        with self.catalog.snapshot() as session:
            before = missing.count_present(session, self.folder.id)
        return Differences(self.catalog, self.folder.id, self._patterns, self.report), before

    def _is_absent(self) -> bool:
        """Whether the folder is away; then it and its photos are marked so, and nothing else is done to them."""
        with self.catalog.snapshot() as session:
            had_files = missing.count_present(session, self.folder.id) > 0
        reason = absence_of(self._root, self.settings, had_files=had_files)
        if reason is None and self.folder.offline_reason in (None, OfflineReason.LOST):
            return False
        self._set_offline(reason)
        return reason is not None

    def _set_offline(self, reason: OfflineReason | None) -> None:
        if reason is not None and self.folder.offline_reason != reason:
            log.warning("folder %s is away: %s", self.folder.path, reason)
        with self.catalog.transaction() as session:
            missing.set_offline(session, self.folder, reason)

    def _settle(self, differences: Differences, before: int, *, marks: bool) -> bool:
        """Decide what is missing, unless the folder went away in the meantime; returns whether it is there."""
        if self._is_absent():
            return False
        with self.catalog.transaction() as session:
            missing.remove_orphans(session, differences.left_out_photos)
            self.report.moved += missing.note_missing(session, self.folder, differences.gone, before)
            if marks:
                missing.mark_away(session, self.folder)
        if self.folder.offline_reason == OfflineReason.LOST:
            log.warning("folder %s is away: more than a tenth of its files went at once", self.folder.path)
        elif self.settings.folder_forget_days:
            self._forget()
        return True

    def _forget(self) -> None:
        after: int | None = 0
        while after is not None:
            with self.catalog.transaction() as session:
                days = self.settings.folder_forget_days
                some, after = missing.forget_missing(session, self.folder, days, after)
            self.report.forgotten += some

    def _read(self) -> bool:
        with self.catalog.snapshot() as session:
            waiting = missing.count_waiting(session, self.folder.id)
        if not waiting:
            return False
        progress = self._reading_so_far(waiting)
        stop_at = time.monotonic() + self.slice_seconds

        def after_batch(files: int, created: bool) -> bool:
            progress.done += files
            if created:
                self.on_new_photos()
            self._go_on(progress)
            return time.monotonic() < stop_at

        restless = Intake(self.catalog, self.blobs, self.settings, self.folder, self.report).work(after_batch)
        with self.catalog.transaction() as session:
            missing.mark_away(session, self.folder)
        return restless

    def _reading_so_far(self, waiting: int) -> Progress:
        """It is one work, in however many slices."""
        left = self.folder.progress or {}
        if left.get("phase") != "reading":
            return Progress("reading", total=waiting)
        done = int(left["done"])
        return Progress("reading", done, done + waiting, float(left["began_at"]))

    def _verified_so_far(self) -> int:
        left = self.folder.progress or {}
        return int(left.get("after_id", 0)) if left.get("phase") == "verifying" else 0

    def _go_on(self, progress: Progress | None) -> None:
        """Keep the lease and say how far the work is, now and then; and see whether it is to go on."""
        if self.is_stopping():
            raise StoppingError
        moment = time.monotonic()
        if moment - self._leased_at > self.settings.lease_seconds / 4:
            keep_lease(self.catalog, self.folder.id, self.owner, self.settings.lease_seconds)
            self._leased_at = moment
        if progress is not None and (
            moment - self._spoke_at > _SECONDS_BETWEEN_WORDS or progress.phase != self._spoke_of
        ):
            self._spoke_of = progress.phase
            with self.catalog.transaction() as session:
                session.execute(update(Folder).where(Folder.id == self.folder.id).values(progress=progress.as_json()))
            self._spoke_at = moment

    def _add_to_report(self, more: bool) -> None:
        """What was read after a scan belongs to it."""
        with self.catalog.transaction() as session:
            folder = session.get_one(Folder, self.folder.id)
            self.report.missing = missing.count_missing(session, self.folder.id)
            folder.last_scan = self.report.added_to(folder.last_scan)
            if not more:
                folder.progress = None

    def _forget_request(self, asked: datetime) -> None:
        """There is nothing to scan; what the last scan saw stays what is known."""
        with self.catalog.transaction() as session:
            mine = update(Folder).where(Folder.id == self.folder.id)
            session.execute(mine.values(progress=None))
            session.execute(mine.where(Folder.scan_requested_at <= asked).values(scan_requested_at=None))

    def _finish(self, began: float, asked: datetime | None, more: bool) -> None:
        self.report.seconds = time.monotonic() - began
        with self.catalog.transaction() as session:
            self.report.missing = missing.count_missing(session, self.folder.id)
            mine = update(Folder).where(Folder.id == self.folder.id)
            session.execute(mine.values(last_scan=self.report.as_json(), scanned_at=now()))
            if not more:
                session.execute(mine.values(progress=None))
            if asked is not None:
                session.execute(mine.where(Folder.scan_requested_at <= asked).values(scan_requested_at=None))
