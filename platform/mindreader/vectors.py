"""What makes an embedding one that can be searched with, whoever made it; free of torch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_SHORTEST = 0.5
"""Embeddings are unit vectors; one that is much shorter was zero before it was brought to that length."""


def usable(embeddings: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which of the embeddings (B, K) point somewhere: finite, and not zero; (B,)."""
    with np.errstate(over="ignore", invalid="ignore"):
        lengths = np.linalg.norm(embeddings.astype(np.float64), axis=1)
    fine: NDArray[np.bool_] = np.isfinite(lengths) & (lengths > _SHORTEST)
    return fine
