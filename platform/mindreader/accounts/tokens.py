"""Access tokens of programs: made, listed, checked, revoked; only their SHA-256 is kept."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import bindparam, delete, or_, select
from sqlalchemy.orm import Session, contains_eager

from mindreader.accounts.credentials import digest, new_secret, refuse_if_changed
from mindreader.accounts.users import LONGEST_NAME, MACHINE_ACCOUNT, NO_PASSWORD, first_administrator
from mindreader.catalog import ApiToken, Role, TokenScope, User
from mindreader.catalog.locks import lock_accounts
from mindreader.catalog.models import now
from mindreader.errors import NotFoundError
from mindreader.text import checked_name, normalised, visible_text

_TOKEN_PREFIX = "mr_"  # noqa: S105  # nosec B105  # lets a person, or a scanner, recognise a leaked token


def issue_token(
    session: Session,
    user: User,
    name: str,
    scope: TokenScope = TokenScope.FULL,
    lifetime: timedelta | None = None,
) -> tuple[ApiToken, str]:
    """Make an access token; the secret is returned this once, the catalog keeps only its SHA-256.

    Args:
        lifetime: how long it works; None: until it is revoked.

    Raises:
        InvalidInputError: the name cannot be used.
        NotSignedInError: the user's password was changed since they were recognised.
    """
    refuse_if_changed(session, user)
    secret = _TOKEN_PREFIX + new_secret()
    expires_at = now() + lifetime if lifetime is not None else None
    name = checked_name(name, LONGEST_NAME)
    token = ApiToken(user_id=user.id, name=name, sha256=digest(secret), scope=scope, expires_at=expires_at)
    session.add(token)
    session.flush()
    return token, secret


def tokens_of(session: Session, user: User) -> Sequence[ApiToken]:
    """A user's tokens, the newest first."""
    return session.scalars(select(ApiToken).where(ApiToken.user_id == user.id).order_by(ApiToken.id.desc())).all()


# Asked by every request with a token: put together once, which takes as long as the database takes to answer.
_TOKEN_IN_FORCE = (
    select(ApiToken)
    .where(
        ApiToken.sha256 == bindparam("sha256"),
        or_(ApiToken.expires_at.is_(None), ApiToken.expires_at > bindparam("now")),
    )
    .join(ApiToken.user)
    .where(User.disabled_at.is_(None))
    .options(contains_eager(ApiToken.user))
)


def token_of(session: Session, secret: str) -> ApiToken | None:
    """The token of this secret, with the user it speaks for.

    None when it is unknown, revoked or expired, or the user disabled.
    """
    return session.scalar(_TOKEN_IN_FORCE, {"sha256": digest(secret), "now": now()})


def revoke_token(session: Session, user: User, token_id: int) -> None:
    """End a token of this user.

    Raises:
        NotFoundError: the user has no such token.
    """
    mine = delete(ApiToken).where(ApiToken.id == token_id, ApiToken.user_id == user.id).returning(ApiToken.id)
    if session.scalar(mine) is None:
        raise NotFoundError("There is no such token. It may have been revoked already.")


def local_token(session: Session) -> str:
    """A new token for the command line on this machine, in place of the one it had before.

    It speaks for the first administrator. Before there is one, it speaks for an account without a password,
    which the first administrator then takes over. It does not expire, and a reset of the password leaves it alone: who
    can read it can read the data folder.
    """
    lock_accounts(session)
    user = first_administrator(session)
    if user is None:
        user = User(name=MACHINE_ACCOUNT, password_hash=NO_PASSWORD, role=Role.ADMIN)
        session.add(user)
        session.flush()
    name = normalised(visible_text(f"Command line on {socket.gethostname()}"))[:LONGEST_NAME]
    session.execute(delete(ApiToken).where(ApiToken.user_id == user.id, ApiToken.name == name))
    token, secret = issue_token(session, user, name)
    token.is_local = True
    return secret
