"""The workers as threads of the server process: one controller for each queue, on the in-memory transport."""

from __future__ import annotations

from threading import Thread

from celery import Celery
from celery.worker import WorkController

from mindreader.blobs import BlobStore
from mindreader.catalog import Catalog
from mindreader.embedding.queue import expire_all_leases
from mindreader.photo_index import PhotoIndexes
from mindreader.settings import Settings
from mindreader_workers.beat import Beat
from mindreader_workers.celery_app import EMBED_QUEUE, SEARCH_QUEUE, make_celery
from mindreader_workers.cpu_priority import lower_cpu_priority
from mindreader_workers.tasks import add_tasks
from mindreader_workers.worker import Worker

_QUEUES = (SEARCH_QUEUE, EMBED_QUEUE)
_SEARCHES_AT_ONCE = 4


class EmbeddedWorkers:
    """A whole MindReader in one process; a search never waits behind a batch of photos."""

    def __init__(self, celery: Celery, settings: Settings, catalog: Catalog, blobs: BlobStore) -> None:
        self._worker = Worker(settings, catalog, blobs, PhotoIndexes(settings))
        # Several take searches: those that come at the same time go through the networks together.
        queues = [SEARCH_QUEUE] * _SEARCHES_AT_ONCE + [EMBED_QUEUE]
        self._controllers = [_controller(self._worker, queue, number) for number, queue in enumerate(queues)]
        polite = self._worker.compute.device.type == "cpu"
        self._threads = [
            Thread(target=_run, args=(controller, polite and queue == EMBED_QUEUE), daemon=True)
            for queue, controller in zip(queues, self._controllers, strict=True)
        ]
        self._beat = Beat(celery, _QUEUES)

    def start(self) -> None:
        """Load the networks, then take up work; photos a killed process had leased are taken over at once."""
        expire_all_leases(self._worker.catalog)
        self._worker.searcher.warm_up()
        for thread in self._threads:
            thread.start()
        self._beat.start()

    def stop(self) -> None:
        """End embedding after the batch at hand, let other tasks finish, then close the photo indexes."""
        self._worker.stopping.set()
        self._beat.stop()
        for controller in self._controllers:
            controller.stop()
        for thread in self._threads:
            thread.join(timeout=60)
        self._worker.indexes.close()


def _run(controller: WorkController, yields: bool) -> None:
    if yields:
        lower_cpu_priority()
    # Celery finds a task through the current app, which is a matter of the thread.
    controller.app.set_current()
    controller.start()


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
