"""Anchors: points of an embedding space that stand for kinds of things; vectors of photos are drawn to those nearby.

A region of a photo is often near many sketches by chance: a wall, a part of something. What shows a thing of some kind
is nearer to one anchor than to all others, and moves toward it; what shows none is left where it is, between them. What
that is worth, also for kinds without an anchor: docs/quality.md, "Scenes".
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray

from mindreader.vectors import unit

CATEGORIES, CLASSES = "categories", "classes"
"""Tensors of a file, unit vectors (C, K): means of training photos by category; what E2's own classifier knows."""
_SHARPNESS = np.float32(20)
"""Of the softmax over cosines: an anchor 0.1 nearer than another counts seven times as much."""
_FOLDER = Path(__file__).parent / "anchor_files"
_DIGITS = 16


@dataclass(frozen=True, eq=False)
class Anchors:
    """The anchors of one embedding space."""

    kinds: tuple[NDArray[np.float32], ...]
    """Unit vectors (C, K) of each kind; every kind draws as strongly as the others, however many it has."""

    @classmethod
    def of_projection(cls, sha256: str) -> Anchors | None:
        """Those of the space with this projection; None where MindReader comes with none.

        Args:
            sha256: of the projection's file, as a space's description has it.
        """
        path = _FOLDER / f"{sha256[:_DIGITS]}.safetensors"
        return _read(path) if path.is_file() else None

    def attract(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Unit vectors (N, K), each the sum of a unit vector (N, K) and, of each kind, the mean of its nearest anchors.

        The mean is weighted by the softmax of the cosines.
        """
        moved = vectors.copy()
        for anchors in self.kinds:
            moved += _softmax(_SHARPNESS * (vectors @ anchors.T)) @ anchors
        return unit(moved)


@lru_cache(maxsize=4)
def _read(path: Path) -> Anchors:
    tensors = safetensors.numpy.load_file(path)
    return Anchors(tuple(unit(tensors[kind].astype(np.float32)) for kind in (CATEGORIES, CLASSES)))


def _softmax(values: NDArray[np.float32]) -> NDArray[np.float32]:
    weights = np.exp(values - values.max(axis=1, keepdims=True))
    shares: NDArray[np.float32] = weights / weights.sum(axis=1, keepdims=True)
    return shares
