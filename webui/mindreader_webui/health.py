"""Questions of load balancers and supervisors; no sign-in."""

from __future__ import annotations

from flask import Blueprint, Response
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from mindreader.use_cases.models import active_version
from mindreader_webui.services import current_services

health = Blueprint("health", __name__)


@health.get("/healthz")
def healthz() -> Response:
    """`ok` when the catalog answers."""
    try:
        with current_services().catalog.snapshot() as session:
            session.execute(select(1))
    except SQLAlchemyError:
        return _text("the catalog does not answer", 503)
    return _text("ok")


@health.get("/readyz")
def readyz() -> Response:
    """`ok` when searches can be answered: the catalog answers and a model version is active."""
    try:
        with current_services().catalog.snapshot() as session:
            active = active_version(session)
    except SQLAlchemyError:
        return _text("the catalog does not answer", 503)
    return _text("ok") if active else _text("no model version is active", 503)


def _text(text: str, status: int = 200) -> Response:
    return Response(text, status, mimetype="text/plain", headers={"Cache-Control": "no-store"})
