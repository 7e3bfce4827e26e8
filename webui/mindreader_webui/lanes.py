"""Request threads are shared out by lanes, so that what takes long never keeps everything else waiting.

Each endpoint names its lane in its rule (`mindreader_webui.access`). A request whose lane has no thread to spare waits
in its queue, in order, and holds none.
"""

from __future__ import annotations

import enum
import itertools
from collections import deque
from collections.abc import Callable
from typing import Protocol

from waitress.task import ThreadedTaskDispatcher


class Lane(enum.IntEnum):
    """How long requests hold their thread. Those of a lane count in every lane above it, too."""

    QUICK = 0
    """Pages, lists, changes: may have every thread."""
    WORKER = 1
    """Waits for a search worker, which may be away."""
    LONG = 2
    """As long as its files are large or many: uploads, comparisons."""
    DOWNLOAD = 3
    """As long as its reader takes: zip files."""


class Task(Protocol):
    """What waitress gives to its threads."""

    def service(self) -> None:
        """Do it."""

    def cancel(self) -> None:
        """It will not be done."""


def shares(threads: int) -> tuple[int, ...]:
    """How many of so many threads (2 or more) each lane may hold, those below it included."""
    return threads, threads - threads // 8, threads // 2, max(1, threads // 4)


class LaneQueue:
    """Waits in order of arrival, but for tasks whose lane is full: the queue that waitress' dispatcher takes from."""

    def __init__(self, threads: int) -> None:
        self._shares = shares(threads)
        self._waiting: tuple[deque[tuple[int, Placed]], ...] = tuple(deque() for _ in Lane)
        self._running = [0 for _ in Lane]
        self._arrivals = itertools.count()

    def append(self, task: Placed) -> None:
        """Let a task wait."""
        self._waiting[task.lane].append((next(self._arrivals), task))

    def __len__(self) -> int:
        return sum(map(len, self._waiting))

    def __bool__(self) -> bool:
        """Whether any may begin now."""
        return bool(self._may_begin())

    def popleft(self) -> Placed:
        """The task that begins now."""
        lane = min(self._may_begin(), key=lambda lane: self._waiting[lane][0][0])
        self._running[lane] += 1
        return self._waiting[lane].popleft()[1]

    def ended(self, lane: Lane) -> None:
        """A task of this lane has ended."""
        self._running[lane] -= 1

    def _may_begin(self) -> list[Lane]:
        return [lane for lane in Lane if self._waiting[lane] and self._has_room(lane)]

    def _has_room(self, lane: Lane) -> bool:
        return all(sum(self._running[above:]) < self._shares[above] for above in range(lane + 1))


class Placed:
    """A task in its lane."""

    def __init__(self, task: Task, lane: Lane, ended: Callable[[Lane], None]) -> None:
        self.lane = lane
        self._task, self._ended = task, ended

    def service(self) -> None:
        """Do it, and make room."""
        try:
            self._task.service()
        finally:
            self._ended(self.lane)

    def cancel(self) -> None:
        """It will not be done."""
        self._task.cancel()


class LaneDispatcher(ThreadedTaskDispatcher):  # type: ignore[misc]  # waitress carries no types
    """The threads of one server."""

    def __init__(self, threads: int) -> None:
        super().__init__()
        self.queue = LaneQueue(threads)
        self.set_thread_count(threads)

    def add_task(self, task: Task, lane: Lane = Lane.QUICK) -> None:
        """Have a thread do this as soon as its lane has one."""
        with self.lock:
            self.queue.append(Placed(task, lane, self._make_room))
            self.queue_cv.notify()

    def _make_room(self, lane: Lane) -> None:
        with self.lock:
            self.queue.ended(lane)
            self.queue_cv.notify()
