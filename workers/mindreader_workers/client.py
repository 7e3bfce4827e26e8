"""How the web reaches the workers: tasks sent, answers awaited, errors brought back. Free of torch."""

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
    Sentence,
    SketchRejectedError,
)
from mindreader.messages import LibraryQuality, SearchAnswer, SearchRequest, SimilarAnswer, SimilarRequest, SmokeTest
from mindreader.observability.logs import request_id
from mindreader_workers.celery_app import (
    EMBED_QUEUE,
    EMBED_TASK,
    HEARTBEAT_TASK,
    LEARN_QUEUE,
    LEARN_TASK,
    QUALITY_TASK,
    REQUEST_HEADER,
    SEARCH_QUEUE,
    SEARCH_TASK,
    SECONDS_BETWEEN_LOOKS,
    SIMILAR_TASK,
    SMOKE_TEST_TASK,
    WARM_UP_TASK,
)
from mindreader_workers.envelopes import envelopes_of


def wake_embedders(celery: Celery) -> None:
    """Say that there are photos to embed. A broker that is away is no error: workers also look by themselves."""
    try:
        celery.send_task(EMBED_TASK, queue=EMBED_QUEUE, ignore_result=True, retry=False)
    except OperationalError:
        return


def wake_learners(celery: Celery) -> None:
    """Say that a library is to be learned. A broker that is away is no error: workers also look by themselves."""
    with suppress(OperationalError):
        celery.send_task(LEARN_TASK, queue=LEARN_QUEUE, ignore_result=True, retry=False)


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
    envelopes = envelopes_of(celery)
    sealed = _ask(celery, SEARCH_TASK, envelopes.seal(request), timeout, meanwhile)
    return envelopes.open(SearchAnswer, sealed)


def similar(celery: Celery, request: SimilarRequest, timeout: float) -> SimilarAnswer:
    """Have a worker find photos like a photo, or like something in it, waiting at most `timeout` seconds.

    Raises:
        NotReadyError: no worker answered in time, the broker is away, or no model version is active.
        NotFoundError: the photo is not in the index.
    """
    envelopes = envelopes_of(celery)
    return envelopes.open(SimilarAnswer, _ask(celery, SIMILAR_TASK, envelopes.seal(request), timeout))


def smoke_test(celery: Celery, bundle_sha256: str, timeout: float) -> SmokeTest:
    """Have a search worker load a kept bundle and use it once.

    Raises:
        BundleError: something in it does not fit.
        NotReadyError: no worker answered in time, or E2's published weights cannot be found there.
    """
    return SmokeTest.model_validate(_ask(celery, SMOKE_TEST_TASK, bundle_sha256, timeout))


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
        try:
            meanwhile()
            reply = pending.get(timeout=timeout, disable_sync_subtasks=False, interval=SECONDS_BETWEEN_LOOKS)
        finally:
            with suppress(OperationalError, RedisError, RuntimeError):
                pending.forget()  # else Redis keeps it, images and all, for minutes
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
    whole = {"template": reply["detail"], "values": {}}
    return _ERRORS.get(reply["kind"], MindReaderError)(Sentence.unpacked(whole | reply))
