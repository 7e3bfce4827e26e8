"""What kinds of things a library holds: its categories, and clusters of the photos that have none."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mindreader.vectors import unit

Vectors = NDArray[np.float32]
Labels = NDArray[np.int64]

NO_CLASS = -1
LEAST_IN_CLASS = 4
"""Photos of a category, or of a cluster, below which its mean says little."""
_LEAST_TO_CLUSTER = 8
_MOST_CLUSTERS = 200
_STEPS = 30


def classes_of(vectors: Vectors, categories: Sequence[str | None], random: np.random.Generator) -> Labels:
    """A class (N,) for each photo: its category; that of the category it lies in; its cluster; or `NO_CLASS`.

    A photo without a category that is as near to a category's mean as half of that category's own photos are belongs
    to it: else a cluster of the same things would be held against them. What is left is clustered.

    Args:
        vectors: (N, K), of length 1.
        categories: of each photo; names that are equal are one category.
        random: draws where the clusters begin.
    """
    named: dict[str, list[int]] = {}
    for place, name in enumerate(categories):
        if name is not None:
            named.setdefault(name, []).append(place)
    labels = np.full(len(vectors), NO_CLASS, dtype=np.int64)
    large = [places for _, places in sorted(named.items()) if len(places) >= LEAST_IN_CLASS]
    for number, places in enumerate(large):
        labels[places] = number
    if large:
        _join(vectors, labels, large)
    loose = np.flatnonzero(labels == NO_CLASS)
    if len(loose) >= _LEAST_TO_CLUSTER:
        labels[loose] = len(large) + _clusters(vectors[loose], random)
    return _renumbered(labels)


def _join(vectors: Vectors, labels: Labels, members: Sequence[list[int]]) -> None:
    means = unit(np.stack([vectors[places].mean(axis=0) for places in members]))
    typical = np.array([np.median(vectors[places] @ mean) for places, mean in zip(members, means, strict=True)])
    loose = np.flatnonzero(labels == NO_CLASS)
    similarity = vectors[loose] @ means.T
    nearest = similarity.argmax(axis=1)
    near = similarity[np.arange(len(loose)), nearest] >= typical[nearest]
    labels[loose[near]] = nearest[near]


def _clusters(vectors: Vectors, random: np.random.Generator) -> Labels:
    """Clusters (N,) that are large enough; photos of smaller ones are in the nearest of them."""
    labels = spherical_k_means(vectors, clusters_for(len(vectors)), random)
    sizes = np.bincount(labels)
    large = np.flatnonzero(sizes >= min(LEAST_IN_CLASS, sizes.max()))
    means = unit(np.stack([vectors[labels == label].mean(axis=0) for label in large]))
    return np.where(np.isin(labels, large), labels, large[(vectors @ means.T).argmax(axis=1)])


def _renumbered(labels: Labels) -> Labels:
    """The same classes, numbered from 0 without gaps."""
    kept = np.unique(labels[labels != NO_CLASS])
    return np.where(labels == NO_CLASS, NO_CLASS, np.searchsorted(kept, labels))


def clusters_for(photos: int) -> int:
    """How many clusters so many photos are taken for: as many as a cluster then has photos in the mean."""
    return min(_MOST_CLUSTERS, max(2, round(math.sqrt(photos))))


def spherical_k_means(vectors: Vectors, count: int, random: np.random.Generator) -> Labels:
    """Clusters (N,), 0 to `count` - 1, of unit vectors (N, K) by cosine (Dhillon and Modha 2001).

    The first means are drawn as k-means++ draws them (Arthur and Vassilvitskii 2007); a cluster that loses all its
    members begins again at the vector that is farthest from its own mean.
    """
    means = _first_means(vectors, count, random)
    labels = np.full(len(vectors), NO_CLASS, dtype=np.int64)
    for _ in range(_STEPS):
        similarity = vectors @ means.T
        found = similarity.argmax(axis=1)
        if (found == labels).all():
            break
        labels = found
        sums = np.zeros_like(means)
        np.add.at(sums, labels, vectors)
        empty = np.flatnonzero(np.bincount(labels, minlength=count) == 0)
        farthest = similarity.max(axis=1).argsort()[: len(empty)]
        sums[empty] = vectors[farthest]
        means = unit(sums)
    return labels


def _first_means(vectors: Vectors, count: int, generator: np.random.Generator) -> Vectors:
    chosen = [int(generator.integers(len(vectors)))]
    distances = np.ones(len(vectors))
    for _ in range(count - 1):
        distances = np.minimum(distances, np.maximum(0.0, 1.0 - vectors @ vectors[chosen[-1]]))
        total = distances.sum()
        even = np.full(len(vectors), 1.0 / len(vectors))
        chosen.append(int(generator.choice(len(vectors), p=distances / total if total > 0 else even)))
    return vectors[chosen]
