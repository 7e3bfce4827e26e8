"""Logs: one line an event, for people or as JSON for machines, each with the id of the request it belongs to."""

from __future__ import annotations

import json
import logging
import re
import uuid
from contextvars import ContextVar
from datetime import UTC, datetime

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
    handler.setFormatter(JsonLines() if settings.log_format == "json" else logging.Formatter(_TEXT))
    handler.addFilter(_with_request)
    logging.basicConfig(level=settings.log_level, handlers=[handler], force=True)
    logging.getLogger("celery").setLevel(logging.WARNING)  # it would log every task and every answer


class JsonLines(logging.Formatter):
    """One JSON object a line: time (UTC), level, logger, message, and request and exception where there are any."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        if current := request_id.get():
            line["request_id"] = current
        return json.dumps(line, ensure_ascii=False)


def _with_request(record: logging.LogRecord) -> bool:
    current = request_id.get()
    record.request = f" [{current}]" if current else ""
    return True
