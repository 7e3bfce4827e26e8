"""How well the place of a region fits where something was drawn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mindreader.boxes import Box

PLACE_WEIGHT = 0.1


def place_agreement(drawn: Box, boxes: Sequence[Box]) -> NDArray[np.float32]:
    """Intersection over union (R,) of where something is drawn with regions, 0 to 1."""
    sides = np.array([(box.left, box.top, box.right, box.bottom) for box in boxes], np.float32)
    near, far = sides[:, :2], sides[:, 2:]
    common = np.minimum(far, (drawn.right, drawn.bottom)) - np.maximum(near, (drawn.left, drawn.top))
    shared = np.clip(common, 0, None).prod(axis=1)
    own = (drawn.right - drawn.left) * (drawn.bottom - drawn.top)
    agreement: NDArray[np.float32] = (shared / ((far - near).prod(axis=1) + own - shared)).astype(np.float32)
    return agreement
