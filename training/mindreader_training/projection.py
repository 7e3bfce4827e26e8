"""The linear projection after E2: directions in which photos of one class differ count for less.

Within-class whitening (as in linear discriminant analysis) with strong shrinkage, then the principal
directions of what is left. Fitted on training photos alone; it belongs to the embedding space. The
shrinkage decides between classes it was fitted on and others (docs/decisions/0004).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

Embeddings = NDArray[np.float32]


@dataclass(frozen=True)
class Projection:
    """``y = weight @ x + bias`` for a unit embedding x (D,); y (K,) is normalised afterwards."""

    weight: NDArray[np.float32]
    """(K, D)"""
    bias: NDArray[np.float32]
    """(K,)"""


def fit_projection(embeddings: Embeddings, labels: NDArray[np.int64], dimension: int, shrinkage: float) -> Projection:
    """Fit a projection (K, D) to unit embeddings (N, D) of photos with labels (N,).

    Args:
        dimension: K, at most D.
        shrinkage: in [0, 1]; 1 leaves the embeddings unwhitened.
    """
    x = embeddings.astype(np.float64)
    mean = x.mean(0)
    classes, own = np.unique(labels, return_inverse=True)
    centroids = np.stack([x[own == c].mean(0) for c in range(len(classes))])
    scatter = x - centroids[own]
    within = scatter.T @ scatter / len(x)
    size = len(within)
    within = (1 - shrinkage) * within + shrinkage * np.trace(within) / size * np.eye(size)
    variances, directions = np.linalg.eigh(within)
    whitening = directions / np.sqrt(variances) @ directions.T
    whitened = (x - mean) @ whitening
    # Fewer photos than directions wanted: the rest is taken from where these photos do not differ.
    principal = np.linalg.svd(whitened, full_matrices=len(x) < dimension)[2][:dimension]
    matrix = whitening @ principal.T
    # The length means nothing after normalisation; about 1 suits the layer that starts from it (E1's).
    matrix /= np.linalg.norm((x - mean) @ matrix, axis=1).mean()
    return Projection(matrix.T.astype(np.float32), (-mean @ matrix).astype(np.float32))


def random_projection(inputs: int, outputs: int) -> tuple[Tensor, Tensor]:
    """Weight (outputs, inputs) and bias (outputs,) that keep lengths about the same."""
    weight = nn.init.orthogonal_(torch.empty(outputs, inputs))
    return weight, torch.zeros(outputs)
