"""Photos as arrays, the way the photo encoder takes them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mindreader.boxes import WHOLE, Box

Corners = NDArray[np.float64]
"""Of a sheet of paper, (4, 2), shares of width and height, 0 to 1: upper left, upper right, lower right, lower left."""


MOST_ELONGATED = 8.0
"""Longer side of `photo_pixels`, in shorter sides, at most."""


def photo_pixels(image: Image.Image, shorter: int) -> NDArray[np.uint8]:
    """A photo with its proportions, for its regions to be cut out of: ``(H, W, 3)``, RGB, 0 to 255.

    The shorter side has ``shorter`` pixels, or as many as the photo has where those are fewer. A panorama is squeezed
    until the longer side is `MOST_ELONGATED` times as long, so that an array has a size known before. Shrinking is
    antialiased.

    Args:
        image: an upright photo in any mode Pillow turns into RGB.
        shorter: pixels, at least 1.
    """
    colours = image if image.mode == "RGB" else image.convert("RGB")
    scale = min(1.0, shorter / min(colours.size))
    longest = round(MOST_ELONGATED * shorter)
    width, height = (min(max(1, round(side * scale)), longest) for side in colours.size)
    if (width, height) != colours.size:
        colours = colours.resize((width, height), Image.Resampling.BICUBIC)
    return np.array(colours, dtype=np.uint8)


def photo_array(image: Image.Image, size: int, box: Box = WHOLE) -> NDArray[np.uint8]:
    """Stretch a photo to a square array ``(size, size, 3)``, RGB, 0 to 255.

    The whole picture is kept, or what a box holds of it, and its proportions are not: the training photos are squashed
    to squares in the same way, and a crop would lose what stands at the border. Shrinking is antialiased.

    Args:
        image: an upright photo in any mode Pillow turns into RGB.
        size: side of the result in pixels, at least 1.
        box: what of it.
    """
    colours = image if image.mode == "RGB" else image.convert("RGB")
    width, height = image.size
    within = None if box == WHOLE else (box.left * width, box.top * height, box.right * width, box.bottom * height)
    squashed = colours.resize((size, size), Image.Resampling.BICUBIC, within)
    return np.array(squashed, dtype=np.uint8)
