"""How well a bundle retrieves: every row with its protocol, so that a number never stands alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mindreader.bundles import Bundle
from mindreader.errors import InvalidInputError
from mindreader.inference.engines.protocol import Engine
from mindreader.inference.photo_encoder import PhotoEncoder
from mindreader.inference.query_model import QueryModel
from mindreader_training.data.datasets import Dataset, Item
from mindreader_training.data.protocols import Protocol
from mindreader_training.evaluation.embed import Embeddings, Pixels, embed_photos, embed_sketches, rgb
from mindreader_training.evaluation.metrics import Scores, pair_recall, retrieval_scores
from mindreader_training.evaluation.readings import read_sketches
from mindreader_training.evaluation.robustness import robustness_queries

_PRODUCT = "generator_and_query_encoder"


@dataclass(frozen=True)
class Evaluation:
    """The result of one evaluation."""

    protocol: dict[str, object]
    rows: dict[str, Scores]
    imagination: dict[str, object]
    """What an encoder that took no part in training makes of the imaginary images; empty if not asked for."""
    readings: dict[str, object]
    """How many readings the sketches have, and how often the right one is among them; empty if not asked for."""
    ranking: Ranking

    def as_json(self) -> dict[str, object]:
        """As `mindreader evaluate --json` prints it."""
        result: dict[str, object] = {
            "protocol": self.protocol,
            "rows": {name: row.as_json() for name, row in self.rows.items()},
        }
        asked_for = {"imagination": self.imagination, "readings": self.readings}
        return result | {name: value for name, value in asked_for.items() if value}


@dataclass(frozen=True)
class Ranking:
    """What the product found, for plots."""

    sketches: tuple[Item, ...]
    photos: tuple[Item, ...]
    best: NDArray[np.int64]
    """(Q, N) indices into the gallery, best first."""
    average_precision: NDArray[np.float64]
    """(Q,)"""


def evaluate(
    bundle: Bundle,
    protocol: Protocol,
    engine: Engine,
    *,
    imaginary_images: int = 1,
    imagination: bool = False,
    most_readings: int = 0,
    robustness: bool = False,
) -> Evaluation:
    """Retrieve a protocol's photos with its sketches in five ways.

    `raw_sketch` sends the sketch itself through E2, `query_encoder` through E1, `imaginary_to_query_encoder`
    the imaginary image alone; `generator_and_query_encoder` is the product (G, then E1, with the sketch's own
    share); `photo_to_photo` is E2's own ceiling: each photo searches for the others of its category and is
    itself left out of the gallery.

    Sketches whose category has no photo in the gallery are left out, and counted in the protocol.

    Args:
        imaginary_images: the product's query is the mean of the queries of this many, with seeds 0, 1, ...
        imagination: evaluate the imaginary images by an independent encoder too, which takes longer.
        most_readings: 1 or more adds the rows `product`, two looks at each sketch as the product searches when nobody
            picks a reading, and `best_reading`, where the right one of at most so many is picked.
        robustness: add the row `product`, and one for each way in which the same sketches are disturbed
            (`mindreader_training.evaluation.disturbances`).

    Raises:
        InvalidInputError: there is no sketch whose category has a photo.
    """
    dataset = protocol.dataset.answerable()
    if not dataset.sketches:
        raise InvalidInputError("No sketch is of a category that has photos: there is nothing to measure.")
    model, photo_encoder = QueryModel(bundle, engine), PhotoEncoder.of_bundle(bundle, engine)
    gallery = embed_photos(photo_encoder, dataset.photos)
    queries = _queries(model, photo_encoder, dataset, imaginary_images)
    readings: dict[str, object] = {}
    if most_readings:
        read = read_sketches(model, dataset, gallery, most_readings)
        queries |= {"product": read.product, "best_reading": read.picked}
        readings = read.as_json()
    if robustness:
        queries |= robustness_queries(model, dataset, gallery)
    rows = _rows(queries, gallery, dataset)
    quality: dict[str, object] = {}
    if imagination:
        from mindreader_training.evaluation.imaginary_quality import imaginary_quality  # needs torchmetrics

        quality = imaginary_quality(bundle, model, dataset, engine)
    return Evaluation(
        _description(protocol, dataset, bundle, imaginary_images),
        rows,
        quality,
        readings,
        _ranking(queries[_PRODUCT], gallery, dataset, rows[_PRODUCT]),
    )


def _queries(
    model: QueryModel, photo_encoder: PhotoEncoder, dataset: Dataset, imaginary_images: int
) -> dict[str, Embeddings]:
    """Unit vectors (Q, K) of the sketches, in each of four ways."""

    def imaginary_alone(sketches: Pixels) -> Embeddings:
        return model.embed(model.imagine_batch(sketches, [0] * len(sketches)))

    def product(sketches: Pixels) -> Embeddings:
        seeds = range(imaginary_images)
        total = np.sum([model.queries(sketches, [seed] * len(sketches)) for seed in seeds], axis=0)
        unit: Embeddings = (total / np.linalg.norm(total, axis=1, keepdims=True)).astype(np.float32)
        return unit

    sketches = dataset.sketches
    return {
        "raw_sketch": embed_sketches(
            sketches, photo_encoder.description.input_size, lambda pixels: photo_encoder.embed(rgb(pixels))
        ),
        "query_encoder": embed_sketches(sketches, model.sketch_size, model.embed_sketches),
        "imaginary_to_query_encoder": embed_sketches(sketches, model.sketch_size, imaginary_alone),
        _PRODUCT: embed_sketches(sketches, model.sketch_size, product),
    }


def _rows(queries: dict[str, Embeddings], gallery: Embeddings, dataset: Dataset) -> dict[str, Scores]:
    labels, gallery_labels = dataset.labels(dataset.sketches), dataset.labels(dataset.photos)
    rows = {}
    for name, embeddings in queries.items():
        scores = retrieval_scores(embeddings, labels, gallery, gallery_labels)
        if (dataset.pairs >= 0).any():
            scores = Scores(scores.values | pair_recall(embeddings, dataset.pairs, gallery))
        rows[name] = scores
    if len(set(gallery_labels)) < len(gallery_labels):  # else no photo has another of its category in the gallery
        rows["photo_to_photo"] = retrieval_scores(gallery, gallery_labels, gallery, gallery_labels, leave_self_out=True)
    return rows


def _ranking(queries: Embeddings, gallery: Embeddings, dataset: Dataset, scores: Scores) -> Ranking:
    best = np.argsort(-(queries @ gallery.T), axis=1, kind="stable")
    return Ranking(dataset.sketches, dataset.photos, best, scores.values["map"])


def _description(protocol: Protocol, dataset: Dataset, bundle: Bundle, imaginary_images: int) -> dict[str, object]:
    """The protocol as data: who searched what, and what chance would find."""
    relevant = np.bincount(dataset.labels(dataset.photos), minlength=len(dataset.categories))
    relevant_per_query = relevant[dataset.labels(dataset.sketches)]
    return {
        "name": protocol.name,
        "bundle": bundle.manifest.name,
        "bundle_sha256": bundle.sha256,
        "queries": len(dataset.sketches),
        "queries_are": protocol.queries,
        "queries_left_out": len(protocol.dataset.sketches) - len(dataset.sketches),
        "gallery": len(dataset.photos),
        "gallery_is": protocol.gallery,
        "categories": len(dataset.categories),
        "relevant_per_query": round(float(relevant_per_query.mean()), 2),
        "chance_map": round(float((relevant_per_query / len(dataset.photos)).mean()), 4),
        "relevance": "same category",
        "imaginary_images": imaginary_images,
        "seed": 0,
    }
