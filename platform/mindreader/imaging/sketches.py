"""Sketches: any drawing a person sends becomes black strokes on a white square, 8-bit grey.

Drawings are not cropped to their strokes: the sketches of the training set keep their own margins.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, ImageStat

from mindreader.errors import PhotoRejectedError, SketchRejectedError
from mindreader.imaging.decode import Reserve, decode_photo, no_limit
from mindreader.imaging.paper import is_clean, lines_of_paper

_WHITE = 255
# Less difference than this between the lightest and the darkest pixel (of 255) is paper, not a stroke.
_LEAST_CONTRAST = 16


_LONGEST_SIDE = 512
_LARGEST_SIDE = 1024
"""Of a drawing as it is decoded: the lines of a photographed sheet are looked for in so many pixels."""


@dataclass(frozen=True, eq=False)
class Sketch:
    """A drawing ready to search with: a square of mode ``L``, black strokes on white, at most 512 pixels wide."""

    image: Image.Image

    @classmethod
    def read(cls, data: bytes, *, max_bytes: int, reserve: Reserve = no_limit) -> Sketch:
        """Decode a drawing somebody sent, in this very process: `mindreader.imaging.decoders` has safer ones.

        Raises:
            SketchRejectedError: as `decode_sketch`.
        """
        return cls(shrunk(decode_sketch(data, max_bytes=max_bytes, reserve=reserve)))

    @classmethod
    def from_png(cls, png: bytes) -> Sketch:
        """A sketch from its own `png`, which is taken as it is."""
        return cls(Image.open(BytesIO(png)))

    @cached_property
    def png(self) -> bytes:
        """As an 8-bit grey PNG."""
        out = BytesIO()
        self.image.save(out, "PNG")
        return out.getvalue()

    @cached_property
    def sha256(self) -> str:
        """Of the PNG, in hex."""
        return hashlib.sha256(self.png).hexdigest()


def decode_sketch(
    data: bytes, *, max_bytes: int, max_pixels: int = 64_000_000, reserve: Reserve = no_limit
) -> Image.Image:
    """Decode a drawing into a square image of mode ``L``: black strokes on white.

    Transparency becomes white paper, a light drawing on a dark ground is inverted, a photographed sheet of paper is
    cleaned to its lines, and a drawing that is not square is centred on white so that its proportions stay.

    Raises:
        SketchRejectedError: the file is too large, is no image, or nothing is drawn on it.
    """
    if len(data) > max_bytes:
        raise SketchRejectedError(
            "This drawing is larger than {size:.3g} MB. Send it as a smaller PNG.", size=max_bytes / 2**20
        )
    try:
        photo = decode_photo(data, max_pixels=max_pixels, min_side=_LARGEST_SIDE, reserve=reserve)
        gray = photo.image.convert("L")
    except PhotoRejectedError as error:
        raise SketchRejectedError(error.detail) from error
    drawn = _black_on_white(gray)
    return _squared(drawn if is_clean(drawn) else lines_of_paper(drawn))


def shrunk(image: Image.Image, side: int = _LONGEST_SIDE) -> Image.Image:
    """A grey copy whose longer side has at most ``side`` pixels (never enlarged)."""
    small = image.convert("L")
    small.thumbnail((side, side), Image.Resampling.BICUBIC, reducing_gap=None)
    return small


def sketch_array(image: Image.Image, size: int) -> NDArray[np.uint8]:
    """Resize a sketch to ``(size, size)``, 0 (stroke) to 255 (paper).

    Pillow's bicubic resize is antialiased, so a thin stroke turns grey and does not vanish. Nothing is
    thresholded; the training does exactly the same.
    """
    small = image.convert("L").resize((size, size), Image.Resampling.BICUBIC)
    return np.array(small, dtype=np.uint8)


def _black_on_white(gray: Image.Image) -> Image.Image:
    darkest, lightest = gray.getextrema()
    if float(lightest) - float(darkest) < _LEAST_CONTRAST:  # type: ignore[arg-type]  # mode L: two numbers
        raise SketchRejectedError("Draw something first.")
    dark_ground = ImageStat.Stat(gray).mean[0] < _WHITE / 2
    return ImageOps.invert(gray) if dark_ground else gray


def _squared(gray: Image.Image) -> Image.Image:
    side = max(gray.size)
    if gray.size == (side, side):
        return gray
    square = Image.new("L", (side, side), _WHITE)
    square.paste(gray, ((side - gray.width) // 2, (side - gray.height) // 2))
    return square
