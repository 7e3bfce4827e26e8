"""Errors as a person or a program can use them: RFC 9457 problem documents under /api, small pages elsewhere."""

from __future__ import annotations

import errno
import logging
import math
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask, Response, current_app, json, render_template, request
from flask_limiter import RateLimitExceeded
from pydantic import ValidationError
from sqlalchemy.exc import DatabaseError, DataError, OperationalError
from werkzeug.exceptions import HTTPException

from mindreader.errors import ErrorKind, InvalidInputError, MindReaderError, NotSignedInError, Sentence
from mindreader.host.full_disk import is_full_disk
from mindreader.observability.logs import request_id
from mindreader_webui.i18n import translated
from mindreader_webui.rates import seconds_to_wait
from mindreader_webui.requests import path_for_logs

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
_TYPE_PREFIX = "urn:mindreader:problem:"
_INTERNAL = MindReaderError.kind
_SAY_NOTHING = Sentence("The server's log says more. Try again; if it stays, tell an administrator.")
_NOT_STORABLE = Sentence(
    "Something in the request cannot be used: a character that cannot be stored (such as NUL), or JSON that is nested "
    "too deeply."
)
_AS_SECONDS = 120
_AWAY = ErrorKind("not-ready", 503, "MindReader is not ready for this yet")
_CATALOG_AWAY = Sentence("The catalog cannot be reached. Try again in a moment.")
_DAMAGED = Sentence("The catalog is damaged. An administrator should run `mindreader doctor`, and restore a backup.")
_FILES_AWAY = Sentence("Files cannot be read or written at the moment. Try again; if it stays, tell an administrator.")
_FULL = ErrorKind("disk-full", 507, "There is no room left")
_NO_ROOM = Sentence(
    "The server's disk is full, so nothing of this was kept. Ask an administrator to make room, then try again."
)
_STORE_AWAY = frozenset({None, errno.EROFS, errno.EIO, errno.ESTALE, errno.ENOTCONN, errno.EACCES, errno.EPERM})
"""What disks and mounts answer that are broken or read-only; without a number, a store elsewhere out of reach."""

# What a person reads when the web server itself refuses a request.
_SENTENCES = {
    404: Sentence("There is nothing at this address."),
    405: Sentence("This address does not take that method."),
    413: Sentence(
        "The request is larger than this server takes, or has too many parts. Send fewer or smaller files at a time."
    ),
}


class InvalidFieldsError(InvalidInputError):
    """Fields of a request cannot be used; `errors` names each with the reason."""

    def __init__(self, errors: list[dict[str, str]]) -> None:
        super().__init__(" ".join(f"{error['field']}: {error['message']}." for error in errors))
        self.errors = errors

    @classmethod
    def from_validation(cls, error: ValidationError) -> InvalidFieldsError:
        """The same, from what pydantic found."""
        found = error.errors(include_url=False, include_context=False, include_input=False)
        return cls([{"field": _field(each["loc"]), "message": each["msg"]} for each in found])


@contextmanager
def invalid_fields() -> Iterator[None]:
    """What pydantic finds wrong inside is what the caller sent.

    Raises:
        InvalidFieldsError: naming each field.
    """
    try:
        yield
    except ValidationError as error:
        raise InvalidFieldsError.from_validation(error) from None


def refuse_fields(error: ValidationError) -> Response:
    """Turn flask-openapi3's validation errors into ours.

    Raises:
        InvalidFieldsError: always.
    """
    raise InvalidFieldsError.from_validation(error) from None


def init_problems(app: Flask) -> None:
    """Answer every error in the form the caller understands."""
    app.register_error_handler(MindReaderError, _mindreader_error)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(DatabaseError, _catalog_error)
    app.register_error_handler(sqlite3.Error, _catalog_error)
    app.register_error_handler(OSError, _disk_error)
    for kind in (UnicodeEncodeError, DataError, RecursionError):
        app.register_error_handler(kind, _unusable)
    app.register_error_handler(Exception, _unexpected_error)


def _mindreader_error(error: MindReaderError) -> Response:
    kind = error.kind
    if kind.status >= 500:
        log.error("%s %s: %s", request.method, path_for_logs(), error.for_administrators, exc_info=error)
    more = {"errors": error.errors} if isinstance(error, InvalidFieldsError) else {}
    response = _answer(kind.slug, kind.status, kind.title, error.detail, **more)
    if kind is NotSignedInError.kind:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _http_error(error: HTTPException) -> Response:
    if error.code is None or error.code < 400:  # a redirect, or a response that was raised
        return current_app.make_response(error)
    if isinstance(error, RateLimitExceeded):
        return _too_often(error)
    detail = _SENTENCES.get(error.code) or error.description or error.name
    response = _answer(_slug(error), error.code, error.name, detail)
    if allowed := error.get_response().headers.get("Allow"):
        response.headers["Allow"] = allowed
    return response


def _too_often(error: RateLimitExceeded) -> Response:
    seconds = seconds_to_wait(error)
    detail = Sentence("Too many attempts in a short time. Wait {n} seconds, then try again.", n=seconds)
    if seconds > _AS_SECONDS:
        minutes = math.ceil(seconds / 60)
        detail = Sentence("Too many attempts in a short time. Wait {n} minutes, then try again.", n=minutes)
    response = _answer(_slug(error), error.code, error.name, detail)
    response.headers["Retry-After"] = str(seconds)
    return response


def _slug(error: HTTPException) -> str:
    return error.name.lower().replace(" ", "-")


def _catalog_error(error: DatabaseError | sqlite3.Error) -> Response:
    """The database is away, full or damaged; anything else it says is a fault of this program."""
    if is_full_disk(error):
        return _disk_full(error)
    reason = str(error.orig if isinstance(error, DatabaseError) else error)
    is_damaged = any(sign in reason for sign in ("malformed", "file is not a database"))
    if not is_damaged and not isinstance(error, OperationalError | sqlite3.OperationalError):
        return _unexpected_error(error)
    log.error("%s %s: the catalog does not answer", request.method, path_for_logs(), exc_info=error)
    return _answer(_AWAY.slug, _AWAY.status, _AWAY.title, _DAMAGED if is_damaged else _CATALOG_AWAY)


def _disk_error(error: OSError) -> Response:
    """A disk is full, or the place of the files does not answer; anything else is a fault of this program."""
    if is_full_disk(error):
        return _disk_full(error)
    if error.errno not in _STORE_AWAY:
        return _unexpected_error(error)
    log.error("%s %s: a store does not answer", request.method, path_for_logs(), exc_info=error)
    return _answer(_AWAY.slug, _AWAY.status, _AWAY.title, _FILES_AWAY)


def _disk_full(error: Exception) -> Response:
    log.error("%s %s: the disk is full", request.method, path_for_logs(), exc_info=error)
    return _answer(_FULL.slug, _FULL.status, _FULL.title, _NO_ROOM)


def _unusable(error: Exception) -> Response:
    """What no field's own check caught: characters no database stores, JSON that is nested without end."""
    log.info("%s %s: %s", request.method, path_for_logs(), type(error).__name__)
    kind = InvalidInputError.kind
    return _answer(kind.slug, kind.status, kind.title, _NOT_STORABLE)


def _unexpected_error(error: Exception) -> Response:
    log.error("%s %s failed", request.method, path_for_logs(), exc_info=error)
    return _answer(_INTERNAL.slug, _INTERNAL.status, _INTERNAL.title, _SAY_NOTHING)


def _answer(slug: str, status: int, title: str, detail: str, **more: Any) -> Response:
    title, detail = translated(title), translated(detail)
    if not request.path.startswith("/api/"):
        return current_app.make_response((render_template("error.html", title=title, detail=detail), status))
    problem = {
        "type": _TYPE_PREFIX + slug,
        "title": title,
        "status": status,
        "detail": detail,
        "instance": request.path,
        "request_id": request_id.get(),
        **more,
    }
    return Response(json.dumps(problem), status, mimetype=MEDIA_TYPE)


def _field(location: tuple[int | str, ...]) -> str:
    return ".".join(map(str, location)) or "body"
