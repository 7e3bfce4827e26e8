"""Regions of photos: where E2 looks besides at the whole, and its unit vectors of what it sees there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mindreader.boxes import WHOLE, Box
from mindreader.inference.engines.protocol import Engine
from mindreader.inference.photo_encoder import PhotoEncoder
from mindreader.networks.descriptions import EncoderDescription
from mindreader.region_schemes import REGION_SCHEMES, RegionScheme, region_scheme

__all__ = [
    "REGION_SCHEMES",
    "PhotoRegions",
    "RegionEncoder",
    "RegionScheme",
    "crop",
    "encoders_of",
    "region_scheme",
]

Photo = NDArray[np.uint8]
"""(H, W, 3), RGB, 0 to 255."""


def encoders_of(encoder: EncoderDescription, scheme: RegionScheme) -> tuple[EncoderDescription, ...]:
    """The encoders a scheme needs: that of the whole photo, and the same for smaller squares where it takes any.

    An engine makes each of them ready by itself.
    """
    size = round(encoder.input_size * scheme.crop_scale)
    if not scheme.boxes or not encoder.flexible or size == encoder.input_size:
        return (encoder,)
    return encoder, replace(encoder, input_size=size)


@dataclass(frozen=True, eq=False)
class PhotoRegions:
    """A photo's regions, the whole photo first."""

    boxes: tuple[Box, ...]
    vectors: NDArray[np.float32]
    """(R, K), of length 1, one for each box."""


class RegionEncoder:
    """E2, ready to embed photos by their regions."""

    def __init__(
        self, encoder: EncoderDescription, engine: Engine, projection: Path | None = None, regions: str = "none"
    ) -> None:
        """Load E2.

        Args:
            projection: as `PhotoEncoder` takes it.
            regions: name of a scheme.

        Raises:
            InvalidInputError: there is no such scheme.
            NotReadyError, BundleError: as `PhotoEncoder`.
        """
        self.scheme = region_scheme(regions)
        self.description = encoder
        self._encoders = [PhotoEncoder(each, engine, projection) for each in encoders_of(encoder, self.scheme)]
        self._whole, self._parts = self._encoders[0], self._encoders[-1]

    @property
    def weight_bytes(self) -> int:
        """Memory its weights take."""
        return sum(encoder.weight_bytes for encoder in self._encoders)

    def tune(self) -> int:
        """Find out how many photos at once are fastest, which may take some seconds."""
        return min(encoder.tune() for encoder in self._encoders)

    def rest(self) -> None:
        """Give back the memory that only work takes."""
        for encoder in self._encoders:
            encoder.rest()

    def embed(self, photos: Sequence[Photo]) -> list[PhotoRegions]:
        """Boxes and unit vectors of photos (H, W, 3) of any sizes.

        Photos come with their own proportions and a shorter side of about `scheme.pixels`; with the scheme "none"
        as squares of the encoder's input size, which is what `PhotoEncoder` takes, with the same result.

        Raises:
            NotReadyError: not even one photo fits into memory.
        """
        if not photos:
            return []
        whole = self._whole.embed(np.stack([crop(photo, WHOLE, self.description.input_size) for photo in photos]))
        boxes, size = self.scheme.boxes, self._parts.description.input_size
        if not boxes:
            return [PhotoRegions((WHOLE,), vector[None]) for vector in whole]
        crops = self._parts.embed(np.stack([crop(photo, box, size) for photo in photos for box in boxes]))
        parts = crops.reshape(len(photos), len(boxes), -1)
        return [
            PhotoRegions((WHOLE, *boxes), np.concatenate([first[None], rest]))
            for first, rest in zip(whole, parts, strict=True)
        ]


def crop(photo: Photo, box: Box, size: int) -> Photo:
    """What is in a box of a photo, stretched to (size, size, 3); untouched where that is the photo as it is."""
    height, width = photo.shape[:2]
    if box == WHOLE and (height, width) == (size, size):
        return photo
    pixels = (box.left * width, box.top * height, box.right * width, box.bottom * height)
    resized = Image.fromarray(photo).resize((size, size), Image.Resampling.BICUBIC, box=pixels)
    return np.asarray(resized, dtype=np.uint8)
