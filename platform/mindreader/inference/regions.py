"""Regions of photos: where E2 looks besides at the whole, and its unit vectors of what it sees there.

How schemes were chosen, and what each is worth: docs/quality.md, "Scenes".
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mindreader.boxes import WHOLE, Box
from mindreader.errors import InvalidInputError
from mindreader.inference.anchors import Anchors
from mindreader.inference.engines.protocol import Engine
from mindreader.inference.photo_encoder import PhotoEncoder
from mindreader.inference.schemes import encoders_of
from mindreader.networks.descriptions import EncoderDescription
from mindreader.region_schemes import MOST_VECTORS, REGION_SCHEMES, RegionScheme, region_scheme

__all__ = [
    "MOST_VECTORS",
    "REGION_SCHEMES",
    "PhotoRegions",
    "RegionEncoder",
    "RegionScheme",
    "crop",
    "region_scheme",
]

Photo = NDArray[np.uint8]
"""(H, W, 3), RGB, 0 to 255."""


@dataclass(frozen=True, eq=False)
class PhotoRegions:
    """A photo's regions, the whole photo first."""

    boxes: tuple[Box, ...]
    vectors: NDArray[np.float32]
    """(R, K), of length 1, one for each box. The first is E2's of the whole photo, whatever the scheme."""


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
            InvalidInputError: there is no such scheme, or it needs anchors and the space has none.
            NotReadyError, BundleError: as `PhotoEncoder`.
        """
        self.scheme = region_scheme(regions)
        self.description = encoder
        self._anchors = _anchors(projection, self.scheme) if self.scheme.anchored else None
        self._encoders = [
            PhotoEncoder(each, engine, projection, self.scheme.precision) for each in encoders_of(encoder, self.scheme)
        ]
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
        boxes = [self.scheme.regions(photo.shape[1], photo.shape[0]) for photo in photos]
        size = self._parts.description.input_size
        parts = [
            crop(photo, box, size) for photo, own in zip(photos, boxes, strict=True) for box in own if box != WHOLE
        ]
        whole = self._whole.embed(np.stack([crop(photo, WHOLE, self.description.input_size) for photo in photos]))
        of_parts = self._parts.embed(np.stack(parts)) if parts else whole[:0]
        ends = np.cumsum([0, *(sum(box != WHOLE for box in own) for own in boxes)])
        first = [whole] if self._anchors is None else [whole, self._anchors.attract(whole)]
        if self._anchors is not None:
            of_parts = self._anchors.attract(of_parts)
        return [
            PhotoRegions(own, np.stack([*(each[row] for each in first), *of_parts[start:end]]))
            for row, (own, (start, end)) in enumerate(zip(boxes, pairwise(ends), strict=True))
        ]


def _anchors(projection: Path | None, scheme: RegionScheme) -> Anchors:
    found = projection and Anchors.of_projection(hashlib.sha256(projection.read_bytes()).hexdigest())
    if not found:
        raise InvalidInputError(
            "The regions {name!r} need anchors, which this model does not have. Choose others.", name=scheme.name
        )
    return found


def crop(photo: Photo, box: Box, size: int) -> Photo:
    """What is in a box of a photo, stretched to (size, size, 3); untouched where that is the photo as it is."""
    height, width = photo.shape[:2]
    if box == WHOLE and (height, width) == (size, size):
        return photo
    pixels = (box.left * width, box.top * height, box.right * width, box.bottom * height)
    resized = Image.fromarray(photo).resize((size, size), Image.Resampling.BICUBIC, box=pixels)
    return np.asarray(resized, dtype=np.uint8)
