"""Whether a library seems to hold what was drawn at all: told by how near, and how much of a kind, the best photos are.

A logistic regression on what a search knows anyway, fitted by `bench/guess_line.py` on sketches in libraries of 30 to
875 photos, with one to seven photos of what was drawn or without any. The numbers hold for one embedding space.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mindreader.inference.sketches.readings import LOOKED_AT, SketchReading

Vectors = NDArray[np.float32]

_FEWEST = 30
"""Near fewer photos nothing can be said."""


@dataclass(frozen=True)
class Calibration:
    """A fitted regression: `weights` (6,) for the evidence, and the line it has to reach."""

    weights: tuple[float, ...]
    line: float


CALIBRATIONS = {
    "fd8f810cbf1bec4f": Calibration((-1.9653, 2.5388, 17.0389, 5.499, -1.404, 0.3675), 4.4071),
    # The same with the regions corners6.
    "291afdf9976253ae": Calibration((-0.3914, 5.3984, 9.8635, -0.0089, -1.2993, 2.4435), 3.8321),
    # The same in int8.
    "f44717628de087fd": Calibration((-0.3913, 5.0189, 9.8843, 0.3218, -1.1287, 2.2639), 3.8234),
}
"""By the key of the embedding space."""


def is_answerable(space_key: str, query: Vectors, nearest: Vectors, readings: Sequence[SketchReading]) -> bool | None:
    """Whether something like a sketch seems to be there; None where nobody can tell.

    Args:
        space_key: of the embedding space; only calibrated ones are judged.
        query: (K,), of length 1, by which nobody picked a reading.
        nearest: (N, K), the photos nearest to it, best first.
        readings: made of them.
    """
    calibration = CALIBRATIONS.get(space_key)
    if calibration is None or len(nearest) < _FEWEST:
        return None
    return bool(evidence(query, nearest, readings) @ np.array(calibration.weights) >= calibration.line)


def evidence(query: Vectors, nearest: Vectors, readings: Sequence[SketchReading]) -> NDArray[np.float64]:
    """Six numbers (6,) in [-1, 1] or so that tell of it; arguments as of `is_answerable`.

    How near the first 3 and 10 photos are, by how much the first 5 stand out from the later half, how near the most
    likely reading is, how alike the first 10 are to each other, and how likely that reading is.
    """
    near, first = nearest @ query, nearest[:10]
    alike = (first @ first.T)[np.triu_indices(len(first), 1)]
    likely = readings[0]
    return np.array(
        [
            near[:3].mean(),
            near[:10].mean(),
            near[:5].mean() - near[LOOKED_AT // 2 :].mean(),
            float(likely.vector @ query),
            alike.mean(),
            likely.likelihood,
        ]
    )
