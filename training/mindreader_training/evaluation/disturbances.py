"""Sketches as people also draw them: small in a corner, half finished, with a thick pen, off the middle."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

_SMALL, _MARGIN = 0.4, 0.03
_SHIFT = 0.2
_WHITE, _FAINT = 255, 8
_PIECES = 8
"""Where the strokes of a sketch hang together, it is cut into squares, so many to a side."""

Strokes = NDArray[np.uint8]
"""(S, S), 0 paper to 255 ink."""


def disturbed(sketch: Image.Image, name: str, random: np.random.Generator) -> Image.Image:
    """A square sketch, mode ``L``, disturbed in one of the ways of `DISTURBANCES`."""
    strokes = _WHITE - np.asarray(sketch.convert("L"))
    return Image.fromarray(_WHITE - DISTURBANCES[name](strokes, random))


def _small_in_a_corner(strokes: Strokes, random: np.random.Generator) -> Strokes:
    """At 0.4 of its size, in one of the four corners."""
    side = len(strokes)
    small = _resized(strokes, round(_SMALL * side))
    margin = round(_MARGIN * side)
    ends = (margin, side - margin - len(small))
    return _placed(small, side, ends[random.integers(2)], ends[random.integers(2)])


def _shifted(strokes: Strokes, random: np.random.Generator) -> Strokes:
    """By a fifth of the sheet in each direction, at three fifths of its size, so that nothing is cut off."""
    side = len(strokes)
    small = _resized(strokes, round((1 - 2 * _SHIFT) * side))
    places = (0, round(2 * _SHIFT * side))
    return _placed(small, side, places[random.integers(2)], places[random.integers(2)])


def _half_of_the_strokes(strokes: Strokes, random: np.random.Generator) -> Strokes:
    """Pieces are taken away, in random order, until no more than half of the ink is left."""
    strokes = np.where(strokes > _FAINT, strokes, 0).astype(np.uint8)
    count, labels = cv2.connectedComponents((strokes > 0).astype(np.uint8))
    rows, columns = np.indices(strokes.shape) * _PIECES // len(strokes)
    pieces = labels * _PIECES**2 + rows * _PIECES + columns
    # Whole strokes where there are several, else squares of the only one.
    groups = labels if count > _PIECES else pieces
    left, half = strokes.copy(), strokes.sum(dtype=np.int64) / 2
    for group in random.permutation(np.unique(groups[strokes > 0])):
        if left.sum(dtype=np.int64) <= half:
            break
        left[groups == group] = 0
    return left


def _double_width(strokes: Strokes, random: np.random.Generator) -> Strokes:
    """Every stroke twice as wide; the width is the ink's area by the length of its edge."""
    ink = (strokes > _WHITE // 2).astype(np.uint8)
    edge = ink - cv2.erode(ink, np.ones((3, 3), np.uint8))
    width = max(1.0, 2 * ink.sum() / max(1, edge.sum()))
    reach = 2 * round(width / 2) + 1
    return np.asarray(cv2.dilate(strokes, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))), np.uint8)


def _resized(strokes: Strokes, side: int) -> Strokes:
    """With thin strokes as dark as they were: people draw small with the same pen."""
    small = cv2.resize(strokes, (side, side), interpolation=cv2.INTER_AREA).astype(np.float32)
    return np.asarray(np.clip(small * (strokes.max() / max(1.0, small.max())), 0, _WHITE), np.uint8)


def _placed(strokes: Strokes, side: int, top: int, left: int) -> Strokes:
    sheet = np.zeros((side, side), np.uint8)
    sheet[top : top + len(strokes), left : left + len(strokes)] = strokes
    return sheet


DISTURBANCES: dict[str, Callable[[Strokes, np.random.Generator], Strokes]] = {
    "small_in_a_corner": _small_in_a_corner,
    "half_of_the_strokes": _half_of_the_strokes,
    "double_width": _double_width,
    "shifted": _shifted,
}
"""Each is drawn at random with one generator for all sketches."""
