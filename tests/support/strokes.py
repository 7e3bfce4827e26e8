"""How like two drawings are."""

from __future__ import annotations

import cv2
import numpy as np
from PIL import Image

_SIDE = 256
_INK = 170


def agreement(found: Image.Image, truth: Image.Image, tolerance: int = 5) -> tuple[float, float]:
    """Precision and recall of ink: shares of one drawing's ink with ink of the other nearby.

    Args:
        found: mode ``L``.
        truth: mode ``L``.
        tolerance: pixels of 256 that count as near.
    """
    ours, theirs = _ink(found), _ink(truth)
    near = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * tolerance + 1,) * 2)
    precision = float((ours & cv2.dilate(theirs, near)).sum() / max(1, ours.sum()))
    recall = float((theirs & cv2.dilate(ours, near)).sum() / max(1, theirs.sum()))
    return precision, recall


def overlap(found: Image.Image, truth: Image.Image) -> float:
    """Intersection over union of the ink, both three pixels of 256 thicker."""
    thick = np.ones((7, 7), np.uint8)
    ours, theirs = (np.asarray(cv2.dilate(_ink(each), thick), np.uint8) for each in (found, truth))
    return float((ours & theirs).sum() / max(1, (ours | theirs).sum()))


def squared(sheet: Image.Image) -> Image.Image:
    """A sheet in the middle of a white square."""
    square = Image.new("L", (max(sheet.size),) * 2, 255)
    square.paste(sheet, ((square.width - sheet.width) // 2, (square.height - sheet.height) // 2))
    return square


def _ink(image: Image.Image) -> np.ndarray:
    small = image.resize((_SIDE, _SIDE), Image.Resampling.BICUBIC)
    return (np.asarray(small) < _INK).astype(np.uint8)
