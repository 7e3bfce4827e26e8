"""Camera RAW files as cameras lay them out, made byte by byte: TIFF directories, Canon's boxes, Fujifilm's header."""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image

BYTES, TEXT, SHORT, LONG, RATIO, SIGNED_RATIO = 1, 2, 3, 4, 5, 10
_WIDTHS = {BYTES: 1, TEXT: 1, SHORT: 2, LONG: 4, RATIO: 8, SIGNED_RATIO: 8}
_LETTERS = {BYTES: "B", SHORT: "H", LONG: "I", RATIO: "I", SIGNED_RATIO: "i"}
_CFA, _LINEAR = 32803, 34892
_FROM_XYZ = np.linalg.inv([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])

Tag = tuple[int, str | Sequence[int]]
"""Type and values; both numbers of a ratio one after the other."""
QUARTERS = ((220, 30, 30), (30, 200, 30), (30, 30, 220), (230, 230, 230))
"""Upper left, upper right, lower left, lower right."""


def quarters(width: int, height: int) -> Image.Image:
    """A picture in which every turn shows."""
    pixels = np.empty((height, width, 3), np.uint8)
    halves = [(slice(None, height // 2), slice(height // 2, None)), (slice(None, width // 2), slice(width // 2, None))]
    for number, colour in enumerate(QUARTERS):
        pixels[halves[0][number // 2], halves[1][number % 2]] = colour
    return Image.fromarray(pixels)


def jpeg(image: Image.Image, orientation: int | None = None, date: str | None = None, **options: object) -> bytes:
    """A JPEG with EXIF, if there is something to say."""
    exif, out = Image.Exif(), io.BytesIO()
    if orientation is not None:
        exif[274] = orientation
    if date is not None:
        exif[306] = date
    image.save(out, "JPEG", quality=92, subsampling=0, exif=exif, **options)
    return out.getvalue()


class Tiff:
    """A TIFF file in the making: data first, directories behind what they point at."""

    def __init__(self, head: bytes = b"II*\0", before: bytes = b"") -> None:
        self._order = "<" if head[:2] == b"II" else ">"
        self._data = bytearray(head + b"\0\0\0\0" + before)

    def add(self, data: bytes) -> int:
        """Put bytes into the file; where they lie."""
        self._data += b"\0" * (len(self._data) % 2)
        self._data += data
        return len(self._data) - len(data)

    def directory(self, tags: Mapping[int, Tag], following: int = 0) -> int:
        """Put a directory into the file; where it lies."""
        entries = [(tag, *self._packed(*tags[tag])) for tag in sorted(tags)]
        rows = b""
        for tag, kind, count, value in entries:
            where = value.ljust(4, b"\0") if len(value) <= 4 else struct.pack(f"{self._order}I", self.add(value))
            rows += struct.pack(f"{self._order}HHI", tag, kind, count) + where
        ends = (struct.pack(f"{self._order}H", len(entries)), struct.pack(f"{self._order}I", following))
        return self.add(ends[0] + rows + ends[1])

    def _packed(self, kind: int, values: str | Sequence[int]) -> tuple[int, int, bytes]:
        if isinstance(values, str):
            return kind, len(values) + 1, values.encode() + b"\0"
        data = struct.pack(f"{self._order}{len(values)}{_LETTERS[kind]}", *values)
        return kind, len(data) // _WIDTHS[kind], data

    def done(self, first: int) -> bytes:
        """The file, whose first directory lies there."""
        self._data[4:8] = struct.pack(f"{self._order}I", first)
        return bytes(self._data)


def sensor_values(image: Image.Image) -> np.ndarray:
    """What a sensor whose filters have the colours of sRGB sees: (H, W), 14 bits, red first."""
    light = (np.asarray(image.convert("RGB")) / 255.0) ** 2.2 * 16383
    seen = light[..., 1].copy()
    seen[::2, ::2], seen[1::2, 1::2] = light[::2, ::2, 0], light[1::2, 1::2, 2]
    return np.rint(seen).astype("<u2")


def page_of_sensor(values: np.ndarray, at: int) -> dict[int, Tag]:
    """Tags of what a sensor saw, (H, W) or (H, W, 3), 16 bits each, which lies there in the file."""
    channels = values.shape[2] if values.ndim == 3 else 1
    tags: dict[int, Tag] = {
        254: (LONG, [0]),
        256: (LONG, [values.shape[1]]),
        257: (LONG, [values.shape[0]]),
        258: (SHORT, [16] * channels),
        259: (SHORT, [1]),
        262: (SHORT, [_CFA if channels == 1 else _LINEAR]),
        273: (LONG, [at]),
        277: (SHORT, [channels]),
        278: (LONG, [values.shape[0]]),
        279: (LONG, [2 * values.size]),
        284: (SHORT, [1]),
        50717: (LONG, [16383] * channels),
    }
    if channels == 1:
        tags |= {33421: (SHORT, [2, 2]), 33422: (BYTES, [0, 1, 1, 2])}
    return tags


def colours_of_sensor() -> dict[int, Tag]:
    """Tags of a DNG that say what colours its sensor sees: those of sRGB, under daylight."""
    matrix = [number for row in _FROM_XYZ for value in row for number in (round(value * 10_000), 10_000)]
    return {
        50706: (BYTES, [1, 4, 0, 0]),
        50708: (TEXT, "Tested One"),
        50721: (SIGNED_RATIO, matrix),
        50728: (RATIO, [1, 1] * 3),
        50778: (SHORT, [21]),
    }


def thumbnail(tiff: Tiff, image: Image.Image) -> dict[int, Tag]:
    """Tags of the thumbnail of 160 × 120 pixels that stands first in many RAW files."""
    small = image.convert("RGB").resize((160, 120))
    return {
        254: (LONG, [1]),
        256: (LONG, [160]),
        257: (LONG, [120]),
        258: (SHORT, [8, 8, 8]),
        259: (SHORT, [1]),
        262: (SHORT, [2]),
        273: (LONG, [tiff.add(small.tobytes())]),
        277: (SHORT, [3]),
        278: (LONG, [120]),
        279: (LONG, [small.width * small.height * 3]),
    }


def jpeg_pointer(tiff: Tiff, preview: bytes) -> dict[int, Tag]:
    """Tags of a preview as Nikon and Sony have it."""
    where = tiff.add(preview)
    return {254: (LONG, [1]), 259: (SHORT, [6]), 513: (LONG, [where]), 514: (LONG, [len(preview)])}


def camera(tiff: Tiff, maker: str, model: str, orientation: int, date: str | None) -> dict[int, Tag]:
    """Tags of the camera, of how it was held, and when."""
    tags: dict[int, Tag] = {271: (TEXT, maker), 272: (TEXT, model), 274: (SHORT, [orientation])}
    if date is not None:
        tags[34665] = (LONG, [tiff.directory({36867: (TEXT, date)})])
    return tags


def raw_tiff(
    image: Image.Image,
    *,
    maker: str = "NIKON CORPORATION",
    model: str = "NIKON D7200",
    orientation: int = 1,
    date: str | None = None,
    preview: bytes | None = None,
    is_dng: bool = False,
    values: np.ndarray | None = None,
    head: bytes = b"II*\0",
    size: tuple[int, int] | None = None,
) -> bytes:
    """A RAW file as NEF and DNG are: thumbnail, preview, and last what the sensor saw of the picture.

    `size` is what the file says of the sensor, where that is another.
    """
    values = sensor_values(image) if values is None else values

    def laid_out(at: int) -> bytes:
        tiff = Tiff(head)
        below = [tiff.directory(jpeg_pointer(tiff, preview))] if preview is not None else []
        sensor = page_of_sensor(values, at)
        if size is not None:
            sensor |= {256: (LONG, [size[0]]), 257: (LONG, [size[1]])}
        below.append(tiff.directory(sensor))
        tags = thumbnail(tiff, image) | camera(tiff, maker, model, orientation, date) | {330: (LONG, below)}
        return tiff.done(tiff.directory(tags | (colours_of_sensor() if is_dng else {})))

    end = len(laid_out(0))
    return laid_out(end) + values.astype(f"{'<' if head[:2] == b'II' else '>'}u2").tobytes()


def cr2(preview: bytes, size: tuple[int, int], orientation: int = 1, date: str | None = None) -> bytes:
    """A CR2 of which nothing but its first page is there: the preview as the strip of an old-style JPEG."""

    def laid_out(at: int) -> bytes:
        tiff = Tiff(before=b"CR\2\0\0\0\0\0")
        tags: dict[int, Tag] = {
            256: (SHORT, [size[0]]),
            257: (SHORT, [size[1]]),
            258: (SHORT, [8, 8, 8]),
            259: (SHORT, [6]),
            273: (LONG, [at]),
            279: (LONG, [len(preview)]),
        }
        return tiff.done(tiff.directory(tags | camera(tiff, "Canon", "Canon EOS 80D", orientation, date)))

    end = len(laid_out(0))
    return laid_out(end) + preview


def arw(preview: bytes, orientation: int = 1, date: str | None = None) -> bytes:
    """An ARW of which nothing but its first page is there."""
    tiff = Tiff()
    tags = jpeg_pointer(tiff, preview) | camera(tiff, "SONY", "ILCE-7M3", orientation, date)
    return tiff.done(tiff.directory(tags))


def rw2(preview: bytes, orientation: int = 1, date: str | None = None) -> bytes:
    """An RW2 whose preview lies in a tag of the maker."""
    tiff = Tiff(b"IIU\0")
    tags = camera(tiff, "Panasonic", "DMC-GX80", orientation, date)
    return tiff.done(tiff.directory(tags | {46: (BYTES, list(preview))}))


def orf(preview: bytes) -> bytes:
    """An ORF that holds a JPEG that nothing in it names."""
    return b"IIRO\x08\0\0\0" + bytes(64) + preview + bytes(64)


def raf(preview: bytes) -> bytes:
    """A RAF with its header and its preview."""
    head = b"FUJIFILMCCD-RAW 0201FF383501X-T3".ljust(84, b"\0")
    return head + struct.pack(">II", 160, len(preview)) + bytes(68) + preview + bytes(64)


def box(kind: bytes, data: bytes) -> bytes:
    """A box of the ISO base format."""
    return struct.pack(">I4s", 8 + len(data), kind) + data


def cr3(preview: bytes, orientation: int = 1, date: str = "2021:07:14 10:11:12") -> bytes:
    """A CR3 with its EXIF, and with a preview that no track names."""
    first, details = Tiff(), Tiff()
    main = first.done(first.directory(camera(first, "Canon", "Canon EOS R", orientation, None)))
    dates = details.done(details.directory({36867: (TEXT, date)}))
    canon = bytes.fromhex("85c0b687820f11e08111f4ce462b6a48") + box(b"CMT1", main) + box(b"CMT2", dates)
    return box(b"ftyp", b"crx \0\0\0\1crx isom") + box(b"moov", box(b"uuid", canon)) + box(b"mdat", preview)
