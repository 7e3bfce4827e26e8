"""Schemes of regions: which parts of a photo get a vector of their own, by name."""

from __future__ import annotations

from dataclasses import dataclass

from mindreader.boxes import Box
from mindreader.errors import InvalidInputError


@dataclass(frozen=True)
class RegionScheme:
    """Which regions of a photo get a vector of their own, beside the whole photo."""

    name: str
    boxes: tuple[Box, ...]
    """The regions."""
    pixels: int
    """Shorter side, in pixels, that photos are best given with; 0: squares of the encoder's input size."""
    crop_scale: float
    """Side of the square in which the encoder sees a region, as a share of its input size."""

    @property
    def most(self) -> int:
        """Vectors of a photo at most."""
        return 1 + len(self.boxes)

    def passes(self, *, flexible: bool) -> float:
        """Work of E2 on a photo, in passes over a whole photo: it grows with the pixels.

        Args:
            flexible: whether the encoder takes smaller squares too.
        """
        return 1 + len(self.boxes) * (self.crop_scale**2 if flexible else 1.0)


_GRID6 = (
    Box(0.0, 0.0, 0.6, 0.6),
    Box(0.4, 0.0, 1.0, 0.6),
    Box(0.0, 0.4, 0.6, 1.0),
    Box(0.4, 0.4, 1.0, 1.0),
    Box(0.2, 0.2, 0.8, 0.8),
)

NO_REGIONS = "none"
"""The scheme of spaces whose photos have one vector each."""

REGION_SCHEMES = {
    scheme.name: scheme
    for scheme in (
        RegionScheme(NO_REGIONS, (), pixels=0, crop_scale=1.0),
        RegionScheme("grid6", _GRID6, pixels=300, crop_scale=0.68),
    )
}
"""By name, as an embedding space's description has it."""


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
