"""Whether an error says that a disk is full, whoever says it."""

from __future__ import annotations

import errno
import sqlite3

from sqlalchemy.exc import DBAPIError

_ERRNOS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_POSTGRESQL_DISK_FULL = "53100"


def is_full_disk(error: BaseException) -> bool:
    """True for the operating system's error, SQLite's and PostgreSQL's, also where SQLAlchemy wraps them."""
    if isinstance(error, DBAPIError):
        return error.orig is not None and is_full_disk(error.orig)
    if isinstance(error, sqlite3.Error):
        return "database or disk is full" in str(error)
    if isinstance(error, OSError):
        return error.errno in _ERRNOS
    return getattr(error, "sqlstate", None) == _POSTGRESQL_DISK_FULL
