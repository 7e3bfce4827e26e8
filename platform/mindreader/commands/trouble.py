"""What goes wrong outside MindReader, as a sentence: disks, databases, ports. Commands print it, and no traceback."""

from __future__ import annotations

import errno
import sqlite3

from sqlalchemy.exc import DBAPIError

from mindreader.host.full_disk import is_full_disk

_DAMAGED = (
    "The catalog is damaged or no catalog ({reason}). `mindreader doctor` looks closer; restore a backup into a new "
    "data folder."
)
_MALFORMED = ("file is not a database", "malformed", "disk I/O error")


def sentence_of(error: OSError | DBAPIError | sqlite3.Error) -> str:
    """What happened and what to do."""
    if is_full_disk(error):
        return f"The disk is full{_place(error)}. Make room, then start again."
    if isinstance(error, OSError):
        return f"{error.strerror or error}{_place(error)}."
    reason = str(error.orig if isinstance(error, DBAPIError) else error).strip() or type(error).__name__
    if any(sign in reason for sign in _MALFORMED):
        return _DAMAGED.format(reason=reason)
    if "readonly database" in reason or "unable to open database file" in reason:
        return f"The catalog cannot be written to or opened ({reason}). See who may write to its folder and file."
    return f"The catalog cannot be used: {reason.rstrip('.')}."


def is_nobody_reading(error: OSError) -> bool:
    """Whether only whoever read the output has gone."""
    return error.errno == errno.EPIPE


def _place(error: Exception) -> str:
    filename = getattr(error, "filename", None)
    return f" ({filename})" if filename else ""
