"""A sketch to search with."""

from __future__ import annotations

import io

from PIL import Image, ImageDraw


def house_png() -> bytes:
    """A person might have drawn this house."""
    image = Image.new("L", (256, 256), 255)
    draw = ImageDraw.Draw(image)
    draw.line([(60, 200), (60, 110), (128, 50), (196, 110), (196, 200), (60, 200)], fill=0, width=4)
    draw.rectangle((110, 150, 146, 200), outline=0, width=4)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()
