"""Access tokens of programs: made, listed, checked, revoked; only their SHA-256 is kept."""

from __future__ import annotations

import hashlib
import secrets
import socket
from collections.abc import Sequence

from sqlalchemy import delete, select
from sqlalchemy.orm import Session, joinedload

from mindreader.accounts.users import LONGEST_NAME, MACHINE_ACCOUNT, NO_PASSWORD, first_administrator
from mindreader.catalog import ApiToken, Role, TokenScope, User
from mindreader.catalog.locks import lock_accounts
from mindreader.errors import NotFoundError
from mindreader.text import checked_name, normalised, visible_text

_TOKEN_PREFIX = "mr_"  # noqa: S105  # nosec B105  # lets a person, or a scanner, recognise a leaked token


_TOKEN_BYTES = 32


def issue_token(session: Session, user: User, name: str, scope: TokenScope = TokenScope.FULL) -> tuple[ApiToken, str]:
    """Make an access token; the secret is returned this once, the catalog keeps only its SHA-256.

    Raises:
        InvalidInputError: the name cannot be used.
    """
    secret = _TOKEN_PREFIX + secrets.token_urlsafe(_TOKEN_BYTES)
    name = checked_name(name, LONGEST_NAME)
    token = ApiToken(user_id=user.id, name=name, sha256=_digest(secret), scope=scope)
    session.add(token)
    session.flush()
    return token, secret


def tokens_of(session: Session, user: User) -> Sequence[ApiToken]:
    """A user's tokens, the newest first."""
    return session.scalars(select(ApiToken).where(ApiToken.user_id == user.id).order_by(ApiToken.id.desc())).all()


def token_of(session: Session, secret: str) -> ApiToken | None:
    """The token of this secret, with the user it speaks for; none when it is unknown or revoked."""
    known = select(ApiToken).where(ApiToken.sha256 == _digest(secret)).options(joinedload(ApiToken.user))
    return session.scalar(known)


def revoke_token(session: Session, user: User, token_id: int) -> None:
    """End a token of this user.

    Raises:
        NotFoundError: the user has no such token.
    """
    mine = delete(ApiToken).where(ApiToken.id == token_id, ApiToken.user_id == user.id).returning(ApiToken.id)
    if session.scalar(mine) is None:
        raise NotFoundError("You have no such token. It may have been revoked already.")


def local_token(session: Session) -> str:
    """A new token for the command line on this machine, in place of the one it had before.

    It speaks for the first administrator. Before there is one, it speaks for an account without a password,
    which the first administrator then takes over.
    """
    lock_accounts(session)
    user = first_administrator(session)
    if user is None:
        user = User(name=MACHINE_ACCOUNT, password_hash=NO_PASSWORD, role=Role.ADMIN)
        session.add(user)
        session.flush()
    name = normalised(visible_text(f"Command line on {socket.gethostname()}"))[:LONGEST_NAME]
    session.execute(delete(ApiToken).where(ApiToken.user_id == user.id, ApiToken.name == name))
    return issue_token(session, user, name)[1]


def _digest(secret: str) -> str:
    # A plain hash is enough: the secret is random and long, so there is nothing to guess.
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
