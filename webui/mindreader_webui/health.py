"""Questions of load balancers and supervisors; no sign-in."""

from __future__ import annotations

from flask import Blueprint, Response
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from mindreader.model_versions.registry import active_version
from mindreader.operations.worker_status import queue_is_served
from mindreader_webui.access import ANYONE, access_to_all
from mindreader_webui.services import current_services
from mindreader_workers.celery_app import SEARCH_QUEUE

health = Blueprint("health", __name__)
access_to_all(health, ANYONE)


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
    """`ok` when searches can be answered: catalog, active model version, and a search worker that works.

    A worker works when it has done a task lately; that its process exists says nothing.
    """
    try:
        with current_services().catalog.snapshot() as session:
            active = active_version(session)
            served = queue_is_served(session, SEARCH_QUEUE)
    except SQLAlchemyError:
        return _text("the catalog does not answer", 503)
    if active is None:
        return _text("no model version is active", 503)
    return _text("ok") if served else _text("no search worker has done a task lately", 503)


def _text(text: str, status: int = 200) -> Response:
    return Response(text, status, mimetype="text/plain", headers={"Cache-Control": "no-store"})
