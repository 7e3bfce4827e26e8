"""Whatever pixels a file holds, as 8-bit sRGB on white: depth, transparency, colour space.

Large pictures are converted band by band, so that beside the decoded picture only the result and one band lie in
memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops

from mindreader.imaging.formats import colour, tiff
from mindreader.imaging.formats.colour import CodePoints, Convert

# Brightest value of pictures whose mode does not say it; a brighter picture is stretched from 0 to its maximum.
_TOPS = {"I": (255.0, 65535.0), "F": (1.0, 255.0, 65535.0)}


# Rows of about so many pixels are converted at a time.
_BAND_PIXELS = 2**20
_BYTES_OF_BAND_PIXEL = 32
_LARGE_PIXELS = 4_000_000
_OPAQUE = 255
_BYTES_OF_RESULT = 8  # Pillow keeps RGB in four; turning it upright makes a copy


def to_srgb(image: Image.Image, min_side: int | None = None, points: CodePoints | None = None) -> Image.Image:
    """Turn a loaded image of any mode into a new ``RGB`` image without metadata.

    Deep grey (16-bit, 32-bit, float) is scaled, not clipped; transparency is laid over white; an embedded
    profile is applied, whatever it is called, and ignored when it is broken or of another kind of pixels.

    Args:
        image: loaded.
        min_side: when given, a picture of more than 4 megapixels is made smaller on the way, by a whole number, as
            long as its shorter side keeps twice this many pixels.
        points: what the file says of its colours beside a profile; they go before one.
    """
    convert = _conversion(image, points)
    factor = _factor(image.size, min_side)
    if factor == 1 and image.width * image.height <= _BAND_PIXELS:
        rgb = convert(image)
        rgb.info = {}  # neither place nor camera may travel on, and the profile no longer describes the pixels
        return rgb
    rgb = Image.new("RGB", (-(-image.width // factor), -(-image.height // factor)))
    for top, band in _bands(image, factor):
        rgb.paste(convert(band).reduce(factor), (0, top // factor))
    return rgb


def alpha_of(image: Image.Image, min_side: int | None = None) -> Image.Image | None:
    """How opaque each pixel of a loaded image is, mode ``L``, of the size that `to_srgb` gives; None if all are."""
    if not image.has_transparency_data:
        return None
    factor = _factor(image.size, min_side)
    alpha = Image.new("L", (-(-image.width // factor), -(-image.height // factor)))
    for top, band in _bands(image, factor):
        alpha.paste(band.convert("RGBA").getchannel("A").reduce(factor), (0, top // factor))
    return None if alpha.getextrema() == (_OPAQUE, _OPAQUE) else alpha


def bytes_to_convert(size: tuple[int, int], min_side: int | None) -> int:
    """Memory that `to_srgb` takes beside a loaded image of this size, and turning its result upright."""
    pixels = size[0] * size[1]
    return pixels // _factor(size, min_side) ** 2 * _BYTES_OF_RESULT + min(pixels, _BAND_PIXELS) * _BYTES_OF_BAND_PIXEL


def _factor(size: tuple[int, int], min_side: int | None) -> int:
    if min_side is None or size[0] * size[1] <= _LARGE_PIXELS:
        return 1
    return max(1, min(size) // (2 * min_side))


def _bands(image: Image.Image, factor: int) -> Iterator[tuple[int, Image.Image]]:
    """Parts of full width from top to bottom, each with the row it begins at, a multiple of `factor`."""
    rows = max(1, _BAND_PIXELS // (image.width * factor)) * factor
    for top in range(0, image.height, rows):
        yield top, image.crop((0, top, image.width, min(top + rows, image.height)))


def _conversion(image: Image.Image, points: CodePoints | None) -> Convert:
    """What turns a part of this image into sRGB; what depends on the whole is found out once."""
    if (by_points := colour.code_point_conversion(points)) is not None:
        return _chained(_to_rgb(image), by_points)
    by_profile = colour.profile_conversion(image.info.get("icc_profile"), image.mode) if points is None else None
    if by_profile is None:
        return colour.lab_conversion() if image.mode == "LAB" else _to_rgb(image)
    takes, in_srgb = by_profile
    if takes in ("CMYK", "LAB"):
        return in_srgb
    in_rgb = _to_rgb(image)
    return _chained(in_rgb, in_srgb) if takes == "RGB" else lambda band: in_srgb(in_rgb(band).getchannel(0))


def _chained(first: Convert, second: Convert) -> Convert:
    return lambda band: second(first(band))


def _to_rgb(image: Image.Image) -> Convert:
    convert = _positive_to_rgb(image)
    return _chained(convert, ImageChops.invert) if tiff.is_negative(image) else convert


def _positive_to_rgb(image: Image.Image) -> Convert:
    if image.mode.startswith("I;16"):
        return lambda band: _grey(np.asarray(band) >> 8)
    if image.mode in _TOPS:
        is_swapped = tiff.is_swapped(image)
        low, top = _value_range(*_extremes(image, is_swapped), _TOPS[image.mode])
        return lambda band: _grey(np.rint((_finite(band, is_swapped) - low) * (255.0 / (top - low))))
    if image.has_transparency_data:
        return _over_white
    return lambda band: band.convert("RGB")


def _grey(values: NDArray[Any]) -> Image.Image:
    return Image.fromarray(values.astype(np.uint8)).convert("RGB")


def _finite(band: Image.Image, is_swapped: bool) -> NDArray[np.float32]:
    numbers = np.asarray(band)
    if is_swapped:
        numbers = numbers.byteswap()
    return np.nan_to_num(numbers.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)


def _extremes(image: Image.Image, is_swapped: bool) -> tuple[float, float]:
    extremes = [(values.min(), values.max()) for values in (_finite(band, is_swapped) for _, band in _bands(image, 1))]
    return float(min(low for low, _ in extremes)), float(max(high for _, high in extremes))


def _value_range(low: float, high: float, tops: tuple[float, ...]) -> tuple[float, float]:
    if low < 0:
        return low, max(high, low + 1.0)
    return 0.0, next((top for top in tops if high <= top), high)


def _over_white(image: Image.Image) -> Image.Image:
    layer = image.convert("RGBA")
    paper = Image.new("RGB", layer.size, "white")
    paper.paste(layer, mask=layer)
    return paper
