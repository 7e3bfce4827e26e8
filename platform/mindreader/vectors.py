"""What makes an embedding one that can be searched with, whoever made it; free of torch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_SHORTEST = 0.5
"""Embeddings are unit vectors; one that is much shorter was zero before it was brought to that length."""
_NOT_ZERO = 1e-12


def usable(embeddings: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which of the embeddings (B, K) point somewhere: finite, and not zero; (B,)."""
    with np.errstate(over="ignore", invalid="ignore"):
        lengths = np.linalg.norm(embeddings.astype(np.float64), axis=1)
    fine: NDArray[np.bool_] = np.isfinite(lengths) & (lengths > _SHORTEST)
    return fine


def unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Vectors (..., K) brought to length 1; zero stays zero."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    scaled: NDArray[np.float32] = (vectors / np.maximum(lengths, _NOT_ZERO)).astype(np.float32, copy=False)
    return scaled
