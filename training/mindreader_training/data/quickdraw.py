"""QuickDraw's drawings: strokes in a line of JSON, rendered with a pen whose width varies from drawing to drawing.

Source: the simplified files of Google's Quick, Draw! data set (one JSON object a line, coordinates 0 to 255).
"""

from __future__ import annotations

import io
import json
import zlib
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from mindreader.errors import InvalidInputError

_SIDE, _MARGIN, _SPAN = 256, 16, 255
_WIDTHS = (2.0, 7.0)
_SUPERSAMPLED = 2


@lru_cache(maxsize=64)
def drawings(path: Path) -> tuple[dict[str, Any], ...]:
    """The recognised drawings of one ``.ndjson`` file.

    Raises:
        InvalidInputError: a line is no drawing; the message says which.
    """
    found = []
    with path.open() as file:
        for number, line in enumerate(file, 1):
            try:
                drawing = json.loads(line)
                strokes = [np.array(stroke[:2], dtype=np.float32) for stroke in drawing["drawing"]]
                recognised = bool(drawing.get("recognized", True))
            except (ValueError, TypeError, KeyError, AttributeError):
                raise InvalidInputError(f"Line {number} of {path} is no QuickDraw drawing.") from None
            if any(stroke.ndim != 2 or len(stroke) != 2 for stroke in strokes):
                raise InvalidInputError(f"Line {number} of {path} has a stroke without x and y.")
            if recognised and strokes:
                found.append(drawing)
    return tuple(found)


def drawn_png(path: Path, number: int) -> bytes:
    """Drawing `number` of a file, rendered 256×256, black on white; the same drawing always looks the same."""
    drawing = drawings(path)[number]
    random = np.random.default_rng(zlib.crc32(json.dumps(drawing["drawing"]).encode()))
    width = round(float(random.uniform(*_WIDTHS)) * _SUPERSAMPLED)
    image = Image.new("L", (_SIDE * _SUPERSAMPLED,) * 2, 255)
    pen = ImageDraw.Draw(image)
    scale = (_SIDE - 2 * _MARGIN) / _SPAN
    for xs, ys, *_ in drawing["drawing"]:
        points = [
            ((_MARGIN + x * scale) * _SUPERSAMPLED, (_MARGIN + y * scale) * _SUPERSAMPLED)
            for x, y in zip(xs, ys, strict=True)
        ]
        pen.line(points, fill=0, width=width, joint="curve")
        for x, y in (points[0], points[-1]):
            pen.ellipse((x - width / 2, y - width / 2, x + width / 2, y + width / 2), fill=0)
    buffer = io.BytesIO()
    image.resize((_SIDE, _SIDE), Image.Resampling.LANCZOS).save(buffer, "PNG")
    return buffer.getvalue()
