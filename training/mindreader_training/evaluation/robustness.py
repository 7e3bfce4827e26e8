"""Queries of sketches that are disturbed, as the product searches with them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from PIL import Image

from mindreader.inference.looks import looks_at
from mindreader.inference.query_model import QueryModel
from mindreader_training.data.datasets import Dataset, sketch_images
from mindreader_training.evaluation.disturbances import DISTURBANCES, disturbed
from mindreader_training.evaluation.embed import Embeddings


def robustness_queries(model: QueryModel, dataset: Dataset, seed: int = 0) -> dict[str, Embeddings]:
    """The product's queries (Q, K), nobody picks a reading: `product`, and `product, DISTURBANCE` for each."""
    rows = {"product": _queries(model, sketch_images(dataset.sketches))}
    for name in DISTURBANCES:
        random = np.random.default_rng(seed)
        sketches = [disturbed(sketch, name, random) for sketch in sketch_images(dataset.sketches)]
        rows[f"product, {name}"] = _queries(model, sketches)
    return rows


def _queries(model: QueryModel, sketches: Iterable[Image.Image]) -> Embeddings:
    return np.stack([model.query(looks_at(sketch, model.image_size)) for sketch in sketches])
