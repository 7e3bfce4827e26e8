"""Depthwise convolutions in training on processors.

In bfloat16 torch's gradients of those with strides or with kernels wider than 3 take up to forty times as long as in
float32, for want of kernels in oneDNN; all other layers are faster in bfloat16, forwards and backwards.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mindreader.networks.compute import Compute


class _InFloat32:
    """Put before a convolution's class: it takes float32, whatever autocast says."""

    def forward(self, images: Tensor) -> Tensor:
        with torch.autocast(images.device.type, enabled=False):
            result: Tensor = super().forward(images.float())  # type: ignore[misc]
        return result


def keep_gradients_fast(network: nn.Module, compute: Compute) -> None:
    """Have the slow ones among a network's depthwise convolutions take float32, where a processor takes bfloat16.

    Names and values of the weights stay.
    """
    if compute.device.type != "cpu" or not compute.bfloat16:
        return
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d) and _is_slow(layer) and not isinstance(layer, _InFloat32):
            # As torch's parametrizations do it: the layer keeps its identity, and copies of it are its like.
            layer.__class__ = type(f"Float32{type(layer).__name__}", (_InFloat32, type(layer)), {})


def _is_slow(layer: nn.Conv2d) -> bool:
    is_depthwise = layer.groups == layer.in_channels > 1
    return is_depthwise and (max(layer.stride) > 1 or max(layer.kernel_size) > 3)
