"""The tasks. Each is thin: it calls one use case and says nothing the catalog does not know."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import cached_property
from threading import Event, Lock
from typing import Any

import torch
from celery import Celery, current_task

from mindreader.blobs import BlobStore
from mindreader.catalog import Catalog, EmbeddingSpace
from mindreader.errors import MindReaderError
from mindreader.logs import request_id
from mindreader.networks.compute import choose_compute
from mindreader.networks.descriptions import SpaceDescription
from mindreader.networks.query_model import PhotoEncoder
from mindreader.photo_index import PhotoIndexes
from mindreader.settings import Settings
from mindreader.use_cases.doctor import mend_indexes
from mindreader.use_cases.embed import Embedder, EmbedReport, spaces_with_work, take_back_expired
from mindreader.use_cases.jobs import finish_jobs
from mindreader.use_cases.liveness import Pulse
from mindreader.use_cases.messages import SearchRequest
from mindreader.use_cases.models import kept_bundles, photo_projection
from mindreader.use_cases.purge import purge_deleted
from mindreader.use_cases.quality import library_quality
from mindreader.use_cases.search import Searcher
from mindreader.use_cases.spaces import drop_requested
from mindreader.use_cases.trial import try_bundle
from mindreader_workers.queues import (
    EMBED_QUEUE,
    EMBED_TASK,
    HEARTBEAT_TASK,
    QUALITY_TASK,
    REQUEST_HEADER,
    SEARCH_QUEUE,
    SEARCH_TASK,
    TRIAL_TASK,
    WARM_UP_TASK,
    wake_embedders,
)

log = logging.getLogger(__name__)

# Redis gives a task to a second worker after an hour without an acknowledgement; these stay far below.
_SEARCH_SECONDS = 120
_EMBED_SECONDS = 900
_TRIAL_SECONDS = 600
_SECONDS_BETWEEN_MENDING = 600.0
_FEWEST_IN_A_BATCH = 32
"""Photos leased, decoded and written together, even where fewer go through E2 at once."""


class Worker:
    """What a worker process holds on to: connections, and networks loaded once."""

    def __init__(self, settings: Settings, catalog: Catalog, blobs: BlobStore, indexes: PhotoIndexes) -> None:
        self.settings, self.catalog, self.blobs, self.indexes = settings, catalog, blobs, indexes
        self.kept = kept_bundles(settings, blobs)
        self._encoders: dict[str, PhotoEncoder] = {}
        self._batch_sizes: dict[str, int] = {}
        self._embedding, self._asked = Lock(), Event()
        self.stopping = Event()
        """Once set, embedding ends after the batch at hand."""
        self._mend_at = 0.0
        if settings.torch_threads:
            torch.set_num_threads(settings.torch_threads)
        self.compute = choose_compute(settings.device, settings.precision)
        self.pulses = {queue: Pulse(queue, str(self.compute.device)) for queue in (SEARCH_QUEUE, EMBED_QUEUE)}

    @classmethod
    def from_settings(cls, settings: Settings) -> Worker:
        """A worker with connections of its own, for a process of its own."""
        catalog = Catalog(settings.catalog_url)
        return cls(settings, catalog, BlobStore(settings.blobs_root), PhotoIndexes(settings))

    @cached_property
    def searcher(self) -> Searcher:
        """Answers searches."""
        return Searcher(self.catalog, self.kept, self.indexes, self.settings, self.compute)

    def embed_slice(self) -> bool:
        """Work for one time slice on a space that has photos waiting, then tidy up.

        Returns:
            whether to go on at once: somebody asked meanwhile, or photos wait and some got further.
        """
        self._asked.set()
        if not self._embedding.acquire(blocking=False):
            # Another thread of this process is at it, and will see that it was asked; searches need this one.
            return False
        try:
            self._asked.clear()
            done = self._embed_and_tidy()
        finally:
            self._embedding.release()
        if self.stopping.is_set():
            return False
        return self._asked.is_set() or (done > 0 and bool(spaces_with_work(self.catalog)))

    def _embed_and_tidy(self) -> int:
        take_back_expired(self.catalog, self.settings)
        done, error, seconds = self._embed_some()
        for chore in (self._purge, self._drop, self._mend):
            try:
                chore()
            except MindReaderError as problem:
                # An index that cannot be opened must not keep the rest from being done.
                error = problem.detail
                log.error("%s", error)
        finish_jobs(self.catalog)
        self.pulses[EMBED_QUEUE].beat(self.catalog, photos=done, error=error, seconds=seconds)
        return done

    def _purge(self) -> None:
        purge_deleted(self.catalog, self.blobs, self.indexes, self.settings)

    def _drop(self) -> None:
        for key in drop_requested(self.catalog, self.indexes):
            self._encoders.pop(key, None)

    def _embed_some(self) -> tuple[int, str | None, dict[str, float]]:
        """Photos that got further in the first space that can be worked on, what kept others from it, and the seconds
        of each stage.
        """
        error = None
        for space in spaces_with_work(self.catalog):
            try:
                report = self.embedder(space).work(self.settings.embed_slice_seconds, self.stopping.is_set)
            except MindReaderError as problem:
                # A space whose bundle or index is gone must not keep the others waiting.
                error = problem.detail
                log.error("space %s: %s", space.key, error)
                continue
            _say(space, report)
            if report.indexed + report.failed:
                return report.indexed + report.failed, error, report.seconds
        return 0, error, {}

    def _mend(self) -> None:
        """Every now and then, and first of all at the start: an index may have been lost while nobody looked."""
        if time.monotonic() >= self._mend_at:
            mend_indexes(self.catalog, self.indexes)
            self._mend_at = time.monotonic() + _SECONDS_BETWEEN_MENDING

    def embedder(self, space: EmbeddingSpace) -> Embedder:
        """The embedder of a space; its E2 is loaded once."""
        if space.key not in self._encoders:
            encoder = self._photo_encoder(space)
            at_once = encoder.tune()
            self._batch_sizes[space.key] = self.settings.embed_batch_size or max(_FEWEST_IN_A_BATCH, at_once)
            self._encoders[space.key] = encoder
        encoder, batch = self._encoders[space.key], self._batch_sizes[space.key]
        size = encoder.description.input_size
        return Embedder(self.catalog, self.blobs, self.indexes, self.settings, space, size, encoder, batch)

    def _photo_encoder(self, space: EmbeddingSpace) -> PhotoEncoder:
        with self.catalog.snapshot() as session:
            projection = photo_projection(session, self.kept, space)
        return PhotoEncoder(SpaceDescription.from_json(space.description).encoder, self.compute, projection)

    def close(self) -> None:
        """Close the photo indexes and the catalog."""
        self.indexes.close()
        self.catalog.close()


def _say(space: EmbeddingSpace, report: EmbedReport) -> None:
    log.info("space %s: %d indexed, %d failed, %s", space.key, report.indexed, report.failed, report.seconds)


def add_tasks(celery: Celery, worker: Worker) -> None:
    """Register the tasks, bound to `worker`."""

    @celery.task(name=EMBED_TASK, shared=False, ignore_result=True, soft_time_limit=_EMBED_SECONDS)
    def embed() -> None:
        if worker.embed_slice():
            wake_embedders(celery)

    @celery.task(name=SEARCH_TASK, shared=False, soft_time_limit=_SEARCH_SECONDS)
    def search(request: dict[str, Any]) -> dict[str, Any]:
        asked = SearchRequest.model_validate(request)
        return _reply(lambda: worker.searcher.answer(asked).model_dump(mode="json"))

    @celery.task(name=TRIAL_TASK, shared=False, soft_time_limit=_TRIAL_SECONDS)
    def trial(bundle_sha256: str) -> dict[str, Any]:
        return _reply(lambda: try_bundle(worker.kept, bundle_sha256, worker.compute).model_dump(mode="json"))

    @celery.task(name=WARM_UP_TASK, shared=False, soft_time_limit=_TRIAL_SECONDS)
    def warm_up(model_version_id: int) -> dict[str, Any]:
        return _reply(lambda: worker.searcher.warm_up(model_version_id))

    @celery.task(name=QUALITY_TASK, shared=False, soft_time_limit=_SEARCH_SECONDS)
    def quality(collection_ids: list[int]) -> dict[str, Any]:
        return _reply(lambda: library_quality(worker.catalog, worker.indexes, collection_ids).model_dump(mode="json"))

    @celery.task(name=HEARTBEAT_TASK, shared=False, ignore_result=True)
    def heartbeat(queue: str) -> None:
        worker.pulses[queue].beat(worker.catalog)


def _reply(work: Callable[[], Any]) -> dict[str, Any]:
    """The answer, or the error as a sentence: exceptions do not travel between processes."""
    task = current_task.request
    held = request_id.set(getattr(task, REQUEST_HEADER, None) or "")
    started = time.perf_counter()
    outcome = "done"
    try:
        return {"answer": work()}
    except MindReaderError as error:
        outcome = error.detail
        made_of = {"template": error.detail.template, "values": error.detail.values}
        return {"error": {"kind": error.kind.slug, "detail": error.detail, **made_of}}
    finally:
        log.info("%s: %s, %.0f ms", current_task.name, outcome, (time.perf_counter() - started) * 1000)
        request_id.reset(held)
