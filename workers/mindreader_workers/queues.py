"""The Celery app, its queues, and how the web reaches them. Free of torch.

Tasks are wake-ups: the catalog says what there is to do, so a lost or doubled message changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from celery import Celery
from celery.exceptions import TimeoutError as CeleryTimeoutError
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from mindreader.errors import (
    BundleError,
    ConflictError,
    IndexMismatchError,
    InvalidInputError,
    MindReaderError,
    NotFoundError,
    NotReadyError,
    SketchRejectedError,
)
from mindreader.logs import request_id
from mindreader.settings import Settings
from mindreader.traces import start_traces
from mindreader.use_cases.messages import LibraryQuality, SearchAnswer, SearchRequest, Trial

EMBED_QUEUE = "embed"
SEARCH_QUEUE = "search"
EMBED_TASK = "mindreader.embed"
SEARCH_TASK = "mindreader.search"
TRIAL_TASK = "mindreader.trial"
QUALITY_TASK = "mindreader.quality"
WARM_UP_TASK = "mindreader.warm_up"
HEARTBEAT_TASK = "mindreader.heartbeat"
REQUEST_HEADER = "mindreader_request_id"
"""Header of a task that says for which request it is done."""

_SECONDS_BETWEEN_LOOKS = 0.002
# Somebody waits for a result: for Redis to be started again, but not for half a minute before being told.
_SHORT_RETRIES = {"max_retries": 5, "interval_start": 0, "interval_step": 0.2, "interval_max": 0.5}


def make_celery(settings: Settings) -> Celery:
    """The Celery app of these settings; `mindreader_workers.tasks` adds the tasks to it."""
    # Without a host, kombu warns at every connection that it takes localhost.
    broker = "memory://localhost/" if settings.embedded_workers else settings.broker_url
    app = Celery("mindreader", broker=broker, backend=settings.results_url)
    app.conf.update(
        task_routes={EMBED_TASK: {"queue": EMBED_QUEUE}}
        | {task: {"queue": SEARCH_QUEUE} for task in (SEARCH_TASK, TRIAL_TASK, WARM_UP_TASK, QUALITY_TASK)},
        task_serializer="json",
        result_serializer="json",
        accept_content=["json"],
        broker_transport=_redis_transport(broker),
        worker_prefetch_multiplier=1,
        worker_cancel_long_running_tasks_on_connection_loss=True,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,  # a worker waits for its broker for as long as it takes
        result_backend_transport_options={"retry_policy": _SHORT_RETRIES},
        result_expires=600,
        worker_hijack_root_logger=False,
        # In one process a task waits on no network, so looking for it often is all that keeps it from being slow.
        broker_transport_options={"polling_interval": _SECONDS_BETWEEN_LOOKS} if settings.embedded_workers else {},
    )
    if start_traces(settings):
        _trace_tasks()
    return app


def _trace_tasks() -> None:
    """A task belongs to the trace of the request that sent it."""
    from opentelemetry.instrumentation.celery import CeleryInstrumentor

    instrumentor = CeleryInstrumentor()  # type: ignore[no-untyped-call]
    if not instrumentor.is_instrumented_by_opentelemetry:  # once for all apps of a process
        instrumentor.instrument()


def _redis_transport(broker: str) -> str | None:
    if not broker.startswith(("redis://", "rediss://")):
        return None
    from mindreader_workers import transport

    return transport.NAME


def wake_embedders(celery: Celery) -> None:
    """Say that there are photos to embed. A broker that is away is no error: workers also look by themselves."""
    try:
        celery.send_task(EMBED_TASK, queue=EMBED_QUEUE, ignore_result=True, retry=False)
    except OperationalError:
        return


def send_heartbeat(celery: Celery, queue: str) -> None:
    """Have some worker of a queue say that it works; if none takes it within a minute it is forgotten."""
    with suppress(OperationalError):
        celery.send_task(HEARTBEAT_TASK, [queue], queue=queue, expires=60, ignore_result=True, retry=False)


def search(
    celery: Celery, request: SearchRequest, timeout: float, meanwhile: Callable[[], None] = lambda: None
) -> SearchAnswer:
    """Have a worker answer `request`, waiting at most `timeout` seconds; `meanwhile` is done while it works.

    Raises:
        NotReadyError: no worker answered in time, the broker is away, or no model version is active.
        InvalidInputError: the worker could not use the sketch.
    """
    return SearchAnswer.model_validate(_ask(celery, SEARCH_TASK, request.model_dump(mode="json"), timeout, meanwhile))


def try_bundle(celery: Celery, bundle_sha256: str, timeout: float) -> Trial:
    """Have a search worker load a kept bundle and use it once.

    Raises:
        BundleError: something in it does not fit.
        NotReadyError: no worker answered in time, or E2's published weights cannot be found there.
    """
    return Trial.model_validate(_ask(celery, TRIAL_TASK, bundle_sha256, timeout))


def warm_up(celery: Celery, model_version_id: int, timeout: float) -> None:
    """Have a search worker load a model version, so that the first search need not wait for it.

    Raises:
        NotReadyError, BundleError, NotFoundError: it cannot be loaded.
    """
    _ask(celery, WARM_UP_TASK, model_version_id, timeout)


def library_quality(celery: Celery, collection_ids: Sequence[int], timeout: float) -> LibraryQuality:
    """Have a search worker see how well the photos of each category lie together.

    Raises:
        NotReadyError: no worker answered in time, or no model version is active.
    """
    return LibraryQuality.model_validate(_ask(celery, QUALITY_TASK, list(collection_ids), timeout))


def _ask(
    celery: Celery, task: str, argument: object, timeout: float, meanwhile: Callable[[], None] = lambda: None
) -> Any:
    try:
        pending = celery.send_task(
            task,
            [argument],
            queue=SEARCH_QUEUE,
            expires=timeout,
            retry=False,
            headers={REQUEST_HEADER: request_id.get()},
        )
        meanwhile()
        reply = pending.get(timeout=timeout, disable_sync_subtasks=False, interval=_SECONDS_BETWEEN_LOOKS)
    except CeleryTimeoutError:
        raise NotReadyError(
            "No search worker answered within {seconds:g} seconds. Check that one is running, then try again.",
            seconds=timeout,
        ) from None
    except (OperationalError, RedisError, RuntimeError):  # the last is how Celery says that it cannot reconnect
        raise NotReadyError("The task queue cannot be reached. Check that Redis is running, then try again.") from None
    if "error" in reply:
        raise _error_of(reply["error"])
    return reply["answer"]


_ERRORS: dict[str, type[MindReaderError]] = {
    error.kind.slug: error
    for error in (
        NotReadyError,
        InvalidInputError,
        SketchRejectedError,
        BundleError,
        NotFoundError,
        ConflictError,
        IndexMismatchError,
    )
}


def _error_of(reply: dict[str, Any]) -> MindReaderError:
    # A worker that is not upgraded yet sends the whole sentence alone.
    template, values = reply.get("template", reply["detail"]), reply.get("values", {})
    return _ERRORS.get(reply["kind"], MindReaderError)(template, **values)
