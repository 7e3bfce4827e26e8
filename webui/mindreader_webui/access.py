"""What an endpoint asks of its caller, said where the endpoint is: on its view, or for all views of its blueprint.

    jobs = blueprint("jobs", __name__, "Jobs", ADMIN)              # all of them are for administrators

    @searches.post("/searches")
    @access(USER, scope=TokenScope.READ, max_body=sketch_body, lane=Lane.WORKER) # this one differs
    def search(): ...

An endpoint that says nothing answers nobody.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from flask import Blueprint, Flask, current_app, request
from flask_login import current_user
from flask_wtf.csrf import validate_csrf
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge
from wtforms import ValidationError  # type: ignore[import-untyped]

from mindreader.catalog import TokenScope
from mindreader.errors import ForbiddenError, MindReaderError
from mindreader.settings import Settings
from mindreader_webui.auth import current_account, require_admin
from mindreader_webui.lanes import Lane
from mindreader_webui.services import current_services

CSRF_HEADER = "X-CSRFToken"
SMALL_BODY = 64 * 2**10
"""Bytes of JSON, or of the fields of a form."""
BODY_REFUSED = "mindreader.body_refused"
"""In the WSGI environment: true where the server did not take the body, so that the request can only be refused."""
UNSAFE_METHODS = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_API = "/api/"
_RULE = "__access__"
_STRENGTH = (TokenScope.READ, TokenScope.WRITE, TokenScope.FULL)

View = TypeVar("View", bound=Callable[..., Any])
BodyLimit = int | Callable[[Settings], int]


class Caller(enum.Enum):
    """Who may ask."""

    ANYONE = "anyone"
    USER = "user"
    """Somebody who is signed in; what they may do with a thing, the thing's own rules say."""
    ADMIN = "admin"


ANYONE, USER, ADMIN = Caller.ANYONE, Caller.USER, Caller.ADMIN


@dataclass(frozen=True)
class Access:
    """What an endpoint asks of its caller."""

    caller: Caller
    scope: TokenScope | None = None
    """The least scope an access token needs; None: READ where nothing is changed, else WRITE."""
    max_body: BodyLimit = SMALL_BODY
    """Bytes; a larger body is refused before it is read."""
    rate: str | None = None
    """Name of the setting that says how often it may be asked: by a user, or by an address where nobody signs in."""
    lane: Lane = Lane.QUICK
    """How long its requests hold a thread."""

    def least_scope(self, method: str) -> TokenScope:
        """The scope a token needs for this method."""
        return self.scope or (TokenScope.WRITE if method in UNSAFE_METHODS else TokenScope.READ)

    def body_limit(self, settings: Settings) -> int:
        """Bytes of the largest body taken."""
        return self.max_body(settings) if callable(self.max_body) else self.max_body


def access(
    caller: Caller,
    *,
    scope: TokenScope | None = None,
    max_body: BodyLimit = SMALL_BODY,
    rate: str | None = None,
    lane: Lane = Lane.QUICK,
) -> Callable[[View], View]:
    """Say what a view asks of its caller; it stands below the line with the view's address."""

    def mark(view: View) -> View:
        setattr(view, _RULE, Access(caller, scope, max_body, rate, lane))
        return view

    return mark


def access_to_all(blueprint: Blueprint, caller: Caller) -> None:
    """Say who may ask the views of a blueprint that do not say it themselves."""
    setattr(blueprint, _RULE, Access(caller))


def rule_of(app: Flask, endpoint: str) -> Access | None:
    """What an endpoint asks; None if neither it nor its blueprint says anything."""
    own: Access | None = getattr(app.view_functions[endpoint], _RULE, None)
    blueprint = app.blueprints.get(endpoint.rpartition(".")[0])
    return own or getattr(blueprint, _RULE, None)


def sketch_body(settings: Settings) -> int:
    """Bytes of a request that brings a sketch."""
    return settings.sketch_max_bytes + SMALL_BODY


def init_access(app: Flask) -> None:
    """Hold every request to what its endpoint asks, before a byte of its body is read."""
    app.before_request(_guard)


class AppGate:
    """What the app says of a request of which there are only the headers: the rules above, before its body is taken."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._urls = app.url_map.bind("")

    def lane(self, method: str, path: str) -> Lane:
        """Where it waits for a thread."""
        try:
            endpoint, _ = self._urls.match(f"/{path.lstrip('/')}", method)
        except HTTPException:  # there is nothing, or it redirects
            return Lane.QUICK
        rule = rule_of(self._app, endpoint)
        return rule.lane if rule else Lane.QUICK

    def body_limit(self, environ: dict[str, Any]) -> int | None:
        """Bytes of body it may bring; None if the guard will refuse it."""
        with self._app.request_context(environ):
            rule = _rule_here()
            if rule is None:
                return None
            try:
                _refuse_caller(rule)
            except MindReaderError:
                return None
            return rule.body_limit(current_services().settings)


def _guard() -> None:
    rule = _rule_here()
    limit = rule.body_limit(current_services().settings) if rule else SMALL_BODY
    request.max_content_length = limit
    if request.endpoint is None:
        return
    if rule is None:
        raise ForbiddenError("Nobody may ask this: the server does not say who may.")
    _refuse_caller(rule)
    if request.environ.get(BODY_REFUSED) or (request.content_length or 0) > limit:
        raise RequestEntityTooLarge


def _rule_here() -> Access | None:
    return rule_of(current_app, request.endpoint) if request.endpoint else None


def _refuse_caller(rule: Access) -> None:
    if request.path.startswith(_API) and request.method in UNSAFE_METHODS:
        _refuse_forgery()
    if rule.caller is ANYONE:
        return
    current_account()
    _refuse_beyond_scope(rule.least_scope(request.method))
    if rule.caller is ADMIN:
        require_admin()


def _refuse_beyond_scope(least: TokenScope) -> None:
    scope = current_user.scope
    if scope is not None and _STRENGTH.index(scope) < _STRENGTH.index(least):
        if least == TokenScope.FULL:
            raise ForbiddenError("This needs an access token with the scope full, or a person who signs in.")
        raise ForbiddenError("This access token can only look and search. Make one that may change things.")


def _refuse_forgery() -> None:
    """A page of another site can make a browser send its cookie, but neither a token nor our header."""
    if not current_user.is_authenticated or current_user.by_token:
        return
    try:
        validate_csrf(request.headers.get(CSRF_HEADER))
    except ValidationError:
        raise ForbiddenError(
            "The header {header} is missing or out of date. Load the page again, then repeat this.", header=CSRF_HEADER
        ) from None
