"""Redis as the broker, for workers that go on after it was away.

kombu 5.7 gives unfinished tasks back, and acknowledges finished ones, over a connection that may be gone for good; the
error that follows ends the worker. Here tasks are only wake-ups: what cannot be given back is let go.
"""

from __future__ import annotations

from typing import Any

from kombu.transport import redis


class Channel(redis.Channel):
    """A channel that knows when nobody is there any more."""

    @property
    def do_restore(self) -> bool:  # type: ignore[override]  # kombu only ever reads it
        """Whether tasks not begun are given back to other workers on closing."""
        return self.connection is not None and self.connection.client is not None

    def basic_ack(self, delivery_tag: str, multiple: bool = False) -> None:
        """Acknowledge a task where that is still possible."""
        if self.do_restore:
            super().basic_ack(delivery_tag, multiple)


class Transport(redis.Transport):
    """Redis, with such channels."""

    Channel: Any = Channel


NAME = f"{__name__}:{Transport.__name__}"
"""As the settings of Celery name it."""
