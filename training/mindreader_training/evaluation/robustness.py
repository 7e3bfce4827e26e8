"""Queries of sketches that are disturbed, as the product searches with them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from PIL import Image

from mindreader.inference.query_model import QueryModel
from mindreader.inference.sketches.looks import looks_at
from mindreader.inference.sketches.readings import expanded_query
from mindreader_training.data.datasets import Dataset, sketch_images
from mindreader_training.evaluation.disturbances import DISTURBANCES, disturbed
from mindreader_training.evaluation.embed import Embeddings
from mindreader_training.evaluation.readings import nearest_photos


def robustness_queries(
    model: QueryModel, dataset: Dataset, gallery: Embeddings, seed: int = 0
) -> dict[str, Embeddings]:
    """The product's queries (Q, K), nobody picks a reading: `product`, and `product, DISTURBANCE` for each.

    Args:
        gallery: (N, K), E2's unit vectors of the data set's photos, by which queries are expanded.
    """
    rows = {"product": product_queries(model, sketch_images(dataset.sketches), gallery)}
    for name in DISTURBANCES:
        random = np.random.default_rng(seed)
        sketches = [disturbed(sketch, name, random) for sketch in sketch_images(dataset.sketches)]
        rows[f"product, {name}"] = product_queries(model, sketches, gallery)
    return rows


def product_queries(model: QueryModel, sketches: Iterable[Image.Image], gallery: Embeddings) -> Embeddings:
    """What the product searches with (Q, K) where nobody picks: two looks, expanded by what they find."""
    queries = []
    for sketch in sketches:
        query = model.query(looks_at(sketch, model.sketch_size))
        queries.append(expanded_query(query, gallery[nearest_photos(query, gallery)]))
    return np.stack(queries)
