"""How well a bundle retrieves: every row with its protocol, so that a number never stands alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from mindreader.bundles import Bundle
from mindreader.errors import InvalidInputError
from mindreader.inference.photo_encoder import PhotoEncoder
from mindreader.inference.query_model import QueryModel
from mindreader.networks.compute import Compute
from mindreader.networks.descriptions import encoder_description
from mindreader_training.data.datasets import Item, load_photos, load_sketches
from mindreader_training.data.protocols import Protocol
from mindreader_training.evaluation.metrics import Scores, pair_recall, retrieval_scores

Embeddings = NDArray[np.float32]
Pixels = NDArray[np.uint8]
_BATCH = 64

OUTSIDERS = ("efficientnet-lite0", "efficientnet-lite2")
"""Encoders that may judge imaginary images: the first that took no part in the bundle's training does."""


@dataclass(frozen=True)
class Evaluation:
    """The result of one evaluation."""

    protocol: dict[str, object]
    rows: dict[str, Scores]
    imagination: dict[str, object]
    """What an encoder that took no part in training makes of the imaginary images; empty if not asked for."""
    ranking: Ranking

    def as_json(self) -> dict[str, object]:
        """As `mindreader evaluate --json` prints it."""
        result: dict[str, object] = {
            "protocol": self.protocol,
            "rows": {name: row.as_json() for name, row in self.rows.items()},
        }
        return result | ({"imagination": self.imagination} if self.imagination else {})


@dataclass(frozen=True)
class Ranking:
    """What the product found, for figures."""

    sketches: tuple[Item, ...]
    photos: tuple[Item, ...]
    best: NDArray[np.int64]
    """(Q, N) indices into the gallery, best first."""
    average_precision: NDArray[np.float64]
    """(Q,)"""


def evaluate(
    bundle: Bundle, under: Protocol, compute: Compute, *, imaginary_images: int = 1, imagination: bool = False
) -> Evaluation:
    """Retrieve a protocol's photos with its sketches in five ways.

    `raw_sketch` sends the sketch itself through E2, `query_encoder` through E1, `imaginary_to_query_encoder`
    the imaginary image alone; `generator_and_query_encoder` is the product (G, then E1, with the sketch's own
    share); `photo_to_photo` is E2's own ceiling: each photo searches for the others of its category and is
    itself left out of the gallery.

    Sketches whose category has no photo in the gallery are left out, and counted in the protocol.

    Args:
        imaginary_images: the product's query is the mean of the queries of this many, with seeds 0, 1, ...
        imagination: judge the imaginary images by an encoder from outside too, which takes longer.

    Raises:
        InvalidInputError: there is no sketch whose category has a photo.
    """
    asked, dataset = len(under.dataset.sketches), under.dataset.answerable()
    if not dataset.sketches:
        raise InvalidInputError("No sketch is of a category that has photos: there is nothing to measure.")
    under = replace(under, dataset=dataset)
    model = QueryModel(bundle, compute)
    photo_encoder = PhotoEncoder.of_bundle(bundle, compute)
    gallery = embed_photos(photo_encoder, dataset.photos)
    gallery_labels, query_labels = dataset.labels(dataset.photos), dataset.labels(dataset.sketches)
    queries = {
        "raw_sketch": _embedded(dataset.sketches, photo_encoder.description.input_size, _raw(photo_encoder)),
        "query_encoder": _embedded(dataset.sketches, model.image_size, model.embed_sketches),
        "imaginary_to_query_encoder": _embedded(dataset.sketches, model.image_size, _imaginary_alone(model)),
        "generator_and_query_encoder": _embedded(dataset.sketches, model.image_size, _product(model, imaginary_images)),
    }
    rows = {}
    for name, embeddings in queries.items():
        scores = retrieval_scores(embeddings, query_labels, gallery, gallery_labels)
        if (dataset.pairs >= 0).any():
            scores = Scores(scores.values | pair_recall(embeddings, dataset.pairs, gallery))
        rows[name] = scores
    if len(set(gallery_labels)) < len(gallery_labels):  # else no photo has its like in the gallery
        rows["photo_to_photo"] = retrieval_scores(gallery, gallery_labels, gallery, gallery_labels, leave_self_out=True)
    product = queries["generator_and_query_encoder"]
    ranking = Ranking(
        dataset.sketches,
        dataset.photos,
        np.argsort(-(product @ gallery.T), axis=1, kind="stable"),
        rows["generator_and_query_encoder"].values["map"],
    )
    judged = _imagination(bundle, model, under, compute) if imagination else {}
    return Evaluation(_protocol(under, bundle, imaginary_images, asked), rows, judged, ranking)


def embed_photos(encoder: PhotoEncoder, photos: tuple[Item, ...]) -> Embeddings:
    """E2's unit vectors (N, K) of the photos."""
    size = encoder.description.input_size
    return np.concatenate([encoder.embed(load_photos(chunk, size)) for chunk in _chunks(photos)])


def imagined(model: QueryModel, sketches: tuple[Item, ...], seed: int = 0) -> Pixels:
    """One imaginary image (N, S, S, 3) for each sketch."""
    return np.concatenate(
        [
            _pixels(model.imagine_batch(load_sketches(chunk, model.image_size), [seed] * len(chunk)))
            for chunk in _chunks(sketches)
        ]
    )


def _pixels(images: torch.Tensor) -> Pixels:
    pixels: Pixels = (images * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
    return pixels


def _chunks(items: tuple[Item, ...]) -> Iterator[tuple[Item, ...]]:
    return (items[i : i + _BATCH] for i in range(0, len(items), _BATCH))


def _embedded(sketches: tuple[Item, ...], size: int, embed: Callable[[Pixels], Embeddings]) -> Embeddings:
    return np.concatenate([embed(load_sketches(chunk, size)) for chunk in _chunks(sketches)])


def _raw(encoder: PhotoEncoder) -> Callable[[Pixels], Embeddings]:
    return lambda sketches: encoder.embed(np.repeat(sketches[..., None], 3, axis=3))


def _imaginary_alone(model: QueryModel) -> Callable[[Pixels], Embeddings]:
    return lambda sketches: model.embed(model.imagine_batch(sketches, [0] * len(sketches)))


def _product(model: QueryModel, imaginary_images: int) -> Callable[[Pixels], Embeddings]:
    def embed(sketches: Pixels) -> Embeddings:
        seeds = range(imaginary_images)
        total = np.sum([model.queries(sketches, [seed] * len(sketches)) for seed in seeds], axis=0)
        unit: Embeddings = (total / np.linalg.norm(total, axis=1, keepdims=True)).astype(np.float32)
        return unit

    return embed


def _imagination(bundle: Bundle, model: QueryModel, under: Protocol, compute: Compute) -> dict[str, object]:
    """Retrieval with imaginary images as if they were photos, and how far they are from photos (KID)."""
    from mindreader_training.evaluation.kid import kernel_distance  # only here: it needs torchmetrics

    trained_with = {bundle.space.encoder.name, bundle.query_encoder.name}
    outsider = next((name for name in OUTSIDERS if name not in trained_with), None)
    if outsider is None:
        raise InvalidInputError(
            f"{' and '.join(OUTSIDERS)} both took part in training {bundle.manifest.name}: nobody is left to judge its "
            "imaginary images. Evaluate without --imagination."
        )
    encoder = PhotoEncoder(encoder_description(outsider), compute)
    dataset = under.dataset
    images = imagined(model, dataset.sketches)
    sketches = np.repeat(load_sketches(dataset.sketches, model.image_size)[..., None], 3, axis=3)
    # Photos pass through as many pixels as an imaginary image has: sharpness alone must not tell them apart.
    photos = load_photos(dataset.photos, model.image_size)
    gallery = embed_photos(encoder, dataset.photos)
    labels, gallery_labels = dataset.labels(dataset.sketches), dataset.labels(dataset.photos)
    embedded = {"raw_sketch": _seen(encoder, sketches), "imaginary_to_photo_encoder": _seen(encoder, images)}
    rows = {name: retrieval_scores(q, labels, gallery, gallery_labels).as_json() for name, q in embedded.items()}
    small_photos = _seen(encoder, photos)
    half = np.random.default_rng(0).permutation(len(small_photos))
    distances = {name: kernel_distance(small_photos, q) for name, q in embedded.items()}
    one, other = small_photos[half[::2]], small_photos[half[1::2]]
    return {
        "encoder": outsider,
        "rows": rows,
        "kid": distances | {"photos_to_other_photos": kernel_distance(one, other)},
    }


def _seen(encoder: PhotoEncoder, images: Pixels) -> Embeddings:
    chunks = (images[i : i + _BATCH] for i in range(0, len(images), _BATCH))
    as_tensors = (torch.from_numpy(chunk).permute(0, 3, 1, 2).float() / 255 for chunk in chunks)
    return np.concatenate([encoder.embed_images(images) for images in as_tensors])


def _protocol(under: Protocol, bundle: Bundle, imaginary_images: int, asked: int) -> dict[str, object]:
    dataset = under.dataset
    relevant = np.bincount(dataset.labels(dataset.photos), minlength=len(dataset.categories))
    searched = relevant[dataset.labels(dataset.sketches)]
    return {
        "name": under.name,
        "bundle": bundle.manifest.name,
        "bundle_sha256": bundle.sha256,
        "queries": len(dataset.sketches),
        "queries_are": under.queries,
        "queries_left_out": asked - len(dataset.sketches),
        "gallery": len(dataset.photos),
        "gallery_is": under.gallery,
        "categories": len(dataset.categories),
        "relevant_per_query": round(float(searched.mean()), 2),
        "chance_map": round(float((searched / len(dataset.photos)).mean()), 4),
        "relevance": "same category",
        "imaginary_images": imaginary_images,
        "seed": 0,
    }
