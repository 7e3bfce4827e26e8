"""Answer a sketch: E1 reads it, the photo index finds, G imagines each thing it may show."""

from __future__ import annotations

import io
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mindreader.bundles.store import BundleStore
from mindreader.catalog import Catalog, EmbeddingSpace, ModelVersion
from mindreader.embedding.spaces import is_open
from mindreader.errors import ConflictError, IndexFailedError, NotFoundError, NotReadyError
from mindreader.host.machine import give_memory_back
from mindreader.inference.batching import MicroBatcher
from mindreader.inference.engines.protocol import Engine, Rests
from mindreader.inference.photo_encoder import PhotoEncoder
from mindreader.inference.query_model import Painting, QueryModel
from mindreader.inference.sketches.looks import drawn_box, looks_at
from mindreader.inference.sketches.sketch_parts import parts_of
from mindreader.messages import (
    ImaginedReading,
    PhotoFrame,
    SearchAnswer,
    SearchHit,
    SearchRequest,
    SimilarAnswer,
    SimilarRequest,
)
from mindreader.model_versions.registry import active_version, photo_projection, version_by_id
from mindreader.networks.descriptions import SpaceDescription
from mindreader.observability.timing import StageTimer
from mindreader.photo_index import EVERYTHING, PhotoIndexes, Vector
from mindreader.region_schemes import region_scheme
from mindreader.search.duplicates import distinct_hits
from mindreader.search.rankings import DrawnThing, Nearest, Ranking
from mindreader.search.retrieval import Retrieved, SketchQuery, retrieve
from mindreader.search.score_threshold import NoiseFloor
from mindreader.settings import Settings

_T = TypeVar("_T")

_JPEG_QUALITY = 90
_LOADED = 3
"""Versions in memory: the active one, and two to compare or to go back to."""
_AT_ONCE = 4
"""Sketches that go through G or E1 together, if as many wait."""


class _Loaded:
    """A version's networks; several threads may ask them at once."""

    def __init__(self, model: QueryModel) -> None:
        self.sketch_size, self.rest, self.query_together = model.sketch_size, model.rest, model.query_each
        self.query = MicroBatcher(model.query_each, _AT_ONCE)
        self.paint = MicroBatcher(model.paint_each, _AT_ONCE)


class Searcher:
    """Answers searches with the active model version; the versions used last stay loaded."""

    def __init__(
        self, catalog: Catalog, kept: BundleStore, indexes: PhotoIndexes, settings: Settings, engine: Engine
    ) -> None:
        self._catalog, self._kept, self._indexes = catalog, kept, indexes
        self._settings, self._engine = settings, engine
        self._photo_encoders: dict[str, PhotoEncoder] = {}
        self._models: OrderedDict[int, _Loaded] = OrderedDict()
        self._loading = Lock()
        self._answered = self._rests = False
        self._noise_floor = NoiseFloor(catalog, indexes)
        self._beside = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="hits")

    def warm_up(self, model_version_id: int | None = None) -> None:
        """Load a version (the active one if none is named) and run it once, so that the first person need not wait.

        Raises:
            NotReadyError: no version is active, or its bundle cannot be read.
            NotFoundError: there is no such version.
            BundleError: the bundle does not fit itself.
        """
        loaded = self._loaded(self._version(model_version_id))
        blank = np.full((2, *(loaded.sketch_size,) * 2), 255, dtype=np.uint8)
        query = loaded.query(blank)
        loaded.paint(Painting(blank[0], np.stack([query] * self._settings.imaginary_images), seed=0))

    def rest(self) -> None:
        """Give back the memory that only searches take, where none was answered since this was asked last."""
        idle, self._answered = not self._answered, False
        if idle and not self._rests:
            with self._loading:
                loaded: list[Rests] = [*self._models.values(), *self._photo_encoders.values()]
            for networks in loaded:
                networks.rest()
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
            _asked_again(lambda: self._indexes.of(space).search(nowhere, 1, EVERYTHING))

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
        has_regions = version.space.has_regions
        with timer.stage("decode"):
            # Among regions the place is a matter of its own; else it counts for E1 only where nothing is moved.
            fit = request.fit and (has_regions or not request.place)
            looks = looks_at(request.sketch.image, loaded.sketch_size, fit=fit)
        with timer.stage("read"):
            query = loaded.query(looks)
            sketch = SketchQuery(DrawnThing(query))
            if has_regions:
                sketch = _read_apart(loaded, query, request)
            things = self._embedded(version.space, request.frames)
        with timer.stage("query"):
            found = _asked_again(lambda: self._retrieve(version.space, sketch, request, things))
            # While G paints, which leaves Python to others.
            hits = self._beside.submit(self._hits, found.nearest, request)
        with timer.stage("imagine"):
            subjects = np.stack([reading.vector for reading in found.readings])
            images = loaded.paint(Painting(looks[0], subjects, request.round * request.most_readings))
        with timer.stage("score_threshold"):
            score_threshold = _asked_again(lambda: self._noise_floor.score_threshold(version.space, found.query))
        with timer.stage("encode"):
            readings = tuple(
                ImaginedReading(
                    imaginary_image=_jpeg(image), photo_ids=reading.photo_ids, picked=reading is found.picked
                )
                for image, reading in zip(images, found.readings, strict=True)
            )
        with timer.stage("hits"):
            try:
                located = hits.result()
            except IndexFailedError:  # another index is open by now
                located = self._hits(self._retrieve(version.space, sketch, request, things).nearest, request)
        return SearchAnswer(
            model_version_id=version.id,
            model_version=version.name,
            space_id=version.space_id,
            readings=readings,
            hits=located,
            parts=found.parts,
            score_threshold=score_threshold,
            answerable=found.answerable,
            timings_ms=timer.milliseconds,
        )

    def similar(self, request: SimilarRequest) -> SimilarAnswer:
        """The photos most like a photo, or like something in it, in the active version's space; copies are one hit.

        Raises:
            NotReadyError: no model version is active, or its bundle or the photo index cannot be read.
            NotFoundError: the photo is not in the index, and no frame says what it looks like.
        """
        self._answered = True
        version = self._version(None)
        vectors = self._embedded(version.space, () if request.frame is None else (request.frame,))
        hits, score_threshold = _asked_again(lambda: self._find_similar(version.space, request, vectors))
        return SimilarAnswer(
            model_version_id=version.id,
            model_version=version.name,
            space_id=version.space_id,
            hits=hits,
            score_threshold=score_threshold,
        )

    def _find_similar(
        self, space: EmbeddingSpace, request: SimilarRequest, vectors: Sequence[Vector]
    ) -> tuple[tuple[SearchHit, ...], float | None]:
        """The hits, and the similarity below which they are guesswork."""
        index = self._indexes.of(space)
        wanted = vectors or list(index.vectors([request.photo_id]).values())
        if not wanted:
            raise NotFoundError("This photo cannot be searched with yet. Wait until it is embedded, then try again.")
        nearest = Nearest(index, wanted[0], request.where)
        with self._catalog.snapshot() as session:
            hits = distinct_hits(session, nearest, request.limit + 1)
        others = tuple(hit for hit in hits if request.photo_id not in (hit.photo_id, *hit.copies))
        return _located(nearest, others[: request.limit]), self._noise_floor.score_threshold(space, wanted[0])

    def _embedded(self, space: EmbeddingSpace, frames: Sequence[PhotoFrame]) -> list[Vector]:
        """What E2 makes of framed things (K,), each of length 1."""
        if not frames:
            return []
        encoder = self._photo_encoder(space)
        return [encoder.embed(frame.array[None])[0] for frame in frames]

    def _photo_encoder(self, space: EmbeddingSpace) -> PhotoEncoder:
        """E2, which sketches do not need: loaded when somebody first frames something in a photo."""
        with self._loading:
            if space.key not in self._photo_encoders:
                with self._catalog.snapshot() as session:
                    projection = photo_projection(session, self._kept, space)
                encoder = SpaceDescription.from_json(space.description).encoder
                precision = region_scheme(space.regions).precision
                self._photo_encoders = {space.key: PhotoEncoder(encoder, self._engine, projection, precision)}
            return self._photo_encoders[space.key]

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

    def _retrieve(
        self, space: EmbeddingSpace, sketch: SketchQuery, request: SearchRequest, things: Sequence[Vector]
    ) -> Retrieved:
        return retrieve(self._indexes.of(space), space.key, sketch, request, things)

    def _hits(self, nearest: Ranking, request: SearchRequest) -> tuple[SearchHit, ...]:
        if request.grouped:
            with self._catalog.snapshot() as session:
                return _located(nearest, distinct_hits(session, nearest, request.limit))
        hits = tuple(SearchHit(photo_id=hit.photo_id, score=hit.score) for hit in nearest(request.limit))
        return _located(nearest, hits)


def _read_apart(loaded: _Loaded, query: Vector, request: SearchRequest) -> SketchQuery:
    """A sketch with its parts and, where it counts, their places."""
    image = request.sketch.image
    parts = parts_of(image)
    read = loaded.query_together([looks_at(part.sketch, loaded.sketch_size) for part in parts]) if parts else []
    place = drawn_box(image) if request.place else None
    return SketchQuery(
        DrawnThing(query, place),
        tuple(DrawnThing(each, part.box if request.place else None) for each, part in zip(read, parts, strict=True)),
        tuple(part.box for part in parts),
    )


def _located(ranking: Ranking, hits: tuple[SearchHit, ...]) -> tuple[SearchHit, ...]:
    """Hits with where in the photos it is."""
    boxes = ranking.boxes([hit.photo_id for hit in hits])
    if not boxes:
        return hits
    return tuple(hit.model_copy(update={"boxes": boxes.get(hit.photo_id, ())}) for hit in hits)


def _asked_again(ask: Callable[[], _T]) -> _T:
    """The answer of a photo index; one that failed or was closed just now is asked again, as another is open then."""
    try:
        return ask()
    except IndexFailedError:
        return ask()


def _jpeg(image: NDArray[np.uint8]) -> bytes:
    """A sixth of the time a WebP as good takes, for half as many bytes again (docs/performance.md)."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=_JPEG_QUALITY, subsampling=0)
    return buffer.getvalue()
