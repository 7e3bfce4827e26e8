"""Pseudo-sketches: line drawings made from photos, aligned with them pixel by pixel.

Human sketches are drawn from memory, shifted and scaled, so L1 against their photo teaches fog. Edges
of the photo itself are aligned exactly; broken, warped and jittered they look drawn.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]

_LEAST_INK = 0.03
_LOWEST_THRESHOLD = 15.0


def pseudo_sketch(photo: Image, random: np.random.Generator) -> Image:
    """Draw a photo (S, S, 3) as a sketch (S, S), strokes 0 on white 255."""
    strokes = _strokes(photo, random)
    width = int(random.integers(1, 3))
    if width > 1:
        strokes = np.asarray(cv2.dilate(strokes, np.ones((width, width), np.uint8)), dtype=np.uint8)
    return 255 - _wobbled(strokes, random)


def _strokes(photo: Image, random: np.random.Generator) -> Image:
    """Contours of the photo; a soft photo is looked at more closely until there is something to see."""
    shortest = int(random.integers(6, 24))
    threshold = float(random.uniform(60, 220))
    strokes = _without_specks(_edges(photo, threshold, random), shortest)
    while strokes.mean() < _LEAST_INK * 255 and threshold > _LOWEST_THRESHOLD:
        threshold /= 1.5
        strokes = _without_specks(_edges(photo, threshold, random), shortest)
    return strokes


def _edges(photo: Image, threshold: float, random: np.random.Generator) -> Image:
    grey = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)
    # Texture goes, contours stay.
    smooth = cv2.bilateralFilter(grey, 7, float(random.uniform(30, 110)), float(random.uniform(3, 7)))
    return np.asarray(cv2.Canny(smooth, threshold * float(random.uniform(0.3, 0.6)), threshold), dtype=np.uint8)


def _without_specks(edges: Image, shortest: int) -> Image:
    _, labels, statistics, _ = cv2.connectedComponentsWithStats(edges, connectivity=8)
    long_enough = statistics[:, cv2.CC_STAT_AREA] >= shortest
    long_enough[0] = False  # the background
    return np.where(long_enough[labels], np.uint8(255), np.uint8(0))


def _wobbled(strokes: Image, random: np.random.Generator) -> Image:
    """Bend the strokes by up to about a pixel and a half, smoothly, as a hand does."""
    size = strokes.shape[0]
    coarse = random.normal(0, 1, (2, 8, 8)).astype(np.float32) * float(random.uniform(0, 1.5)) * size / 128
    bend = [cv2.resize(plane, (size, size), interpolation=cv2.INTER_CUBIC) for plane in coarse]
    rows, columns = np.mgrid[0:size, 0:size].astype(np.float32)
    bent = cv2.remap(strokes, columns + bend[0], rows + bend[1], cv2.INTER_LINEAR, borderValue=0)
    return np.asarray(bent, dtype=np.uint8)
