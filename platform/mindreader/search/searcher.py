"""Answer a sketch: E1 reads it, the photo index finds, G imagines each thing it may show."""

from __future__ import annotations

import io
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mindreader.bundles.store import BundleStore
from mindreader.catalog import Catalog, EmbeddingSpace, ModelVersion
from mindreader.embedding.spaces import is_open
from mindreader.errors import ConflictError, IndexFailedError, NotReadyError
from mindreader.inference.batching import MicroBatcher
from mindreader.inference.engines.protocol import Engine
from mindreader.inference.looks import looks_at
from mindreader.inference.query_model import Painting, QueryModel
from mindreader.machine import give_memory_back
from mindreader.messages import ImaginedReading, SearchAnswer, SearchHit, SearchRequest
from mindreader.model_versions.registry import active_version, version_by_id
from mindreader.photo_index import EVERYTHING, PhotoIndexes, Vector
from mindreader.search.duplicates import distinct_hits
from mindreader.search.retrieval import Retrieved, retrieve
from mindreader.search.score_threshold import NoiseFloor
from mindreader.settings import Settings
from mindreader.timing import StageTimer

_T = TypeVar("_T")

_WEBP_QUALITY = 90
_LOADED = 3
"""Versions in memory: the active one, and two to compare or to go back to."""
_AT_ONCE = 4
"""Sketches that go through G or E1 together, if as many wait."""


class _Loaded:
    """A version's networks; several threads may ask them at once."""

    def __init__(self, model: QueryModel) -> None:
        self.image_size, self.rest = model.image_size, model.rest
        self.query = MicroBatcher(model.query_each, _AT_ONCE)
        self.paint = MicroBatcher(model.paint_each, _AT_ONCE)


class Searcher:
    """Answers searches with the active model version; the versions used last stay loaded."""

    def __init__(
        self, catalog: Catalog, kept: BundleStore, indexes: PhotoIndexes, settings: Settings, engine: Engine
    ) -> None:
        self._catalog, self._kept, self._indexes = catalog, kept, indexes
        self._settings, self._engine = settings, engine
        self._models: OrderedDict[int, _Loaded] = OrderedDict()
        self._loading = Lock()
        self._answered = self._rests = False
        self._noise_floor = NoiseFloor(catalog, indexes)

    def warm_up(self, model_version_id: int | None = None) -> None:
        """Load a version (the active one if none is named) and run it once, so that the first person need not wait.

        Raises:
            NotReadyError: no version is active, or its bundle cannot be read.
            NotFoundError: there is no such version.
            BundleError: the bundle does not fit itself.
        """
        loaded = self._loaded(self._version(model_version_id))
        blank = np.full((2, *(loaded.image_size,) * 2), 255, dtype=np.uint8)
        query = loaded.query(blank)
        loaded.paint(Painting(blank[0], np.stack([query] * self._settings.imaginary_images), seed=0))

    def rest(self) -> None:
        """Give back the memory that only searches take, where none was answered since this was asked last."""
        idle, self._answered = not self._answered, False
        if idle and not self._rests:
            with self._loading:
                models = list(self._models.values())
            for model in models:
                model.rest()
            give_memory_back()
        self._rests = idle

    def check_index(self) -> None:
        """Open the index that searches ask now, and ask it something; there may be none.

        Raises:
            NotReadyError: it cannot be opened or read.
            IndexMismatchError: it is another space's.
        """
        with self._catalog.snapshot() as session:
            version = active_version(session)
        if version is not None and is_open(version.space):
            space = version.space
            nowhere = np.ones(space.dimension, np.float32)
            _asked_again(lambda: self._indexes.of(space).search(nowhere, 1, EVERYTHING, with_boxes=False))

    def answer(self, request: SearchRequest) -> SearchAnswer:
        """Search; everything in the answer is of the one version that was active when it began, or that was asked.

        Raises:
            NotReadyError: no model version is active, or its bundle or the photo index cannot be read.
            NotFoundError, ConflictError: the version asked does not exist, or its space is not built.
        """
        self._answered = True
        version = self._version(request.model_version_id)
        if not is_open(version.space):
            raise ConflictError("{name} cannot be searched with: its embedding space is not built.", name=version.name)
        timer = StageTimer()
        with timer.stage("load"):
            loaded = self._loaded(version)
        with timer.stage("decode"):
            looks = looks_at(request.sketch.image, loaded.image_size, fit=request.fit)
        with timer.stage("read"):
            query = loaded.query(looks)
        with timer.stage("query"):
            found, hits = _asked_again(lambda: self._find(version.space, query, request))
        with timer.stage("imagine"):
            subjects = np.stack([reading.vector for reading in found.readings])
            images = loaded.paint(Painting(looks[0], subjects, request.round * request.most_readings))
        with timer.stage("score_threshold"):
            score_threshold = _asked_again(lambda: self._noise_floor.score_threshold(version.space, found.query))
        with timer.stage("encode"):
            readings = tuple(
                ImaginedReading(
                    imaginary_webp=_webp(image), photo_ids=reading.photo_ids, picked=reading is found.picked
                )
                for image, reading in zip(images, found.readings, strict=True)
            )
        return SearchAnswer(
            model_version_id=version.id,
            model_version=version.name,
            space_id=version.space_id,
            readings=readings,
            hits=hits,
            score_threshold=score_threshold,
            answerable=found.answerable,
            timings_ms=timer.milliseconds,
        )

    def _version(self, model_version_id: int | None) -> ModelVersion:
        with self._catalog.snapshot() as session:
            if model_version_id is not None:
                return version_by_id(session, model_version_id)
            version = active_version(session)
        if version is None:
            raise NotReadyError("No model version is active. Ask an administrator to activate one.")
        return version

    def _loaded(self, version: ModelVersion) -> _Loaded:
        with self._loading:
            if version.id not in self._models:
                bundle = self._kept.read(version.bundle_sha256, version.name)
                self._models[version.id] = _Loaded(QueryModel(bundle, self._engine))
            self._models.move_to_end(version.id)
            while len(self._models) > _LOADED:
                self._models.popitem(last=False)
            return self._models[version.id]

    def _find(
        self, space: EmbeddingSpace, query: Vector, request: SearchRequest
    ) -> tuple[Retrieved, tuple[SearchHit, ...]]:
        found = retrieve(self._indexes.of(space), space.key, query, request)
        if request.grouped:
            with self._catalog.snapshot() as session:
                return found, distinct_hits(session, found.nearest, request.limit)
        return found, tuple(SearchHit(photo_id=hit.photo_id, score=hit.score) for hit in found.nearest(request.limit))


def _asked_again(ask: Callable[[], _T]) -> _T:
    """The answer of a photo index; one that failed or was closed just now is asked again, as another is open then."""
    try:
        return ask()
    except IndexFailedError:
        return ask()


def _webp(image: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "WEBP", quality=_WEBP_QUALITY, method=2)
    return buffer.getvalue()
