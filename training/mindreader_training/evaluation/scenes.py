"""The protocol "scenes": sketches search photos with several things in them, by the whole photo and by its regions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mindreader.boxes import WHOLE
from mindreader.bundles import Bundle
from mindreader.bundles.manifest import PROJECTION_FILE
from mindreader.imaging import decode_photo, photo_array
from mindreader.inference.engines.protocol import Engine
from mindreader.inference.query_model import QueryModel
from mindreader.inference.regions import PhotoRegions, RegionEncoder
from mindreader.inference.sketches.looks import looks_at
from mindreader.inference.sketches.readings import LOOKED_AT, expanded_query
from mindreader_training.data.datasets import MAX_PIXELS, Item, sketch_images
from mindreader_training.data.scenes import FEWEST_SCENES, Scene, SceneProtocol
from mindreader_training.evaluation.embed import Embeddings, one_look_queries
from mindreader_training.evaluation.metrics import Scores, average_precision

SIZES = {"small": (0.0, 0.05), "medium": (0.05, 0.25), "large": (0.25, float("inf"))}
"""Of what is searched for: its largest box's share of the photo's area, from and below."""
_CHUNK = 32
_FIRST = 5

Similarity = NDArray[np.float32]
"""(Q, N)"""
Mask = NDArray[np.bool_]
"""(Q, N)"""


@dataclass(frozen=True)
class SceneEvaluation:
    """What was found in scenes, by the whole photo and by its regions."""

    protocol: dict[str, object]
    rows: dict[str, Scores]
    """`whole`: a space without regions; `whole_of_regions`: one with them, of which only vectors of the whole photo
    count; `regions`: the best one counts. As the product searches, and with one look at each sketch (`…_one_look`).
    Gallery: the scenes."""
    by_size: dict[str, dict[str, Scores]]
    """The three rows for each of `SIZES` that anything searched for has."""
    with_distractors: dict[str, Scores]
    """The three rows, the photos of "dev" in the gallery too; empty where there are none."""
    dev: dict[str, Scores]
    """The three rows under the protocol "dev"; empty where there is none."""

    def as_json(self) -> dict[str, object]:
        """As `mindreader evaluate --scenes … --json` prints it."""
        return {
            "protocol": self.protocol,
            "rows": _as_json(self.rows),
            "by_size": {name: _as_json(rows) for name, rows in self.by_size.items()},
            "with_distractors": _as_json(self.with_distractors),
            "dev": _as_json(self.dev),
        }


def _as_json(rows: dict[str, Scores]) -> dict[str, object]:
    return {name: row.as_json() for name, row in rows.items()}


def evaluate_scenes(bundle: Bundle, protocol: SceneProtocol, engine: Engine, regions: str) -> SceneEvaluation:
    """Search scenes with sketches by the whole photo, and by its regions, of which the best one counts.

    Relevant is a photo with the sketch's category in it. Distractors of that very category do not count, for or
    against; by size neither do photos with a thing of that category that has another size.

    Args:
        regions: name of a scheme; see `mindreader.inference.regions`.

    Raises:
        InvalidInputError: there is no such scheme, or the bundle's space cannot have it.
    """
    space, projection = bundle.space, _projection(bundle)
    plain = RegionEncoder(space.encoder, engine, projection)
    encoder = RegionEncoder(space.encoder, engine, projection, regions)
    model = QueryModel(bundle, engine)
    scenes = Gallery.embedded(plain, encoder, [scene.path for scene in protocol.scenes])
    sketches = protocol.sketches
    queries, one_look = _queries(model, sketches), one_look_queries(model, sketches)
    area = _areas(protocol.scenes, sketches)
    there = area > 0
    rows = _rows(queries, scenes, there)
    rows |= {f"{name}_one_look": row for name, row in _rows(one_look, scenes, there, expands=False).items()}
    by_size = {}
    for name, (least, below) in SIZES.items():
        of_size = there & (area >= least) & (area < below)
        if of_size.any():
            by_size[name] = _rows(queries, scenes, of_size, there & ~of_size)
    with_distractors: dict[str, Scores] = {}
    dev: dict[str, Scores] = {}
    if protocol.dev is not None and protocol.dev.photos:
        photos = protocol.dev.photos
        others = Gallery.embedded(plain, encoder, [item.path for item in photos])
        same = _same_category(sketches, photos)
        relevant = np.concatenate([there, np.zeros_like(same)], axis=1)
        ignored = np.concatenate([np.zeros_like(there), same], axis=1)
        with_distractors = _rows(queries, scenes + others, relevant, ignored)
        drawn = protocol.dev.answerable().sketches
        dev = _rows(_queries(model, drawn), others, _same_category(drawn, photos))
    described = _description(protocol, bundle, area, regions) | {"vectors_at_most": scenes.most_vectors}
    return SceneEvaluation(described, rows, by_size, with_distractors, dev)


@dataclass(frozen=True, eq=False)
class Gallery:
    """N photos as they are embedded without regions, and by their regions."""

    plain: Embeddings
    """(N, K), unit vectors."""
    photos: tuple[PhotoRegions, ...]

    @classmethod
    def embedded(cls, plain: RegionEncoder, encoder: RegionEncoder, paths: Sequence[Path]) -> Gallery:
        """Decode and embed photos as the product does.

        Args:
            plain: without regions.
            encoder: with them.
        """
        whole = np.concatenate([each.vectors for each in _embedded(plain, paths)])
        return cls(whole, tuple(_embedded(encoder, paths)))

    def __add__(self, other: Gallery) -> Gallery:
        """Both together, these first."""
        return Gallery(np.concatenate([self.plain, other.plain]), self.photos + other.photos)

    @property
    def most_vectors(self) -> int:
        """Of a photo."""
        return max(len(photo.vectors) for photo in self.photos)

    def vectors(self, rows: str) -> list[Embeddings]:
        """Of each photo those (R, K) that count in one of the rows of `SceneEvaluation`."""
        if rows == "whole":
            return list(self.plain[:, None])
        return [
            np.stack([vector for box, vector in zip(photo.boxes, photo.vectors, strict=True) if box == WHOLE])
            if rows == "whole_of_regions"
            else photo.vectors
            for photo in self.photos
        ]


def _embedded(encoder: RegionEncoder, paths: Sequence[Path]) -> Iterator[PhotoRegions]:
    load = _loader(encoder)
    for start in range(0, len(paths), _CHUNK):
        yield from encoder.embed([load(path) for path in paths[start : start + _CHUNK]])


def _loader(encoder: RegionEncoder) -> Callable[[Path], NDArray[np.uint8]]:
    pixels, size = encoder.scheme.pixels, encoder.description.input_size

    def load(path: Path) -> NDArray[np.uint8]:
        image = decode_photo(path, max_pixels=MAX_PIXELS, min_side=pixels or size).image
        return scaled_array(image, pixels) if pixels else photo_array(image, size)

    return load


def scaled_array(image: Image.Image, pixels: int) -> NDArray[np.uint8]:
    """A photo (H, W, 3) with its proportions, its shorter side at most so many pixels."""
    colours = image if image.mode == "RGB" else image.convert("RGB")
    scale = min(1.0, pixels / min(image.size))
    size = (round(image.width * scale), round(image.height * scale))
    return np.asarray(colours.resize(size, Image.Resampling.BICUBIC), dtype=np.uint8)


def _projection(bundle: Bundle) -> Path | None:
    return bundle.weights(PROJECTION_FILE) if bundle.space.projection else None


def _queries(model: QueryModel, sketches: Sequence[Item]) -> Embeddings:
    """Two looks at each sketch, (Q, K); the product expands them by what they find."""
    return np.stack([model.query(looks_at(image, model.sketch_size)) for image in sketch_images(sketches)])


def _areas(scenes: Sequence[Scene], sketches: Sequence[Item]) -> NDArray[np.float64]:
    """(Q, N): the share of the scene's area that the sketch's category takes; 0 where it is not there."""
    return np.array([[scene.largest(sketch.category) for scene in scenes] for sketch in sketches])


def _same_category(sketches: Sequence[Item], photos: Sequence[Item]) -> Mask:
    return np.array([[photo.category == sketch.category for photo in photos] for sketch in sketches])


def _rows(
    queries: Embeddings, gallery: Gallery, relevant: Mask, ignored: Mask | None = None, *, expands: bool = True
) -> dict[str, Scores]:
    """The three rows, with queries expanded as the product does; photos that are ignored expand none."""
    return {
        name: scene_scores(similarity(queries, gallery.vectors(name), ignored, expands=expands), relevant, ignored)
        for name in ("whole", "whole_of_regions", "regions")
    }


def similarity(queries: Embeddings, photos: Sequence[Embeddings], ignored: Mask | None, *, expands: bool) -> Similarity:
    """Cosine (Q, N) of queries (Q, K) and the best of each photo's vectors (R, K)."""
    if expands:
        queries = np.stack(
            [_expanded(query, photos, None if ignored is None else ignored[row]) for row, query in enumerate(queries)]
        )
    return _best(queries, photos)


def _best(queries: Embeddings, photos: Sequence[Embeddings]) -> Similarity:
    starts = np.cumsum([0, *(len(vectors) for vectors in photos[:-1])])
    best: Similarity = np.maximum.reduceat(queries @ np.concatenate(photos).T, starts, axis=1)
    return best


def _expanded(query: Embeddings, photos: Sequence[Embeddings], ignored: NDArray[np.bool_] | None) -> Embeddings:
    best = _best(query[None], photos)[0]
    if ignored is not None:
        best = np.where(ignored, -np.inf, best)
    nearest = [photos[number] for number in np.argsort(-best, kind="stable")[:LOOKED_AT] if best[number] > -np.inf]
    return expanded_query(query, np.stack([each[(each @ query).argmax()] for each in nearest]))


def scene_scores(similarity: Similarity, relevant: Mask, ignored: Mask | None = None) -> Scores:
    """`map` and `p@5` of each query (a row) with a relevant photo; ignored photos are taken out of its ranking."""
    rankings = _rankings(similarity, relevant, ignored)
    return Scores(
        {
            "map": np.array([average_precision(ranking[None])[0] for ranking in rankings]),
            "p@5": np.array([ranking[:_FIRST].sum() / _FIRST for ranking in rankings]),
        }
    )


def _rankings(similarity: Similarity, relevant: Mask, ignored: Mask | None) -> list[NDArray[np.bool_]]:
    """For each query with a relevant photo, whether each place of its ranking is relevant."""
    rankings = []
    for row in np.flatnonzero(relevant.any(axis=1)):
        order = np.argsort(-similarity[row], kind="stable")
        if ignored is not None:
            order = order[~ignored[row][order]]
        rankings.append(relevant[row][order])
    return rankings


def _description(protocol: SceneProtocol, bundle: Bundle, area: NDArray[np.float64], regions: str) -> dict[str, object]:
    relevant = (area > 0).sum(axis=1)
    return {
        "name": "scenes",
        "bundle": bundle.manifest.name,
        "bundle_sha256": bundle.sha256,
        "regions": regions,
        "queries": len(protocol.sketches),
        "queries_are": protocol.sketches_are,
        "gallery": len(protocol.scenes),
        "gallery_is": "scenes",
        "distractors": len(protocol.dev.photos) if protocol.dev else 0,
        "categories": len({sketch.category for sketch in protocol.sketches}),
        "fewest_scenes_of_a_category": FEWEST_SCENES,
        "relevant_per_query": round(float(relevant.mean()), 2),
        "chance_map": round(float((relevant / len(protocol.scenes)).mean()), 4),
        "relevance": "a photo with that category in it",
    }
