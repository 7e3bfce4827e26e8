"""The terms of the loss. G, D, E1, E2, s (sketch) and p (photo) as in Guo et al. 2017, section 3.2.

The paper's loss is L = λ1·L_GAN + λ2·L_pixel + λ3·L_feat; the weights λ are `presets.LossWeights`.
Every term is a scalar; middle layers are feature maps (B, C, h, w).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor


def weighted_sum(terms: Mapping[str, Tensor], weights: Mapping[str, float]) -> Tensor:
    """Σ λ·L over the terms, each by the weight of its name."""
    return torch.stack([weights[name] * value.float() for name, value in terms.items()]).sum()


def log_loss(logits: Tensor, *, real: bool) -> Tensor:
    """Binary cross-entropy (Goodfellow et al. 2014) of patch logits (B, 1, h, w); the paper's L_GAN."""
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, float(real)))


def hinge(real: Sequence[Tensor], fake: Sequence[Tensor]) -> Tensor:
    """D's hinge loss (Lim and Ye 2017), mean over maps of logits (B, 1, h, w); G's is minus their mean."""
    return torch.stack(
        [F.relu(1 - r.float()).mean() + F.relu(1 + f.float()).mean() for r, f in zip(real, fake, strict=True)]
    ).mean()


def pixel(imaginary: Tensor, photos: Tensor) -> Tensor:
    """L1 between images (B, 3, S, S) in [0, 1]; the paper's L_pixel."""
    return F.l1_loss(imaginary, photos)


def feature(predicted: Sequence[Tensor], targets: Sequence[Tensor]) -> Tensor:
    """Mean squared error of several layers, each scaled by the target's own variance; the paper's L_feat.

    The paper compares VGG's relu3_3 and relu7; scaling lets layers of any network count alike.
    """
    return torch.stack(
        [F.mse_loss(layer, target) / (target.var() + 1e-6) for layer, target in zip(predicted, targets, strict=True)]
    ).mean()


def perceptual(predicted: Sequence[Tensor], targets: Sequence[Tensor]) -> Tensor:
    """Distance of channel-normalised feature maps (Zhang et al. 2018, without the learned weights)."""
    distances = [
        (F.normalize(layer, dim=1) - F.normalize(target, dim=1)).square().sum(1).mean()
        for layer, target in zip(predicted, targets, strict=True)
    ]
    return torch.stack(distances).mean()


def semantic(embeddings: Tensor, targets: Tensor) -> Tensor:
    """Mean cosine distance, in [0, 2], between embeddings (B, K) and targets (B, K)."""
    return (1 - F.cosine_similarity(embeddings, targets)).mean()


def category(embeddings: Tensor, centroids: Tensor, labels: Tensor, temperature: float) -> Tensor:
    """Cross-entropy of unit embeddings (B, K) against the categories' unit E2 centroids (C, K); labels (B,).

    Because E2 is fixed the centroids are exact: every photo of the training set is a contrast.
    """
    return F.cross_entropy(embeddings @ centroids.T / temperature, labels)


def photos(embeddings: Tensor, bank: Tensor, bank_labels: Tensor, labels: Tensor, temperature: float) -> Tensor:
    """InfoNCE of unit embeddings (B, K) with all photos of their category as positives, all others as contrasts.

    As a search ranks them: the photos of other categories that are nearest count most. Categories count alike,
    however many photos they have.

    Args:
        bank: (N, K) unit vectors of all photos.
        bank_labels: (N,) category of each photo.
        labels: (B,) category of each embedding.
    """
    logits = embeddings @ bank.T / temperature - torch.bincount(bank_labels)[bank_labels].log()
    own = logits.masked_fill(bank_labels[None] != labels[:, None], float("-inf"))
    return (logits.logsumexp(dim=1) - own.logsumexp(dim=1)).mean()


def distillation(embeddings: Tensor, known: Tensor) -> Tensor:
    """Mean cosine distance, in [0, 2], of unit embeddings (B, K) from those of another, fixed network (B, K)."""
    return (1 - (embeddings * known).sum(dim=1)).mean()


def attracted(embeddings: Tensor, centroids: Tensor, share: float, temperature: float) -> Tensor:
    """Unit embeddings (B, K) drawn to unit centroids (C, K): each is added the mean of the centroids, weighted by the
    softmax of their cosines over the temperature, `share` times; the sums (B, K) are of length 1.
    """
    weights = F.softmax(embeddings @ centroids.T / temperature, dim=1)
    return F.normalize(embeddings + share * (weights @ centroids), dim=1)


def instance(
    embeddings: Tensor, bank: Tensor, photo_index: Tensor, bank_labels: Tensor, labels: Tensor, temperature: float
) -> Tensor:
    """InfoNCE of unit embeddings (B, K) with their own photo against all photos of its category.

    Photos of other categories are left to `category`; here the sketch must find its own photo within the category.

    Args:
        bank: (N, K) unit vectors of all photos.
        photo_index: (B,) each embedding's own photo in the bank.
        bank_labels: (N,) category of each photo.
        labels: (B,) category of each embedding.
    """
    logits = embeddings @ bank.T / temperature
    logits = logits.masked_fill(bank_labels[None] != labels[:, None], float("-inf"))
    return F.cross_entropy(logits, photo_index)
