"""Things in one sketch: strokes that lie far apart are read apart as well."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mindreader.boxes import Box

MOST_PARTS = 3
_GAP = 0.1
"""Of the sheet's side: strokes that are nearer to each other belong together."""
_LEAST_EXTENT = 0.12
"""Of the sheet's side: anything smaller (a dot, the rays of a sun) belongs to what it is nearest to."""
_SIDE = 128
"""Pixels of the copy in which strokes are grouped."""
_FAINT = 0.25
"""Of the darkest stroke's darkness: anything lighter is paper. A thin stroke is grey in a small copy."""
_WHITE = 255

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class SketchPart:
    """Strokes of a sketch that lie together, apart from the others."""

    box: Box
    """Around them, in shares of the sheet."""
    sketch: Image.Image
    """The sheet with them alone, as large as the whole sketch and of mode ``L``."""


def parts_of(sketch: Image.Image) -> list[SketchPart]:
    """The two or three groups of strokes in a sketch that lie far apart, from left to right; none if there is one.

    Args:
        sketch: a square of mode ``L``, dark strokes on white.
    """
    groups = _groups(_ink(sketch))
    return [_part(sketch, group) for group in groups] if len(groups) > 1 else []


def _ink(sketch: Image.Image) -> Mask:
    small = np.asarray(sketch.convert("L").resize((_SIDE, _SIDE), Image.Resampling.BOX), np.float32)
    mask: Mask = small < small.max() - _FAINT * np.ptp(small)
    return mask


def _groups(ink: Mask) -> list[Mask]:
    """Masks (S, S) of strokes that belong together; at most `MOST_PARTS`."""
    reach = 2 * round(_GAP * _SIDE / 2) + 1
    near = cv2.dilate(ink.astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach)))
    count, labels = cv2.connectedComponents(near)
    groups = [(labels == number) & ink for number in range(1, count)]
    while len(groups) > 1:
        smallest = min(range(len(groups)), key=lambda number: _extent(groups[number]))
        if len(groups) <= MOST_PARTS and _extent(groups[smallest]) >= _LEAST_EXTENT * _SIDE:
            break
        lone = groups.pop(smallest)
        away = cv2.distanceTransform((~lone).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        nearest = min(range(len(groups)), key=lambda number: away[groups[number]].min())
        groups[nearest] = groups[nearest] | lone
    return sorted(groups, key=lambda group: np.nonzero(group)[1].min())


def _extent(group: Mask) -> int:
    rows, columns = np.nonzero(group)
    return int(max(np.ptp(rows), np.ptp(columns))) + 1


def _part(sketch: Image.Image, group: Mask) -> SketchPart:
    rows, columns = np.nonzero(group)
    # Every grey pixel around a stroke is its own: the mask is widened by less than half of a gap.
    around = cv2.dilate(group.astype(np.uint8) * _WHITE, np.ones((3, 3), np.uint8))
    own = Image.fromarray(around).resize(sketch.size, Image.Resampling.NEAREST)
    alone = Image.composite(sketch.convert("L"), Image.new("L", sketch.size, _WHITE), own)
    box = Box(
        float(columns.min() / _SIDE),
        float(rows.min() / _SIDE),
        float((columns.max() + 1) / _SIDE),
        float((rows.max() + 1) / _SIDE),
    )
    return SketchPart(box, alone)
