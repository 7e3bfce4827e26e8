"""Answer a sketch: G imagines, E1 embeds, the photo index finds."""

from __future__ import annotations

import io
from collections import OrderedDict
from collections.abc import Callable, Sequence
from threading import Lock
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mindreader.bundles.store import BundleStore
from mindreader.catalog import Catalog, ModelVersion
from mindreader.embedding.spaces import is_open
from mindreader.errors import ConflictError, IndexFailedError, NotReadyError
from mindreader.imaging import sketch_array
from mindreader.inference.batching import MicroBatcher
from mindreader.inference.query_model import Imagined, QueryModel
from mindreader.messages import SearchAnswer, SearchHit, SearchRequest
from mindreader.model_versions.registry import active_version, version_by_id
from mindreader.networks.compute import Compute
from mindreader.photo_index import EVERYTHING, PhotoIndexes
from mindreader.search.duplicates import distinct_hits
from mindreader.search.score_threshold import NoiseFloor
from mindreader.settings import Settings
from mindreader.timing import StageTimer

_T = TypeVar("_T")

_WEBP_QUALITY = 90
_LOADED = 3
"""Versions in memory: the active one, and two to compare or to go back to."""
_AT_ONCE = 4
"""Sketches that go through G and E1 together, if as many wait."""


class _Loaded:
    """A version's networks; several threads may ask them at once."""

    def __init__(self, model: QueryModel) -> None:
        self.model = model
        self._batcher = MicroBatcher(model.imagine_each, _AT_ONCE)

    def imagine(self, sketch: NDArray[np.uint8], seeds: Sequence[int]) -> Imagined:
        return self._batcher((sketch, seeds))


class Searcher:
    """Answers searches with the active model version; the versions used last stay loaded."""

    def __init__(
        self, catalog: Catalog, kept: BundleStore, indexes: PhotoIndexes, settings: Settings, compute: Compute
    ) -> None:
        self._catalog, self._kept, self._indexes = catalog, kept, indexes
        self._settings, self._compute = settings, compute
        self._models: OrderedDict[int, _Loaded] = OrderedDict()
        self._loading = Lock()
        self._noise_floor = NoiseFloor(catalog, indexes)

    def warm_up(self, model_version_id: int | None = None) -> None:
        """Load a version (the active one if none is named) and run it once, so that the first person need not wait.

        Raises:
            NotReadyError: no version is active, or its bundle cannot be read.
            NotFoundError: there is no such version.
            BundleError: the bundle does not fit itself.
        """
        model = self._loaded(self._version(model_version_id)).model
        blank = np.full((model.image_size,) * 2, 255, dtype=np.uint8)
        model.imagine(blank, range(self._settings.imaginary_images))

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
            _asked_again(lambda: self._indexes.get(space.key, space.dimension).search(nowhere, 1, EVERYTHING))

    def answer(self, request: SearchRequest) -> SearchAnswer:
        """Search; everything in the answer is of the one version that was active when it began, or that was asked.

        Raises:
            NotReadyError: no model version is active, or its bundle or the photo index cannot be read.
            NotFoundError, ConflictError: the version asked does not exist, or its space is not built.
        """
        version = self._version(request.model_version_id)
        if not is_open(version.space):
            raise ConflictError("{name} cannot be searched with: its embedding space is not built.", name=version.name)
        timer = StageTimer()
        with timer.stage("load"):
            loaded = self._loaded(version)
        with timer.stage("decode"):
            sketch = sketch_array(request.sketch.image, loaded.model.image_size)
        with timer.stage("imagine"):
            imagined = loaded.imagine(sketch, request.seeds)
            by_sketch = request.by_sketch
            query = loaded.model.embed_sketches(sketch[None])[0] if by_sketch else imagined.queries[request.chosen]
        with timer.stage("feedback"):
            refined_query = _asked_again(lambda: self._with_feedback(version, query, request))
        with timer.stage("query"):
            hits = _asked_again(lambda: self._hits(version, refined_query, request))
        with timer.stage("score_threshold"):
            score_threshold = _asked_again(lambda: self._noise_floor.score_threshold(version.space, refined_query))
        with timer.stage("encode"):
            images = tuple(_webp(image) for image in imagined.imaginary_images)
        return SearchAnswer(
            model_version_id=version.id,
            model_version=version.name,
            space_id=version.space_id,
            imaginary_webp=images,
            hits=hits,
            score_threshold=score_threshold,
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
                self._models[version.id] = _Loaded(QueryModel(bundle, self._compute))
            self._models.move_to_end(version.id)
            while len(self._models) > _LOADED:
                self._models.popitem(last=False)
            return self._models[version.id]

    def _with_feedback(
        self, version: ModelVersion, query: NDArray[np.float32], request: SearchRequest
    ) -> NDArray[np.float32]:
        """The query after relevance feedback: the photos the caller wants more and less of."""
        if not request.like and not request.unlike:
            return query
        index = self._indexes.get(version.space.key, version.space.dimension)
        known = index.vectors((*request.like, *request.unlike))
        liked, unliked = ([known[i] for i in ids if i in known] for ids in (request.like, request.unlike))
        return refined(query, liked, unliked)

    def _hits(self, version: ModelVersion, query: NDArray[np.float32], request: SearchRequest) -> tuple[SearchHit, ...]:
        index = self._indexes.get(version.space.key, version.space.dimension)
        if request.grouped:
            with self._catalog.snapshot() as session:
                return distinct_hits(session, lambda most: index.search(query, most, request.where), request.limit)
        found = index.search(query, request.limit, request.where)
        return tuple(SearchHit(photo_id=hit.photo_id, score=hit.score) for hit in found)


def _asked_again(ask: Callable[[], _T]) -> _T:
    """The answer of a photo index; one that failed or was closed just now is asked again, as another is open then."""
    try:
        return ask()
    except IndexFailedError:
        return ask()


def refined(
    query: NDArray[np.float32], liked: Sequence[NDArray[np.float32]], unliked: Sequence[NDArray[np.float32]]
) -> NDArray[np.float32]:
    """The query (K,) after a person chose photos: relevance feedback (Rocchio 1971), all vectors of length 1.

    The mean of the sketch's query and the liked photos, moved away from the mean of the others by as much: the formula
    of Qdrant's recommendations by average vector.
    """
    if not liked and not unliked:
        return query
    wanted = np.mean([query, *liked], axis=0)
    moved = wanted + (wanted - np.mean(unliked, axis=0)) if unliked else wanted
    length = float(np.linalg.norm(moved))
    return query if length == 0 else (moved / length).astype(np.float32)


def _webp(image: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "WEBP", quality=_WEBP_QUALITY, method=2)
    return buffer.getvalue()
