"""Sessions of browsers: begun, listed, ended. The cookie carries a random secret, the catalog keeps its SHA-256.

Whoever has the secret is signed in until the row is gone: signing out, another password or an administrator removes
it, and with that ends every copy of the cookie.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import bindparam, delete, select
from sqlalchemy.orm import Session, contains_eager

from mindreader.accounts.credentials import digest, new_secret, refuse_if_changed
from mindreader.catalog import BrowserSession, User
from mindreader.catalog.models import now
from mindreader.errors import NotFoundError
from mindreader.text import visible_text

MOST_SESSIONS = 100
"""Of one person; signing in once more ends the oldest."""
_LONGEST_USER_AGENT = 200
_LONGEST_ADDRESS = 45


@dataclass(frozen=True)
class Browser:
    """What is known of a browser that signs in."""

    user_agent: str = ""
    address: str = ""


def begin_session(session: Session, user: User, browser: Browser, lifetime: timedelta) -> str:
    """Sign in the user, as they were when they gave their password; returns the secret, this once.

    Sessions that expired, of anybody, are removed on the way.

    Raises:
        NotSignedInError: the password was changed, or the user removed, since it was compared.
    """
    moment = now()
    session.execute(delete(BrowserSession).where(BrowserSession.expires_at <= moment))
    refuse_if_changed(session, user)
    secret = new_secret()
    begun = BrowserSession(
        user_id=user.id,
        sha256=digest(secret),
        user_agent=visible_text(browser.user_agent)[:_LONGEST_USER_AGENT],
        address=browser.address[:_LONGEST_ADDRESS],
        created_at=moment,
        last_used_at=moment,
        expires_at=moment + lifetime,
    )
    session.add(begun)
    session.flush()
    _end_oldest(session, user)
    return secret


# Asked by every request of a browser: put together once, which takes as long as the database takes to answer.
_SESSION_IN_FORCE = (
    select(BrowserSession)
    .where(BrowserSession.sha256 == bindparam("sha256"), BrowserSession.expires_at > bindparam("now"))
    .join(BrowserSession.user)
    .where(User.disabled_at.is_(None))
    .options(contains_eager(BrowserSession.user))
)


def session_of(session: Session, secret: str) -> BrowserSession | None:
    """The session of this secret, with its user; none when it is unknown, ended or expired, or the user disabled."""
    return session.scalar(_SESSION_IN_FORCE, {"sha256": digest(secret), "now": now()})


def sessions_of(session: Session, user: User) -> Sequence[BrowserSession]:
    """A user's sessions, the one used last first."""
    living = select(BrowserSession).where(BrowserSession.user_id == user.id, BrowserSession.expires_at > now())
    return session.scalars(living.order_by(BrowserSession.last_used_at.desc(), BrowserSession.id.desc())).all()


def end_session(session: Session, user: User, session_id: int) -> None:
    """End a session of this user.

    Raises:
        NotFoundError: the user has no such session.
    """
    mine = delete(BrowserSession).where(BrowserSession.id == session_id, BrowserSession.user_id == user.id)
    if session.scalar(mine.returning(BrowserSession.id)) is None:
        raise NotFoundError("You have no such session. It may have ended already.")


def end_session_of(session: Session, secret: str) -> None:
    """End the session of this secret, if there is one."""
    session.execute(delete(BrowserSession).where(BrowserSession.sha256 == digest(secret)))


def end_sessions(session: Session, user_id: int, *, but: int | None = None) -> None:
    """End all sessions of a user.

    Args:
        but: the id of one to keep.
    """
    ended = delete(BrowserSession).where(BrowserSession.user_id == user_id)
    session.execute(ended if but is None else ended.where(BrowserSession.id != but))


def _end_oldest(session: Session, user: User) -> None:
    mine = BrowserSession.user_id == user.id
    newest = select(BrowserSession.id).where(mine).order_by(BrowserSession.id.desc()).limit(MOST_SESSIONS)
    session.execute(delete(BrowserSession).where(mine, BrowserSession.id.not_in(newest)))
