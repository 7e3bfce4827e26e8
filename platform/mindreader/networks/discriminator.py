"""D: the 70×70 PatchGAN of the paper, and one that judges by what a fixed network sees."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm


class PatchDiscriminator(nn.Module):
    """Judges 70×70 patches of an image beside the sketch it should show (Isola et al. 2017, section 3.2.2)."""

    def __init__(self, base_channels: int = 64) -> None:
        super().__init__()
        base = base_channels
        self.network = nn.Sequential(
            *_block(4, base, stride=2, normalise=False),
            *_block(base, 2 * base, stride=2),
            *_block(2 * base, 4 * base, stride=2),
            *_block(4 * base, 8 * base, stride=1),
            nn.Conv2d(8 * base, 1, 4, stride=1, padding=1),
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.normal_(module.weight, 0.0, 0.02)

    def forward(self, sketches: Tensor, images: Tensor) -> Tensor:
        """One logit a patch.

        Args:
            sketches: (B, 1, S, S) in [0, 1].
            images: (B, 3, S, S) in [0, 1], photos or imaginary images.

        Returns:
            logits (B, 1, h, w); positive means "a photo".
        """
        judged: Tensor = self.network(torch.cat((sketches, images), dim=1) * 2 - 1)
        return judged


def _block(inputs: int, outputs: int, *, stride: int, normalise: bool = True) -> list[nn.Module]:
    convolution = nn.Conv2d(inputs, outputs, 4, stride=stride, padding=1, bias=not normalise)
    norm = [nn.BatchNorm2d(outputs)] if normalise else []
    return [convolution, *norm, nn.LeakyReLU(0.2, inplace=True)]


class FeatureDiscriminator(nn.Module):
    """Judges an image by the feature maps of a fixed network (Projected GANs, Sauer et al. 2021).

    A fixed random mixture of channels at each depth keeps it from looking at the loudest ones alone; it
    learns from little data, and costs little where the features are computed anyway. It is told the
    subject too, by an inner product with what it sees (Miyato and Koyama 2018).
    """

    def __init__(self, feature_channels: Sequence[int], condition: int, channels: int = 64) -> None:
        super().__init__()
        self.heads = nn.ModuleList(_Head(inputs, condition, channels) for inputs in feature_channels)

    def forward(self, features: Sequence[Tensor], condition: Tensor) -> list[Tensor]:
        """Logits (B, 1, h, w), one map for each of `features` [(B, C, 2h, 2w)]; positive means "a photo".

        Args:
            condition: (B, K) unit vectors that say what the images show.
        """
        return [head(seen, condition) for head, seen in zip(self.heads, features, strict=True)]


class _Head(nn.Module):
    mixture: Tensor

    def __init__(self, inputs: int, condition: int, channels: int) -> None:
        super().__init__()
        self.register_buffer("mixture", torch.randn(channels, inputs, 1, 1) / inputs**0.5)
        self.look = nn.Sequential(
            spectral_norm(nn.Conv2d(channels, channels, 4, stride=2, padding=1)),
            nn.LeakyReLU(0.2),
            spectral_norm(nn.Conv2d(channels, channels, 3, padding=1)),
            nn.LeakyReLU(0.2),
        )
        self.judge = spectral_norm(nn.Conv2d(channels, 1, 1))
        self.subject = spectral_norm(nn.Linear(condition, channels, bias=False))

    def forward(self, features: Tensor, condition: Tensor) -> Tensor:
        seen = self.look(F.conv2d(features, self.mixture))
        expected = self.subject(condition)[..., None, None]
        logits: Tensor = self.judge(seen) + (seen * expected).sum(1, keepdim=True)
        return logits
