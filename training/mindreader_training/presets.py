"""Presets: every number of a training run, as data. An unknown preset or setting is an error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from itertools import accumulate
from typing import Literal

from mindreader.errors import InvalidInputError
from mindreader.networks.descriptions import GeneratorSizes


@dataclass(frozen=True)
class LossWeights:
    """Weights of the terms of the loss (the paper's λ1..λ3, and what the paper lacks); 0 leaves a term out."""

    gan: float
    """λ1: G against D."""
    pixel: float
    """λ2: L1 between imaginary image and photo; beside a D that sees features, of coarse colours, on aligned pairs."""
    feature: float
    """λ3: mean squared error between E1(G(s)) and E2(p), middle layers and embedding."""
    perceptual: float
    """Distance between E2(G(s)) and E2(p) at the middle layers, on aligned pairs: keeps G honest."""
    semantic: float
    """Cosine distance between E2(G(s)) and E2's embeddings of photos of the sketch's category."""
    category: float
    """Cross-entropy of E1's embedding against the categories' E2 centroids."""
    instance: float
    """InfoNCE of E1's embedding with its own photo's E2 embedding, against all photos of its category."""
    photos: float = 0.0
    """InfoNCE of E1's embedding with all photos of its category, against all others."""
    distillation: float = 0.0
    """Cosine distance between E1's embedding and that of the E1 the run started from, drawn to the centroids where
    `Preset.attraction` says so."""


@dataclass(frozen=True)
class Phase:
    """A stretch of a run. Each trained network's rate warms up, stays, and falls to zero over the second half."""

    name: str
    steps: int
    batch: int
    trains_generator: bool
    """Whether G (and D with it) is trained; else G is used as it is, where it is used at all."""
    query_inputs: tuple[Literal["sketches", "imaginary"], ...]
    """What E1 is trained to embed; if empty, E1 is not trained."""
    condition: Literal["photos", "sketches"] = "sketches"
    """What a conditioned G is conditioned on: E2's embedding of the photo, or E1's of the sketch, as in use."""
    aligned_share: float = 0.4
    """Share of a batch drawn from photos as pseudo-sketches; where G is trained these lie exactly on their photo."""
    photo_share: float = 0.0
    """Share of a batch that is photos themselves, in grey, in place of sketches."""
    rate: float = 1.0
    """Learning rates are multiplied by this."""


@dataclass(frozen=True)
class ProjectionSettings:
    """The linear projection after E2 (see `mindreader_training.projection`)."""

    dimension: int
    shrinkage: float


@dataclass(frozen=True)
class Preset:
    """A training run."""

    name: str
    photo_encoder: str
    projection: ProjectionSettings | None
    query_encoder: str
    query_encoder_size: int
    sketch_size: int
    """Side of the sketches in pixels; G is given them at the side of its images, E1 at its own."""
    generator: GeneratorSizes
    """Its `condition` is set when the space is known, if G is `conditioned`."""
    conditioned: bool
    """Whether G gets, beside the sketch, a point of the embedding space: what the sketch shows."""
    discriminator: Literal["patch", "features"]
    discriminator_channels: int
    weights: LossWeights
    phases: tuple[Phase, ...]
    generator_rate: float
    discriminator_rate: float
    encoder_rate: float
    retrieval_to_generator: float
    """E1's gradient reaches G scaled by this: 1 as in the paper, or less, lest G becomes an encoder of strokes."""
    temperature: float
    ema_decay: float
    sketch_weight: float
    """In a query, E1's embedding of the sketch counts this much beside that of the imaginary image."""
    unfinished: float = 0.3
    """Share of people's sketches, and of pseudo-sketches that are changed as those are, that lack strokes."""
    least_ink: float = 0.4
    """Of an unfinished sketch's ink so much is left at least."""
    drop_path: float = 0.0
    """Stochastic depth of E1 where it begins with published weights of timm's."""
    attraction: float = 0.0
    """What E1 is taught by distillation is drawn to the categories' centroids so much (see `losses.attracted`)."""
    attraction_temperature: float = 0.03
    """How far away a centroid still draws, in cosine."""
    projection_alone: bool = False
    """Of E1 only the projection is trained, where it has one."""
    frozen_stages: int = 0
    """So many of E1's stages, the stem first, keep the weights they began with: they cost most and change least."""
    frozen_norms: bool = False
    """E1's batch norms keep the statistics they began with, so that other drawings than those of the run fit them."""
    untrained_seed: int | None = None
    """Random weights for E2 and E1 instead of published ones: shapes and speed are real, results mean nothing."""

    @property
    def steps(self) -> int:
        """Steps of all phases."""
        return sum(phase.steps for phase in self.phases)

    @property
    def lengths(self) -> tuple[int, ...]:
        """Steps of each phase."""
        return tuple(phase.steps for phase in self.phases)

    def with_lengths(self, lengths: Sequence[int]) -> Preset:
        """The same with other steps for each phase."""
        phases = tuple(replace(phase, steps=steps) for phase, steps in zip(self.phases, lengths, strict=True))
        return replace(self, phases=phases)

    def phase_at(self, step: int) -> tuple[Phase, int]:
        """The phase that step belongs to, and its number within the phase."""
        for phase in self.phases:
            if step < phase.steps:
                return phase, step
            step -= phase.steps
        return self.phases[-1], self.phases[-1].steps + step


_SMALL = Preset(
    name="small",
    photo_encoder="efficientnet-lite2",
    projection=ProjectionSettings(dimension=256, shrinkage=0.3),
    query_encoder="efficientnet-lite2",
    query_encoder_size=160,
    sketch_size=160,
    generator=GeneratorSizes(image_size=128, base_channels=32, upsampling="resize", norm="group"),
    conditioned=True,
    discriminator="features",
    discriminator_channels=64,
    weights=LossWeights(gan=0.25, pixel=10.0, feature=0.0, perceptual=4.0, semantic=1.0, category=1.0, instance=0.25),
    phases=(
        Phase("query encoder", 900, 64, trains_generator=False, query_inputs=("sketches",), aligned_share=0.3),
        Phase("generator", 1800, 48, trains_generator=True, query_inputs=(), condition="photos", aligned_share=0.6),
        Phase("joint fine-tuning", 600, 32, trains_generator=False, query_inputs=("sketches", "imaginary"), rate=0.5),
    ),
    generator_rate=4e-4,
    discriminator_rate=2e-4,
    encoder_rate=6e-4,
    retrieval_to_generator=0.0,
    temperature=0.05,
    ema_decay=0.998,
    sketch_weight=1.0,
)

PRESETS: dict[str, Preset] = {
    preset.name: preset
    for preset in (
        _SMALL,
        # The paper (Guo et al. 2017, section 3): VGG-16 at both ends, pix2pix's U-Net and 70×70 PatchGAN, one joint
        # phase of alternating updates, the whole of E1's gradient into G. It prints no λ: λ2 = 100 λ1 is pix2pix's
        # (section 6.2 there), λ3 = 10 brings the scaled feature error to the size of the adversarial term at the
        # start. Rates, batch of one or few and Adam's betas are pix2pix's.
        Preset(
            name="paper",
            photo_encoder="vgg16",
            projection=None,
            query_encoder="vgg16",
            query_encoder_size=224,
            sketch_size=256,
            generator=GeneratorSizes(image_size=256, base_channels=64, upsampling="transposed", norm="batch"),
            conditioned=False,
            discriminator="patch",
            discriminator_channels=64,
            weights=LossWeights(
                gan=1.0, pixel=100.0, feature=10.0, perceptual=0.0, semantic=0.0, category=0.0, instance=0.0
            ),
            phases=(Phase("joint", 100_000, 8, trains_generator=True, query_inputs=("imaginary",), aligned_share=0.0),),
            generator_rate=2e-4,
            discriminator_rate=2e-4,
            encoder_rate=1e-5,
            retrieval_to_generator=1.0,
            temperature=0.05,
            ema_decay=0.0,
            sketch_weight=0.0,
        ),
        # The shipped bundle's, before it is averaged: the networks of `small`, trained as long as a GPU lets one.
        replace(
            _SMALL,
            name="long",
            query_encoder_size=192,
            sketch_size=192,
            weights=replace(_SMALL.weights, category=0.5, photos=0.5),
            phases=(
                Phase(
                    "query encoder", 1720, 128, trains_generator=False, query_inputs=("sketches",), aligned_share=0.2
                ),
                Phase(
                    "generator", 1700, 64, trains_generator=True, query_inputs=(), condition="photos", aligned_share=0.6
                ),
                Phase(
                    "joint fine-tuning",
                    1200,
                    128,
                    trains_generator=False,
                    query_inputs=("sketches", "imaginary"),
                    aligned_share=0.2,
                    rate=0.3,
                ),
            ),
            encoder_rate=8e-4,
            ema_decay=0.995,
            drop_path=0.1,
        ),
        # E1 of a bundle trained further on somebody's own photos (docs/quality.md, "Learning a library"): it starts
        # from a bundle, whose sizes and space take the place of those here.
        replace(
            _SMALL,
            name="library",
            weights=LossWeights(
                gan=0.0,
                pixel=0.0,
                feature=0.0,
                perceptual=0.0,
                semantic=0.0,
                category=0.0,
                instance=0.0,
                distillation=1.0,
            ),
            phases=(Phase("library", 200, 32, trains_generator=False, query_inputs=("sketches",), aligned_share=0.9),),
            encoder_rate=1e-3,
            ema_decay=0.9,
            attraction=0.4,
            projection_alone=True,
            frozen_norms=True,
        ),
        # The whole of `small` in miniature: for tests, and to see that a machine can train at all.
        replace(
            _SMALL,
            name="tiny",
            photo_encoder="efficientnet-lite0",
            query_encoder="efficientnet-lite0",
            query_encoder_size=64,
            sketch_size=64,
            projection=ProjectionSettings(dimension=64, shrinkage=0.5),
            generator=GeneratorSizes(image_size=64, base_channels=8, upsampling="resize", norm="group"),
            discriminator_channels=8,
            phases=(
                Phase("query encoder", 15, 8, trains_generator=False, query_inputs=("sketches",)),
                Phase(
                    "generator", 15, 8, trains_generator=True, query_inputs=(), condition="photos", aligned_share=0.6
                ),
                Phase(
                    "joint fine-tuning", 10, 8, trains_generator=False, query_inputs=("sketches", "imaginary"), rate=0.5
                ),
            ),
            ema_decay=0.8,
        ),
    )
}


def preset(name: str, **changes: object) -> Preset:
    """The preset called `name` with some of its numbers changed.

    ``steps`` stretches all of its phases alike; with another ``photo_encoder`` comes the same query encoder.

    Raises:
        InvalidInputError: no such preset, or no such number.
    """
    if name not in PRESETS:
        raise InvalidInputError(f"There is no preset {name!r}. Presets: {', '.join(PRESETS)}.")
    chosen = PRESETS[name]
    if (encoder := changes.get("photo_encoder")) is not None:
        changes = {"query_encoder": encoder, **changes}
    if (steps := changes.pop("steps", None)) is not None:
        assert isinstance(steps, int)
        chosen = _stretched(chosen, steps)
    known = {field.name for field in fields(Preset)}
    if unknown := sorted(changes.keys() - known):
        raise InvalidInputError(f"Unknown setting {', '.join(unknown)}. Settings: {', '.join(sorted(known))}.")
    return checked(replace(chosen, **changes))  # type: ignore[arg-type]


def checked(chosen: Preset) -> Preset:
    """The preset itself, if a run can be made of it; a mistake must not show hours later.

    Raises:
        InvalidInputError: nothing can be trained with the numbers together.
    """
    rules = {
        "generator.image_size must be a power of two from 32 to 1024": chosen.generator.image_size
        in (32, 64, 128, 256, 512, 1024),
        "generator.base_channels must be from 1 to 256": 1 <= chosen.generator.base_channels <= 256,
        "sketch_size must be from generator.image_size to 1024": chosen.generator.image_size
        <= chosen.sketch_size
        <= 1024,
        "query_encoder_size must be from 32 to 1024": 32 <= chosen.query_encoder_size <= 1024,
        "discriminator=features needs conditioned=true": chosen.discriminator == "patch" or chosen.conditioned,
        "the weights must not be negative": min(asdict(chosen.weights).values()) >= 0,
        "temperature must be greater than 0": chosen.temperature > 0,
        "ema_decay must be at least 0 and less than 1": 0 <= chosen.ema_decay < 1,
        "projection.dimension must be at least 1 and projection.shrinkage from 0 to 1": chosen.projection is None
        or (chosen.projection.dimension >= 1 and 0 <= chosen.projection.shrinkage <= 1),
        "batch must be at least 1, steps at least 0, aligned_share and photo_share from 0 to 1 together": all(
            p.batch >= 1
            and p.steps >= 0
            and min(p.aligned_share, p.photo_share) >= 0
            and p.aligned_share + p.photo_share <= 1
            for p in chosen.phases
        ),
        "sketch_weight must be from 0 to 100": 0 <= chosen.sketch_weight <= 100,
        "unfinished must be from 0 to 1, and least_ink from 0 to 0.95": 0 <= chosen.unfinished <= 1
        and 0 <= chosen.least_ink <= 0.95,
        "frozen_stages must not be negative": chosen.frozen_stages >= 0,
        "drop_path must be at least 0 and less than 1": 0 <= chosen.drop_path < 1,
        "attraction must not be negative, and attraction_temperature greater than 0": chosen.attraction >= 0
        and chosen.attraction_temperature > 0,
        "there must be a step to train": chosen.steps >= 1,
    }
    if broken := [rule for rule, kept in rules.items() if not kept]:
        raise InvalidInputError(f"These settings cannot be trained with: {'; '.join(broken)}.")
    return chosen


def _stretched(chosen: Preset, steps: int) -> Preset:
    """The same phases in the same proportions, `steps` in all."""
    return chosen.with_lengths(continued(chosen.lengths, 0, steps))


def continued(lengths: Sequence[int], done: int, steps: int) -> tuple[int, ...]:
    """Steps of each phase for a run that has made `done` steps and is to make `steps` in all.

    Phases that are over stay as they were. What is left is stretched, or shrunk, in its proportions; where nothing is
    left, the last phase becomes longer.

    Args:
        lengths: steps of each phase, as they were.
        done: at most their sum.
        steps: at least `done`.
    """
    ends = list(accumulate(lengths))
    over = [min(length, max(0, done - end + length)) for length, end in zip(lengths, ends, strict=True)]
    left = [length - part for length, part in zip(lengths, over, strict=True)]
    if not sum(left):
        left[-1] = 1
    reached = [round(part * (steps - done) / sum(left)) for part in accumulate(left)]
    more = [end - start for start, end in zip([0, *reached], reached, strict=False)]
    return tuple(part + extra for part, extra in zip(over, more, strict=True))
