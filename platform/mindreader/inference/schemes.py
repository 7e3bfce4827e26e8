"""Which schemes of regions an embedding space can have, and the encoders each of them needs."""

from __future__ import annotations

from dataclasses import replace

from mindreader.inference.anchors import Anchors
from mindreader.inference.engines.int8_models import has_int8_model
from mindreader.networks.descriptions import EncoderDescription, SpaceDescription
from mindreader.region_schemes import REGION_SCHEMES, RegionScheme


def encoders_of(encoder: EncoderDescription, scheme: RegionScheme) -> tuple[EncoderDescription, ...]:
    """The encoders a scheme needs: that of the whole photo, and the same for smaller squares where it takes any.

    An engine makes each of them ready by itself.
    """
    size = round(encoder.input_size * scheme.crop_scale)
    if not scheme.boxes or not encoder.flexible or size == encoder.input_size:
        return (encoder,)
    return encoder, replace(encoder, input_size=size)


def schemes_for(space: SpaceDescription) -> tuple[RegionScheme, ...]:
    """The schemes that an encoder and projection can be used with, in the order of `REGION_SCHEMES`."""
    return tuple(scheme for scheme in REGION_SCHEMES.values() if _can_have(space, scheme))


def _can_have(space: SpaceDescription, scheme: RegionScheme) -> bool:
    projection = space.projection.sha256 if space.projection else None
    if scheme.anchored and (projection is None or Anchors.of_projection(projection) is None):
        return False
    if scheme.precision == "float":
        return True
    return all(has_int8_model(encoder, projection) for encoder in encoders_of(space.encoder, scheme))
