"""Looks at a sketch: how it is laid before G and E1, so that its place, its size and its direction cost nothing."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from mindreader.boxes import WHOLE, Box
from mindreader.imaging import sketch_array

_MARGIN = 0.1
"""Of the sheet, left on each side of a fitted drawing."""
_SMALL = 0.5
"""A drawing that takes less of the sheet's side is only looked at fitted."""
_WHITE = 255

Pixels = NDArray[np.uint8]


def looks_at(sketch: Image.Image, size: int, *, fit: bool = True) -> Pixels:
    """Two looks (2, size, size) at a sketch: as it is drawn, and mirrored.

    What searches is the sum of both. What each is worth: docs/quality.md, "Fit".

    Args:
        sketch: a square of mode ``L``, dark strokes on white.
        fit: the second look is fitted to the sheet; the first too, where the drawing is small. Without it, place and
            size of the drawing count.
    """
    fitted = fitted_to_sheet(sketch) if fit else sketch
    first = fitted if fit and _extent(sketch) < _SMALL else sketch
    return np.stack([sketch_array(first, size), sketch_array(ImageOps.mirror(fitted), size)])


def fitted_to_sheet(sketch: Image.Image) -> Image.Image:
    """A square sketch, its strokes enlarged or shrunk to fill the sheet up to a margin, in the middle of it."""
    box = _strokes_box(sketch)
    if box is None:
        return sketch
    left, top, right, bottom = box
    half = max(right - left, bottom - top) / (1 - 2 * _MARGIN) / 2
    x, y = (left + right) / 2, (top + bottom) / 2
    wanted = (x - half, y - half, x + half, y + half)
    # What lies beyond the sheet is white.
    beyond = math.ceil(max(0.0, -min(wanted[:2]), max(wanted[2:]) - sketch.width)) + 1
    paper = ImageOps.expand(sketch.convert("L"), beyond, _WHITE)
    within = tuple(side + beyond for side in wanted)
    return paper.resize(sketch.size, Image.Resampling.BICUBIC, box=within)  # type: ignore[arg-type]  # four numbers


def drawn_box(sketch: Image.Image) -> Box:
    """Where on the sheet the strokes of a square sketch of mode ``L`` are; the whole of a blank sheet."""
    box = _strokes_box(sketch)
    return WHOLE if box is None else Box(*(side / sketch.width for side in box))


def _extent(sketch: Image.Image) -> float:
    """The longer side of the strokes' box as a share of the sheet's."""
    left, top, right, bottom = _strokes_box(sketch) or (0, 0, *sketch.size)
    return max(right - left, bottom - top) / sketch.width


def _strokes_box(sketch: Image.Image) -> tuple[int, int, int, int] | None:
    """The smallest box around the strokes, in pixels; None of a blank sheet."""
    gray = sketch.convert("L")
    darkest, lightest = gray.getextrema()
    between = (float(darkest) + float(lightest)) / 2  # type: ignore[arg-type]  # mode L: two numbers
    return gray.point(lambda value: _WHITE if value < between else 0).getbbox()
