"""Retrieval metrics: average precision and precision at k for categories, recall at k for pairs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_K = (5, 20)
_FIRST = 200
_RECALL = (1, 10)
_RESAMPLES = 1000
_DRAWN_AT_ONCE = 2**14
"""Values of resamples: few queries are drawn from many times in one call, many stay in the processor's cache."""
_CHUNK = 256


@dataclass(frozen=True)
class Scores:
    """Per-query values of each metric; means and 95 % intervals are taken over the queries."""

    values: dict[str, NDArray[np.float64]]

    def as_json(self) -> dict[str, object]:
        """Means, and `interval` with a 95 % bootstrap interval of each."""
        means: dict[str, object] = {name: round(float(v.mean()), 4) for name, v in self.values.items()}
        return means | {"interval": {name: bootstrap_interval(v) for name, v in self.values.items()}}


def retrieval_scores(
    queries: NDArray[np.float32],
    query_labels: NDArray[np.int64],
    gallery: NDArray[np.float32],
    gallery_labels: NDArray[np.int64],
    *,
    leave_self_out: bool = False,
) -> Scores:
    """Rank the gallery (N, D) by inner product with each query (Q, D); queries without a relevant photo do not count.

    Args:
        leave_self_out: the queries are the gallery; each is left out of its own ranking.

    Returns:
        `map` over the whole ranking; `p@5`, `p@20` and `p@200` (the fraction of the first k that is relevant; where
        the gallery is smaller than k, the missing places count as wrong); `map@200`, the average precision of the
        first 200, as zero-shot papers give it.
    """
    parts = [
        _scores_of(queries[i : i + _CHUNK] @ gallery.T, query_labels[i : i + _CHUNK], gallery_labels, i, leave_self_out)
        for i in range(0, len(queries), _CHUNK)
    ]
    return Scores({name: np.concatenate([part[name] for part in parts]) for name in parts[0]})


def _scores_of(
    similarity: NDArray[np.float32],
    labels: NDArray[np.int64],
    gallery_labels: NDArray[np.int64],
    first: int,
    leave_self_out: bool,
) -> dict[str, NDArray[np.float64]]:
    rows = np.arange(len(similarity))
    if leave_self_out:
        similarity[rows, rows + first] = -np.inf
    order = np.argsort(-similarity, axis=1, kind="stable")
    if leave_self_out:
        order = order[:, :-1]
    relevant = gallery_labels[order] == labels[:, None]
    relevant = relevant[relevant.any(axis=1)]
    precision = {f"p@{k}": relevant[:, :k].sum(axis=1) / k for k in (*_K, _FIRST)}
    return {"map": average_precision(relevant), **precision, f"map@{_FIRST}": _first_average_precision(relevant)}


def average_precision(relevant: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Average precision (Q,) of rankings (Q, N) that say whether each place is relevant."""
    hits = relevant.cumsum(axis=1)
    precision = hits / np.arange(1, relevant.shape[1] + 1)
    average: NDArray[np.float64] = (precision * relevant).sum(axis=1) / relevant.sum(axis=1)
    return average


def _first_average_precision(relevant: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Average precision of the first 200 places; the best possible ranking has 1."""
    first = relevant[:, :_FIRST]
    hits = first.cumsum(axis=1)
    precision = hits / np.arange(1, first.shape[1] + 1)
    findable = np.minimum(relevant.sum(axis=1), _FIRST)
    average: NDArray[np.float64] = (precision * first).sum(axis=1) / findable
    return average


def pair_recall(
    queries: NDArray[np.float32], pairs: NDArray[np.int64], gallery: NDArray[np.float32]
) -> dict[str, NDArray[np.float64]]:
    """`recall@1` and `recall@10`: whether the very photo a sketch was drawn from is among the first.

    Args:
        queries: (Q, D).
        pairs: (Q,) index of each query's photo in the gallery (N, D), or -1; queries without one do not count.
    """
    known = pairs >= 0
    similarity = queries[known] @ gallery.T
    own = similarity[np.arange(len(similarity)), pairs[known]]
    place = (similarity > own[:, None]).sum(axis=1)
    return {f"recall@{k}": (place < k).astype(np.float64) for k in _RECALL}


def bootstrap_interval(values: NDArray[np.float64]) -> list[float]:
    """95 % percentile interval of the mean, from seeded resamples of the queries."""
    random = np.random.default_rng(0)
    at_once = max(1, _DRAWN_AT_ONCE // len(values))
    sizes = (min(at_once, _RESAMPLES - first) for first in range(0, _RESAMPLES, at_once))
    means = [random.choice(values, (size, len(values))).mean(axis=1) for size in sizes]
    return [round(float(bound), 4) for bound in np.percentile(np.concatenate(means), (2.5, 97.5))]
