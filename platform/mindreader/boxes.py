"""Boxes: where in a photo, or on a sheet, something is."""

from __future__ import annotations

import math
from dataclasses import dataclass

from mindreader.errors import InvalidInputError


@dataclass(frozen=True)
class Box:
    """An upright rectangle in shares of a width and a height, 0 to 1, from the upper left of an upright picture.

    Raises:
        InvalidInputError: it has no area, leaves the picture, or a side is no finite number.
    """

    left: float
    top: float
    right: float
    bottom: float

    def __post_init__(self) -> None:
        """Refuse what is no part of a picture."""
        sides = (self.left, self.top, self.right, self.bottom)
        if not all(math.isfinite(side) for side in sides) or not (
            0 <= self.left < self.right <= 1 and 0 <= self.top < self.bottom <= 1
        ):
            raise InvalidInputError(
                "A box names its left, top, right and bottom side as shares of the picture, 0 to 1, left before right "
                "and top before bottom."
            )

    @property
    def sides(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom."""
        return self.left, self.top, self.right, self.bottom


WHOLE = Box(0.0, 0.0, 1.0, 1.0)
"""The picture as a whole."""
