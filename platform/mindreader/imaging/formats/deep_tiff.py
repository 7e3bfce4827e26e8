"""TIFF colours that Pillow cannot read, or takes for noise: 16 bits in separate planes, and floating numbers.

Pillow reads grey of such numbers, compressed or not. So it is shown the same file with another directory, which calls
a plane, or all channels side by side, a grey picture.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from io import SEEK_END
from typing import IO, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, TiffImagePlugin

from mindreader.errors import PhotoRejectedError
from mindreader.imaging import rejections
from mindreader.imaging.formats.tiff import MOST_PREVIEWS, is_preview, is_swapped
from mindreader.imaging.formats.windows import Window

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _FILL = 256, 257, 258, 259, 262, 266
_STRIPS, _CHANNELS, _ROWS, _STRIP_BYTES, _PLANES = 273, 277, 278, 279, 284
_PREDICTOR, _TILE_WIDTH, _TILE_HEIGHT, _TILES, _TILE_BYTES = 317, 322, 323, 324, 325
_SAMPLE_FORMAT, _PROFILE = 339, 34675
_NONE, _SEPARATE, _FLOAT, _RGB, _BLACK_IS_ZERO = 1, 2, 3, 2, 1
_KEPT = (_COMPRESSION, _FILL, _ROWS, _PREDICTOR, _TILE_WIDTH, _TILE_HEIGHT)
_CARRIED = (ExifTags.Base.Orientation, ExifTags.Base.DateTime)
_BAND_PIXELS = 2**18
_BYTES_OF_BAND_NUMBER = 32
_BYTES_OF_RGB = 4
_BIG = 43

Numbers = NDArray[Any]


@dataclass(frozen=True, eq=False)
class DeepTiff:
    """Such a picture, nothing of its pixels read yet."""

    size: tuple[int, int]
    """Width and height in pixels, as they lie in the file."""
    layers: list[TiffImagePlugin.TiffImageFile]
    """Grey pictures: a plane each, or a single one whose rows hold all channels of a pixel after one another."""
    channels: int
    tags: dict[int, Any]
    file_bytes: int
    format: ClassVar[str] = "TIFF"

    @property
    def bytes_to_load(self) -> int:
        """Memory that `load` takes at most, the file included, which is read whole."""
        width, height = self.size
        held = self.channels * self._bits // 8
        if self.tags.get(_COMPRESSION, _NONE) != _NONE:
            held *= 2  # one strip may be the whole picture
        band = max(_BAND_PIXELS, width) * self.channels * _BYTES_OF_BAND_NUMBER
        return width * height * (held + _BYTES_OF_RGB) + 2 * self.file_bytes + band

    def load(self) -> Image.Image:
        """The picture in RGB of 8 bits with its profile, its orientation and the time it was changed as EXIF."""
        for layer in self.layers:
            layer.load()
        top = self._top()
        made = Image.new("RGB", self.size)
        for row, band in self._bands():
            scaled = np.nan_to_num(band.astype(np.float32), nan=0.0, posinf=top, neginf=0.0) * (255 / top)
            made.paste(Image.fromarray(np.rint(np.clip(scaled, 0, 255)).astype(np.uint8)), (0, row))
        made.info = {"icc_profile": self.tags.get(_PROFILE), "exif": self._exif()}
        return made

    @property
    def _bits(self) -> int:
        return int(max(self.tags[_BITS]))

    def _top(self) -> float:
        """The number that stands for white: floating ones reach 1, and a few lights beyond, or else 255 or 65535."""
        if not is_floating(self.tags):
            return 65535.0
        most = max(float(np.median(band[np.isfinite(band)])) for _, band in self._bands() if np.isfinite(band).any())
        return next((top for top in (1.0, 255.0) if most <= top), 65535.0)

    def _bands(self) -> Iterator[tuple[int, Numbers]]:
        """Rows (n, width, 3) from above to below, each with the number of the first."""
        width, height = self.size
        rows = max(1, _BAND_PIXELS // width)
        for top in range(0, height, rows):
            parts = [_rows(layer, top, min(top + rows, height)) for layer in self.layers]
            yield top, np.dstack(parts) if len(parts) > 1 else parts[0].reshape(-1, width, self.channels)[..., :3]

    def _exif(self) -> bytes:
        exif = Image.Exif()
        for tag in _CARRIED:
            if tag in self.tags:
                exif[tag] = self.tags[tag]
        return exif.tobytes()


def deep_tiff(file: IO[bytes]) -> DeepTiff | None:
    """The picture of a TIFF behind its previews, None for other kinds of TIFF and of files.

    Raises:
        PhotoRejectedError: it is of such a kind, and cannot be read all the same.
    """
    head = b""
    tags: dict[int, Any] = {}
    with suppress(SyntaxError, ValueError, KeyError, IndexError, TypeError, struct.error, OSError):
        head, tags = _directory(file)
    if not is_floating(tags) and not is_deep_in_planes(tags):
        return None
    try:
        channels = _channels(tags)
        layers = [_opened(file, head, layer) for layer in _layers(tags, channels)]
        return DeepTiff((tags[_WIDTH], tags[_HEIGHT]), layers, channels, tags, file.seek(0, SEEK_END))
    except MemoryError:
        raise
    except Exception:
        raise PhotoRejectedError(
            rejections.FLOATING_TIFF if is_floating(tags) else rejections.DEEP_PLANES_TIFF
        ) from None


def is_floating(tags: Mapping[int, Any]) -> bool:
    """Whether a directory describes floating numbers."""
    return _FLOAT in tags.get(_SAMPLE_FORMAT, ())


def is_deep_in_planes(tags: Mapping[int, Any]) -> bool:
    """Whether a directory describes colours of more than 8 bits, each in a plane."""
    bits = tags.get(_BITS, (1,))
    return tags.get(_PLANES) == _SEPARATE and len(bits) > 1 and max(bits) > 8


def _directory(file: IO[bytes]) -> tuple[bytes, dict[int, Any]]:
    """The head of a TIFF, and the directory of its picture: the first that is no preview, or else the very first."""
    file.seek(0)
    head = file.read(8)
    if _BIG in (head[2], head[3]):
        head += file.read(8)
    directory = TiffImagePlugin.ImageFileDirectory_v2(head)
    first: dict[int, Any] = {}
    for _ in range(MOST_PREVIEWS):
        if not directory.next:
            break
        file.seek(directory.next)
        directory.load(file)
        first = first or dict(directory)
        if not is_preview(directory):
            return head, dict(directory)
    return head, first


def _channels(tags: dict[int, Any]) -> int:
    channels = int(tags.get(_CHANNELS, 1))
    if tags[_PHOTOMETRIC] != _RGB or channels < 3:
        raise ValueError("no red, green and blue")
    return channels


def _layers(tags: dict[int, Any], channels: int) -> list[dict[int, tuple[int, ...]]]:
    """Directories that describe the picture as grey, by tag.

    Raises:
        ValueError: they cannot.
    """
    is_float, is_planar = is_floating(tags), tags.get(_PLANES) == _SEPARATE
    if not is_float and not (is_planar and set(tags[_BITS]) == {16}):
        raise ValueError("not deep, or deeper than that")
    if not is_planar and tags.get(_PREDICTOR, 1) != 1:
        raise ValueError("differences to the pixel before cannot be told from those to the number before")
    together = 1 if is_planar else channels
    starts, lengths = (_STRIPS, _STRIP_BYTES) if _STRIPS in tags else (_TILES, _TILE_BYTES)
    grey = {tag: (int(tags[tag]),) for tag in _KEPT if tag in tags}
    if _TILE_WIDTH in grey:
        grey[_TILE_WIDTH] = (grey[_TILE_WIDTH][0] * together,)
    grey |= {_WIDTH: (tags[_WIDTH] * together,), _HEIGHT: (tags[_HEIGHT],), _BITS: (max(tags[_BITS]),)}
    grey |= {_PHOTOMETRIC: (_BLACK_IS_ZERO,), _CHANNELS: (1,), _SAMPLE_FORMAT: (_FLOAT if is_float else 1,)}
    each = len(tags[starts]) // channels if is_planar else len(tags[starts])
    return [
        grey | {tag: tuple(tags[tag][first : first + each]) for tag in (starts, lengths)}
        for first in (range(0, 3 * each, each) if is_planar else (0,))
    ]


def _opened(file: IO[bytes], head: bytes, tags: dict[int, tuple[int, ...]]) -> TiffImagePlugin.TiffImageFile:
    opened = Image.open(_redescribed(file, head, tags), formats=["TIFF"])  # type: ignore[arg-type]
    assert isinstance(opened, TiffImagePlugin.TiffImageFile)
    return opened


def _rows(layer: TiffImagePlugin.TiffImageFile, top: int, end: int) -> Numbers:
    numbers = np.asarray(layer.crop((0, top, layer.width, end)))
    return numbers.byteswap() if is_swapped(layer) else numbers


def _redescribed(stream: IO[bytes], head: bytes, tags: dict[int, tuple[int, ...]]) -> Window:
    """A TIFF with another directory: its own bytes, only that its head points behind them, where the other lies."""
    length = stream.seek(0, SEEK_END)
    order = "<" if head.startswith(b"II") else ">"
    is_big = len(head) > 8
    pointing = head[:8] + struct.pack(order + "Q", length) if is_big else head[:4] + struct.pack(order + "I", length)
    return Window(stream, len(pointing), before=pointing, after=_packed(tags, order, length, is_big))


def _packed(tags: dict[int, tuple[int, ...]], order: str, at: int, is_big: bool) -> bytes:
    """A directory to lie at this place, and behind it what does not fit into it (TIFF 6.0, section 2, and BigTIFF)."""
    count, pointer = ("Q", "Q") if is_big else ("H", "I")
    kind = 16 if is_big else 4
    width = struct.calcsize(order + pointer)
    behind = at + struct.calcsize(order + count) + len(tags) * (4 + 2 * width) + width
    entries, values = b"", b""
    for tag, numbers in sorted(tags.items()):
        packed = struct.pack(f"{order}{len(numbers)}{pointer}", *numbers)
        inside = packed if len(numbers) == 1 else struct.pack(order + pointer, behind + len(values))
        values += b"" if len(numbers) == 1 else packed
        entries += struct.pack(order + "HH" + pointer, tag, kind, len(numbers)) + inside
    return struct.pack(order + count, len(tags)) + entries + struct.pack(order + pointer, 0) + values
