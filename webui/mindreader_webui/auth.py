"""Who is asking: people by a session cookie, programs by a bearer token. What they may: `mindreader_webui.access`."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from flask import Flask, Request, request
from flask import session as session_cookie
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from flask_login import LoginManager, current_user, login_user, logout_user
from flask_wtf.csrf import CSRFProtect
from itsdangerous import BadSignature

from mindreader.accounts.credentials import note_use
from mindreader.accounts.sessions import Browser, begin_session, end_session_of, session_of
from mindreader.accounts.tokens import token_of
from mindreader.catalog import Role, TokenScope, User
from mindreader.errors import ForbiddenError, NotSignedInError
from mindreader_webui.services import Services, current_services

COOKIE = "mindreader_session"
_BOUND_TO_HOST = "__Host-"
_SECRET = "_user_id"  # noqa: S105  # nosec B105  # where flask-login keeps what `SignedIn.get_id` gives
_BEARER = "bearer"
_KEY_BYTES = 32


@dataclass(frozen=True)
class SignedIn:
    """A user, and how they proved it, in the form flask-login asks for."""

    account: User
    scope: TokenScope | None = None
    """Of the token; None for a person at a browser."""
    secret: str = field(default="", repr=False)
    """Of the browser's session."""
    session_id: int | None = None
    is_authenticated: bool = True
    is_active: bool = True
    is_anonymous: bool = False

    @property
    def by_token(self) -> bool:
        """Whether a program asks."""
        return self.scope is not None

    def get_id(self) -> str:
        """What the session cookie keeps."""
        return self.secret


class _SignedCookie(SecureCookieSessionInterface):
    """Flask's signed cookie, whatever its date: the catalog says how long a session lasts.

    Flask itself refuses a cookie from the future, as every newer one is once the clock went back.
    """

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        signer = self.get_signing_serializer(app)
        cookie = request.cookies.get(self.get_cookie_name(app))
        if signer is None or not cookie:
            return self.session_class()
        try:
            return self.session_class(signer.loads(cookie))
        except BadSignature:
            return self.session_class()


def init_auth(app: Flask, services: Services) -> None:
    """Sessions, tokens and CSRF tokens."""
    settings = services.settings
    app.config.update(
        SECRET_KEY=session_key(settings.secrets_dir),
        # With the prefix browsers take it from this very host over HTTPS only, and from none of its subdomains.
        SESSION_COOKIE_NAME=f"{_BOUND_TO_HOST}{COOKIE}" if settings.secure_cookies else COOKIE,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.secure_cookies,
        PERMANENT_SESSION_LIFETIME=timedelta(days=settings.session_days),
        # A cookie that changed with every answer would make browsers fetch every thumbnail again (Vary: Cookie).
        SESSION_REFRESH_EACH_REQUEST=False,
        # The token is looked for in the header only (below): looking in the form would read a whole upload first.
        WTF_CSRF_CHECK_DEFAULT=False,
        WTF_CSRF_TIME_LIMIT=None,  # as long as the session: pages stay open for days
    )
    app.session_interface = _SignedCookie()
    CSRFProtect(app)
    manager = LoginManager(app, add_context_processor=False)  # templates get `user` from mindreader_webui.pages
    manager.session_protection = None  # its mark of stale logins, which nothing here asks for, would change the cookie
    manager.user_loader(_user_of_session)
    manager.request_loader(_user_of_bearer)


def sign_in(user: User) -> None:
    """Begin a session for this user in this browser, in place of the one it had.

    Raises:
        NotSignedInError: the password was changed since it was compared.
    """
    sign_out()
    stay_signed_in(user)


def stay_signed_in(user: User) -> None:
    """Give this browser another session, under a secret no copy of its cookie has; its open pages go on.

    Raises:
        NotSignedInError: the password was changed since it was compared.
    """
    services = current_services()
    browser = Browser(request.user_agent.string, request.remote_addr or "")
    with services.catalog.transaction() as session:
        secret = begin_session(session, user, browser, timedelta(days=services.settings.session_days))
    session_cookie.permanent = True
    login_user(SignedIn(user, secret=secret))


def sign_out() -> None:
    """End the session of this browser, wherever its cookie was copied to."""
    if secret := session_cookie.get(_SECRET):
        with current_services().catalog.transaction() as session:
            end_session_of(session, secret)
    logout_user()
    session_cookie.clear()


def current_account() -> User:
    """The user who asks.

    Raises:
        NotSignedInError: nobody is signed in.
    """
    if not current_user.is_authenticated:
        raise NotSignedInError("Sign in, or send a valid access token.")
    account: User = current_user.account
    return account


def asked_by_token() -> bool:
    """Whether a program asks, not a browser."""
    return bool(current_user.is_authenticated and current_user.by_token)


def current_session_id() -> int | None:
    """The session of the browser that asks; None for programs."""
    return current_user.session_id if current_user.is_authenticated else None


def require_admin() -> User:
    """The administrator who asks.

    Raises:
        NotSignedInError: nobody is signed in.
        ForbiddenError: the user is no administrator.
    """
    account = current_account()
    if account.role != Role.ADMIN:
        raise ForbiddenError("Only administrators can do this.")
    return account


def session_key(folder: Path) -> str:
    """The key that signs session cookies, made once; only the owner of the server may read it."""
    path = folder / "session_key"
    if not path.exists():
        _write_once(path, secrets.token_hex(_KEY_BYTES))
    return path.read_text()


def _write_once(path: Path, secret: str) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secret)
    try:
        # Unlike a rename, a link never replaces the key another process made in the same moment.
        path.hardlink_to(draft)
    except FileExistsError:
        return
    finally:
        draft.unlink()


def _user_of_session(secret: str) -> SignedIn | None:
    if bearer_of(request) is not None:  # a token speaks for itself, whatever cookies come along
        return None
    catalog = current_services().catalog
    with catalog.snapshot() as session:
        found = session_of(session, secret)
    if found is None:
        return None
    note_use(catalog, found)
    return SignedIn(found.user, secret=secret, session_id=found.id)


def _user_of_bearer(asked: Request) -> SignedIn | None:
    secret = bearer_of(asked)
    if secret is None:
        return None
    catalog = current_services().catalog
    with catalog.snapshot() as session:
        token = token_of(session, secret)
    if token is None:
        return None
    note_use(catalog, token)
    if token.scope != TokenScope.FULL:
        # As a member: an administrator's token must not show everybody's photos. The row is read, and never written.
        token.user.role = Role.MEMBER
    return SignedIn(token.user, TokenScope(token.scope))


def bearer_of(asked: Request) -> str | None:
    """The token of a request, empty if it is none; None where it brings no token, but another proof or nothing.

    Read here, because werkzeug's parser fails on some headers of other schemes.
    """
    scheme, _, secret = asked.headers.get("Authorization", "").partition(" ")
    return secret.strip() if scheme.lower() == _BEARER else None
