"""How messages travel between web and workers: as JSON between processes, as the objects they are within one."""

from __future__ import annotations

import time
import uuid
from threading import Lock
from typing import Any, Protocol, TypeVar

from celery import Celery
from pydantic import BaseModel

M = TypeVar("M", bound=BaseModel)

_KEPT_SECONDS = 600.0
"""As long as Celery keeps an answer nobody has fetched (`result_expires`)."""


class Envelopes(Protocol):
    """What goes into a task or its result instead of a message."""

    def seal(self, message: BaseModel) -> Any:
        """What to send: something Celery can write as JSON."""

    def open(self, kind: type[M], sealed: Any) -> M:
        """The message that was sent.

        Raises:
            KeyError: it waited so long that nobody can want it any more.
        """


class JsonEnvelopes:
    """Between processes: the message as JSON."""

    def seal(self, message: BaseModel) -> Any:
        """The message's fields; bytes as base64."""
        return message.model_dump(mode="json")

    def open(self, kind: type[M], sealed: Any) -> M:
        """The message with these fields."""
        return kind.model_validate(sealed)


class LocalEnvelopes:
    """Within one process: a ticket for the message itself. No sketch and no image is encoded for the way."""

    def __init__(self) -> None:
        self._messages: dict[str, tuple[float, BaseModel]] = {}
        self._lock = Lock()

    def seal(self, message: BaseModel) -> Any:
        """A ticket, good for one opening."""
        ticket, moment = uuid.uuid4().hex, time.monotonic()
        with self._lock:
            # In the order they came: what nobody fetched in time stands first.
            while self._messages and (first := next(iter(self._messages))) and self._is_over(first, moment):
                del self._messages[first]
            self._messages[ticket] = (moment, message)
        return ticket

    def open(self, kind: type[M], sealed: Any) -> M:
        """The very message that was sealed."""
        with self._lock:
            _, message = self._messages.pop(sealed)
        assert isinstance(message, kind)
        return message

    def _is_over(self, ticket: str, moment: float) -> bool:
        return moment - self._messages[ticket][0] > _KEPT_SECONDS


_JSON, _LOCAL = JsonEnvelopes(), LocalEnvelopes()


def envelopes_of(celery: Celery) -> Envelopes:
    """The way messages of this app go: the in-memory transport never leaves the process."""
    return _LOCAL if celery.conf.broker_url.startswith("memory:") else _JSON
