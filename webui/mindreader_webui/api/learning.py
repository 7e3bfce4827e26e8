"""The active model version learns this library: begin, watch, pause, resume, cancel. All for administrators."""

from collections.abc import Callable

from flask import Response
from sqlalchemy.orm import Session

from mindreader.learning.trainings import (
    cancel_training,
    latest_training,
    pause_training,
    prospect,
    resume_training,
    start_training,
)
from mindreader.operations.worker_status import queue_is_served
from mindreader_webui.access import ADMIN
from mindreader_webui.api.common import answer, blueprint
from mindreader_webui.api.schemas.learning import Learning, Training
from mindreader_webui.auth import current_account
from mindreader_webui.services import current_services
from mindreader_workers.celery_app import LEARN_QUEUE
from mindreader_workers.client import wake_learners

learning = blueprint("learning", __name__, "A model version learns this library", ADMIN)

_PATH = "/models/learn"


@learning.get(_PATH, responses={200: Learning})
def show_learning() -> Response:
    """What would be learned, why not perhaps, and how far the newest training is."""
    services = current_services()
    with services.catalog.snapshot() as session:
        return answer(
            Learning.of(
                prospect(session),
                latest_training(session),
                learns_from_use=services.settings.learn_from_use,
                is_served=queue_is_served(session, LEARN_QUEUE),
            )
        )


@learning.post(_PATH, responses={201: Training})
def learn() -> Response:
    """Let the active version learn this library. What comes of it is a new version, which does not answer by itself."""
    return _changed(lambda session: start_training(session, current_account()), 201)


@learning.post(f"{_PATH}/pause", responses={200: Training})
def pause_learning() -> Response:
    """Stand still; what is learned so far is kept."""
    return _changed(pause_training)


@learning.post(f"{_PATH}/resume", responses={200: Training})
def resume_learning() -> Response:
    """Go on."""
    return _changed(resume_training)


@learning.post(f"{_PATH}/cancel", responses={200: Training})
def cancel_learning() -> Response:
    """Give it up, with everything learned so far."""
    return _changed(cancel_training)


def _changed(change: Callable[[Session], object], status: int = 200) -> Response:
    """The training after a change, of which the workers are told."""
    services = current_services()
    with services.catalog.transaction() as session:
        change(session)
    wake_learners(services.celery)
    with services.catalog.snapshot() as session:
        newest = latest_training(session)
        assert newest is not None
        return answer(Training.of(newest), status)
