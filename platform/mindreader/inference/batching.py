"""Searches that wait together go through the networks together."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from threading import Lock
from typing import Generic, TypeVar

_Asked = TypeVar("_Asked")
_Answered = TypeVar("_Answered")


class MicroBatcher(Generic[_Asked, _Answered]):
    """Calls of several threads, answered together when they wait at the same time.

    Nobody waits for company: a call that finds nobody at work begins at once, and those that come meanwhile are
    answered together after it, in the order they came.
    """

    def __init__(self, work: Callable[[Sequence[_Asked]], Sequence[_Answered]], most: int) -> None:
        """Batch calls of `work`, which gives one answer for each thing asked.

        Args:
            most: so many at once.
        """
        self._work, self._most = work, most
        self._waiting: deque[tuple[_Asked, Future[_Answered]]] = deque()
        self._working = Lock()

    def __call__(self, asked: _Asked) -> _Answered:
        """The answer to this one thing; raises what `work` raises for it alone."""
        mine: Future[_Answered] = Future()
        self._waiting.append((asked, mine))
        while not mine.done():
            with self._working:
                if not mine.done():
                    self._answer_next()
        return mine.result()

    def _answer_next(self) -> None:
        batch = [self._waiting.popleft() for _ in range(min(self._most, len(self._waiting)))]
        try:
            answers = self._work([asked for asked, _ in batch])
        except Exception:
            # One of them may be at fault, or they are too many for the memory: each by itself.
            for asked, future in batch:
                self._answer_alone(asked, future)
            return
        for (_, future), answer in zip(batch, answers, strict=True):
            future.set_result(answer)

    def _answer_alone(self, asked: _Asked, future: Future[_Answered]) -> None:
        try:
            (answer,) = self._work([asked])
            future.set_result(answer)
        except Exception as error:
            future.set_exception(error)
