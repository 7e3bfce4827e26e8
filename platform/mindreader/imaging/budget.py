"""Memory for decoding: one budget of a process, taken in the order of asking."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition

from mindreader.host.machine import memory_bytes

_SHARE = 8
_LEAST, _MOST = 192 * 2**20, 640 * 2**20


class MemoryBudget:
    """So many bytes, shared by threads; who must wait waits in order, so that many small ones never starve a large."""

    def __init__(self, total: int) -> None:
        self.total = total
        self._free = total
        self._waiting: deque[object] = deque()
        self._changed = Condition()

    @contextmanager
    def taken(self, amount: int) -> Iterator[None]:
        """Hold this much of the budget, waiting for it if need be; `amount` is at most `total`."""
        self._take(amount)
        try:
            yield
        finally:
            with self._changed:
                self._free += amount
                self._changed.notify_all()

    def _take(self, amount: int) -> None:
        ticket = object()
        with self._changed:
            self._waiting.append(ticket)
            try:
                self._changed.wait_for(lambda: self._waiting[0] is ticket and amount <= self._free)
                self._free -= amount
            finally:
                self._waiting.remove(ticket)
                self._changed.notify_all()


def default_budget() -> int:
    """Bytes for decoding where nobody set them: an eighth of the memory of this machine or container, within bounds."""
    return min(max(memory_bytes() // _SHARE, _LEAST), _MOST)
