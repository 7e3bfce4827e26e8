"""Which photo encoder, and which projection after it: how well photos find photos of their own category.

    .venv/bin/python bench/projection.py --data ../shared/data

The projection is fitted on the training split. "dev" asks held-back photos of categories it was fitted on, and the
category's centroid as the query (what a perfect E1 could send); "unseen" fits it without every fifth category
and asks photos of those.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mindreader.inference.engines.torch_engine import TorchEngine
from mindreader.inference.photo_encoder import PhotoEncoder
from mindreader.networks.published import find_encoder
from mindreader.vectors import unit
from mindreader_training.data.layouts import listed_dataset
from mindreader_training.data.protocols import zero_shot_categories
from mindreader_training.evaluation.embed import embed_photos
from mindreader_training.evaluation.metrics import retrieval_scores
from mindreader_training.projection import Projection, fit_projection

Vectors = NDArray[np.float32]
Labels = NDArray[np.int64]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--encoders", nargs="+", default=["efficientnet-lite0", "efficientnet-lite2"])
    parser.add_argument("--dimensions", nargs="+", type=int, default=[128, 256])
    parser.add_argument("--shrinkages", nargs="+", type=float, default=[0.1, 0.3, 0.6])
    asked = parser.parse_args()
    print("| encoder | dimensions | shrinkage | dev | centroid as query | unseen |\n|---|---|---|---|---|---|")
    for name in asked.encoders:
        compare(name, asked.data, asked.dimensions, asked.shrinkages)


def compare(name: str, data: Path, dimensions: list[int], shrinkages: list[float]) -> None:
    encoder = PhotoEncoder(find_encoder(name), TorchEngine.on("auto"))
    train = listed_dataset(data, lambda row: row["split"] == "train")
    dev = listed_dataset(data, lambda row: row["split"] == "dev" and row["source"] == "sketchy")
    unseen = zero_shot_categories(dev.categories)
    categories = {category: i for i, category in enumerate(train.categories)}
    x, y = embed_photos(encoder, train.photos), np.array([categories[p.category] for p in train.photos])
    g, gy = embed_photos(encoder, dev.photos), np.array([categories[p.category] for p in dev.photos])
    hidden, fitted_on = np.isin(gy, [categories[c] for c in unseen]), ~np.isin(y, [categories[c] for c in unseen])
    everything = Projection(np.eye(x.shape[1], dtype=np.float32), np.zeros(x.shape[1], dtype=np.float32))
    row(name, "all", "none", everything, everything, x, y, g, gy, hidden)
    for dimension in dimensions:
        for shrinkage in shrinkages:
            whole = fit_projection(x, y, dimension, shrinkage)
            blind = fit_projection(x[fitted_on], y[fitted_on], dimension, shrinkage)
            row(name, str(dimension), str(shrinkage), whole, blind, x, y, g, gy, hidden)


def row(
    name: str,
    dimension: str,
    shrinkage: str,
    whole: Projection,
    blind: Projection,
    x: Vectors,
    y: Labels,
    g: Vectors,
    gy: Labels,
    hidden: NDArray[np.bool_],
) -> None:
    gallery, training = projected(whole, g), projected(whole, x)
    centroids = np.stack([training[y == c].mean(0) for c in np.unique(gy)])
    unseen, labels = projected(blind, g)[hidden], gy[hidden]
    figures = (
        found(gallery, gy, gallery, gy, leave_self_out=True),
        found(centroids.astype(np.float32), np.unique(gy), gallery, gy),
        found(unseen, labels, unseen, labels, leave_self_out=True),
    )
    print(f"| {name} | {dimension} | {shrinkage} | " + " | ".join(f"{f:.3f}" for f in figures) + " |", flush=True)


def found(
    queries: Vectors, labels: Labels, gallery: Vectors, gallery_labels: Labels, *, leave_self_out: bool = False
) -> float:
    scores = retrieval_scores(queries, labels, gallery, gallery_labels, leave_self_out=leave_self_out)
    return float(scores.values["map"].mean())


def projected(projection: Projection, x: Vectors) -> Vectors:
    return unit(x @ projection.weight.T + projection.bias)


if __name__ == "__main__":
    main()
