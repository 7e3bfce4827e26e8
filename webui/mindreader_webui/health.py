"""Questions of load balancers and supervisors; no sign-in."""

from __future__ import annotations

from flask import Blueprint, Response
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from mindreader.model_versions.registry import active_version
from mindreader.operations.system_status import disk_is_full
from mindreader.operations.worker_status import queue_is_served, trouble_of
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
    """`ok` when searches can be answered: catalog, active model version, room on the disk, and a search worker that
    works and could read the photo index.

    A worker works when it has done a task lately; that its process exists says nothing. What it found is read from the
    catalog: nothing is tried here, and nothing of where things lie is said.
    """
    services = current_services()
    try:
        with services.catalog.snapshot() as session:
            missing = _missing(session)
    except SQLAlchemyError:
        missing = "the catalog does not answer"
    if missing is None and disk_is_full(services.settings):
        missing = "the disk is full"
    return _text(missing, 503) if missing else _text("ok")


def _missing(session: Session) -> str | None:
    """What keeps searches from being answered, as far as the catalog knows."""
    if active_version(session) is None:
        return "no model version is active"
    if not queue_is_served(session, SEARCH_QUEUE):
        return "no search worker has done a task lately"
    if trouble_of(session, SEARCH_QUEUE) is not None:
        return "searches fail: the page Workers says why"
    return None


def _text(text: str, status: int = 200) -> Response:
    return Response(text, status, mimetype="text/plain", headers={"Cache-Control": "no-store"})
