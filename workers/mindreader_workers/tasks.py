"""The two tasks. Each is thin: it calls one use case and says nothing the catalog does not know."""

from __future__ import annotations

import logging
import random
from functools import cached_property
from threading import Lock
from typing import Any

import torch
from celery import Celery

from mindreader.blobs import BlobStore
from mindreader.catalog import Catalog, EmbeddingSpace
from mindreader.errors import BundleError, MindReaderError, NotReadyError
from mindreader.networks.compute import choose_compute
from mindreader.networks.descriptions import SpaceDescription
from mindreader.networks.query_model import PhotoEncoder
from mindreader.photo_index import PhotoIndexes
from mindreader.settings import Settings
from mindreader.use_cases.embed import Embedder, spaces_with_work
from mindreader.use_cases.messages import SearchRequest
from mindreader.use_cases.models import photo_projection
from mindreader.use_cases.purge import purge_deleted
from mindreader.use_cases.search import Searcher
from mindreader_workers.queues import EMBED_TASK, SEARCH_TASK, wake_embedders

log = logging.getLogger(__name__)

# Redis gives a task to a second worker after an hour without an acknowledgement; these stay far below.
_SEARCH_SECONDS = 120
_EMBED_SECONDS = 900


class Worker:
    """What a worker process holds on to: connections, and networks loaded once."""

    def __init__(self, settings: Settings, catalog: Catalog, blobs: BlobStore, indexes: PhotoIndexes) -> None:
        self.settings, self.catalog, self.blobs, self.indexes = settings, catalog, blobs, indexes
        self._encoders: dict[str, PhotoEncoder] = {}
        self._embedding = Lock()
        if settings.torch_threads:
            torch.set_num_threads(settings.torch_threads)
        self.compute = choose_compute(settings.device, settings.precision)

    @classmethod
    def from_settings(cls, settings: Settings) -> Worker:
        """A worker with connections of its own, for a process of its own."""
        catalog = Catalog(settings.catalog_url)
        return cls(settings, catalog, BlobStore(settings.blobs_root), PhotoIndexes(settings))

    @cached_property
    def searcher(self) -> Searcher:
        """Answers searches."""
        return Searcher(self.catalog, self.indexes, self.settings, self.compute)

    def embed_slice(self) -> bool:
        """Work for one time slice on each space that has photos waiting, then remove deleted photos.

        Returns:
            whether any photo got further; if not, going on at once would be no use.
        """
        advanced = False
        with self._embedding:
            # Shuffled, so that of several workers not all begin with the same space.
            for space in random.sample(spaces := spaces_with_work(self.catalog), len(spaces)):
                try:
                    report = self.embedder(space).work(self.settings.embed_slice_seconds)
                except (NotReadyError, BundleError) as error:
                    # A space whose bundle is gone must not keep the others waiting.
                    log.error("space %s: %s", space.key, error.detail)
                    continue
                advanced = advanced or report.indexed + report.failed > 0
                log.info(
                    "space %s: %d indexed, %d failed, %s", space.key, report.indexed, report.failed, report.seconds
                )
            purge_deleted(self.catalog, self.blobs, self.indexes, self.settings)
        return advanced

    def embedder(self, space: EmbeddingSpace) -> Embedder:
        """The embedder of a space; its E2 is loaded once."""
        if space.key not in self._encoders:
            self._encoders[space.key] = self._photo_encoder(space)
        encoder = self._encoders[space.key]
        size = encoder.description.input_size
        return Embedder(self.catalog, self.blobs, self.indexes, self.settings, space, size, encoder)

    def _photo_encoder(self, space: EmbeddingSpace) -> PhotoEncoder:
        with self.catalog.snapshot() as session:
            projection = photo_projection(session, space)
        return PhotoEncoder(SpaceDescription.from_json(space.description).encoder, self.compute, projection)

    def close(self) -> None:
        """Close the photo indexes and the catalog."""
        self.indexes.close()
        self.catalog.close()


def add_tasks(celery: Celery, worker: Worker) -> None:
    """Register the tasks, bound to `worker`."""

    @celery.task(name=EMBED_TASK, shared=False, ignore_result=True, soft_time_limit=_EMBED_SECONDS)
    def embed() -> None:
        if worker.embed_slice() and spaces_with_work(worker.catalog):
            wake_embedders(celery)

    @celery.task(name=SEARCH_TASK, shared=False, soft_time_limit=_SEARCH_SECONDS)
    def search(request: dict[str, Any]) -> dict[str, Any]:
        try:
            answer = worker.searcher.answer(SearchRequest.model_validate(request))
        except MindReaderError as error:
            return {"error": {"kind": error.kind.slug, "detail": error.detail}}
        return {"answer": answer.model_dump(mode="json")}
