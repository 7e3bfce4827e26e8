"""A thread that scans and watches folders shown in place, beside the embed worker whose files it needs."""

from __future__ import annotations

import logging
from threading import Event, Thread

from celery import Celery

from mindreader.blobs import BlobStore
from mindreader.catalog import Catalog
from mindreader.folders.scanner import FolderScanner
from mindreader.settings import Settings
from mindreader_workers.client import wake_embedders
from mindreader_workers.cpu_priority import lower_cpu_priority

log = logging.getLogger(__name__)

_SECONDS_BETWEEN_STEPS = 1.0


class FolderScans:
    """Looks again and again whether something is to be done in a folder, and does it."""

    def __init__(
        self, celery: Celery, settings: Settings, catalog: Catalog, blobs: BlobStore, *, yields: bool = True
    ) -> None:
        """Start nothing yet.

        Args:
            yields: whether it keeps out of the way of people who search on the same processors.
        """
        self._stop, self._yields, self._nice = Event(), yields, settings.embed_nice
        self._scanner = FolderScanner(
            catalog, blobs, settings, lambda: wake_embedders(celery), is_stopping=self._stop.is_set
        )
        self._thread = Thread(target=self._run, name="folders", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after the files at hand; the folders are free for another scanner then."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        if self._yields:
            lower_cpu_priority(self._nice)
        while not self._stop.is_set():
            try:
                self._scanner.step()
            except Exception:
                # Without this thread no folder is scanned any more.
                log.exception("Folders could not be scanned; it is tried again")
            self._stop.wait(_SECONDS_BETWEEN_STEPS)
        try:
            self._scanner.close()
        except Exception:
            log.exception("The leases of folders run out by themselves")
