"""G: the U-Net that turns a sketch into an imaginary image (Isola et al. 2017, section 3.2.1).

As in pix2pix the noise z is dropout that stays on when the network is used, so one sketch has many
imaginary images. Here its masks can come from a seeded generator: the same sketch, seed and model
version always give the same imaginary image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

DROPOUT = 0.5
_NOISY_LAYERS = 3
_LEAK = 0.2
_GROUP_CHANNELS = 16


@dataclass(frozen=True)
class GeneratorSizes:
    """Everything needed to build a generator."""

    image_size: int
    """Side of sketch and imaginary image in pixels, a power of two."""
    base_channels: int
    """Channels of the first layer; they double three times, to 8×."""
    upsampling: Literal["transposed", "resize"]
    """`transposed` convolutions as in pix2pix, or `resize` then convolve, free of checkerboards."""
    norm: Literal["batch", "group"] = "batch"
    """`batch` as in pix2pix; `group` is the same in training and use, so weights can be averaged over steps."""

    @property
    def channels(self) -> tuple[int, ...]:
        """Output channels of each level on the way down, to one pixel."""
        levels = self.image_size.bit_length() - 1
        return tuple(self.base_channels * min(2**level, 8) for level in range(levels))


class SeededNoise:
    """z for a batch: each row's dropout masks come from its own seed, whatever its neighbours are."""

    def __init__(self, seeds: Sequence[int]) -> None:
        self._generators = [torch.Generator().manual_seed(seed) for seed in seeds]

    def uniform(self, shape: torch.Size) -> Tensor:
        """Uniform numbers in [0, 1) of `shape` (B, C, h, w), on the CPU: the same on every device."""
        return torch.stack([torch.rand(shape[1:], generator=g) for g in self._generators])


class _Down(nn.Module):
    """Halve the resolution: 4×4 convolution, normalised except at both ends (as in pix2pix)."""

    def __init__(self, inputs: int, outputs: int, norm: str | None) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(inputs, outputs, 4, stride=2, padding=1, bias=norm is None)
        self.norm = _norm(norm, outputs) if norm else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return F.leaky_relu(self.norm(self.convolution(x)), _LEAK)


class _Up(nn.Module):
    """Double the resolution; noisy levels drop half of their channels' values (z)."""

    def __init__(self, inputs: int, outputs: int, sizes: GeneratorSizes, *, noisy: bool) -> None:
        super().__init__()
        self.resize = sizes.upsampling == "resize"
        self.noisy = noisy
        self.convolution: nn.Module = (
            nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
            if self.resize
            else nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1, bias=False)
        )
        self.norm = _norm(sizes.norm, outputs)

    def forward(self, x: Tensor, z: SeededNoise | None) -> Tensor:
        if self.resize:
            x = F.interpolate(x, scale_factor=2.0, mode="nearest")
        x = self.norm(self.convolution(x))
        return F.relu(_dropout(x, z) if self.noisy else x)


def _norm(kind: str, channels: int) -> nn.Module:
    return nn.BatchNorm2d(channels) if kind == "batch" else nn.GroupNorm(max(1, channels // _GROUP_CHANNELS), channels)


def _dropout(x: Tensor, z: SeededNoise | None) -> Tensor:
    if z is None:
        return F.dropout(x, DROPOUT, training=True)
    keep = z.uniform(x.shape) >= DROPOUT
    return x * keep.to(x.device, x.dtype) / (1 - DROPOUT)


class Generator(nn.Module):
    """U-Net generator: sketch in, imaginary image out."""

    def __init__(self, sizes: GeneratorSizes) -> None:
        super().__init__()
        self.sizes = sizes
        channels = sizes.channels
        deepest = len(channels) - 1
        self.down = nn.ModuleList(
            _Down(inputs, outputs, sizes.norm if 0 < level < deepest else None)
            for level, (inputs, outputs) in enumerate(zip((1, *channels), channels, strict=False))
        )
        self.up = nn.ModuleList(
            _Up(
                channels[level] * (1 if level == deepest else 2),
                channels[level - 1],
                sizes,
                noisy=deepest - _NOISY_LAYERS < level,
            )
            for level in range(deepest, 0, -1)
        )
        self.paint: nn.Module = (
            nn.Conv2d(2 * channels[0], 3, 3, padding=1)
            if sizes.upsampling == "resize"
            else nn.ConvTranspose2d(2 * channels[0], 3, 4, stride=2, padding=1)
        )
        self.apply(_pix2pix_initialisation)

    def forward(self, sketches: Tensor, z: SeededNoise | None = None) -> Tensor:
        """Imagine.

        Args:
            sketches: (B, 1, S, S) in [0, 1], strokes 0 on white 1.
            z: the noise; None draws it from torch's own generator, as training does.

        Returns:
            imaginary images (B, 3, S, S) in [0, 1].
        """
        levels = [sketches * 2 - 1]
        for down in self.down:
            levels.append(down(levels[-1]))
        x = levels.pop()
        for up in self.up:
            x = torch.cat((up(x, z), levels.pop()), dim=1)
        if self.sizes.upsampling == "resize":
            x = F.interpolate(x, scale_factor=2.0, mode="nearest")
        return torch.sigmoid(self.paint(x))


def _pix2pix_initialisation(module: nn.Module) -> None:
    """Weights from N(0, 0.02) (Isola et al. 2017, appendix 6.2)."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)
