"""How messages travel between web and workers: as JSON between processes, as the objects they are within one."""

from __future__ import annotations

import time
import uuid
from collections import OrderedDict
from threading import Lock
from typing import Any, Protocol, TypeVar

from celery import Celery
from pydantic import BaseModel

M = TypeVar("M", bound=BaseModel)

_KEPT_SECONDS = 600.0
"""As long as Celery keeps an answer nobody has fetched (`result_expires`)."""
_KEPT_OPENED = 32
"""Messages, of some hundred kilobytes each."""


class Envelopes(Protocol):
    """What goes into a task or its result instead of a message."""

    def seal(self, message: BaseModel) -> Any:
        """What to send: something Celery can write as JSON."""

    def open(self, kind: type[M], sealed: Any) -> M:
        """The message that was sent.

        Raises:
            KeyError: it is so old that nobody can want it any more.
        """


class JsonEnvelopes:
    """Between processes: the message as JSON."""

    def seal(self, message: BaseModel) -> Any:
        """The message's fields; bytes as base64.

        Those that have their defaults are left out: a program of the version before may not know them.
        """
        return message.model_dump(mode="json", exclude_defaults=True, by_alias=True)

    def open(self, kind: type[M], sealed: Any) -> M:
        """The message with these fields."""
        return kind.model_validate(sealed)


class LocalEnvelopes:
    """Within one process: a ticket for the message itself. No sketch and no image is encoded for the way.

    A ticket may be used again, for a task may come twice: so the messages opened last stay for a while.
    """

    def __init__(self) -> None:
        self._sealed: OrderedDict[str, tuple[float, BaseModel]] = OrderedDict()
        """Nobody has opened these yet; in the order they came."""
        self._opened: OrderedDict[str, BaseModel] = OrderedDict()
        self._lock = Lock()

    def seal(self, message: BaseModel) -> Any:
        """A ticket."""
        ticket, moment = uuid.uuid4().hex, time.monotonic()
        with self._lock:
            while self._sealed and moment - next(iter(self._sealed.values()))[0] > _KEPT_SECONDS:
                self._sealed.popitem(last=False)
            self._sealed[ticket] = (moment, message)
        return ticket

    def open(self, kind: type[M], sealed: Any) -> M:
        """The very message that was sealed."""
        with self._lock:
            if sealed in self._sealed:
                self._opened[sealed] = self._sealed.pop(sealed)[1]
                while len(self._opened) > _KEPT_OPENED:
                    self._opened.popitem(last=False)
            message = self._opened[sealed]
        assert isinstance(message, kind)
        return message


_JSON, _LOCAL = JsonEnvelopes(), LocalEnvelopes()


def envelopes_of(celery: Celery) -> Envelopes:
    """The way messages of this app go: the in-memory transport never leaves the process."""
    return _LOCAL if celery.conf.broker_url.startswith("memory:") else _JSON
