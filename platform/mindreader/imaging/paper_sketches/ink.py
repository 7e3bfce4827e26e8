"""What of a drawing is ink: whatever stands out from its ground, light or dark, opaque or not; it becomes dark."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter, ImageOps

from mindreader.errors import SketchRejectedError

_WHITE, _NEARLY_WHITE = 255, 250
_LIGHT = 128
# Less difference than this between the lightest and the darkest pixel (of 255) is paper, not a stroke.
_LEAST_CONTRAST = 16
_MOSTLY, _WHOLLY = 0.5, 0.98
_EVEN = 3
"""A ground that differs by no more than this along the edges was filled by a program, not photographed."""


def dark_on_light(gray: Image.Image, alpha: Image.Image | None = None) -> Image.Image:
    """A drawing as dark strokes on a light ground, mode ``L``.

    Args:
        gray: mode ``L``, laid on white where it was transparent.
        alpha: mode ``L``, as large: how opaque it was; None where it was so throughout.

    Raises:
        SketchRejectedError: nothing is drawn on it.
    """
    if alpha is not None and _is_light_on_nothing(gray, alpha):
        return _ink_of_light_strokes(gray, alpha)
    require_ink(gray)
    return ImageOps.invert(gray) if _has_dark_ground(gray) else gray


def require_ink(gray: Image.Image) -> None:
    """Raises:
    SketchRejectedError: all pixels are alike.
    """
    if _is_blank(gray):
        raise SketchRejectedError("Draw something first.")


def edge_of(gray: Image.Image) -> NDArray[np.uint8]:
    """The outermost pixels of a picture (mode ``L``), a fiftieth of it deep, as one row."""
    values = np.asarray(gray)
    depth = max(1, min(values.shape) // 50)
    sides = (values[:depth], values[-depth:], values[:, :depth], values[:, -depth:])
    return np.concatenate([side.ravel() for side in sides])


def is_clean(gray: Image.Image) -> bool:
    """Whether the ground of a drawing (mode ``L``, dark on light) is white already, as a screen draws it."""
    white_edge = (edge_of(gray) >= _NEARLY_WHITE).mean()
    white = sum(gray.histogram()[_NEARLY_WHITE:]) / (gray.width * gray.height)
    return bool(white_edge >= _WHOLLY or (white_edge >= _MOSTLY and white >= _MOSTLY))


def _is_blank(gray: Image.Image) -> bool:
    darkest, lightest = gray.getextrema()
    return float(lightest) - float(darkest) < _LEAST_CONTRAST  # type: ignore[arg-type]  # mode L: two numbers


def _is_light_on_nothing(gray: Image.Image, alpha: Image.Image) -> bool:
    """Whether light strokes lie on transparency: on white paper they would vanish.

    Strokes are judged where they meet the transparency; within them a drawing may be filled as it likes.
    """
    if _is_blank(alpha):
        return False
    if _is_blank(gray):
        return True
    opacity = np.asarray(alpha)
    least = int(opacity.max()) // 2
    rim = (opacity > least) & (np.asarray(alpha.filter(ImageFilter.MinFilter(3))) <= least)
    if (opacity <= least).mean() < _MOSTLY or not rim.any():
        return False
    return bool(_true_lightness(gray, opacity)[rim].mean() > _LIGHT)


def _true_lightness(gray: Image.Image, opacity: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Of each pixel before it was laid on white, 0 to 255; where it is all transparent, a number without meaning."""
    share = np.maximum(opacity.astype(np.float32), 1) / _WHITE
    return np.asarray(_WHITE - (_WHITE - np.asarray(gray, dtype=np.float32)) / share, np.float32)


def _ink_of_light_strokes(gray: Image.Image, alpha: Image.Image) -> Image.Image:
    """Laid on black instead of white, then inverted."""
    ink = 2 * _WHITE - np.asarray(gray, dtype=np.int16) - np.asarray(alpha, dtype=np.int16)
    return Image.fromarray(np.clip(ink, 0, _WHITE).astype(np.uint8))


def _has_dark_ground(gray: Image.Image) -> bool:
    """A ground of one shade is known by its edge, and strokes are what differs; a photographed one by its mean."""
    edge, values = edge_of(gray), np.asarray(gray)
    ground = int(np.median(edge))
    if np.abs(edge.astype(np.int16) - ground).mean() > _EVEN:
        return bool(values.mean() < _LIGHT)
    lighter = np.maximum(values, ground).sum(dtype=np.int64) - ground * values.size
    darker = ground * values.size - np.minimum(values, ground).sum(dtype=np.int64)
    return bool(lighter > darker)
