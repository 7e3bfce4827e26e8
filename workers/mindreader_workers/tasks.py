"""The tasks. Each is thin: it calls one use case and says nothing the catalog does not know."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from celery import Celery, current_task

from mindreader.errors import MindReaderError
from mindreader.logs import request_id
from mindreader.messages import SearchRequest
from mindreader.model_versions.library_quality import library_quality
from mindreader.timing import StageTimer
from mindreader_workers.celery_app import (
    EMBED_TASK,
    HEARTBEAT_TASK,
    QUALITY_TASK,
    REQUEST_HEADER,
    SEARCH_TASK,
    SMOKE_TEST_TASK,
    WARM_UP_TASK,
)
from mindreader_workers.client import wake_embedders
from mindreader_workers.envelopes import envelopes_of
from mindreader_workers.worker import Worker

log = logging.getLogger(__name__)

# Redis gives a task to a second worker after an hour without an acknowledgement; these stay far below.
_SEARCH_SECONDS = 120
_EMBED_SECONDS = 900
_SMOKE_TEST_SECONDS = 600
"""Photos leased, decoded and written together, even where fewer go through E2 at once."""


def add_tasks(celery: Celery, worker: Worker) -> None:
    """Register the tasks, bound to `worker`."""

    @celery.task(name=EMBED_TASK, shared=False, ignore_result=True, soft_time_limit=_EMBED_SECONDS)
    def embed() -> None:
        if worker.embed_slice():
            wake_embedders(celery)

    @celery.task(name=SEARCH_TASK, shared=False, soft_time_limit=_SEARCH_SECONDS)
    def search(request: Any) -> dict[str, Any]:
        envelopes = envelopes_of(celery)
        return _reply(lambda: envelopes.seal(worker.searcher.answer(envelopes.open(SearchRequest, request))))

    @celery.task(name=SMOKE_TEST_TASK, shared=False, soft_time_limit=_SMOKE_TEST_SECONDS)
    def smoke_test_bundle(bundle_sha256: str) -> dict[str, Any]:
        return _reply(lambda: worker.smoke_test(bundle_sha256).model_dump(mode="json"))

    @celery.task(name=WARM_UP_TASK, shared=False, soft_time_limit=_SMOKE_TEST_SECONDS)
    def warm_up(model_version_id: int) -> dict[str, Any]:
        return _reply(lambda: worker.searcher.warm_up(model_version_id))

    @celery.task(name=QUALITY_TASK, shared=False, soft_time_limit=_SEARCH_SECONDS)
    def quality(collection_ids: list[int]) -> dict[str, Any]:
        return _reply(lambda: library_quality(worker.catalog, worker.indexes, collection_ids).model_dump(mode="json"))

    @celery.task(name=HEARTBEAT_TASK, shared=False, ignore_result=True)
    def heartbeat(queue: str) -> None:
        worker.heartbeats[queue].record(worker.catalog)


def _reply(work: Callable[[], Any]) -> dict[str, Any]:
    """The answer, or the error as a sentence: exceptions do not travel between processes."""
    task = current_task.request
    held = request_id.set(getattr(task, REQUEST_HEADER, None) or "")
    timer = StageTimer()
    outcome = "done"
    try:
        return {"answer": work()}
    except MindReaderError as error:
        outcome = error.detail
        made_of = {"template": error.detail.template, "values": error.detail.values}
        return {"error": {"kind": error.kind.slug, "detail": error.detail, **made_of}}
    finally:
        log.info("%s: %s, %.0f ms", current_task.name, outcome, timer.total * 1000)
        request_id.reset(held)
