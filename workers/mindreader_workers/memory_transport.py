"""Tasks within one process, for consumers that sleep until there is one.

kombu's own transport of the kind looks for tasks all the time: often, and an idle server takes a tenth of a core;
seldom, and each search waits. Its queues are those of the whole process, and so is the bell here.
"""

from __future__ import annotations

from queue import Empty
from threading import Condition
from typing import Any

from kombu.transport import memory


class Bell:
    """Rings for whoever waits for it."""

    def __init__(self) -> None:
        self._condition, self.rings = Condition(), 0

    def ring(self) -> None:
        """Wake everybody who waits."""
        with self._condition:
            self.rings += 1
            self._condition.notify_all()

    def wait(self, heard: int, seconds: float | None) -> None:
        """Until it has rung more than `heard` times, or so many seconds are over."""
        with self._condition:
            self._condition.wait_for(lambda: self.rings > heard, seconds)


_bell = Bell()
wake_consumers = _bell.ring
"""Have all consumers of this process look whether they are stopped."""


class Channel(memory.Channel):
    """A channel that rings when a task is put into a queue."""

    def _put(self, queue: str, message: Any, **kwargs: Any) -> None:
        super()._put(queue, message, **kwargs)
        _bell.ring()

    def _put_fanout(self, exchange: str, message: Any, routing_key: str | None = None, **kwargs: Any) -> None:
        super()._put_fanout(exchange, message, routing_key, **kwargs)
        _bell.ring()


class Transport(memory.Transport):
    """The in-memory transport, with such channels."""

    Channel: Any = Channel

    def drain_events(self, connection: Any, timeout: float | None = None, **kwargs: Any) -> None:
        """Deliver one task; where there is none, wait until the bell rings, and look once more.

        Raises:
            TimeoutError: there is none: for `timeout` seconds, or somebody else has taken it, or consumers were woken.
        """
        while True:
            heard = _bell.rings
            if self._has_delivered(timeout):
                return
            _bell.wait(heard, timeout)
            if self._has_delivered(timeout):
                return
            if timeout is not None:
                raise TimeoutError

    def _has_delivered(self, timeout: float | None) -> bool:
        assert self.cycle is not None
        try:
            self.cycle.get(self._deliver, timeout=timeout)
        except Empty:
            return False
        return True


NAME = f"{__name__}:{Transport.__name__}"
"""As the settings of Celery name it."""
