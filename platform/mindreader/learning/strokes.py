"""A saved sketch, which is kept as strokes, as an image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PIL import Image, ImageDraw

_SIDE, _SUPERSAMPLED = 256, 2


def drawn(strokes: Sequence[Mapping[str, Any]]) -> Image.Image:
    """Strokes as `mindreader.search.user_sketches.Stroke` has them, black on white, mode ``L``, 256 pixels a side.

    As the page's canvas paints them, but for curves between the points and the pressure of the pen.
    """
    side = _SIDE * _SUPERSAMPLED
    image = Image.new("L", (side, side), 255)
    pen = ImageDraw.Draw(image)
    for stroke in strokes:
        ink = 255 if stroke["tool"] == "eraser" else 0
        width = max(1, round(stroke["width"] / 100 * side))
        points = [(point[0] * side, point[1] * side) for point in stroke["points"]]
        if len(points) > 1:
            pen.line(points, fill=ink, width=width, joint="curve")
        for x, y in (points[0], points[-1]):
            pen.ellipse((x - width / 2, y - width / 2, x + width / 2, y + width / 2), fill=ink)
    return image.resize((_SIDE, _SIDE), Image.Resampling.LANCZOS)
