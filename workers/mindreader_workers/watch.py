"""Look for work without being told: a lost wake-up costs half a minute, never a photo."""

from __future__ import annotations

from threading import Event, Thread

from celery import Celery

from mindreader_workers.queues import wake_embedders

_SECONDS_BETWEEN_LOOKS = 30.0


class Watch:
    """A thread that wakes the embedders every now and then; without work their task ends at once."""

    def __init__(self, celery: Celery, seconds: float = _SECONDS_BETWEEN_LOOKS) -> None:
        self._celery, self._seconds = celery, seconds
        self._stop = Event()
        self._thread = Thread(target=self._look, name="watch", daemon=True)

    def start(self) -> None:
        """Wake them now, and then again and again."""
        self._thread.start()

    def stop(self) -> None:
        """Stop."""
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._stop.is_set():
            wake_embedders(self._celery)
            self._stop.wait(self._seconds)
