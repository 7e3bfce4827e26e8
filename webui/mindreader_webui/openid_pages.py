"""Addresses a browser passes through when somebody signs in at the OpenID Connect provider."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, redirect, request, url_for
from flask import session as session_cookie

from mindreader.accounts.identities import admit, connect
from mindreader.accounts.users import users_exist
from mindreader.errors import MindReaderError, NotFoundError, Sentence
from mindreader_webui import auth
from mindreader_webui.access import ANYONE, access
from mindreader_webui.i18n import translated
from mindreader_webui.lanes import Lane
from mindreader_webui.openid import (
    address_to_begin,
    address_to_sign_out,
    admission_of,
    has_provider,
    identity_of_answer,
)
from mindreader_webui.services import current_services

openid_pages = Blueprint("openid", __name__)

_NEXT, _CONNECTS, _PROBLEM, _CAME, _LEFT = "openid_next", "openid_connects", "openid_problem", "openid", "openid_left"


@openid_pages.get("/sign-in/openid")
@access(ANYONE, rate="login_rate", lane=Lane.WORKER)
def begin() -> Any:
    """Go to the provider, and come back to the page that was asked for."""
    _refuse_without_provider()
    services = current_services()
    with services.catalog.snapshot() as session:
        if not users_exist(session):
            return redirect("/setup")
    try:
        address = address_to_begin(services.settings, callback_address())
    except MindReaderError as error:
        return _back_with(error, "/sign-in")
    session_cookie.pop(_CONNECTS, None)
    session_cookie[_NEXT] = local_target(request.args.get("next", "/"))
    return redirect(address)


@openid_pages.get("/sign-in/openid/callback")
@access(ANYONE, rate="login_rate", lane=Lane.WORKER)
def come_back() -> Any:
    """The provider's answer: sign in, or connect the account of who is signed in."""
    _refuse_without_provider()
    services = current_services()
    connects, target = session_cookie.pop(_CONNECTS, None), session_cookie.pop(_NEXT, "/")
    try:
        identity = identity_of_answer(services.settings)
        if connects is not None:
            return _connected(connects, identity)
        user = admit(services.catalog, identity, admission_of(services.settings))
        auth.sign_in(user)
    except MindReaderError as error:
        return _back_with(error, "/account" if connects is not None else "/sign-in")
    session_cookie[_CAME] = True
    return redirect(target)


@openid_pages.after_request
def _kept_by_nobody(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    return response


def callback_address() -> str:
    """Where the provider sends browsers back to."""
    return url_for("openid.come_back", _external=True)


def begin_to_connect(user_id: int) -> str:
    """Where a browser goes so that its user can come in by the provider from then on.

    Raises:
        NotFoundError: there is no provider.
        ProviderError: as `address_to_begin`.
    """
    _refuse_without_provider()
    address = address_to_begin(current_services().settings, callback_address())
    session_cookie[_CONNECTS] = user_id
    return address


def taken_problem() -> str | None:
    """What went wrong on the way to the page that is shown now, once."""
    problem: str | None = session_cookie.pop(_PROBLEM, None)
    return problem


def came_from_provider() -> bool:
    """Whether this browser was signed in by the provider."""
    return bool(session_cookie.get(_CAME))


def remember_to_sign_out_there() -> None:
    """Have the page Sign in, which comes next, send this browser to sign out of the provider too."""
    session_cookie[_LEFT] = True


def address_after_sign_out() -> str | None:
    """Where this browser signs out of the provider, where it has just signed out here and came from there."""
    if not session_cookie.pop(_LEFT, False) or not has_provider():
        return None
    settings = current_services().settings
    return address_to_sign_out(settings, url_for("pages.sign_in", _external=True)) if settings.openid_sign_out else None


def local_target(target: str) -> str:
    """The page to go to, unless it would lead to another site (`//host`, `/\\host`, `https:`)."""
    is_local = target.startswith("/") and target[1:2] not in ("/", "\\") and target.isprintable()
    return target if is_local else "/"


def _connected(user_id: int, identity: Any) -> Any:
    account = auth.current_account()
    if account.id != user_id:
        raise NotFoundError("Somebody else has signed in in this browser meanwhile. Begin again.")
    with current_services().catalog.transaction() as session:
        connect(session, account, identity)
    return redirect("/account")


def _back_with(error: MindReaderError, page: str) -> Any:
    # Of what went wrong inside, the log says more.
    said = error.detail if error.kind.status != 500 else Sentence("Signing in did not work. Try again.")
    session_cookie[_PROBLEM] = translated(said)
    return redirect(page)


def _refuse_without_provider() -> None:
    if not has_provider():
        raise NotFoundError("Nobody signs in this way here.")
