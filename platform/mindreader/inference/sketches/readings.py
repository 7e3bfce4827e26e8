"""Readings of a sketch: the distinct things it may show, told by what it finds in the person's own library.

The nearest photos are clustered by weighted spherical k-means (Dhillon and Modha 2001): each reading is a cluster, its
vector the mean of its photos. A person who picks one searches with that vector. What the numbers below are worth:
docs/quality.md, "Readings".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mindreader.vectors import unit

MOST_READINGS = 4
LOOKED_AT = 40
"""Nearest photos that readings are made of."""
_TEMPERATURE = 0.1
"""A photo that is less similar to the query by this counts 1/e as much."""
_STEPS = 20
_ALIKE = 0.75
"""Clusters whose means are more similar than this are one reading."""
_LEAST_LIKELIHOOD = 0.03
"""Less likely clusters are noise."""
_CLEAR = 0.85
"""A reading that is so likely leaves no room for others."""
_SKETCH_SHARE = 0.3
"""How much the sketch's own query counts beside the picked reading."""
_EXPANDED_BY = 10
"""Nearest photos that a query is expanded by."""
EXPANSION_SHARE = 0.7
"""How much their mean counts beside the query."""
EXPANSION_TEMPERATURE = 0.03
"""A photo that is less similar to the query by this counts 1/e as much in their mean."""

Vectors = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class SketchReading:
    """One thing a sketch may show."""

    vector: Vectors
    """(K,), of length 1: the weighted mean of its photos."""
    photo_ids: tuple[int, ...]
    """Its photos, the nearest to the reading first."""
    likelihood: float
    """Its share, in (0, 1], of the weight of all photos near the sketch."""


def find_readings(
    query: Vectors, photo_ids: Sequence[int], vectors: Vectors, most: int = MOST_READINGS
) -> list[SketchReading]:
    """The distinct readings of a query, the most likely first; one where it is clear, none where there are no photos.

    Args:
        query: (K,), of length 1.
        photo_ids: N photos near it.
        vectors: theirs (N, K), of length 1.
        most: so many at most, 1 or more.
    """
    if not len(photo_ids):
        return []
    weights = _weights(vectors @ query)
    clusters = _merged(_k_means(vectors, weights, most), vectors, weights)
    found = [_reading(photo_ids, vectors, weights, own) for own in clusters]
    found.sort(key=lambda reading: -reading.likelihood)
    if found[0].likelihood >= _CLEAR:
        return found[:1]
    return [reading for reading in found if reading.likelihood >= _LEAST_LIKELIHOOD]


def further_readings(found: Sequence[SketchReading], shown: Sequence[SketchReading]) -> list[SketchReading]:
    """Those found that are not nearly the same as one that was shown before."""
    return [each for each in found if all(each.vector @ other.vector < _ALIKE for other in shown)]


def picked_reading(query: Vectors, photo_ids: Sequence[int], vectors: Vectors) -> SketchReading:
    """The reading that a person picked, by its photos, 1 or more, and their vectors (N, K).

    Its mean is weighted by what the photos are to the query (K,), so that drawing on moves it among them.
    """
    return _reading(photo_ids, vectors, _weights(vectors @ query), np.arange(len(vectors)))


def with_picked(found: Sequence[SketchReading], picked: SketchReading) -> list[SketchReading]:
    """Readings found with the picked one in the place of what it is found as now; first, where it is no more found."""
    place = next((number for number, each in enumerate(found) if each.vector @ picked.vector >= _ALIKE), 0)
    others = further_readings(found, [picked])
    before = further_readings(found[:place], [picked])
    return [*before, picked, *others[len(before) :]]


def query_of_picked(reading: SketchReading, query: Vectors) -> Vectors:
    """What searches for a picked reading: its own vector, moved a little by the sketch's query; (K,), of length 1."""
    return unit(reading.vector + _SKETCH_SHARE * query)


def expanded_query(
    query: Vectors,
    vectors: Vectors,
    share: float = EXPANSION_SHARE,
    temperature: float = EXPANSION_TEMPERATURE,
) -> Vectors:
    """What searches where nobody picked anything: the query, and a share of the mean of the photos it finds first.

    Query expansion (Chum et al. 2007): what a sketch finds is nearer to others of the kind than the sketch itself.
    What it is worth, and where only one photo shows what was drawn: docs/quality.md, "Query expansion".

    Args:
        query: (K,), of length 1.
        vectors: (N, K) of the photos nearest to it, best first, each of length 1; of none nothing changes.
    """
    near = vectors[:_EXPANDED_BY]
    return unit(query + share * _mean(near, _weights(near @ query, temperature))) if len(near) else query


def _weights(similarities: Vectors, temperature: float = _TEMPERATURE) -> Vectors:
    """How likely each photo is what is meant, (N,), at most 1."""
    weights: Vectors = np.exp((similarities - similarities.max()) / temperature)
    return weights


def _mean(vectors: Vectors, weights: Vectors) -> Vectors:
    return unit(weights @ vectors)


def _k_means(vectors: Vectors, weights: Vectors, most: int) -> list[NDArray[np.intp]]:
    """Clusters as positions; the same for the same photos, as nothing is drawn at random."""
    means = _first_means(vectors, weights, most)
    nearest = np.zeros(len(vectors), np.intp)
    for step in range(_STEPS):
        now = (vectors @ means.T).argmax(axis=1)
        if step and (now == nearest).all():
            break
        nearest = now
        means = np.stack([_mean(vectors[nearest == k], weights[nearest == k]) for k in np.unique(nearest)])
        nearest = np.unique(nearest, return_inverse=True)[1]
    return [np.flatnonzero(nearest == k) for k in range(len(means))]


def _first_means(vectors: Vectors, weights: Vectors, most: int) -> Vectors:
    """Photos to begin with: the nearest, then each time the one that is likely and far from those chosen."""
    chosen = [int(weights.argmax())]
    while len(chosen) < min(most, len(vectors)):
        apart = 1 - (vectors @ vectors[chosen].T).max(axis=1)
        chosen.append(int((weights * apart**2).argmax()))
    return vectors[chosen]


def _merged(clusters: list[NDArray[np.intp]], vectors: Vectors, weights: Vectors) -> list[NDArray[np.intp]]:
    """Clusters of which no two mean nearly the same; the nearest two are joined first."""
    clusters = list(clusters)
    while len(clusters) > 1:
        means = np.stack([_mean(vectors[own], weights[own]) for own in clusters])
        alike = np.triu(means @ means.T, 1)
        if alike.max() < _ALIKE:
            break
        one, other = divmod(int(alike.argmax()), len(clusters))
        clusters[one] = np.concatenate([clusters[one], clusters.pop(other)])
    return clusters


def _reading(photo_ids: Sequence[int], vectors: Vectors, weights: Vectors, own: NDArray[np.intp]) -> SketchReading:
    vector = _mean(vectors[own], weights[own])
    ordered = own[np.argsort(-(vectors[own] @ vector), kind="stable")]
    return SketchReading(vector, tuple(photo_ids[i] for i in ordered), float(weights[own].sum() / weights.sum()))
