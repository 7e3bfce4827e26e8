"""Results of tasks within one process, for callers that sleep until theirs is there.

Celery's own backend of the kind is asked again and again: often, and each search in progress takes a tenth of a core;
seldom, and its answer waits. Results are those of the whole process, as the queues of `memory_transport` are; those of
searches are tickets for answers (`envelopes`).
"""

from __future__ import annotations

import time
from threading import Lock
from typing import Any

from celery import Celery
from celery.backends.base import KeyValueStoreBackend
from celery.exceptions import TimeoutError as CeleryTimeoutError
from celery.states import READY_STATES

from mindreader_workers.memory_transport import Bell


class _Kept:
    """Values by their keys until they are taken away, or too old: whoever asked for those has gone."""

    def __init__(self) -> None:
        self._lock, self._values = Lock(), dict[str | bytes, tuple[float, bytes]]()

    def put(self, key: str | bytes, value: bytes, seconds: float) -> None:
        """Keep a value for so long, and no longer those whose time is over."""
        now = time.monotonic()
        with self._lock:
            self._values = {key: kept for key, kept in self._values.items() if kept[0] > now}
            self._values[key] = (now + seconds, value)

    def get(self, key: str | bytes) -> bytes | None:
        kept = self._values.get(key)
        return None if kept is None else kept[1]

    def take_away(self, key: str | bytes) -> None:
        with self._lock:
            self._values.pop(key, None)


_kept = _Kept()
_bell = Bell()


class MemoryResults(KeyValueStoreBackend):
    """Celery's result backend for a server that has its workers in its own process."""

    def __init__(self, app: Celery, **options: Any) -> None:
        super().__init__(app, **options)
        self.expires = float(app.conf.result_expires)

    def get(self, key: str | bytes) -> bytes | None:
        """The result of a task as it was stored."""
        return _kept.get(key)

    def set(self, key: str | bytes, value: bytes) -> None:
        """Store the result of a task, and wake those who wait for one."""
        _kept.put(key, value, self.expires)
        _bell.ring()

    def delete(self, key: str | bytes) -> None:
        """Forget the result of a task."""
        _kept.take_away(key)

    def wait_for(self, task_id: str, timeout: float | None = None, *_: Any, **__: Any) -> dict[str, Any]:
        """Sleep until a task has its result.

        Raises:
            celery.exceptions.TimeoutError: it has none after so many seconds.
        """
        stop_at = None if timeout is None else time.monotonic() + timeout
        while True:
            heard = _bell.rings
            result: dict[str, Any] = self.get_task_meta(task_id)
            if result["status"] in READY_STATES:
                return result
            left = None if stop_at is None else stop_at - time.monotonic()
            if left is not None and left <= 0:
                raise CeleryTimeoutError("The operation timed out.")
            _bell.wait(heard, left)


NAME = f"{__name__}:{MemoryResults.__name__}"
"""As a URL of Celery's names it before its `+`."""
