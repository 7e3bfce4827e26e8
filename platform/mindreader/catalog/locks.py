"""Locks that last as long as the transaction. SQLite has one writer at a time and needs none of them."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

_ACCOUNTS = 7276824
_SPACES = 7276825


def lock_content(session: Session, sha256: str) -> None:
    """Keep others from adding or removing the last photo with these bytes until this transaction ends.

    PostgreSQL takes an advisory lock on the first 63 bits.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(int(sha256[:16], 16) >> 1)))


def lock_accounts(session: Session) -> None:
    """Keep others from making the first account until this transaction ends."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(_ACCOUNTS)))


def lock_spaces(session: Session, *, opening: bool) -> None:
    """Keep photos from being added while a space is opened, or the other way round, until the transaction ends.

    Else a photo added in that moment would never be queued for the new space.
    """
    if session.get_bind().dialect.name == "postgresql":
        lock = func.pg_advisory_xact_lock if opening else func.pg_advisory_xact_lock_shared
        session.execute(select(lock(_SPACES)))
