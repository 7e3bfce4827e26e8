"""How well the place of a region fits where something was drawn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mindreader.boxes import Box

PLACE_WEIGHT = 0.2
"""Of `place_agreement` beside the cosine, where place counts; measured in docs/quality.md, "Scenes"."""
_PLACE_SPREAD = 0.3
"""Standard deviation of the distance between two centres, in shares of the photo's sides."""
_SIZE_SPREAD = 1.0
"""Standard deviation of the logarithm of the ratio of two sizes (square roots of areas)."""


def place_agreement(drawn: Box, boxes: Sequence[Box]) -> NDArray[np.float32]:
    """How well regions (R,) agree with a drawing in place and size, in (0, 1]; 1 where both boxes are the same.

    A Gaussian of the distance of the centres and of the ratio of the sizes.

    Args:
        drawn: around the strokes, in shares of the sheet.
        boxes: of the regions, in shares of the photo.
    """
    x, y, size = _placed([drawn])
    own_x, own_y, own_size = _placed(boxes)
    far = ((own_x - x) ** 2 + (own_y - y) ** 2) / _PLACE_SPREAD**2 + ((own_size - size) / _SIZE_SPREAD) ** 2
    agreement: NDArray[np.float32] = np.exp(-far / 2).astype(np.float32)
    return agreement


def _placed(boxes: Sequence[Box]) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Centres and logarithms of the sizes of boxes."""
    left, top, right, bottom = np.array([box.sides for box in boxes]).reshape(-1, 4).T
    return (left + right) / 2, (top + bottom) / 2, np.log((right - left) * (bottom - top)) / 2
