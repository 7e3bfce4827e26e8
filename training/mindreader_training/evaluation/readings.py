"""What readings are worth: a protocol's sketches searched as the product searches, with nobody picking, and picked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mindreader.inference.query_model import QueryModel
from mindreader.inference.sketches.looks import looks_at
from mindreader.inference.sketches.readings import LOOKED_AT, expanded_query, find_readings, query_of_picked
from mindreader_training.data.datasets import Dataset, sketch_images
from mindreader_training.evaluation.embed import Embeddings

SHOWN = 3
"""Photos of a reading that a person sees."""


@dataclass(frozen=True, eq=False)
class Read:
    """The queries of Q sketches, with and without somebody who picks the right reading."""

    most: int
    """Readings offered at most."""
    product: Embeddings
    """(Q, K), nobody picks: expanded by what the sketch finds."""
    picked: Embeddings
    """(Q, K), by the reading that shows the most photos of the sketch's category; as nobody where none shows one."""
    offered: NDArray[np.int64]
    """(Q,), how many readings each sketch has."""
    right: NDArray[np.bool_]
    """(Q,), whether a reading shows a photo of the sketch's category."""

    def as_json(self) -> dict[str, object]:
        """What `mindreader evaluate --json` says of readings, beside the rows."""
        return {
            "at_most": self.most,
            "offered_mean": round(float(self.offered.mean()), 3),
            "share_with_one": round(float((self.offered == 1).mean()), 4),
            "share_with_the_right_one": round(float(self.right.mean()), 4),
        }


def read_sketches(model: QueryModel, dataset: Dataset, gallery: Embeddings, most: int) -> Read:
    """Search with a data set's sketches as the product does, and pick the right reading of each as a person would.

    Args:
        gallery: (N, K), E2's unit vectors of the data set's photos.
        most: readings offered at most.
    """
    labels, gallery_labels = dataset.labels(dataset.sketches), dataset.labels(dataset.photos)
    product, picked, offered, right = [], [], [], []
    for sketch, label in zip(sketch_images(dataset.sketches), labels, strict=True):
        query = model.query(looks_at(sketch, model.sketch_size))
        nearest = nearest_photos(query, gallery)
        found = find_readings(query, nearest.tolist(), gallery[nearest], most)
        seen = [int((gallery_labels[list(each.photo_ids[:SHOWN])] == label).sum()) for each in found]
        best = int(np.argmax(seen))
        product.append(expanded_query(query, gallery[nearest]))
        picked.append(query_of_picked(found[best], query) if seen[best] else product[-1])
        offered.append(len(found))
        right.append(seen[best] > 0)
    return Read(most, np.stack(product), np.stack(picked), np.array(offered), np.array(right))


def nearest_photos(query: Embeddings, gallery: Embeddings) -> NDArray[np.intp]:
    """Places in a gallery (N, K) of the photos that a search with a query (K,) looks at, best first."""
    return np.argsort(-(gallery @ query), kind="stable")[:LOOKED_AT]
