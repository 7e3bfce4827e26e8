"""Many blobs at once, and how far one got."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

_THREADS = 8
_AT_A_TIME = 1000

Progress = Callable[[int, int], None]
"""Told how many blobs are done, of how many."""
T = TypeVar("T")
R = TypeVar("R")


def no_progress(_done: int, _all: int) -> None:
    """Tell nobody."""


def in_parallel(work: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
    """The results in order: a disk that writes safely, and a store far away, keep one thread waiting."""
    todo = iter(items)
    with ThreadPoolExecutor(_THREADS) as pool:
        while some := list(islice(todo, _AT_A_TIME)):
            yield from pool.map(work, some)
