"""Regions of photos: where E2 looks besides at the whole, and its unit vectors of what it sees there.

How schemes were chosen, and what each is worth: docs/quality.md, "Scenes".
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
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
from mindreader.networks.descriptions import EncoderDescription, SpaceDescription

Photo = NDArray[np.uint8]
"""(H, W, 3), RGB, 0 to 255."""

MOST_VECTORS = 8
"""Of a photo, the whole included."""
_PANORAMA = 2.0
"""Longer side by shorter side above which a part of both sides would be no more than a thinner panorama."""
_SQUARES_APART = 0.75
"""Of their side, at most."""


@dataclass(frozen=True)
class RegionScheme:
    """Which regions of a photo get a vector of their own, beside the whole photo."""

    name: str
    boxes: tuple[Box, ...]
    """The regions of a photo that is no panorama."""
    pixels: int
    """Shorter side, in pixels, that photos are best given with; 0: squares of the encoder's input size."""
    crop_scale: float
    """Side of the square in which the encoder sees a region, as a share of its input size."""
    anchored: bool
    """Whether vectors are drawn to the space's anchors."""

    def regions(self, width: int, height: int) -> tuple[Box, ...]:
        """The regions of a photo of this size, the whole first, at most `MOST_VECTORS`.

        A panorama is looked at in squares of its shorter side, side by side.
        """
        if not self.boxes or max(width, height) <= _PANORAMA * min(width, height):
            return WHOLE, *self.boxes
        return WHOLE, *_squares(width, height)


def _squares(width: int, height: int) -> tuple[Box, ...]:
    aspect = max(width, height) / min(width, height)
    count = min(math.ceil(aspect / _SQUARES_APART), MOST_VECTORS - 1)
    side = 1 / aspect
    starts = np.linspace(0.0, 1 - side, count).tolist()
    if width > height:
        return tuple(Box(start, 0.0, min(start + side, 1.0), 1.0) for start in starts)
    return tuple(Box(0.0, start, 1.0, min(start + side, 1.0)) for start in starts)


_CORNERS = (
    Box(0.0, 0.0, 0.6, 0.6),
    Box(0.4, 0.0, 1.0, 0.6),
    Box(0.0, 0.4, 0.6, 1.0),
    Box(0.4, 0.4, 1.0, 1.0),
)
_CENTRE = Box(0.2, 0.2, 0.8, 0.8)

REGION_SCHEMES = {
    scheme.name: scheme
    for scheme in (
        RegionScheme("corners5", _CORNERS, pixels=320, crop_scale=0.74, anchored=True),
        RegionScheme("grid6", (*_CORNERS, _CENTRE), pixels=300, crop_scale=0.68, anchored=False),
        RegionScheme("none", (), pixels=0, crop_scale=1.0, anchored=False),
    )
}
"""By name, as an embedding space's description has it; what finds most comes first."""


def region_scheme(name: str) -> RegionScheme:
    """The scheme of that name.

    Raises:
        InvalidInputError: there is none.
    """
    if name not in REGION_SCHEMES:
        raise InvalidInputError(
            "There are no regions {name!r}. Known are: {known}.", name=name, known=", ".join(REGION_SCHEMES)
        )
    return REGION_SCHEMES[name]


def schemes_for(space: SpaceDescription) -> tuple[RegionScheme, ...]:
    """The schemes that an encoder and projection can be used with, in the order of `REGION_SCHEMES`."""
    has_anchors = space.projection is not None and Anchors.of_projection(space.projection.sha256) is not None
    return tuple(scheme for scheme in REGION_SCHEMES.values() if has_anchors or not scheme.anchored)


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
            InvalidInputError: there is no such scheme, or it needs anchors and the space has none.
            NotReadyError, BundleError: as `PhotoEncoder`.
        """
        self.scheme = region_scheme(regions)
        self.description = encoder
        self._anchors = _anchors(projection, self.scheme) if self.scheme.anchored else None
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
        boxes = [self.scheme.regions(photo.shape[1], photo.shape[0]) for photo in photos]
        whole = self._whole.embed(np.stack([crop(photo, WHOLE, self.description.input_size) for photo in photos]))
        size = self._parts.description.input_size
        crops = [crop(photo, box, size) for photo, own in zip(photos, boxes, strict=True) for box in own[1:]]
        vectors = np.concatenate([whole, self._parts.embed(np.stack(crops))]) if crops else whole
        if self._anchors is not None:
            vectors = self._anchors.attract(vectors)
        # The whole photos come first, then the parts of each.
        ends = len(photos) + np.cumsum([0, *(len(own) - 1 for own in boxes)])
        return [
            PhotoRegions(own, np.concatenate([vectors[row : row + 1], vectors[start:end]]))
            for row, (own, (start, end)) in enumerate(zip(boxes, pairwise(ends), strict=True))
        ]


def _anchors(projection: Path | None, scheme: RegionScheme) -> Anchors:
    found = projection and Anchors.of_projection(hashlib.sha256(projection.read_bytes()).hexdigest())
    if not found:
        raise InvalidInputError(
            "The regions {name!r} need anchors, which this model does not have. Choose others.", name=scheme.name
        )
    return found


PLACE_WEIGHT = 0.2
"""Of `place_agreement` beside the cosine, where place counts; measured in docs/quality.md, "Scenes"."""
_PLACE_SPREAD = 0.3
"""Standard deviation of the distance between two centres, in shares of the photo's sides."""
_SIZE_SPREAD = 1.0
"""Standard deviation of the logarithm of the ratio of two sizes (square roots of areas)."""


def place_agreement(sketch_box: Box, region_boxes: Sequence[Box]) -> NDArray[np.float32]:
    """How well regions (R,) agree with a drawing in place and size, in (0, 1]; 1 where both boxes are the same.

    A Gaussian of the distance of the centres and of the ratio of the sizes.

    Args:
        sketch_box: around the strokes, in shares of the sheet.
        region_boxes: in shares of the photo.
    """
    x, y, size = _placed([sketch_box])
    own_x, own_y, own_size = _placed(region_boxes)
    far = ((own_x - x) ** 2 + (own_y - y) ** 2) / _PLACE_SPREAD**2 + ((own_size - size) / _SIZE_SPREAD) ** 2
    agreement: NDArray[np.float32] = np.exp(-far / 2).astype(np.float32)
    return agreement


def _placed(boxes: Sequence[Box]) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Centres and logarithms of the sizes of boxes."""
    left, top, right, bottom = np.array([(b.left, b.top, b.right, b.bottom) for b in boxes]).reshape(-1, 4).T
    return (left + right) / 2, (top + bottom) / 2, np.log((right - left) * (bottom - top)) / 2


def crop(photo: Photo, box: Box, size: int) -> Photo:
    """What is in a box of a photo, stretched to (size, size, 3); untouched where that is the photo as it is."""
    height, width = photo.shape[:2]
    if box == WHOLE and (height, width) == (size, size):
        return photo
    pixels = (box.left * width, box.top * height, box.right * width, box.bottom * height)
    resized = Image.fromarray(photo).resize((size, size), Image.Resampling.BICUBIC, box=pixels)
    return np.asarray(resized, dtype=np.uint8)
