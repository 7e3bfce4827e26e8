"""Small libraries drawn from a large one: what a bench of searches sees where few photos show what was drawn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mindreader.bundles import Bundle
from mindreader.bundles.manifest import PROJECTION_FILE
from mindreader.imaging import decode_photo, photo_array
from mindreader.imaging.arrays import photo_pixels
from mindreader.inference.engines.protocol import Engine
from mindreader.inference.query_model import QueryModel
from mindreader.inference.regions import RegionEncoder
from mindreader.inference.sketches.looks import looks_at
from mindreader.inference.sketches.readings import LOOKED_AT
from mindreader_training.data.datasets import Item, sketch_images

Vectors = NDArray[np.float32]
Regions = NDArray[np.float32]
"""(N, R, K) of N photos, each vector of length 1."""

SIZES = (30, 60, 120, 300, 10**6)
"""Photos of the libraries that are drawn; the last has all."""


@dataclass(frozen=True)
class Library:
    """Photos for one sketch: those of its category first."""

    query: Vectors
    """(K,), what E1 makes of the sketch."""
    photos: Regions
    own: int
    """How many are of the sketch's category."""

    @property
    def nearest(self) -> Vectors:
        """Of the nearest photos the region nearest to the query, best first: (N, K)."""
        return nearest_photos(self.photos, self.query)

    def ranked(self, query: Vectors) -> NDArray[np.intp]:
        """Positions of the photos, the most similar to a query (K,) first."""
        return np.argsort(-(self.photos @ query).max(axis=1), kind="stable")


class DrawnLibraries:
    """Libraries with as many photos as one wants, for each sketch another; the same in each run."""

    def __init__(self, gallery: Regions, categories: NDArray[np.str_]) -> None:
        """Draw from these photos, of these categories (N,)."""
        self._gallery, self._categories = gallery, categories

    def each(self, queries: Vectors, sketches: Sequence[Item], size: int, kept: int) -> Iterator[Library]:
        """For each of Q sketches a library of so many photos, so many of its category, if there are as many."""
        draws = np.random.default_rng([size, kept])
        for query, sketch in zip(queries, sketches, strict=True):
            is_own = self._categories == sketch.category
            own = draws.permutation(np.flatnonzero(is_own))[:kept]
            others = draws.permutation(np.flatnonzero(~is_own))[: size - len(own)]
            yield Library(query, self._gallery[np.concatenate([own, others])], len(own))


def nearest_photos(photos: Regions, query: Vectors) -> Vectors:
    """Of the photos nearest to a query the region nearest to it, best first: (N, K), as many as searches look at."""
    seen: Vectors = photos[np.arange(len(photos)), (photos @ query).argmax(axis=1)]
    return seen[np.argsort(-(seen @ query), kind="stable")[:LOOKED_AT]]


def embedded_photos(bundle: Bundle, engine: Engine, photos: Sequence[Item], regions: str) -> Regions:
    """What E2 makes of photos' regions; those of photos with fewer are repeated."""
    projection = bundle.weights(PROJECTION_FILE) if bundle.space.projection else None
    encoder = RegionEncoder(bundle.space.encoder, engine, projection, regions)
    images = (decode_photo(photo.path, max_pixels=10**8).image for photo in photos)
    if encoder.scheme.boxes:
        pixels = (photo_pixels(image, encoder.scheme.pixels) for image in images)
    else:
        pixels = (photo_array(image, encoder.description.input_size) for image in images)
    embedded = [encoder.embed([each])[0].vectors for each in pixels]
    most = max(map(len, embedded))
    return np.stack([np.resize(vectors, (most, vectors.shape[1])) for vectors in embedded])


def queries_of(model: QueryModel, sketches: Sequence[Item]) -> Vectors:
    """What E1 makes of sketches: (Q, K)."""
    return np.stack([model.query(looks_at(image, model.sketch_size)) for image in sketch_images(sketches)])
