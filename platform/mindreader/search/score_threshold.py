"""Where guesswork begins: how similar to a query photos are that have nothing to do with it."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, select

from mindreader.catalog import Catalog, Embedding, EmbeddingSpace
from mindreader.photo_index import PhotoIndexes

_SAMPLE = 600
_FEWEST = 30
"""Of fewer photos nothing can be said."""
_FRESH_SECONDS = 600.0
_DEVIATIONS = 6.0
"""Measured for expanded queries; see docs/quality.md, "Where guesswork begins"."""
_MAD_TO_DEVIATION = 1.4826  # of a normal distribution

Vectors = NDArray[np.float32]


class _Sample:
    """Random photos, each with the vectors of its regions."""

    def __init__(self, photos: Sequence[Vectors] = ()) -> None:
        """Hold the vectors (R, K) of each photo."""
        self.size = len(photos)
        self._vectors = np.concatenate(photos) if photos else np.zeros((0, 0), np.float32)
        self._starts = np.cumsum([0, *map(len, photos)])[:-1]

    def similarities(self, query: Vectors) -> NDArray[np.float32]:
        """To a query (K,), of each photo's nearest region: (N,). There must be a photo."""
        nearest: NDArray[np.float32] = np.maximum.reduceat(self._vectors @ query, self._starts)
        return nearest


class NoiseFloor:
    """A random sample of a space's photos, drawn anew every ten minutes; only statistics of it are ever shown."""

    def __init__(self, catalog: Catalog, indexes: PhotoIndexes) -> None:
        self._catalog, self._indexes = catalog, indexes
        self._samples: dict[str, tuple[float, _Sample]] = {}

    def score_threshold(self, space: EmbeddingSpace, query: Vectors) -> float | None:
        """The cosine similarity below which a result is guesswork; None where the space holds too few photos.

        Six deviations above the median similarity of random photos. Median and median deviation, so that the
        photos the query is really after do not raise the line they are measured by.
        """
        sample = self._sample(space)
        return score_threshold(sample.similarities(query)) if sample.size >= _FEWEST else None

    def _sample(self, space: EmbeddingSpace) -> _Sample:
        drawn_at, sample = self._samples.get(space.key, (float("-inf"), _Sample()))
        # A space that is being filled is looked at more often.
        fresh = _FRESH_SECONDS if sample.size >= _SAMPLE / 2 else _FRESH_SECONDS / 20
        if time.monotonic() - drawn_at > fresh:
            sample = self._draw(space)
            self._samples[space.key] = (time.monotonic(), sample)
        return sample

    def _draw(self, space: EmbeddingSpace) -> _Sample:
        with self._catalog.snapshot() as session:
            last = session.scalar(select(func.max(Embedding.photo_id)).where(Embedding.space_id == space.id)) or 0
        # Ids are never used twice, so some drawn ones are gone; twice as many are asked for as are wanted.
        random = np.random.default_rng()
        ids = np.arange(1, last + 1) if last <= 2 * _SAMPLE else random.integers(1, last + 1, 2 * _SAMPLE)
        found = list(self._indexes.of(space).regions([int(i) for i in np.unique(ids)]).values())
        chosen = random.permutation(len(found))[:_SAMPLE]
        return _Sample([found[number].vectors for number in chosen])


def score_threshold(similarities: NDArray[np.float32]) -> float:
    """Six deviations above the median of the similarities (N,) of random photos; at most 1."""
    median = float(np.median(similarities))
    deviation = float(np.median(np.abs(similarities - median))) * _MAD_TO_DEVIATION
    return min(1.0, median + _DEVIATIONS * deviation)
