"""Sketches: any drawing a person sends becomes black strokes on a white square, 8-bit grey.

Drawings are not cropped to their strokes: the sketches of the training set keep their own margins.
"""

from __future__ import annotations

import enum
import hashlib
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mindreader.errors import PhotoRejectedError, SketchRejectedError
from mindreader.imaging.arrays import Corners
from mindreader.imaging.decode import Reserve, decode_photo, no_limit
from mindreader.imaging.formats.svg import draw_svg, is_svg
from mindreader.imaging.paper_sketches.ink import dark_on_light, is_clean, require_ink

_WHITE = 255
_LONGEST_SIDE = 512
_PNG_LEVEL = 3
"""Two thirds of the time of zlib's usual 6, for a fifth of bytes more."""
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
        self.image.save(out, "PNG", compress_level=_PNG_LEVEL)
        return out.getvalue()

    @cached_property
    def sha256(self) -> str:
        """Of the PNG, in hex."""
        return hashlib.sha256(self.png).hexdigest()


class Reading(enum.StrEnum):
    """As what a picture of a drawing is read."""

    AUTO = "auto"
    """A sheet of paper if one is found in it, else the whole picture."""
    PICTURE = "picture"
    """The whole picture."""
    SHEET = "sheet"
    """A sheet of paper; the whole picture where none is found and nobody says where its corners are."""


@dataclass(frozen=True, eq=False)
class ReadDrawing:
    """What was made of a picture of a drawing."""

    strokes: Image.Image
    """A square, mode ``L``: black strokes on white."""
    picture: Image.Image
    """The picture itself, mode ``RGB``, upright, laid on white."""
    corners: Corners | None
    """Of the sheet it was cut out by; None if it is the whole picture."""


def decode_sketch(
    data: bytes, *, max_bytes: int, max_pixels: int = 64_000_000, reserve: Reserve = no_limit
) -> Image.Image:
    """Decode a drawing into a square image of mode ``L``: black strokes on white, as `read_drawing`."""
    return read_drawing(data, max_bytes=max_bytes, max_pixels=max_pixels, reserve=reserve).strokes


def read_drawing(
    data: bytes,
    *,
    max_bytes: int,
    max_pixels: int = 64_000_000,
    reserve: Reserve = no_limit,
    reading: Reading = Reading.AUTO,
    corners: Corners | None = None,
) -> ReadDrawing:
    """Make strokes of a drawing, whatever kind of picture it is.

    Strokes on transparency are told by their opacity, a light drawing on a dark ground is inverted, shapes of an SVG
    are drawn, a sheet of paper in a photo is straightened and cleaned to its lines, and a drawing that is not square
    is centred on white so that its proportions stay.

    Args:
        data: an image file; its bytes say of which kind, not its name.
        max_bytes: larger files are refused.
        max_pixels: larger pictures are refused.
        reserve: as `decode_photo`.
        reading: what to make of it.
        corners: of the sheet, where somebody knows them.

    Raises:
        SketchRejectedError: the file is too large, is no image, or nothing is drawn on it.
    """
    if len(data) > max_bytes:
        raise SketchRejectedError(
            "This drawing is larger than {size:.3g} MB. Send it as a smaller PNG.", size=max_bytes / 2**20
        )
    try:
        image, alpha = _decoded(data, max_pixels, reserve)
    except PhotoRejectedError as error:
        raise SketchRejectedError(error.detail) from error
    strokes, corners = _strokes(image, alpha, reading, corners)
    return ReadDrawing(_squared(strokes), image, corners)


def _decoded(data: bytes, max_pixels: int, reserve: Reserve) -> tuple[Image.Image, Image.Image | None]:
    """The picture laid on white, mode ``RGB``, and how opaque it was, mode ``L``."""
    if is_svg(data):
        drawn = draw_svg(data)
        paper = Image.new("RGB", drawn.size, "white")
        paper.paste(drawn, mask=drawn)
        return paper, drawn.getchannel("A")
    photo = decode_photo(data, max_pixels=max_pixels, min_side=_LARGEST_SIDE, reserve=reserve, keep_alpha=True)
    return photo.image, photo.alpha


def _strokes(
    image: Image.Image, alpha: Image.Image | None, reading: Reading, corners: Corners | None
) -> tuple[Image.Image, Corners | None]:
    if corners is not None:
        return _lines_of_sheet(image, corners), corners
    drawn = dark_on_light(image.convert("L"), alpha)
    if is_clean(drawn):
        return drawn, None
    corners = None if reading is Reading.PICTURE else _corners_of_sheet(image)
    if corners is not None:
        return _lines_of_sheet(image, corners), corners
    return _lines(drawn), None


# OpenCV is large, and only photos of paper need it: processes that see none do without.
def _corners_of_sheet(image: Image.Image) -> Corners | None:
    from mindreader.imaging.paper_sketches.sheet import find_sheet

    return find_sheet(image)


def _lines_of_sheet(image: Image.Image, corners: Corners) -> Image.Image:
    from mindreader.imaging.paper_sketches.sheet import straightened

    return _lines(straightened(image, corners).convert("L"))


def _lines(gray: Image.Image) -> Image.Image:
    from mindreader.imaging.paper_sketches.paper import lines_of_paper

    lines = lines_of_paper(gray)
    require_ink(lines)
    return lines


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


def _squared(gray: Image.Image) -> Image.Image:
    side = max(gray.size)
    if gray.size == (side, side):
        return gray
    square = Image.new("L", (side, side), _WHITE)
    square.paste(gray, ((side - gray.width) // 2, (side - gray.height) // 2))
    return square
