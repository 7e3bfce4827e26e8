"""Presets: every number of a training run, as data. An unknown preset or setting is an error."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from mindreader.errors import InvalidInputError
from mindreader.networks.generator import GeneratorSizes


@dataclass(frozen=True)
class LossWeights:
    """Weights of the terms of the loss (the paper's λ1..λ3, and what the paper lacks)."""

    gan: float
    """λ1: least-squares adversarial loss."""
    pixel: float
    """λ2: L1 between imaginary image and photo, on aligned pairs only."""
    feature: float
    """λ3: mean squared error between E1(G(s)) and E2(p), middle layers and embedding."""
    perceptual: float
    """Distance between E2(G(s)) and E2(p) at the middle layers, on aligned pairs: keeps G honest."""
    semantic: float
    """Cosine distance between E2(G(s)) and what E2 reads in photos of the sketch's subject."""
    category: float
    """Cross-entropy of E1(G(s)) against the categories' E2 centroids."""
    instance: float
    """Contrast of E1(G(s)) with its own photo's E2 embedding, against all photos of the training set."""


@dataclass(frozen=True)
class Preset:
    """A training run."""

    name: str
    photo_encoder: str
    query_encoder: str
    query_encoder_size: int
    generator: GeneratorSizes
    discriminator_channels: int
    weights: LossWeights
    steps: int
    imagine_steps: int
    """First steps in which G learns to imagine from aligned pairs alone, before E1 joins."""
    batch: int
    aligned_share: float
    """Share of a batch drawn from photos as pseudo-sketches, once E1 has joined."""
    generator_rate: float
    discriminator_rate: float
    encoder_rate: float
    retrieval_to_generator: float
    """How much of E1's gradient reaches G: all of it makes G an encoder of strokes, none makes it ignore the query."""
    temperature: float
    ema_decay: float


_SMALL = Preset(
    name="small",
    photo_encoder="efficientnet-lite0",
    query_encoder="efficientnet-lite0",
    query_encoder_size=128,
    generator=GeneratorSizes(image_size=128, base_channels=32, upsampling="resize", norm="group"),
    discriminator_channels=32,
    weights=LossWeights(gan=0.3, pixel=8.0, feature=1.0, perceptual=1.0, semantic=2.0, category=1.0, instance=0.25),
    steps=1300,
    imagine_steps=450,
    batch=48,
    aligned_share=0.4,
    generator_rate=4e-4,
    discriminator_rate=1e-4,
    encoder_rate=6e-4,
    retrieval_to_generator=0.3,
    temperature=0.05,
    ema_decay=0.998,
)

PRESETS: dict[str, Preset] = {
    preset.name: preset
    for preset in (
        _SMALL,
        # The whole of `small` in miniature: for tests, and to see that a machine can train at all.
        replace(
            _SMALL,
            name="tiny",
            query_encoder_size=64,
            generator=GeneratorSizes(image_size=64, base_channels=8, upsampling="resize", norm="group"),
            discriminator_channels=8,
            steps=30,
            imagine_steps=5,
            batch=8,
            ema_decay=0.8,
        ),
    )
}


def preset(name: str, **changes: object) -> Preset:
    """The preset called `name` with some of its numbers changed.

    Raises:
        InvalidInputError: no such preset, or no such number.
    """
    if name not in PRESETS:
        raise InvalidInputError(f"There is no preset {name!r}. Presets: {', '.join(PRESETS)}.")
    known = {field.name for field in fields(Preset)}
    if unknown := sorted(changes.keys() - known):
        raise InvalidInputError(f"Unknown setting {', '.join(unknown)}. Settings: {', '.join(sorted(known))}.")
    return replace(PRESETS[name], **changes)  # type: ignore[arg-type]
