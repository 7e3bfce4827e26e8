"""Metrics for Prometheus: what this process did, and what the catalog says of everything else.

`/metrics` is closed unless the setting `metrics_token` has a bearer token for it.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable, Iterator

from flask import Blueprint, Flask, Response, current_app, g, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from mindreader.catalog import Catalog, EmbeddingState
from mindreader.errors import NotFoundError, NotSignedInError
from mindreader.operations.metrics import Metrics, collect_metrics
from mindreader_webui.access import ANYONE, access_to_all
from mindreader_webui.auth import bearer_of
from mindreader_webui.services import current_services

_EXTENSION = "mindreader_metrics"
_FRESH_SECONDS = 5.0
_QUICK = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

metrics = Blueprint("metrics", __name__)
access_to_all(metrics, ANYONE)  # it asks for a token of its own


class ProcessMetrics:
    """What one web process has counted."""

    def __init__(self, catalog: Catalog) -> None:
        self.registry = CollectorRegistry()
        self.registry.register(CatalogCollector(catalog))
        self.requests = Histogram(
            "mindreader_http_request_seconds",
            "Requests this web process answered.",
            ("method", "endpoint", "status"),
            buckets=_QUICK,
            registry=self.registry,
        )
        self.search_stages = Histogram(
            "mindreader_search_stage_seconds",
            "Stages of the searches this web process had answered; total is what the person waited.",
            ("stage",),
            buckets=_QUICK,
            registry=self.registry,
        )


def init_metrics(app: Flask, catalog: Catalog) -> None:
    """Count requests from now on."""
    counted = ProcessMetrics(catalog)
    app.extensions[_EXTENSION] = counted
    app.register_blueprint(metrics)

    @app.after_request
    def _end(response: Response) -> Response:
        # By endpoint, not by address: there are as many addresses as photos.
        labels = (request.method, request.endpoint or "none", str(response.status_code))
        counted.requests.labels(*labels).observe(g.timer.total)  # of mindreader_webui.requests
        return response


def observe_search(app: Flask, timings_ms: dict[str, float]) -> None:
    """Count a search that was answered."""
    counted: ProcessMetrics = app.extensions[_EXTENSION]
    for stage, milliseconds in timings_ms.items():
        counted.search_stages.labels(stage).observe(milliseconds / 1000)


@metrics.get("/metrics")
def show() -> Response:
    """Everything, in Prometheus' text format.

    Raises:
        NotFoundError: no token is set, so that there is nothing here.
        NotSignedInError: the request has another token, or none.
    """
    services = current_services()
    token = services.settings.metrics_token.get_secret_value()
    if not token:
        raise NotFoundError("There is nothing at this address.")
    given = bearer_of(request)
    if given is None or not secrets.compare_digest(given.encode(), token.encode()):
        raise NotSignedInError("Send the token of the setting metrics_token.")
    counted: ProcessMetrics = current_app.extensions[_EXTENSION]
    return Response(generate_latest(counted.registry), content_type=CONTENT_TYPE_LATEST)


class CatalogCollector(Collector):
    """Asks the catalog when Prometheus asks, at most every few seconds."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._counted: Metrics | None = None
        self._at = 0.0

    def describe(self) -> Iterable[Metric]:
        """Nothing: registering must not ask the catalog."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """All families."""
        found = self._counted_now()
        yield _gauge("mindreader_photos", "Photos that are not deleted.", found.photos)
        yield _gauge("mindreader_photo_bytes", "Bytes of their originals.", found.bytes)
        yield _gauge("mindreader_collections", "Collections.", found.collections)
        yield _gauge("mindreader_folders_away", "Folders shown in place that are not there.", found.folders_away)
        yield _gauge("mindreader_users", "People who can sign in.", found.users)
        yield _gauge("mindreader_urgent_photos", "Photos somebody waits for to be embedded.", found.urgent)
        yield _embeddings(found)
        jobs = GaugeMetricFamily("mindreader_jobs", "Jobs by state.", labels=("state",))
        for state, count in found.jobs.items():
            jobs.add_metric((str(state),), count)
        yield jobs
        active = GaugeMetricFamily("mindreader_active_model", "1 for the model version that answers.", labels=("name",))
        if found.active_version is not None:
            active.add_metric((found.active_version,), 1)
        yield active
        yield from _workers(found)

    def _counted_now(self) -> Metrics:
        if self._counted is None or time.monotonic() - self._at > _FRESH_SECONDS:
            with self._catalog.snapshot() as session:
                self._counted = collect_metrics(session)
            self._at = time.monotonic()
        return self._counted


def _embeddings(found: Metrics) -> Metric:
    family = GaugeMetricFamily(
        "mindreader_embeddings",
        "Photos of an embedding space by state; pending is the queue.",
        labels=("space", "state"),
    )
    for space in sorted({space for space, _ in found.embeddings}):
        for state in EmbeddingState:
            family.add_metric((space, state.value), found.embeddings.get((space, state), 0))
    return family


def _workers(found: Metrics) -> Iterator[Metric]:
    labels = ("worker", "queue")
    alive = GaugeMetricFamily("mindreader_worker_alive", "1 while tasks run in a worker.", labels=labels)
    idle = GaugeMetricFamily("mindreader_worker_seconds_since_task", "Since its last task.", labels=labels)
    tasks = CounterMetricFamily("mindreader_worker_tasks", "Tasks it has done.", labels=labels)
    photos = CounterMetricFamily("mindreader_worker_photos", "Photos it has embedded, or found broken.", labels=labels)
    stages = CounterMetricFamily(
        "mindreader_embed_stage_seconds", "Seconds it worked on each stage of embedding.", labels=(*labels, "stage")
    )
    for worker in found.workers:
        who = (worker.name, worker.queue)
        alive.add_metric(who, int(worker.alive))
        idle.add_metric(who, worker.seconds_since_task)
        tasks.add_metric(who, worker.tasks)
        photos.add_metric(who, worker.photos)
        for stage, seconds in worker.stage_seconds.items():
            stages.add_metric((*who, stage), seconds)
    yield from (alive, idle, tasks, photos, stages)


def _gauge(name: str, help_text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, help_text, value=value)
