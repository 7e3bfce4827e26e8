"""How long each stage of something took: for answers, logs, metrics and traces."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from mindreader.observability.traces import span


class StageTimer:
    """Seconds by stage; a stage entered again adds to what it took before. Each is a span of the trace at hand."""

    def __init__(self, *stages: str) -> None:
        """A timer at zero.

        Args:
            stages: known beforehand, so that they are there even if nothing enters them.
        """
        self.seconds: dict[str, float] = dict.fromkeys(stages, 0.0)
        self._started = time.perf_counter()

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """What is done inside belongs to this stage, also when it fails."""
        started = time.perf_counter()
        try:
            with span(name):
                yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - started

    @property
    def total(self) -> float:
        """Seconds since the timer was made."""
        return time.perf_counter() - self._started

    @property
    def milliseconds(self) -> dict[str, float]:
        """By stage, to a hundredth."""
        return {name: round(seconds * 1000, 2) for name, seconds in self.seconds.items()}
