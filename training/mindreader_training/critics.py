"""What G is trained against: D, and what the fixed E2 sees in imaginary images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mindreader.inference.weights import resized
from mindreader.networks.discriminator import FeatureDiscriminator, PatchDiscriminator
from mindreader.networks.encoders import Features
from mindreader_training import losses
from mindreader_training.data.augmentation import shared_view
from mindreader_training.data.batches import Batch
from mindreader_training.photo_bank import PhotoSide, looking_size
from mindreader_training.presets import Preset

_COARSE = 4


class Judgement(Protocol):
    """One batch of imaginary images beside its photos."""

    def discriminator_loss(self) -> Tensor:
        """D's own loss; no gradient reaches G."""

    def generator_terms(self) -> dict[str, Tensor]:
        """G's losses by the names of `LossWeights`; no gradient reaches D."""


class Critic(Protocol):
    """A discriminator at work."""

    discriminator: nn.Module

    def judge(self, batch: Batch, imaginary: Tensor, condition: Tensor | None) -> Judgement:
        """Look at imaginary images (B, 3, S, S) once, for D's update and then for G's."""


class PatchCritic:
    """The paper's: D sees patches of sketch and image; L1 to the photo (Guo et al. 2017, equations 1 and 2)."""

    def __init__(self, preset: Preset) -> None:
        self.discriminator: nn.Module = PatchDiscriminator(preset.discriminator_channels)

    def judge(self, batch: Batch, imaginary: Tensor, condition: Tensor | None) -> Judgement:
        """See `Critic`."""
        return _PatchJudgement(self.discriminator, batch, imaginary)


@dataclass(frozen=True)
class _PatchJudgement:
    discriminator: nn.Module
    batch: Batch
    imaginary: Tensor

    def discriminator_loss(self) -> Tensor:
        self.discriminator.requires_grad_(True)
        sketches = self.batch.sketches
        real = losses.log_likelihood(self.discriminator(sketches, self.batch.photos), real=True)
        # Half, as in pix2pix: D learns slower than G.
        return 0.5 * (real + losses.log_likelihood(self.discriminator(sketches, self.imaginary.detach()), real=False))

    def generator_terms(self) -> dict[str, Tensor]:
        self.discriminator.requires_grad_(False)
        return {
            "gan": losses.log_likelihood(self.discriminator(self.batch.sketches, self.imaginary), real=True),
            "pixel": losses.pixel(self.imaginary, self.batch.photos),
        }


class FeatureCritic:
    """D and the perceptual terms all look at E2's features of one shared, augmented view (see `shared_view`)."""

    def __init__(self, preset: Preset, photos: PhotoSide, device: torch.device) -> None:
        self._photos = photos
        self._size = looking_size(photos.encoder.description, preset.generator.image_size)
        with torch.no_grad():
            seen = photos.encoder.features(torch.zeros(1, 3, self._size, self._size, device=device))
        channels = [layer.shape[1] for layer in seen.middle]
        self.discriminator: nn.Module = FeatureDiscriminator(
            channels, photos.bank.shape[1], preset.discriminator_channels
        )

    def judge(self, batch: Batch, imaginary: Tensor, condition: Tensor | None) -> Judgement:
        """See `Critic`."""
        assert condition is not None
        seen_images, seen_photos = (resized(view, self._size) for view in shared_view([imaginary, batch.photos]))
        with torch.no_grad():
            wanted = self._photos.encoder.features(seen_photos)
        seen = self._photos.encoder.features(seen_images)
        return _FeatureJudgement(self.discriminator, self._photos, batch, imaginary, condition, seen, wanted)


@dataclass(frozen=True)
class _FeatureJudgement:
    discriminator: nn.Module
    photos: PhotoSide
    batch: Batch
    imaginary: Tensor
    condition: Tensor
    seen: Features
    wanted: Features

    def discriminator_loss(self) -> Tensor:
        self.discriminator.requires_grad_(True)
        real = self.discriminator(self.wanted.middle, self.condition)
        imagined = self.discriminator([layer.detach() for layer in self.seen.middle], self.condition)
        return losses.hinge(real, imagined)

    def generator_terms(self) -> dict[str, Tensor]:
        n = self.batch.aligned
        self.discriminator.requires_grad_(False)
        logits = self.discriminator(self.seen.middle, self.condition)
        terms = {
            "gan": -torch.stack([level.float().mean() for level in logits]).mean(),
            "semantic": losses.semantic(self.photos.encoder.project(self.seen.embedding), self._subjects()),
        }
        if n == 0:
            return terms
        return terms | {
            "pixel": losses.pixel(_coarse(self.imaginary[:n]), _coarse(self.batch.photos[:n])),
            "perceptual": losses.perceptual(
                [layer[:n] for layer in self.seen.middle], [layer[:n] for layer in self.wanted.middle]
            ),
        }

    def _subjects(self) -> Tensor:
        """What E2 should read in each image: what it reads in the same view of the photo, and the category."""
        own = self.photos.encoder.project(self.wanted.embedding)
        return own + self.photos.centroids[self.batch.category]


def _coarse(images: Tensor) -> Tensor:
    """Colours without texture: L1 on fine detail that cannot be known from a sketch teaches fog."""
    return F.avg_pool2d(images, _COARSE)
