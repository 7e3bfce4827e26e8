"""A photo of a drawing on paper becomes lines on white: uneven light, grey paper and grain go, strokes stay."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

_SIDE = 1024
_COARSE = 8
"""The paper's brightness is looked at this many times smaller: strokes vanish there, shadows do not."""
_WHITE = 250
_CLEAN_SHARE = 0.5
_FAINTEST = 0.06
_GRAIN = 4.0
_SPREAD = 0.22


def is_clean(gray: Image.Image) -> bool:
    """Whether the ground of a drawing (mode ``L``, dark on light) is white already, as a screen draws it."""
    histogram = gray.histogram()
    return sum(histogram[_WHITE:]) >= _CLEAN_SHARE * sum(histogram)


def lines_of_paper(gray: Image.Image) -> Image.Image:
    """Lines on white of a photographed drawing (mode ``L``, dark on light); at most 1024 pixels on the longer side.

    Each pixel is compared with the paper around it: what is darker by more than the paper's own grain is a stroke.
    """
    small = gray.copy()
    small.thumbnail((_SIDE, _SIDE), Image.Resampling.BICUBIC)
    values = np.asarray(small, dtype=np.float32)
    darker = 1 - values / np.maximum(_paper(small), 1.0)
    # The grain by its median: strokes cover little of a sheet, so they hardly count.
    faintest = max(_FAINTEST, _GRAIN * float(np.median(np.abs(darker))))
    ink = np.clip((darker - faintest) / _SPREAD, 0, 1)
    return Image.fromarray(np.rint(255 * (1 - ink)).astype(np.uint8))


def _paper(gray: Image.Image) -> NDArray[np.float32]:
    """Brightness of the paper under each pixel."""
    width, height = (max(1, side // _COARSE) for side in gray.size)
    coarse = gray.resize((width, height), Image.Resampling.BOX).filter(ImageFilter.MaxFilter(7))
    smooth = coarse.filter(ImageFilter.GaussianBlur(4)).resize(gray.size, Image.Resampling.BICUBIC)
    return np.asarray(smooth, dtype=np.float32)
