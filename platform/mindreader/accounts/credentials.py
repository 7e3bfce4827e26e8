"""Secrets that browsers and programs carry: random, and kept as their SHA-256 alone; when they were used last."""

from __future__ import annotations

import hashlib
import logging
import secrets
from datetime import timedelta

from sqlalchemy import select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from mindreader.catalog import ApiToken, BrowserSession, Catalog, User
from mindreader.catalog.models import now
from mindreader.errors import NotSignedInError

log = logging.getLogger(__name__)

_BYTES = 32
_BETWEEN_NOTES = timedelta(minutes=5)


def new_secret() -> str:
    """A secret nobody can guess."""
    return secrets.token_urlsafe(_BYTES)


def digest(secret: str) -> str:
    """What the catalog keeps of a secret."""
    # A plain hash is enough: the secret is random and long, so there is nothing to guess.
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def refuse_if_changed(session: Session, user: User) -> None:
    """See that the user still has the password they had when they were recognised, and is not disabled.

    Locks their row: another password that is set in this moment also ends what is made in this transaction.

    Raises:
        NotSignedInError: the password was changed, or the user disabled or removed, since.
    """
    enabled = select(User.id).where(User.id == user.id, User.disabled_at.is_(None))
    if session.scalar(enabled.where(User.password_hash == user.password_hash).with_for_update()) is None:
        raise NotSignedInError("The account was changed a moment ago. Sign in again, with its present password.")


def note_use(catalog: Catalog, used: ApiToken | BrowserSession) -> None:
    """Write down that it was used now, at most every few minutes.

    A catalog that takes no writes (a full disk) keeps nobody from reading.
    """
    moment, kind = now(), type(used)
    if used.last_used_at is not None and abs(moment - used.last_used_at) < _BETWEEN_NOTES:
        return
    try:
        with catalog.transaction() as session:
            session.execute(update(kind).where(kind.id == used.id).values(last_used_at=moment))
    except SQLAlchemyError as error:
        log.warning("that somebody is here could not be written down: %s", error)
