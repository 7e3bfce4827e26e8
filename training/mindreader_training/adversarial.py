"""What G is trained against: the discriminator D, and the photo itself. Two variants, by `Preset.discriminator`."""

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
from mindreader_training.photo_bank import PhotoBank, input_size
from mindreader_training.presets import Preset

_COARSE = 4


class BatchLosses(Protocol):
    """The losses of D and G on one batch of imaginary images beside its photos."""

    def discriminator_loss(self) -> Tensor:
        """D's own loss, a scalar; no gradient reaches G."""

    def generator_terms(self) -> dict[str, Tensor]:
        """G's losses, scalars by the names of `LossWeights`; no gradient reaches D."""


class AdversarialLoss(Protocol):
    """A discriminator and the losses made with it."""

    discriminator: nn.Module

    def on_batch(self, batch: Batch, imaginary: Tensor, condition: Tensor | None) -> BatchLosses:
        """The losses of a batch; what D's update and G's share is computed once.

        Args:
            imaginary: G's images (B, 3, S, S) in [0, 1], with gradients.
            condition: (B, K) unit vectors G was conditioned on, if it is.
        """


def adversarial_loss(preset: Preset, photo_bank: PhotoBank, device: torch.device) -> AdversarialLoss:
    """The variant a preset asks for, with a new discriminator."""
    if preset.discriminator == "patch":
        return PatchAdversarialLoss(preset)
    return FeatureAdversarialLoss(preset, photo_bank, device)


class PatchAdversarialLoss:
    """The paper's: D sees patches of sketch and image; L1 to the photo (Guo et al. 2017, equations 1 and 2)."""

    def __init__(self, preset: Preset) -> None:
        self.discriminator: nn.Module = PatchDiscriminator(preset.discriminator_channels)

    def on_batch(self, batch: Batch, imaginary: Tensor, condition: Tensor | None) -> BatchLosses:
        """See `AdversarialLoss`."""
        return _PatchLosses(self.discriminator, batch, imaginary)


@dataclass(frozen=True)
class _PatchLosses:
    discriminator: nn.Module
    batch: Batch
    imaginary: Tensor

    def discriminator_loss(self) -> Tensor:
        self.discriminator.requires_grad_(True)
        sketches = self.batch.small_sketches
        real = losses.log_loss(self.discriminator(sketches, self.batch.photos), real=True)
        fake = losses.log_loss(self.discriminator(sketches, self.imaginary.detach()), real=False)
        return 0.5 * (real + fake)  # half, as in pix2pix: D learns slower than G

    def generator_terms(self) -> dict[str, Tensor]:
        self.discriminator.requires_grad_(False)
        return {
            "gan": losses.log_loss(self.discriminator(self.batch.small_sketches, self.imaginary), real=True),
            "pixel": losses.pixel(self.imaginary, self.batch.photos),
        }


class FeatureAdversarialLoss:
    """D and the perceptual terms all see E2's features of one shared, augmented view (see `shared_view`)."""

    def __init__(self, preset: Preset, photo_bank: PhotoBank, device: torch.device) -> None:
        self._photo_bank = photo_bank
        self._size = input_size(photo_bank.encoder.description, preset.generator.image_size)
        with torch.no_grad():
            probe = photo_bank.encoder.features(torch.zeros(1, 3, self._size, self._size, device=device))
        channels = [layer.shape[1] for layer in probe.middle]
        self.discriminator: nn.Module = FeatureDiscriminator(
            channels, photo_bank.dimension, preset.discriminator_channels
        )

    def on_batch(self, batch: Batch, imaginary: Tensor, condition: Tensor | None) -> BatchLosses:
        """See `AdversarialLoss`."""
        assert condition is not None
        fake_view, real_view = (resized(view, self._size) for view in shared_view([imaginary, batch.photos]))
        encoder = self._photo_bank.encoder
        with torch.no_grad():
            real = encoder.features(real_view)
        fake = encoder.features(fake_view)
        return _FeatureLosses(self.discriminator, self._photo_bank, batch, imaginary, condition, fake, real)


@dataclass(frozen=True)
class _FeatureLosses:
    discriminator: nn.Module
    photo_bank: PhotoBank
    batch: Batch
    imaginary: Tensor
    condition: Tensor
    fake: Features
    """E2's features of the imaginary images, with gradients."""
    real: Features
    """E2's features of the photos."""

    def discriminator_loss(self) -> Tensor:
        self.discriminator.requires_grad_(True)
        real = self.discriminator(self.real.middle, self.condition)
        fake = self.discriminator([layer.detach() for layer in self.fake.middle], self.condition)
        return losses.hinge(real, fake)

    def generator_terms(self) -> dict[str, Tensor]:
        n = self.batch.aligned
        self.discriminator.requires_grad_(False)
        logits = self.discriminator(self.fake.middle, self.condition)
        terms = {
            "gan": -torch.stack([level.float().mean() for level in logits]).mean(),
            "semantic": losses.semantic(self.photo_bank.encoder.project(self.fake.embedding), self._semantic_targets()),
        }
        if n == 0:
            return terms
        return terms | {
            "pixel": losses.pixel(_coarse(self.imaginary[:n]), _coarse(self.batch.photos[:n])),
            "perceptual": losses.perceptual(
                [layer[:n] for layer in self.fake.middle], [layer[:n] for layer in self.real.middle]
            ),
        }

    def _semantic_targets(self) -> Tensor:
        """(B, K) what E2 should see in each image: the same view of its photo, and the category's centroid."""
        own = self.photo_bank.encoder.project(self.real.embedding)
        return own + self.photo_bank.centroids[self.batch.category]


def _coarse(images: Tensor) -> Tensor:
    """Colours without texture: L1 on fine detail that cannot be known from a sketch makes G blur."""
    return F.avg_pool2d(images, _COARSE)
