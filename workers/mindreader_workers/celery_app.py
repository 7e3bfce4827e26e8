"""The Celery app, its queues, and how the web reaches them. Free of torch.

Tasks are wake-ups: the catalog says what there is to do, so a lost or doubled message changes nothing.
"""

from __future__ import annotations

from celery import Celery

from mindreader.observability.traces import start_traces
from mindreader.settings import Settings
from mindreader_workers import memory_results, memory_transport

EMBED_QUEUE = "embed"
SEARCH_QUEUE = "search"
LEARN_QUEUE = "learn"
"""A model version learns this library: nobody waits for it, so it has the lowest priority."""
EMBED_TASK = "mindreader.embed"
SEARCH_TASK = "mindreader.search"
SIMILAR_TASK = "mindreader.similar"
SMOKE_TEST_TASK = "mindreader.smoke_test"
QUALITY_TASK = "mindreader.quality"
WARM_UP_TASK = "mindreader.warm_up"
LEARN_TASK = "mindreader.learn"
HEARTBEAT_TASK = "mindreader.heartbeat"
SEARCH_TASKS = (SEARCH_TASK, SIMILAR_TASK, SMOKE_TEST_TASK, WARM_UP_TASK, QUALITY_TASK)
"""Somebody waits for their answers."""
REQUEST_HEADER = "mindreader_request_id"
"""Header of a task that says for which request it is done."""

SECONDS_BETWEEN_LOOKS = 0.01
"""For the result of a task, where a result backend is asked again and again: neither Redis nor our own is."""
# Somebody waits for a result: for Redis to be started again, but not for half a minute before being told.
_SHORT_RETRIES = {"max_retries": 5, "interval_start": 0, "interval_step": 0.2, "interval_max": 0.5}


def make_celery(settings: Settings) -> Celery:
    """The Celery app of these settings; `mindreader_workers.tasks` adds the tasks to it."""
    # Without a host, kombu warns at every connection that it takes localhost.
    broker = "memory://localhost/" if settings.embedded_workers else settings.broker_url
    app = Celery("mindreader", broker=broker, backend=_results(settings.results_url))
    app.conf.update(
        task_routes={EMBED_TASK: {"queue": EMBED_QUEUE}, LEARN_TASK: {"queue": LEARN_QUEUE}}
        | {task: {"queue": SEARCH_QUEUE} for task in SEARCH_TASKS},
        task_serializer="json",
        result_serializer="json",
        accept_content=["json"],
        broker_transport=_transport(broker),
        worker_prefetch_multiplier=1,
        worker_cancel_long_running_tasks_on_connection_loss=True,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,  # a worker waits for its broker for as long as it takes
        result_backend_transport_options={"retry_policy": _SHORT_RETRIES},
        result_expires=600,
        worker_hijack_root_logger=False,
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


def _transport(broker: str) -> str | None:
    """Celery's own, where it is neither of those that need more."""
    if broker.startswith("memory://"):
        return memory_transport.NAME
    if not broker.startswith(("redis://", "rediss://")):
        return None
    from mindreader_workers import redis_transport

    return redis_transport.NAME


def _results(url: str) -> str:
    """Within one process our own, else Celery's."""
    return f"{memory_results.NAME}+{url}" if url.startswith("memory://") else url
