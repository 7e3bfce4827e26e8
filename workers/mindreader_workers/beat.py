"""Look for work without being told: a lost wake-up costs half a minute, never a photo."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from threading import Event, Thread

from celery import Celery

from mindreader_workers.celery_app import EMBED_QUEUE, LEARN_QUEUE
from mindreader_workers.client import send_heartbeat, wake_embedders, wake_learners

log = logging.getLogger(__name__)

_SECONDS_BETWEEN_LOOKS = 30.0


class Beat:
    """A thread that sends every queue a task every now and then: to find work, and to see that tasks run."""

    def __init__(self, celery: Celery, queues: Iterable[str], seconds: float = _SECONDS_BETWEEN_LOOKS) -> None:
        self._celery, self._queues, self._seconds = celery, tuple(queues), seconds
        self._stop = Event()
        self._thread = Thread(target=self._look, name="beat", daemon=True)

    def start(self) -> None:
        """Send them now, and then again and again."""
        self._thread.start()

    def stop(self) -> None:
        """Stop."""
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._stop.is_set():
            try:
                self._send()
            except Exception:
                # Without a beat workers would count as dead, and lost wake-ups would stay lost.
                log.exception("The beat could not be sent; it is tried again")
            self._stop.wait(self._seconds)

    def _send(self) -> None:
        for queue in self._queues:
            send_heartbeat(self._celery, queue)
            if queue == EMBED_QUEUE:
                wake_embedders(self._celery)
            elif queue == LEARN_QUEUE:
                wake_learners(self._celery)
