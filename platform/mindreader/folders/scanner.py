"""What a scanner does, again and again: whatever is due in any folder, one after the other."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from mindreader.blobs import BlobStore
from mindreader.catalog import Catalog, Folder, OfflineReason
from mindreader.catalog.models import now
from mindreader.errors import MindReaderError
from mindreader.folders.lease import give_leases_back, take_lease
from mindreader.folders.mounts import is_elsewhere
from mindreader.folders.registry import folders
from mindreader.folders.roots import absence_of
from mindreader.folders.scanning.missing import count_waiting
from mindreader.folders.scanning.scan import FolderScan, StoppingError
from mindreader.folders.watch import FolderWatch
from mindreader.settings import Settings

log = logging.getLogger(__name__)

_SLICE_SECONDS = 20.0
_SECONDS_BETWEEN_PROBES = 5.0
"""Between looks whether a folder is there."""
_SECONDS_BETWEEN_RARE_PROBES = 60.0
"""The same, of folders that nobody watches."""
_SECONDS_AFTER_TROUBLE = 30.0
_FEWEST_SECONDS_BETWEEN_POLLS = 5.0
_POLLS_TAKE = 10
"""A folder that is polled is looked through one part in so many of the time."""


@dataclass
class _Held:
    """What this scanner knows of a folder."""

    path: str
    leased_until: float = 0.0
    """By the monotonic clock."""
    watch: FolderWatch | None = None
    polls: bool = False
    is_caught_up: bool = False
    """A whole scan was made since it is watched."""
    reads: bool = True
    """Files may wait to be read."""
    scanned_at: float = 0.0
    scan_took: float = 0.0
    probed_at: float = 0.0
    identity: tuple[int, int] | None = None
    """Device and number of the folder itself."""
    not_before: float = 0.0


class FolderScanner:
    """Scans, reads, verifies and watches folders, each while it holds its lease.

    Args:
        on_new_photos: called after new photos are committed.
        is_stopping: whether to end after the file at hand.
    """

    def __init__(
        self,
        catalog: Catalog,
        blobs: BlobStore,
        settings: Settings,
        on_new_photos: Callable[[], None] = lambda: None,
        is_stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self._catalog, self._blobs, self._settings = catalog, blobs, settings
        self._on_new_photos, self._is_stopping = on_new_photos, is_stopping
        self._owner = uuid.uuid4().hex
        self._held: dict[int, _Held] = {}

    def step(self) -> None:
        """Do what is due: of every folder one piece of work, a slice of it where it is long."""
        with self._catalog.snapshot() as session:
            living = folders(session)
        for gone in self._held.keys() - {folder.id for folder in living}:
            self._let_go(gone)
        for folder in living:
            held = self._held_of(folder)
            if time.monotonic() < held.not_before or self._is_stopping():
                continue
            try:
                self._see_to(folder, held)
            except StoppingError:
                return
            except (MindReaderError, OSError) as error:
                log.warning("folder %s: %s", folder.path, error)
                held.not_before = time.monotonic() + _SECONDS_AFTER_TROUBLE
            except Exception:
                log.exception("folder %s cannot be scanned; it is tried again", folder.path)
                held.not_before = time.monotonic() + _SECONDS_AFTER_TROUBLE

    def close(self) -> None:
        """Stop watching, and let another scanner have the folders."""
        for folder_id in list(self._held):
            self._let_go(folder_id)
        give_leases_back(self._catalog, self._owner)

    def _see_to(self, folder: Folder, held: _Held) -> None:
        if not folder.watch:
            self._unwatch(held)
        work = self._due(folder, held)
        if work is None and not folder.watch:
            return
        if not self._lease(folder, held):
            self._unwatch(held)
            return
        if work is not None:
            work()
            held.probed_at = time.monotonic()
        if folder.watch and not self._is_away(folder):
            self._watch(folder, held)

    def _due(self, folder: Folder, held: _Held) -> Callable[[], None] | None:
        """The work that is due first."""
        if self._is_away(folder):
            return self._whole(folder, held) if self._is_asked_for(folder) or self._is_back(folder, held) else None
        if self._is_asked_for(folder) or self._is_overdue(folder) or (folder.watch and not held.is_caught_up):
            return self._whole(folder, held)
        if held.watch is not None and (changed := held.watch.take()):
            return lambda: self._look_again(folder, held, changed)
        if folder.watch and held.polls and time.monotonic() - held.scanned_at > self._seconds_between_polls(held):
            return self._whole(folder, held)
        if held.reads and self._has_waiting(folder):
            return lambda: self._read(folder, held)
        if folder.verify_requested_at is not None:
            return lambda: self._verify(folder, held)
        return self._whole(folder, held) if self._is_replaced(folder, held) else None

    def _is_asked_for(self, folder: Folder) -> bool:
        return folder.scan_requested_at is not None

    def _is_overdue(self, folder: Folder) -> bool:
        hours = self._settings.folder_scan_hours
        return folder.scanned_at is None or (hours > 0 and folder.scanned_at < now() - timedelta(hours=hours))

    def _is_away(self, folder: Folder) -> bool:
        return folder.offline_reason not in (None, OfflineReason.LOST)

    def _is_back(self, folder: Folder, held: _Held) -> bool:
        """Whether a folder that was away is there again, looked at now and then."""
        if time.monotonic() - held.probed_at < _SECONDS_BETWEEN_PROBES:
            return False
        held.probed_at = time.monotonic()
        return absence_of(Path(folder.path), self._settings, had_files=True) is None

    def _is_replaced(self, folder: Folder, held: _Held) -> bool:
        """Whether the folder is away, or another one of its name is there, as after a disk was connected again."""
        seconds = _SECONDS_BETWEEN_PROBES if folder.watch else _SECONDS_BETWEEN_RARE_PROBES
        if time.monotonic() - held.probed_at < seconds:
            return False
        held.probed_at = time.monotonic()
        try:
            status = Path(folder.path).stat()
        except OSError:
            return True
        before, held.identity = held.identity, (status.st_dev, status.st_ino)
        if before is not None and before != held.identity:
            self._unwatch(held)
            return True
        return absence_of(Path(folder.path), self._settings, had_files=True) is not None

    def _has_waiting(self, folder: Folder) -> bool:
        with self._catalog.snapshot() as session:
            return count_waiting(session, folder.id) > 0

    def _whole(self, folder: Folder, held: _Held) -> Callable[[], None]:
        def work() -> None:
            began = time.monotonic()
            scan = self._scan(folder)
            catches_up = held.watch is not None and not held.is_caught_up and not self._is_asked_for(folder)
            held.reads = scan.whole(adds=catches_up)
            held.scanned_at, held.scan_took = time.monotonic(), scan.report.seconds
            log.info("folder %s was scanned in %.1f s", folder.path, held.scanned_at - began)
            if self._is_away(scan.folder):
                self._unwatch(held)  # what was there is not what will be
            elif folder.watch:
                # What changed between the walk and the first word of the system is seen by a second walk.
                held.is_caught_up = self._rewatch(folder, held, scan.directories) is False

        return work

    def _look_again(self, folder: Folder, held: _Held, changed: set[bytes]) -> None:
        scan = self._scan(folder)
        held.reads = scan.some(changed) or held.reads
        watch = held.watch
        if watch is not None and (watch.is_stale or scan.directories - watch.directories):
            self._rewatch(folder, held, watch.directories | scan.directories)
            scan = self._scan(folder)
            held.reads = scan.some(scan.directories | changed) or held.reads

    def _read(self, folder: Folder, held: _Held) -> None:
        held.reads = self._scan(folder).waiting()

    def _verify(self, folder: Folder, held: _Held) -> None:
        held.reads = self._scan(folder).verify()

    def _scan(self, folder: Folder) -> FolderScan:
        return FolderScan(
            self._catalog,
            self._blobs,
            self._settings,
            folder,
            self._owner,
            self._is_stopping,
            self._on_new_photos,
            _SLICE_SECONDS,
        )

    def _watch(self, folder: Folder, held: _Held) -> None:
        if held.watch is not None and held.watch.has_failed:
            self._unwatch(held)
            held.polls = held.is_caught_up = True

    def _rewatch(self, folder: Folder, held: _Held, directories: set[bytes] | frozenset[bytes]) -> bool:
        """Watch these sub-folders, the new watch beginning before the old one ends; returns whether it is a new one."""
        old = held.watch
        if held.polls or (old is not None and old.directories == directories and not old.is_stale):
            return False
        if is_elsewhere(Path(folder.path)):
            log.info("folder %s lies on a disk that tells of no changes: it is looked through regularly", folder.path)
            held.polls = True
            return False
        fresh = FolderWatch(Path(folder.path), directories)
        is_told = fresh.start()
        if old is not None:
            old.stop()
            fresh.note(old.take())
        held.watch = fresh
        return is_told

    def _seconds_between_polls(self, held: _Held) -> float:
        return max(_FEWEST_SECONDS_BETWEEN_POLLS, _POLLS_TAKE * held.scan_took)

    def _lease(self, folder: Folder, held: _Held) -> bool:
        """Take the lease, or keep it; the catalog is asked when half of it is over."""
        seconds = self._settings.lease_seconds
        moment = time.monotonic()
        if moment < held.leased_until - seconds / 2:
            return True
        is_ours = take_lease(self._catalog, folder.id, self._owner, seconds)
        held.leased_until = moment + seconds if is_ours else 0.0
        return is_ours

    def _held_of(self, folder: Folder) -> _Held:
        held = self._held.get(folder.id)
        if held is not None and held.path != folder.path:
            self._let_go(folder.id)
            held = None
        return self._held.setdefault(folder.id, held or _Held(folder.path))

    def _let_go(self, folder_id: int) -> None:
        self._unwatch(self._held.pop(folder_id))

    def _unwatch(self, held: _Held) -> None:
        if held.watch is not None:
            held.watch.stop()
        held.watch, held.is_caught_up = None, False
