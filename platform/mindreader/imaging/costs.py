"""What a picture costs to decode, told from its header: bytes of memory, and passes over a JPEG.

The factors are bytes a pixel at the peak, as `bench/decoding.py` measures them, rounded up.
"""

from __future__ import annotations

import os
from typing import IO

import numpy as np
from PIL import ImageFile, JpegImagePlugin

from mindreader.imaging.formats import jpeg_xl
from mindreader.imaging.pixels import bytes_to_convert

Size = tuple[int, int]
"""Width and height in pixels."""

_BYTES_OF_MODE = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16L": 2, "I;16N": 2}
_BYTES_OF_OTHER_MODES = 4
_BYTES_OF_FORMAT = {"WEBP": 18, "GIF": 5, "HEIF": 12, "AVIF": 14, "JXL": 16}
"""Formats whose libraries hold a picture several times over, whatever its mode."""
_BITS_OF_BYTE = 8
_BYTES_OF_JXL_CHANNEL = 8
_BYTES_OF_DEEP_JXL_PIXEL = 12
_BYTES_OF_FILTERED_PIXEL = 12
_BYTES_OF_COLOUR_PIXEL = 32
_BYTES_OF_COEFFICIENT = 2
_SOS = b"\xff\xda"
_WITHOUT_LENGTH = frozenset(range(0xD0, 0xD9)) | {0x01}
_PIECE = 2**20
_WEBP_HEAD = 30


def bytes_to_decode(image: ImageFile.ImageFile, full: Size, file: IO[bytes], min_side: int | None) -> int:
    """Memory that decoding an opened image takes at most, its conversion to sRGB included.

    Args:
        image: opened, not loaded; a JPEG may have been told to decode smaller.
        full: width and height in the file, in pixels.
        file: what it was opened from; several libraries read it whole.
        min_side: as `decode_photo` takes it.
    """
    pixels = image.width * image.height
    return _length(file) + _bytes_to_load(image, pixels, full, file) + bytes_to_convert(image.size, min_side)


def bytes_to_decode_webp(size: Size, file: IO[bytes], min_side: int | None) -> int:
    """The same for a WebP that is not opened yet."""
    pixels = size[0] * size[1]
    return _length(file) + pixels * _BYTES_OF_FORMAT["WEBP"] + bytes_to_convert(size, min_side)


def bytes_to_decode_jpeg_xl(header: jpeg_xl.Header, file: IO[bytes], min_side: int | None) -> int:
    """The same for a JPEG XL that is not opened yet."""
    deep = 0 if header.bits <= _BITS_OF_BYTE else _BYTES_OF_DEEP_JXL_PIXEL
    of_pixel = _BYTES_OF_FORMAT["JXL"] + deep + header.extra_channels * _BYTES_OF_JXL_CHANNEL
    pixels = header.size[0] * header.size[1]
    return 2 * _length(file) + pixels * of_pixel + bytes_to_convert(header.size, min_side)


def bytes_to_develop(sensor: Size, file: IO[bytes], min_side: int | None, *, has_filters: bool) -> int:
    """Memory that LibRaw takes to develop a photo, its conversion included.

    Args:
        sensor: width and height of the sensor, in pixels.
        file: the RAW file.
        min_side: as `decode_photo` takes it.
        has_filters: whether it is known that each pixel saw one colour, so that four of them become one.
    """
    of_pixel = _BYTES_OF_FILTERED_PIXEL if has_filters else _BYTES_OF_COLOUR_PIXEL
    return _length(file) + sensor[0] * sensor[1] * of_pixel + bytes_to_convert(sensor, min_side)


def webp_size(head: bytes) -> Size | None:
    """Width and height of a WebP, from the first bytes of the file (RFC 9649); None for what is none, or is damaged."""
    if head[:4] != b"RIFF" or head[8:12] != b"WEBP" or len(head) < _WEBP_HEAD:
        return None
    kind = head[12:16]
    if kind == b"VP8X":
        return 1 + int.from_bytes(head[24:27], "little"), 1 + int.from_bytes(head[27:30], "little")
    if kind == b"VP8L":
        bits = int.from_bytes(head[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 ":
        width, height = (int.from_bytes(head[start : start + 2], "little") & 0x3FFF for start in (26, 28))
        return width, height
    return None


def _bytes_to_load(image: ImageFile.ImageFile, pixels: int, full: Size, file: IO[bytes]) -> int:
    if image.format in _BYTES_OF_FORMAT:
        return pixels * _BYTES_OF_FORMAT[image.format]
    held = pixels * _BYTES_OF_MODE.get(image.mode, _BYTES_OF_OTHER_MODES)
    if isinstance(image, JpegImagePlugin.JpegImageFile):
        return held + _coefficient_bytes(image, full, file)
    if image.format == "TIFF" and image.info.get("compression", "raw") != "raw":
        return 2 * held  # one strip may be the whole picture
    return held


def _coefficient_bytes(image: JpegImagePlugin.JpegImageFile, full: Size, file: IO[bytes]) -> int:
    """A JPEG of several scans is kept as coefficients until the last one, at full size."""
    if not image.info.get("progressive") and not _splits_colours(image, file):
        return 0
    sampling = [(across, down) for _, across, down, _ in image.layer]
    widest, highest = (max(1, *sides) for sides in zip(*sampling, strict=True))
    samples = sum(across * down for across, down in sampling) / (widest * highest)
    return int(full[0] * full[1] * samples * _BYTES_OF_COEFFICIENT)


def _splits_colours(image: JpegImagePlugin.JpegImageFile, file: IO[bytes]) -> bool:
    """Whether the first scan brings fewer colour components than the picture has; the file is left where it stood."""
    place = file.tell()
    try:
        return _components_of_first_scan(file) < len(image.layer)
    finally:
        file.seek(place)


def jpeg_scans(file: IO[bytes]) -> int:
    """How often a decoder goes over a JPEG: its scans, those of further pictures in the file included.

    The file is left where it stood.
    """
    place = file.tell()
    try:
        _components_of_first_scan(file)
        return 1 + _occurrences(file, _SOS)
    finally:
        file.seek(place)


def _components_of_first_scan(file: IO[bytes]) -> int:
    """Go through the segments of the header (ITU T.81, B.1.1); the file then stands in the first scan."""
    file.seek(2)
    while start := file.read(2):
        marker = start[-1]
        if marker == 0xFF:  # padding
            file.seek(-1, os.SEEK_CUR)
        elif marker not in _WITHOUT_LENGTH:
            length = int.from_bytes(file.read(2), "big")
            if marker == _SOS[1]:
                return int.from_bytes(file.read(1), "big")
            file.seek(max(0, length - 2), os.SEEK_CUR)
    return 0


def _occurrences(file: IO[bytes], mark: bytes) -> int:
    """How often two bytes come in the rest of a file."""
    count, last = 0, b""
    while piece := file.read(_PIECE):
        # Four times as fast as `bytes.count`, which took a tenth of the time of a large JPEG.
        values = np.frombuffer(last + piece, np.uint8)
        count += int(np.count_nonzero((values[:-1] == mark[0]) & (values[1:] == mark[1])))
        last = piece[-1:]
    return count


def _length(file: IO[bytes]) -> int:
    place = file.tell()
    length = file.seek(0, os.SEEK_END)
    file.seek(place)
    return length
