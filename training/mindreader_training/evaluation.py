"""How well a bundle retrieves: every row with its protocol, so that a number never stands alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from mindreader.bundles import Bundle
from mindreader.networks.compute import Compute
from mindreader.networks.descriptions import encoder_description
from mindreader.networks.query_model import PhotoEncoder, QueryModel
from mindreader_training.datasets import Dataset, Item, load_photos, load_sketches
from mindreader_training.metrics import Scores, retrieval_scores

Embeddings = NDArray[np.float32]
_BATCH = 64


@dataclass(frozen=True)
class Evaluation:
    """The result of one evaluation."""

    protocol: dict[str, object]
    rows: dict[str, Scores]

    def as_json(self) -> dict[str, object]:
        """As `mindreader evaluate --json` prints it."""
        return {"protocol": self.protocol, "rows": {name: row.as_json() for name, row in self.rows.items()}}


def evaluate(bundle: Bundle, dataset: Dataset, compute: Compute, name: str) -> Evaluation:
    """Retrieve the data set's photos with its sketches in four ways.

    `raw_sketch` sends the sketch itself through E2, `query_encoder` through E1, `generator_and_query_encoder`
    is the product (G with seed 0, then E1), and `photo_to_photo` is E2's own ceiling: each photo searches
    for the others of its category and is itself left out of the gallery.
    """
    model = QueryModel(bundle, compute)
    photo_encoder = PhotoEncoder(encoder_description(bundle.manifest.space.photo_encoder), compute)
    gallery = embed_photos(photo_encoder, dataset.photos)
    gallery_labels, query_labels = dataset.labels(dataset.photos), dataset.labels(dataset.sketches)
    queries = {
        "raw_sketch": _embedded(dataset.sketches, photo_encoder.description.input_size, _raw(photo_encoder)),
        "query_encoder": _embedded(dataset.sketches, model.image_size, _unimagined(model)),
        "generator_and_query_encoder": _embedded(dataset.sketches, model.image_size, _imagined(model)),
    }
    rows = {row: retrieval_scores(q, query_labels, gallery, gallery_labels) for row, q in queries.items()}
    rows["photo_to_photo"] = retrieval_scores(gallery, gallery_labels, gallery, gallery_labels, leave_self_out=True)
    return Evaluation(_protocol(name, dataset, bundle), rows)


def embed_photos(encoder: PhotoEncoder, photos: tuple[Item, ...]) -> Embeddings:
    """E2's unit vectors (N, D) of the photos."""
    size = encoder.description.input_size
    return np.concatenate([encoder.embed(load_photos(chunk, size)) for chunk in _chunks(photos)])


def _chunks(items: tuple[Item, ...]) -> Iterator[tuple[Item, ...]]:
    return (items[i : i + _BATCH] for i in range(0, len(items), _BATCH))


def _embedded(sketches: tuple[Item, ...], size: int, embed: Callable[[NDArray[np.uint8]], Embeddings]) -> Embeddings:
    return np.concatenate([embed(load_sketches(chunk, size)) for chunk in _chunks(sketches)])


def _raw(encoder: PhotoEncoder) -> Callable[[NDArray[np.uint8]], Embeddings]:
    return lambda sketches: encoder.embed(np.repeat(sketches[..., None], 3, axis=3))


def _unimagined(model: QueryModel) -> Callable[[NDArray[np.uint8]], Embeddings]:
    return lambda sketches: model.embed(torch.from_numpy(sketches).unsqueeze(1).expand(-1, 3, -1, -1).float() / 255)


def _imagined(model: QueryModel) -> Callable[[NDArray[np.uint8]], Embeddings]:
    return lambda sketches: model.embed(model.imagine_batch(sketches, [0] * len(sketches)))


def _protocol(name: str, dataset: Dataset, bundle: Bundle) -> dict[str, object]:
    relevant = np.bincount(dataset.labels(dataset.photos), minlength=len(dataset.categories))
    searched = relevant[dataset.labels(dataset.sketches)]
    return {
        "name": name,
        "bundle": bundle.manifest.name,
        "bundle_sha256": bundle.sha256,
        "queries": len(dataset.sketches),
        "gallery": len(dataset.photos),
        "categories": len(dataset.categories),
        "relevant_per_query": round(float(searched.mean()), 2),
        "chance_map": round(float((searched / len(dataset.photos)).mean()), 4),
        "relevance": "same category",
        "seed": 0,
    }
