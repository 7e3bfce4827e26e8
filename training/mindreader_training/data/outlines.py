"""Outlines: line drawings of the thing in the middle of a photo alone, as people draw.

Edges of a whole photo (`pseudo_sketches`) are those of its background too, which nobody draws: an encoder that learns
from them learns to see through clutter that its queries do not have. GrabCut (Rother et al. 2004) tells the thing from
its surroundings by colour, where what touches the border counts as surroundings.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from mindreader_training.data.pseudo_sketches import bent, edges, without_specks

Image = NDArray[np.uint8]

_BORDER = 0.06
_ITERATIONS = 3
_LEAST, _MOST = 0.04, 0.75
"""Shares of the photo that a thing may take: else it was not told from its surroundings."""
_PART = 0.15
"""Pieces that are smaller than this share of the largest one are specks."""


def foreground(photo: Image) -> Image | None:
    """Where the thing in a photo (S, S, 3) is: (S, S), 255 there and 0 elsewhere; None where it cannot be told."""
    size = photo.shape[0]
    border = max(1, round(_BORDER * size))
    inside = (border, border, size - 2 * border, size - 2 * border)
    mask = np.zeros((size, size), np.uint8)
    models = np.zeros((2, 1, 65), np.float64)
    cv2.setRNGSeed(0)  # the same photo always has the same outline
    try:
        cv2.grabCut(photo, mask, inside, models[0], models[1], _ITERATIONS, cv2.GC_INIT_WITH_RECT)
    except cv2.error:  # of one colour alone
        return None
    thing = np.where((mask == cv2.GC_FGD) | (mask == cv2.GC_PR_FGD), np.uint8(255), np.uint8(0))
    thing = _large_parts(_smooth(thing))
    return thing if _LEAST <= thing.mean() / 255 <= _MOST else None


def outline_sketch(photo: Image, thing: Image, random: np.random.Generator) -> Image:
    """Draw what `foreground` found in a photo (S, S, 3) as a sketch (S, S), strokes 0 on white 255.

    Its outline, of straighter or rounder strokes, and some of the edges within.
    """
    strokes = np.zeros_like(thing)
    contours, _ = cv2.findContours(thing, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    tolerance, width = float(random.uniform(0.4, 2.0)), int(random.integers(1, 3))
    lines = [cv2.approxPolyDP(contour, tolerance, closed=True) for contour in contours if len(contour) >= 12]
    cv2.polylines(strokes, lines, isClosed=True, color=255, thickness=width, lineType=cv2.LINE_AA)
    within = np.asarray(cv2.erode(thing, np.ones((5, 5), np.uint8)), dtype=np.uint8)
    inner = without_specks(edges(photo, float(random.uniform(80, 240)), random) & within, int(random.integers(8, 24)))
    inner = _some_of(inner, float(random.uniform(0.2, 1.0)), random)
    if width > 1:
        inner = np.asarray(cv2.dilate(inner, np.ones((width, width), np.uint8)), dtype=np.uint8)
    return 255 - bent(np.maximum(strokes, inner), random)


def _smooth(thing: Image) -> Image:
    blurred = cv2.GaussianBlur(thing, (0, 0), thing.shape[0] / 64)
    return np.where(blurred > 127, np.uint8(255), np.uint8(0))


def _large_parts(thing: Image) -> Image:
    _, labels, statistics, _ = cv2.connectedComponentsWithStats(thing, connectivity=8)
    areas = statistics[:, cv2.CC_STAT_AREA].copy()
    areas[0] = 0  # the surroundings
    return np.where((areas >= _PART * areas.max(initial=1))[labels], thing, np.uint8(0))


def _some_of(strokes: Image, share: float, random: np.random.Generator) -> Image:
    """About so many of the connected strokes."""
    count, labels = cv2.connectedComponents(strokes, connectivity=8)
    kept = random.random(count) < share
    kept[0] = False
    return np.where(kept[labels], strokes, np.uint8(0))
