"""G: the U-Net that turns a sketch into an imaginary image (Isola et al. 2017, section 3.2.1).

As in pix2pix the noise z is dropout that stays on when the network is used, so one sketch has many
imaginary images. Its masks can be given: the same sketch, seed and model version always give the same
imaginary image.

A conditioned generator is also told what the sketch shows, as a point of the embedding space, and
scales and shifts the channels of its upward path by it (FiLM, Perez et al. 2018). There z moves that
point too: each imaginary image is of another member of the subject.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mindreader.networks.descriptions import DROPOUT, GeneratorSizes

_LEAK = 0.2
_GROUP_CHANNELS = 16
_CONDITION_CHANNELS = 256
CONDITION_NOISE = 0.5
"""Length of the random step z takes from the (unit) condition."""


class Noise(NamedTuple):
    """z for a batch, drawn beforehand (`mindreader.inference.noise`)."""

    step: Tensor | None
    """(B, K), standard normal: which way the condition moves; None for a generator without condition."""
    masks: tuple[Tensor, ...]
    """For each noisy layer (B, C, h, w): what its outputs are multiplied by, 0 for those dropped."""


class _Down(nn.Module):
    """Halve the resolution: 4×4 convolution, normalised except at both ends (as in pix2pix)."""

    def __init__(self, inputs: int, outputs: int, norm: str | None) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(inputs, outputs, 4, stride=2, padding=1, bias=norm is None)
        self.norm = _norm(norm, outputs) if norm else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return F.leaky_relu(self.norm(self.convolution(x)), _LEAK)


class _Modulation(nn.Module):
    """Scale and shift of each channel, read from the condition; at first it changes nothing."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.read = nn.Linear(_CONDITION_CHANNELS, 2 * channels)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        scale, shift = self.read(condition)[..., None, None].chunk(2, dim=1)
        modulated: Tensor = x * (1 + scale) + shift
        return modulated


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
        self.modulation = _Modulation(outputs) if sizes.condition else None

    def forward(self, x: Tensor, mask: Tensor | None, condition: Tensor | None) -> Tensor:
        if self.resize:
            x = F.interpolate(x, scale_factor=2.0, mode="nearest")
        x = self.norm(self.convolution(x))
        if self.modulation is not None and condition is not None:
            x = self.modulation(x, condition)
        return F.relu(_dropout(x, mask) if self.noisy else x)


def _norm(kind: str, channels: int) -> nn.Module:
    return nn.BatchNorm2d(channels) if kind == "batch" else nn.GroupNorm(max(1, channels // _GROUP_CHANNELS), channels)


def _dropout(x: Tensor, mask: Tensor | None) -> Tensor:
    return F.dropout(x, DROPOUT, training=True) if mask is None else x * mask.to(x.dtype)


class Generator(nn.Module):
    """U-Net generator: sketch in, imaginary image out."""

    def __init__(self, sizes: GeneratorSizes) -> None:
        super().__init__()
        self.sizes = sizes
        channels = sizes.channels
        deepest = len(channels) - 1
        noisy = len(sizes.noisy_layers)
        self.down = nn.ModuleList(
            _Down(inputs, outputs, sizes.norm if 0 < level < deepest else None)
            for level, (inputs, outputs) in enumerate(zip((1, *channels), channels, strict=False))
        )
        self.up = nn.ModuleList(
            _Up(
                channels[level] * (1 if level == deepest else 2),
                channels[level - 1],
                sizes,
                noisy=deepest - noisy < level,
            )
            for level in range(deepest, 0, -1)
        )
        self.finish, self.paint = _last_layers(sizes)
        self.read_condition = (
            nn.Sequential(nn.Linear(sizes.condition, _CONDITION_CHANNELS), nn.SiLU()) if sizes.condition else None
        )
        self.apply(_pix2pix_initialisation)

    def forward(self, sketches: Tensor, z: Noise | None = None, condition: Tensor | None = None) -> Tensor:
        """Imagine.

        Args:
            sketches: (B, 1, S, S) in [0, 1], strokes 0 on white 1.
            z: the noise; None draws it from torch's own generators, as training does.
            condition: (B, K) unit vectors that say what the sketches show; needed if and only if K is not 0.

        Returns:
            imaginary images (B, 3, S, S) in [0, 1].
        """
        subject = self._subject(condition, z)
        strokes = sketches * 2 - 1
        levels = [strokes]
        for down in self.down:
            levels.append(down(levels[-1]))
        x = levels.pop()
        masks = iter(z.masks if z is not None else ())
        for up in self.up:
            x = torch.cat((up(x, next(masks, None), subject), levels.pop()), dim=1)
        if self.finish is not None:
            x = torch.cat((self.finish(x, None, subject), strokes), dim=1)
        return torch.sigmoid(self.paint(x))

    def _subject(self, condition: Tensor | None, z: Noise | None) -> Tensor | None:
        """What to paint: a random step away from the condition."""
        if (condition is None) != (self.read_condition is None):
            raise ValueError(f"This generator takes a condition of length {self.sizes.condition}.")
        if condition is None or self.read_condition is None:
            return None
        step = torch.randn_like(condition) if z is None or z.step is None else z.step
        length = condition.shape[1] ** 0.5
        moved = F.normalize(condition + step * (CONDITION_NOISE / length), dim=1) * length
        read: Tensor = self.read_condition(moved)
        return read


def _last_layers(sizes: GeneratorSizes) -> tuple[_Up | None, nn.Module]:
    """The layers at full resolution: pix2pix paints at once, `resize` looks at the strokes once more."""
    channels = sizes.base_channels
    if sizes.upsampling == "transposed":
        return None, nn.ConvTranspose2d(2 * channels, 3, 4, stride=2, padding=1)
    return _Up(2 * channels, channels, sizes, noisy=False), nn.Conv2d(channels + 1, 3, 3, padding=1)


def _pix2pix_initialisation(module: nn.Module) -> None:
    """Weights from N(0, 0.02) (Isola et al. 2017, appendix 6.2)."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)
    elif isinstance(module, _Modulation):
        nn.init.zeros_(module.read.weight)
        nn.init.zeros_(module.read.bias)
