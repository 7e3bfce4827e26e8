"""JPEG XL (ISO/IEC 18181): what its header says, read without decoding, and its pixels.

The library decodes a file whole as soon as it is opened, shows the last picture of an animation, and has one error
for all damage.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO

import numpy as np
import pillow_jxl
from PIL import Image

from mindreader.errors import PhotoRejectedError
from mindreader.imaging import rejections
from mindreader.imaging.formats.boxes import pieces

FORMAT = "JXL"
MEDIA_TYPE = "image/jxl"

_CODESTREAM = b"\xff\x0a"
_CONTAINER = b"\x00\x00\x00\x0cJXL \r\n\x87\n"
_HEADER_BYTES = 256
_RATIOS = ((1, 1), (1, 1), (6, 5), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
_SIDES = ((9, 1), (13, 1), (18, 1), (30, 1))
_PREVIEW_BITS = ((6, 1), (8, 65), (10, 321), (12, 1345))
_PREVIEW_BLOCK_BITS = ((0, 16), (0, 32), (5, 1), (9, 33))
_DEPTHS = ((0, 8), (0, 10), (0, 12), (6, 1))
_FLOAT_DEPTHS = ((0, 32), (0, 16), (0, 24), (6, 1))
_CHANNELS = ((0, 0), (0, 1), (4, 2), (12, 1))
_EXIF_OFFSET_BYTES = 4
_EXIF_HEADS = (b"II*\0", b"MM\0*")


@dataclass(frozen=True)
class Header:
    """What stands before the pixels."""

    size: tuple[int, int]
    """Width and height before it is turned upright, in pixels."""
    bits: int = 8
    """Of a value."""
    extra_channels: int = 0
    """Beside the colours, transparency included."""
    is_animated: bool = False


def is_jpeg_xl(head: bytes) -> bool:
    """Whether a file begins as one."""
    return head.startswith((_CODESTREAM, _CONTAINER))


def header(file: IO[bytes]) -> Header:
    """Read the header; the file is left where it stood.

    Raises:
        PhotoRejectedError: the file ends before its header does, or before its boxes do.
    """
    place = file.tell()
    try:
        return _header(_Bits(_codestream_head(file)))
    except (EOFError, ValueError):
        raise PhotoRejectedError(rejections.BROKEN_JPEG_XL) from None
    finally:
        file.seek(place)


def picture(file: IO[bytes]) -> Image.Image | bytes:
    """Decode a file: its pixels, upright by themselves, or the JPEG that it was made from without loss.

    Raises:
        PhotoRejectedError: the file is cut or damaged, or its colours are of a kind that the library does not know.
    """
    file.seek(0)
    try:
        is_jpeg, info, data, icc, boxes = pillow_jxl.Decoder(num_threads=0)(file.read())
    except RuntimeError:
        raise PhotoRejectedError(rejections.BROKEN_JPEG_XL) from None
    if is_jpeg:
        return bytes(data)
    image = _image(info.mode, (info.width, info.height), data)
    image.info["icc_profile"] = icc
    image.info["exif"] = next((_exif(bytes(box.data)) for box in boxes if box.box_type == b"Exif"), b"")
    return image


def _exif(box: bytes) -> bytes:
    """What the box holds: how far to go to EXIF first, which some programs leave off."""
    if box.startswith(_EXIF_HEADS):
        return box
    return box[_EXIF_OFFSET_BYTES + int.from_bytes(box[:_EXIF_OFFSET_BYTES], "big") :]


def _image(mode: str, size: tuple[int, int], data: bytes) -> Image.Image:
    if mode == "F;16":  # the library widens the values and not the name
        mode = "F"
    pixels = size[0] * size[1]
    if mode == "LA" and len(data) in (4 * pixels, 8 * pixels):  # grey and transparency of 16 bits, or floating
        data = _in_bytes(data, is_float=len(data) == 8 * pixels)
    return Image.frombytes(mode, size, data)


def _in_bytes(data: bytes, *, is_float: bool) -> bytes:
    """Values of 16 bits, or floating, as values of eight."""
    if not is_float:
        return (np.frombuffer(data, np.uint16) >> 8).astype(np.uint8).tobytes()
    return (np.clip(np.frombuffer(data, np.float32), 0, 1) * 255).astype(np.uint8).tobytes()


def _codestream_head(file: IO[bytes]) -> bytes:
    file.seek(0)
    start = file.read(len(_CONTAINER))
    if start.startswith(_CODESTREAM):
        return start + file.read(_HEADER_BYTES)
    head = b""
    for kind, at, size in pieces(file):
        if kind in (b"jxlc", b"jxlp"):
            skipped = 4 if kind == b"jxlp" else 0  # the number of the part
            file.seek(at + skipped)
            head += file.read(min(_HEADER_BYTES, max(0, size - skipped)))
        if len(head) >= _HEADER_BYTES:
            break
    return head


def _header(bits: _Bits) -> Header:
    if bits.take(16) != int.from_bytes(_CODESTREAM, "little"):
        raise ValueError("no codestream")
    size = _size(bits)
    if bits.take(1):  # all as usual
        return Header(size)
    if bits.take(1):
        bits.take(3)  # how it is to be turned, which the library does
        if bits.take(1):
            _size(bits)
        if bits.take(1):
            _skip_preview(bits)
        if bits.take(1):
            return Header(size, is_animated=True)
    depth = _depth(bits)
    bits.take(1)
    return Header(size, depth, bits.choice(_CHANNELS))


def _size(bits: _Bits) -> tuple[int, int]:
    is_small = bool(bits.take(1))
    height = _side(bits, is_small)
    if ratio := bits.take(3):
        across, down = _RATIOS[ratio]
        return height * across // down, height
    return _side(bits, is_small), height


def _side(bits: _Bits, is_small: bool) -> int:
    return 8 * (bits.take(5) + 1) if is_small else bits.choice(_SIDES)


def _skip_preview(bits: _Bits) -> None:
    table = _PREVIEW_BLOCK_BITS if bits.take(1) else _PREVIEW_BITS
    bits.choice(table)
    if not bits.take(3):
        bits.choice(table)


def _depth(bits: _Bits) -> int:
    is_float = bits.take(1)
    depth = bits.choice(_FLOAT_DEPTHS if is_float else _DEPTHS)
    if is_float:
        bits.take(4)
    return depth


class _Bits:
    """Numbers from bytes, lowest bit first."""

    def __init__(self, data: bytes) -> None:
        self._value, self._left = int.from_bytes(data, "little"), 8 * len(data)

    def take(self, count: int) -> int:
        """The next so many bits.

        Raises:
            EOFError: there are fewer.
        """
        if count > self._left:
            raise EOFError
        taken = self._value & ((1 << count) - 1)
        self._value >>= count
        self._left -= count
        return taken

    def choice(self, table: tuple[tuple[int, int], ...]) -> int:
        """A number of one of four widths, each with what is added to it."""
        width, added = table[self.take(2)]
        return self.take(width) + added
