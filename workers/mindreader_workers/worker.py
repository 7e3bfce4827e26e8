"""What a worker process holds, and a slice of its work."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from threading import Event, Lock

from mindreader.blobs import BlobStore
from mindreader.catalog import Catalog, EmbeddingSpace
from mindreader.embedding.embedder import Embedder, EmbedReport
from mindreader.embedding.jobs import finish_jobs
from mindreader.embedding.labels import update_stale_labels
from mindreader.embedding.queue import reclaim_all_expired, spaces_with_work
from mindreader.embedding.rebuild import rebuild_damaged
from mindreader.embedding.spaces import drop_requested, is_open
from mindreader.embedding.spaces import spaces as known_spaces
from mindreader.errors import IndexMismatchError, MindReaderError, NotReadyError
from mindreader.host.machine import give_memory_back
from mindreader.inference.engines.choose import choose_engine
from mindreader.inference.regions import RegionEncoder, region_scheme
from mindreader.inference.schemes import encoders_of
from mindreader.learning.learner import Learner
from mindreader.library.files.dates import read_unread
from mindreader.library.files.fingerprints import Fingerprinter
from mindreader.library.purge import purge_deleted
from mindreader.messages import SearchAnswer, SearchRequest, SmokeTest
from mindreader.model_versions.registry import bundle_store, photo_projection
from mindreader.model_versions.smoke_test import smoke_test
from mindreader.networks.descriptions import SpaceDescription
from mindreader.operations.doctor import repair_indexes
from mindreader.operations.worker_status import Heartbeat
from mindreader.photo_index import PhotoIndexes
from mindreader.search.searcher import Searcher
from mindreader.settings import Settings
from mindreader_workers.celery_app import (
    EMBED_QUEUE,
    LEARN_QUEUE,
    SEARCH_QUEUE,
)

log = logging.getLogger(__name__)


_SECONDS_BETWEEN_REPAIRS = 600.0
_SECONDS_BETWEEN_IDLE_PASSES = 0.25
_FINGERPRINT_SECONDS = 2.0
"""In a slice: photos that somebody waits for come before fingerprints of old ones."""
_FEWEST_IN_A_BATCH = 32
"""Photos leased, decoded and written together, even where fewer go through E2 at once."""


class Worker:
    """What a worker process holds on to: connections, and networks loaded once."""

    def __init__(self, settings: Settings, catalog: Catalog, blobs: BlobStore, indexes: PhotoIndexes) -> None:
        self.settings, self.catalog, self.blobs, self.indexes = settings, catalog, blobs, indexes
        self.kept = bundle_store(settings, blobs)
        self._encoders: dict[str, RegionEncoder] = {}
        self._batch_sizes: dict[str, int] = {}
        self._ready: set[str] = set()
        self._embedding, self._asked = Lock(), Event()
        self.stopping = Event()
        """Once set, embedding ends after the batch at hand."""
        self._repair_at = self._pause_until = 0.0
        self._fingerprinter = Fingerprinter(catalog, blobs, settings)
        self._fingerprints_missing = False
        self._search_problem: str | None = None
        self._engine_choice = choose_engine(settings)
        self.engine = self._engine_choice.load()
        queues = (SEARCH_QUEUE, EMBED_QUEUE, LEARN_QUEUE)
        self.heartbeats = {queue: Heartbeat(queue, self.engine.device) for queue in queues}
        self._learning = Lock()

    @classmethod
    def from_settings(cls, settings: Settings) -> Worker:
        """A worker with connections of its own, for a process of its own."""
        catalog = Catalog(settings.catalog_url)
        return cls(settings, catalog, BlobStore(settings.blobs_root), PhotoIndexes(settings))

    @cached_property
    def searcher(self) -> Searcher:
        """Answers searches."""
        return Searcher(self.catalog, self.kept, self.indexes, self.settings, self.engine)

    @cached_property
    def learner(self) -> Learner:
        """Has a model version learn this library, where somebody wants that."""
        return Learner(self.catalog, self.blobs, self.indexes, self.settings)

    def smoke_test(self, bundle_sha256: str) -> SmokeTest:
        """Try a kept bundle in a process of its own.

        Raises:
            BundleError, NotReadyError, ConflictError: see `mindreader.model_versions.smoke_test`.
        """
        return smoke_test(self.kept, bundle_sha256, self._engine_choice, self.settings, self.stopping.is_set)

    def embed_slice(self) -> bool:
        """Work for one time slice on a space that has photos waiting, then tidy up.

        Returns:
            whether to go on at once: somebody asked meanwhile, photos wait and some got further, or old photos have no
            fingerprints yet.
        """
        self._asked.set()
        if not self._embedding.acquire(blocking=False):
            # Another thread of this process is at it, and will see that it was asked; searches need this one.
            return False
        try:
            self._asked.clear()
            self._pause()
            done = self._embed_and_tidy()
        finally:
            self._embedding.release()
        if self.stopping.is_set():
            return False
        if self._asked.is_set() or self._fingerprints_missing or (done > 0 and spaces_with_work(self.catalog)):
            return True
        self._rest()
        return False

    def learn_slice(self) -> bool:
        """Go on for one time slice with the training there is, whose program goes on between slices too.

        Returns:
            whether there is more to do at once.
        """
        if not self._learning.acquire(blocking=False):
            return False  # another thread of this process is at it
        try:
            return self.learner.work(self.settings.embed_slice_seconds, self.stopping.is_set)
        finally:
            self._learning.release()

    def _pause(self) -> None:
        """Uploads wake the worker one by one: those that wait behind a pass that found nothing more are no hurry."""
        seconds = self._pause_until - time.monotonic()
        if seconds > 0 and not spaces_with_work(self.catalog):
            self._asked.wait(seconds)
            self._asked.clear()

    def _rest(self) -> None:
        for encoder in self._encoders.values():
            encoder.rest()
        give_memory_back()

    def _embed_and_tidy(self) -> int:
        reclaim_all_expired(self.catalog, self.settings)
        broken = self._try(self._rebuild)
        self._try(self._update_labels)
        done, error, seconds = self._embed_some()
        chores = (self._purge, self._drop, self._repair, self._fingerprint)
        for chore in chores if done else (*chores, self._read_dates, self._make_ready):
            error = self._try(chore) or error
        error = broken or error
        finish_jobs(self.catalog)
        self._pause_until = 0.0 if done else time.monotonic() + _SECONDS_BETWEEN_IDLE_PASSES
        self.heartbeats[EMBED_QUEUE].record(self.catalog, photos=done, error=error, seconds=seconds)
        return done

    def _try(self, chore: Callable[[], None]) -> str | None:
        """What kept a chore from being done: an index that cannot be opened must not keep the rest waiting."""
        try:
            chore()
        except (MindReaderError, OSError) as problem:
            return _logged(problem)
        return None

    def _rebuild(self) -> None:
        for key in rebuild_damaged(self.catalog, self.indexes):
            log.warning("space %s: its photos are embedded again", key)

    def _update_labels(self) -> None:
        update_stale_labels(self.catalog, self.indexes)

    def _purge(self) -> None:
        purge_deleted(self.catalog, self.blobs, self.indexes, self.settings)

    def _fingerprint(self) -> None:
        self._fingerprints_missing = False
        self._fingerprints_missing = self._fingerprinter.work(_FINGERPRINT_SECONDS)

    def _read_dates(self) -> None:
        seconds = self.settings.embed_slice_seconds
        read_unread(self.catalog, self.blobs, self.settings, seconds, self._has_better_to_do)

    def _has_better_to_do(self) -> bool:
        return self.stopping.is_set() or self._asked.is_set()

    def _make_ready(self) -> None:
        """Once for each open space, so that the first photo need not wait for it."""
        with self.catalog.snapshot() as session:
            spaces = [space for space in known_spaces(session) if is_open(space) and space.key not in self._ready]
        for space in spaces:
            description, projection = self._described(space)
            scheme = region_scheme(description.regions)
            for encoder in encoders_of(description.encoder, scheme):
                self.engine.make_ready(encoder, projection, scheme.precision)
            self._ready.add(space.key)

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
            except (MindReaderError, OSError) as problem:
                # A space whose bundle or index is gone must not keep the others waiting; nor a store that is away,
                # which says so on the page *System* until it is back.
                error = _logged(problem, f"space {space.key}: ")
                continue
            _log_report(space, report)
            if report.indexed + report.failed:
                return report.indexed + report.failed, error, report.timer.seconds
        return 0, error, {}

    def _repair(self) -> None:
        """Every now and then, and first of all at the start: an index may have been lost while nobody looked."""
        if time.monotonic() >= self._repair_at:
            repair_indexes(self.catalog, self.indexes)
            self._repair_at = time.monotonic() + _SECONDS_BETWEEN_REPAIRS

    def embedder(self, space: EmbeddingSpace) -> Embedder:
        """The embedder of a space; its E2 is loaded once."""
        if space.key not in self._encoders:
            encoder = self._photo_encoder(space)
            at_once = encoder.tune()
            self._batch_sizes[space.key] = self.settings.embed_batch_size or max(_FEWEST_IN_A_BATCH, at_once)
            self._encoders[space.key] = encoder
        encoder, batch = self._encoders[space.key], self._batch_sizes[space.key]
        size, pixels = encoder.description.input_size, encoder.scheme.pixels
        return Embedder(self.catalog, self.blobs, self.indexes, self.settings, space, size, encoder, batch, pixels)

    def _photo_encoder(self, space: EmbeddingSpace) -> RegionEncoder:
        description, projection = self._described(space)
        return RegionEncoder(description.encoder, self.engine, projection, description.regions)

    def _described(self, space: EmbeddingSpace) -> tuple[SpaceDescription, Path | None]:
        with self.catalog.snapshot() as session:
            projection = photo_projection(session, self.kept, space)
        return SpaceDescription.from_json(space.description), projection

    def check_search(self) -> None:
        """See whether searches could be answered now, and note it: /readyz and the page *Workers* say so.

        Only for tasks of the search queue, whose worker then counts as alive.
        """
        try:
            self.searcher.rest()
            self.searcher.check_index()
        except MindReaderError as problem:
            self._note_search(problem, tasks=1)
        else:
            self._note_search(None, tasks=1)

    def answer_search(self, request: SearchRequest) -> SearchAnswer:
        """Answer a search, and note it where that goes wrong for the first time, or no longer.

        Raises:
            MindReaderError: as `Searcher.answer`.
        """
        try:
            answer = self.searcher.answer(request)
        except (NotReadyError, IndexMismatchError) as problem:
            if request.model_version_id is None:
                self._note_search(problem)
            raise
        if request.model_version_id is None:
            self._note_search(None)
        return answer

    def _note_search(self, problem: MindReaderError | None, tasks: int = 0) -> None:
        said = problem.for_administrators if problem is not None else None
        if tasks or said != self._search_problem:
            self.heartbeats[SEARCH_QUEUE].record(self.catalog, tasks=tasks, error=said)
        self._search_problem = said

    def stop_learning(self) -> None:
        """Stop the program that learns, which keeps what it has learned."""
        if "learner" in self.__dict__:
            with self._learning:
                self.learner.rest()

    def close(self) -> None:
        """Stop learning; close the photo indexes and the catalog."""
        self.stop_learning()
        self.indexes.close()
        self.catalog.close()


def _logged(problem: MindReaderError | OSError, where: str = "") -> str:
    sentence = problem.for_administrators if isinstance(problem, MindReaderError) else str(problem)
    log.error("%s%s", where, sentence)
    return sentence


def _log_report(space: EmbeddingSpace, report: EmbedReport) -> None:
    log.info("space %s: %d indexed, %d failed, %s", space.key, report.indexed, report.failed, report.timer.seconds)
