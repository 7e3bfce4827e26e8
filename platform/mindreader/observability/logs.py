"""Logs: one line an event, for people or as JSON for machines, each with the id of the request it belongs to."""

from __future__ import annotations

import logging
import re
import uuid
from contextvars import ContextVar

from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.json import JsonFormatter

from mindreader.settings import Settings

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""Of the request this thread works for; empty where it works for none."""

_SOUND = re.compile(r"[A-Za-z0-9._-]{8,64}")
_TEXT = "%(asctime)s %(levelname)s %(name)s%(request)s %(message)s"


def checked_request_id(given: str | None) -> str:
    """The id a caller gave, where it can stand in a log as it is; else a new one."""
    return given if given and _SOUND.fullmatch(given) else uuid.uuid4().hex


def configure(settings: Settings) -> None:
    """Send everything to the error output, in the form and from the level the settings name."""
    handler = logging.StreamHandler()
    handler.setFormatter(json_lines() if settings.log_format == "json" else TextLines(_TEXT))
    handler.addFilter(_with_request)
    logging.basicConfig(level=settings.log_level, handlers=[handler], force=True)
    logging.getLogger("celery").setLevel(logging.WARNING)  # it would log every task and every answer


class TextLines(logging.Formatter):
    """One line an event for people; whoever chose a path or a name cannot end the line and write another."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # logging's name
        """The line of a record; control characters in it are shown as Python writes them."""
        line = super().formatMessage(record)
        return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in line)


def json_lines() -> logging.Formatter:
    """One JSON object a line: time (UTC), level, logger, message, and request and exception where there are any."""
    return JsonFormatter(
        ("levelname", "name", "message"),
        rename_fields={"levelname": "level", "name": "logger", "exc_info": "exception"},
        reserved_attrs=[*RESERVED_ATTRS, "request"],  # the text form's
        timestamp="time",
        json_ensure_ascii=False,
    )


def _with_request(record: logging.LogRecord) -> bool:
    current = request_id.get()
    record.request = f" [{current}]" if current else ""
    if current:
        record.request_id = current
    return True
