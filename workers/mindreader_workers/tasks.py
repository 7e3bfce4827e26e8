"""The tasks. Each is thin: it calls one use case and says nothing the catalog does not know."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from celery import Celery, current_task

from mindreader.errors import ErrorKind, MindReaderError, NotReadyError, Sentence
from mindreader.messages import SearchAnswer, SearchRequest, SimilarRequest
from mindreader.model_versions.library_quality import library_quality
from mindreader.observability.logs import request_id
from mindreader.observability.timing import StageTimer
from mindreader_workers.celery_app import (
    EMBED_TASK,
    HEARTBEAT_TASK,
    LEARN_TASK,
    QUALITY_TASK,
    REQUEST_HEADER,
    SEARCH_QUEUE,
    SEARCH_TASK,
    SIMILAR_TASK,
    SMOKE_TEST_TASK,
    WARM_UP_TASK,
)
from mindreader_workers.client import wake_embedders, wake_learners
from mindreader_workers.envelopes import envelopes_of
from mindreader_workers.worker import Worker

log = logging.getLogger(__name__)

_P = ParamSpec("_P")
_R = TypeVar("_R")

_ORDERLY = (Exception, SystemExit, KeyboardInterrupt, GeneratorExit)
"""What Celery's consumers outlive, or are to end by. Anything else, a panic of a library's, would end them for good."""
_UNEXPECTED = Sentence("The search worker failed. Its log says more. Try again; if it stays, tell an administrator.")

# Redis gives a task to a second worker after an hour without an acknowledgement; these stay far below.
_SEARCH_SECONDS = 120
_EMBED_SECONDS = 900
_SMOKE_TEST_SECONDS = 600
"""Photos leased, decoded and written together, even where fewer go through E2 at once."""


def add_tasks(celery: Celery, worker: Worker) -> None:
    """Register the tasks, bound to `worker`."""

    @celery.task(name=EMBED_TASK, shared=False, ignore_result=True, soft_time_limit=_EMBED_SECONDS)
    @_contained
    def embed() -> None:
        if worker.embed_slice():
            wake_embedders(celery)

    @celery.task(name=LEARN_TASK, shared=False, ignore_result=True, soft_time_limit=_EMBED_SECONDS)
    @_contained
    def learn() -> None:
        if worker.learn_slice():
            wake_learners(celery)

    @celery.task(name=SEARCH_TASK, shared=False, soft_time_limit=_SEARCH_SECONDS)
    def search(request: Any) -> dict[str, Any]:
        envelopes = envelopes_of(celery)
        return _reply(lambda: envelopes.seal(_search(celery, worker, envelopes.open(SearchRequest, request))))

    @celery.task(name=SIMILAR_TASK, shared=False, soft_time_limit=_SEARCH_SECONDS)
    def similar(request: Any) -> dict[str, Any]:
        envelopes = envelopes_of(celery)
        return _reply(lambda: envelopes.seal(worker.searcher.similar(envelopes.open(SimilarRequest, request))))

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
    @_contained
    def heartbeat(queue: str) -> None:
        if queue == SEARCH_QUEUE:
            worker.check_search()
        else:
            worker.heartbeats[queue].record(worker.catalog)


class WorkerPanicError(Exception):
    """A library gave up with something that is no `Exception`."""


def _contained(work: Callable[_P, _R]) -> Callable[_P, _R]:
    """A task that fails as tasks fail, whatever is raised in it.

    Raises:
        WorkerPanicError: instead of what Celery's consumers would not outlive.
    """

    @wraps(work)
    def run(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        try:
            return work(*args, **kwargs)
        except _ORDERLY:
            raise
        except BaseException as panic:
            raise WorkerPanicError(f"{type(panic).__name__}: {panic}") from panic

    return run


def _search(celery: Celery, worker: Worker, request: SearchRequest) -> SearchAnswer:
    try:
        return worker.answer_search(request)
    except NotReadyError:
        # The index may be damaged; whoever may do something about that does so now, not half a minute later.
        wake_embedders(celery)
        raise


def _reply(work: Callable[[], Any]) -> dict[str, Any]:
    """The answer, or the error as a sentence: exceptions do not travel between processes, and somebody waits."""
    task = current_task.request
    held = request_id.set(getattr(task, REQUEST_HEADER, None) or "")
    timer = StageTimer()
    outcome = "done"
    try:
        return {"answer": _contained(work)()}
    except MindReaderError as error:
        outcome = error.for_administrators
        return _error(error.kind, error.detail)
    except Exception as error:
        outcome = type(error).__name__
        log.exception("%s failed", current_task.name)
        return _error(MindReaderError.kind, _UNEXPECTED)
    finally:
        log.info("%s: %s, %.0f ms", current_task.name, outcome, timer.total * 1000)
        request_id.reset(held)


def _error(kind: ErrorKind, detail: Sentence) -> dict[str, Any]:
    return {"error": {"kind": kind.slug, "detail": detail} | detail.packed()}
