"""D: the 70×70 PatchGAN, conditioned on the sketch (Isola et al. 2017, section 3.2.2)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Discriminator(nn.Module):
    """Judges 70×70 patches of an image beside the sketch it should show."""

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
