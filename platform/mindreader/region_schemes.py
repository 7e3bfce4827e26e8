"""Schemes of regions: which parts of a photo get a vector of their own, and in which precision, by name.

How they were chosen, and what each is worth: docs/quality.md, "Scenes".
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from mindreader.boxes import WHOLE, Box
from mindreader.errors import InvalidInputError

Precision = Literal["float", "int8"]
"""In which E2 computes: "float" as the engine chooses, float32 or bfloat16, whose embeddings are the same; "int8" on
processors, by OpenVINO alone, with embeddings of its own."""

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
    """Whether vectors are drawn to the space's anchors. The first, of the whole photo, is kept as it is, for photos to
    be compared with each other; another of the whole photo comes after it."""
    precision: Precision = "float"

    @property
    def vectors(self) -> int:
        """Of a photo that is no panorama, the whole included."""
        return self._of_whole + len(self.boxes)

    @property
    def _of_whole(self) -> int:
        return 2 if self.anchored else 1

    def passes(self, *, flexible: bool) -> float:
        """Work of E2 on such a photo, in passes over a whole one: it grows with the pixels.

        Args:
            flexible: whether the encoder takes smaller squares too.
        """
        return 1 + len(self.boxes) * (self.crop_scale**2 if flexible else 1.0)

    def regions(self, width: int, height: int) -> tuple[Box, ...]:
        """The regions of a photo of this size, one for each vector, the whole first, at most `MOST_VECTORS`.

        A panorama is looked at in squares of its shorter side, side by side.
        """
        whole = (WHOLE,) * self._of_whole
        if not self.boxes or max(width, height) <= _PANORAMA * min(width, height):
            return *whole, *self.boxes
        return *whole, *_squares(width, height, MOST_VECTORS - len(whole))


def _squares(width: int, height: int, most: int) -> tuple[Box, ...]:
    aspect = max(width, height) / min(width, height)
    count = min(math.ceil(aspect / _SQUARES_APART), most)
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

NO_REGIONS = "none"
"""The scheme of spaces whose photos have one vector each."""

BEST_REGIONS = "auto"
"""In the place of a name: the best scheme a space can have."""

_BEST = RegionScheme("corners6", _CORNERS, pixels=320, crop_scale=0.74, anchored=True)

REGION_SCHEMES = {
    scheme.name: scheme
    for scheme in (
        _BEST,
        RegionScheme("grid6", (*_CORNERS, _CENTRE), pixels=300, crop_scale=0.68, anchored=False),
        RegionScheme(NO_REGIONS, (), pixels=0, crop_scale=1.0, anchored=False),
        replace(_BEST, name="corners6-int8", precision="int8"),
    )
}
"""By name, as an embedding space's description has it; what finds most comes first, and what only some engines compute
last."""


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
