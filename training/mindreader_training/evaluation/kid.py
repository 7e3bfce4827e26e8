"""Kernel distance between two sets of images, in the features of a fixed network (KID, Bińkowski et al. 2018)."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mindreader.networks import torchvision_shim  # noqa: F401  # before torchmetrics, which imports torchvision

from torchmetrics.image.kid import KernelInceptionDistance  # isort: skip

_SUBSETS, _SUBSET_SIZE = 50, 100


def kernel_distance(one: NDArray[np.float32], other: NDArray[np.float32]) -> dict[str, float]:
    """KID of two sets of unit features (N, D) and (M, D): `mean` and `std` over 50 random subsets of 100.

    The published KID takes Inception's features; values in another network's are comparable with each other
    only. Unit features are scaled to the length √D, so that the cubic kernel works as it does there.
    """
    torch.manual_seed(0)
    size = min(_SUBSET_SIZE, len(one), len(other))
    # torchmetrics' own features go through here unchanged: ours are computed already.
    metric = KernelInceptionDistance(feature=_PrecomputedFeatures(one.shape[1]), subsets=_SUBSETS, subset_size=size)
    scale = one.shape[1] ** 0.5
    metric.update(torch.from_numpy(one) * scale, real=True)
    metric.update(torch.from_numpy(other) * scale, real=False)
    mean, std = metric.compute()
    return {"mean": round(float(mean), 4), "std": round(float(std), 4)}


class _PrecomputedFeatures(nn.Module):
    def __init__(self, dimension: int) -> None:
        super().__init__()
        self.num_features = dimension

    def forward(self, features: Tensor) -> Tensor:
        return features
