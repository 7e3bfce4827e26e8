"""The workers as threads of the server process: one controller for each queue, on the in-memory transport."""

from __future__ import annotations

import logging
import time
from threading import Event, Lock, Thread

from celery import Celery
from celery.worker import WorkController

from mindreader.blobs import BlobStore
from mindreader.catalog import Catalog
from mindreader.embedding.queue import expire_all_leases
from mindreader.folders.lease import expire_folder_leases
from mindreader.learning.trainings import expire_training_leases
from mindreader.operations.worker_status import forget_workers
from mindreader.photo_index import PhotoIndexes
from mindreader.settings import Settings
from mindreader_workers.beat import Beat
from mindreader_workers.celery_app import EMBED_QUEUE, LEARN_QUEUE, SEARCH_QUEUE, make_celery
from mindreader_workers.cpu_priority import lower_cpu_priority
from mindreader_workers.folder_scans import FolderScans
from mindreader_workers.memory_transport import wake_consumers
from mindreader_workers.tasks import add_tasks
from mindreader_workers.worker import Worker

log = logging.getLogger(__name__)

_QUEUES = (SEARCH_QUEUE, EMBED_QUEUE, LEARN_QUEUE)
_SEARCHES_AT_ONCE = 4
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 60.0
"""Seconds before a consumer that ended is started again; twice as many each time it ends soon."""


class EmbeddedWorkers:
    """A whole MindReader in one process; a search never waits behind a batch of photos."""

    def __init__(self, celery: Celery, settings: Settings, catalog: Catalog, blobs: BlobStore) -> None:
        self._worker = Worker(settings, catalog, blobs, PhotoIndexes(settings))
        # Several take searches: those that come at the same time go through the networks together.
        queues = [SEARCH_QUEUE] * _SEARCHES_AT_ONCE + [EMBED_QUEUE, LEARN_QUEUE]
        self._consumers = [Consumer(self._worker, queue, number) for number, queue in enumerate(queues)]
        self._beat = Beat(celery, _QUEUES)
        self._folders = FolderScans(celery, settings, catalog, blobs, yields=self._worker.engine.device == "cpu")

    def start(self) -> None:
        """Load the networks, then take up work; photos a killed process had leased are taken over at once."""
        expire_all_leases(self._worker.catalog)
        expire_folder_leases(self._worker.catalog)
        expire_training_leases(self._worker.catalog)
        forget_workers(self._worker.catalog)
        self._worker.searcher.warm_up()
        for consumer in self._consumers:
            consumer.start()
        self._beat.start()
        self._folders.start()

    def stop(self) -> None:
        """End embedding after the batch at hand, let other tasks finish, then close the photo indexes.

        A program that learns keeps what it has learned.
        """
        self._worker.stopping.set()
        self._beat.stop()
        self._folders.stop()
        for consumer in self._consumers:
            consumer.stop()
        for consumer in self._consumers:
            consumer.join(timeout=60)
        self._worker.stop_learning()
        self._worker.indexes.close()


class Consumer:
    """A thread that takes the tasks of a queue until it is stopped: when its controller ends, for whatever reason,
    another one takes its place.
    """

    def __init__(self, worker: Worker, queue: str, number: int) -> None:
        self._worker, self._queue, self._number = worker, queue, number
        self._yields = queue == LEARN_QUEUE or (queue == EMBED_QUEUE and worker.engine.device == "cpu")
        self._stopping, self._swap = Event(), Lock()
        self._controller = _controller(worker, queue, number)
        self._thread = Thread(target=self._run, name=f"{queue}{number}", daemon=True)

    def start(self) -> None:
        """Take up work."""
        self._thread.start()

    def stop(self) -> None:
        """Let the task at hand be finished, and take no other."""
        with self._swap:
            self._stopping.set()
        self._controller.stop()
        wake_consumers()

    def join(self, timeout: float) -> None:
        """Wait for the task at hand."""
        stop_at = time.monotonic() + timeout
        while self._thread.is_alive() and time.monotonic() < stop_at:
            self._thread.join(1.0)
            self._controller.stop()  # one that had only just been made may have begun after the first time
            wake_consumers()

    def _run(self) -> None:
        if self._yields:
            lower_cpu_priority(self._worker.settings.embed_nice)
        pause = _FIRST_PAUSE
        while not self._stopping.is_set():
            began = time.monotonic()
            self._consume()
            if self._stopping.is_set():
                return
            pause = _FIRST_PAUSE if time.monotonic() - began > _LONGEST_PAUSE else pause
            log.error("Consumer %s%d ended; it is started again in %g s", self._queue, self._number, pause)
            self._stopping.wait(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
            with self._swap:
                if not self._stopping.is_set():
                    self._controller = _controller(self._worker, self._queue, self._number)

    def _consume(self) -> None:
        """Until the controller ends. What ends a process elsewhere ends one consumer here, which is started again."""
        # Celery finds a task through the current app, which is a matter of the thread.
        self._controller.app.set_current()
        try:
            self._controller.start()
        except BaseException:
            log.exception("Consumer %s%d failed", self._queue, self._number)


def _controller(worker: Worker, queue: str, number: int) -> WorkController:
    # An app for each controller: the queues to consume are a property of the app. The in-memory transport
    # and results are shared by all apps of the process.
    celery = make_celery(worker.settings)
    add_tasks(celery, worker)
    return WorkController(
        app=celery,
        hostname=f"{queue}{number}@embedded",
        pool="solo",
        concurrency=1,
        queues=[queue],
        # No peers, no network: nothing to gossip about.
        without_mingle=True,
        without_gossip=True,
        without_heartbeat=True,
    )
