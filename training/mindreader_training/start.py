"""A run that starts from a bundle: from its G and E1 in its embedding space, or anew in that space."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mindreader.bundles import Bundle
from mindreader.bundles.manifest import PROJECTION_FILE
from mindreader.errors import InvalidInputError
from mindreader.inference.loading import load_generator, load_query_encoder
from mindreader.inference.weights import needs_projection
from mindreader.networks.encoders import Encoder
from mindreader.networks.generator import Generator
from mindreader_training.presets import Preset


@dataclass(frozen=True, eq=False)
class Start:
    """Where a run starts, in place of published weights and a projection of its own."""

    bundle: Bundle
    photo_embeddings: NDArray[np.float32] | None = None
    """Unit vectors (N, K) of the training photos in the bundle's space, where they are known; else E2 makes them."""
    anew: bool = False
    """Only the embedding space is the bundle's: G and E1 begin as in any run."""

    @property
    def projection(self) -> Path | None:
        """File of the space's projection, if it has one."""
        return self.bundle.weights(PROJECTION_FILE) if self.bundle.space.projection else None

    def generator(self) -> Generator:
        """A copy of the bundle's G, to be trained.

        Raises:
            BundleError: its weights do not fit the manifest.
        """
        return load_generator(self.bundle).train().requires_grad_(True)

    def query_encoder(self) -> Encoder:
        """A copy of the bundle's E1, to be trained.

        Raises:
            BundleError: its weights do not fit the manifest.
        """
        return load_query_encoder(self.bundle).train().requires_grad_(True)


def preset_for(bundle: Bundle, chosen: Preset) -> Preset:
    """A preset whose encoders, G's sizes and E1's share of a query are a bundle's."""
    encoder, sizes = bundle.manifest.query_encoder, bundle.generator
    conditioned = sizes.condition > 0
    return replace(
        chosen,
        photo_encoder=bundle.space.encoder.name,
        projection=None,  # the bundle's own, which no setting describes
        query_encoder=encoder.architecture,
        query_encoder_size=encoder.input_size,
        sketch_size=bundle.sketch_size,
        generator=replace(sizes, condition=0),
        conditioned=conditioned,
        discriminator=chosen.discriminator if conditioned else "patch",
        # An encoder that ends in no projection has nothing else to train than itself.
        projection_alone=chosen.projection_alone and has_projection(bundle),
        sketch_weight=encoder.sketch_weight,
    )


def preset_in_space(bundle: Bundle, chosen: Preset) -> Preset:
    """A preset for a run that begins anew in a bundle's embedding space."""
    return replace(chosen, photo_encoder=bundle.space.encoder.name, projection=None)


def has_projection(bundle: Bundle) -> bool:
    """Whether a bundle's E1 ends in a projection."""
    space = bundle.space
    return needs_projection(bundle.query_encoder, space.dimension, space.projection is not None)


def check_start(preset: Preset, start: Start | None) -> None:
    """See that a preset which keeps near to where a run starts has such a start.

    Raises:
        InvalidInputError: it has none.
    """
    keeps_near = preset.weights.distillation or preset.projection_alone
    if (start is None or start.anew) and keeps_near:
        raise InvalidInputError(
            f"The preset {preset.name!r} trains the query encoder of a bundle further. Say which one: --from BUNDLE."
        )
