"""The terms of the loss. G, D, E1, E2, s (sketch) and p (photo) as in Guo et al. 2017, section 3.2."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor


def log_likelihood(logits: Tensor, *, real: bool) -> Tensor:
    """The log loss (Goodfellow et al. 2014) of patch logits (B, 1, h, w); the paper's L_GAN."""
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, float(real)))


def hinge(real: Sequence[Tensor], imagined: Sequence[Tensor]) -> Tensor:
    """D's hinge loss (Lim and Ye 2017), mean over maps of logits (B, 1, h, w); G's is minus their mean."""
    return torch.stack(
        [F.relu(1 - r.float()).mean() + F.relu(1 + i.float()).mean() for r, i in zip(real, imagined, strict=True)]
    ).mean()


def pixel(imaginary: Tensor, photos: Tensor) -> Tensor:
    """L1 between images (B, 3, S, S); the paper's L_pixel."""
    return F.l1_loss(imaginary, photos)


def feature(ours: Sequence[Tensor], theirs: Sequence[Tensor]) -> Tensor:
    """Mean squared error of several layers, each scaled by the target's own variance; the paper's L_feat.

    The paper compares VGG's relu3_3 and relu7; scaling lets layers of any network count alike.
    """
    return torch.stack(
        [F.mse_loss(mine, target) / (target.var() + 1e-6) for mine, target in zip(ours, theirs, strict=True)]
    ).mean()


def perceptual(ours: Sequence[Tensor], theirs: Sequence[Tensor]) -> Tensor:
    """Distance of channel-normalised feature maps (Zhang et al. 2018, without the learned weights)."""
    distances = [
        (F.normalize(mine, dim=1) - F.normalize(target, dim=1)).square().sum(1).mean()
        for mine, target in zip(ours, theirs, strict=True)
    ]
    return torch.stack(distances).mean()


def semantic(embeddings: Tensor, targets: Tensor) -> Tensor:
    """Mean cosine distance between embeddings (B, D) and targets (B, D)."""
    return (1 - F.cosine_similarity(embeddings, targets)).mean()


def category(embeddings: Tensor, centroids: Tensor, labels: Tensor, temperature: float) -> Tensor:
    """Cross-entropy of unit embeddings (B, D) against the categories' unit E2 centroids (C, D).

    Because E2 is fixed the centroids are exact: every photo of the training set is a contrast.
    """
    return F.cross_entropy(embeddings @ centroids.T / temperature, labels)


def instance(
    embeddings: Tensor, bank: Tensor, photo_index: Tensor, bank_labels: Tensor, labels: Tensor, temperature: float
) -> Tensor:
    """InfoNCE of embeddings (B, D) with their own photo against all photos (N, D) of its category.

    Photos of other categories are left to `category`; here the sketch must find its own photo among its like.
    """
    logits = embeddings @ bank.T / temperature
    logits = logits.masked_fill(bank_labels[None] != labels[:, None], float("-inf"))
    return F.cross_entropy(logits, photo_index)
