"""Locks that last as long as the transaction."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session


def lock_content(session: Session, sha256: str) -> None:
    """Keep others from adding or removing the last photo with these bytes until this transaction ends.

    SQLite has one writer at a time anyway; PostgreSQL takes an advisory lock on the first 63 bits.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(int(sha256[:16], 16) >> 1)))
