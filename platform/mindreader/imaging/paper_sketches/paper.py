"""A photo of a drawing on paper becomes lines on white: uneven light, grey paper and grain go, strokes stay."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

_SIDE = 1024
_COARSE = 4
"""The paper's brightness is looked at this many times smaller."""
_WIDEST_STROKE = 15
"""In pixels of that size, odd: what is narrower vanishes from the paper, and shadows keep their edges."""
_FAINTEST = 0.06
_GRAIN = 4.0
_SPREAD = 0.22
_RULED_SHARE = 0.5
"""Of a row that is a rule, so much at least lies in long pieces."""
_LEAST_RULES = 5
_TALL = 9
"""Pixels from the upper to the lower side of what is no rule."""


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
    ink = without_rules(np.clip((darker - faintest) / _SPREAD, 0, 1).astype(np.float32))
    return Image.fromarray(np.rint(255 * (1 - ink)).astype(np.uint8))


def without_rules(ink: NDArray[np.float32]) -> NDArray[np.float32]:
    """Ink, (height, width) of 0 to 1, without the lines of ruled or squared paper.

    Rules are many, level or upright, as wide as the sheet, and thinner and fainter than most strokes: where they meet
    one, it stays.
    """
    level = _without_level_rules(ink)
    return np.ascontiguousarray(_without_level_rules(np.ascontiguousarray(level.T)).T)


def _without_level_rules(ink: NDArray[np.float32]) -> NDArray[np.float32]:
    width = ink.shape[1]
    drawn = (ink > 0.04).astype(np.uint8)
    # A pixel thicker first, so that a rule that is not quite level is still one piece.
    thick = cv2.dilate(drawn, np.ones((3, 1), np.uint8))
    long = cv2.morphologyEx(thick, cv2.MORPH_OPEN, np.ones((1, max(3, width // 12)), np.uint8))
    rows = np.flatnonzero(long.mean(axis=1) > _RULED_SHARE)
    if (np.diff(rows) > 2).sum() + 1 < _LEAST_RULES:
        return ink
    tall = cv2.morphologyEx(drawn, cv2.MORPH_OPEN, np.ones((_TALL, 1), np.uint8))
    return np.where((long > 0) & (tall == 0), np.float32(0), ink)


def _paper(gray: Image.Image) -> NDArray[np.float32]:
    """Brightness of the paper under each pixel."""
    width, height = (max(1, side // _COARSE) for side in gray.size)
    coarse = np.asarray(gray.resize((width, height), Image.Resampling.BOX), dtype=np.float32)
    beyond = min(_WIDEST_STROKE, width - 1, height - 1)
    # The paper goes on beyond the picture, as much darker or lighter as it was becoming.
    wide = np.pad(coarse, beyond, mode="reflect", reflect_type="odd")
    closed = cv2.morphologyEx(wide, cv2.MORPH_CLOSE, np.ones((_WIDEST_STROKE, _WIDEST_STROKE), np.uint8))
    inner = cv2.GaussianBlur(closed, (0, 0), 1.5)[beyond : beyond + height, beyond : beyond + width]
    return np.asarray(cv2.resize(inner, gray.size, interpolation=cv2.INTER_CUBIC), dtype=np.float32)
