"""Picture files that are small and ask for much: memory, or a processor's time."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
from PIL import Image

from tests.support import jpeg_xl as jpeg_xl_files
from tests.support import raw_files


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def webp(side: int) -> bytes:
    """A lossless WebP of one colour: a few dozen bytes, whatever its size. Drawn at 16 pixels, then said larger."""
    data = bytearray(saved(Image.new("RGB", (16, 16)), "WEBP", lossless=True))
    bits = int.from_bytes(data[21:25], "little") & ~0xFFFFFFF
    data[21:25] = (bits | (side - 1) | (side - 1) << 14).to_bytes(4, "little")
    return bytes(data)


def png(width: int, height: int, colour_type: int = 6, depth: int = 8) -> bytes:
    """A PNG of zeros, compressed a thousandfold; made row by row."""
    channels = {0: 1, 2: 3, 4: 2, 6: 4}[colour_type]
    row = b"\0" * (1 + width * channels * depth // 8)
    packer = zlib.compressobj(1)
    body = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", body) + _chunk(b"IEND", b"")


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def gif(width: int, height: int) -> bytes:
    """A GIF of one pixel on a canvas of this size."""
    data = bytearray(saved(Image.new("P", (1, 1)), "GIF"))
    data[6:10] = struct.pack("<HH", width, height)
    return bytes(data)


def tiff_of_strips(strips: int, side: int = 64) -> bytes:
    """A grey TIFF whose directory lists so many strips: eight bytes of file for each."""
    offsets, counts = np.full(strips, 8, "<u4").tobytes(), np.full(strips, 1, "<u4").tobytes()
    where = 8
    entries = [
        (256, 3, 1, side),
        (257, 3, 1, side),
        (258, 3, 1, 8),
        (259, 3, 1, 1),
        (262, 3, 1, 1),
        (273, 4, strips, where),
        (277, 3, 1, 1),
        (278, 3, 1, 1),
        (279, 4, strips, where + len(offsets)),
    ]
    directory = (
        struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries) + b"\0" * 4
    )
    return b"II*\0" + struct.pack("<I", where + len(offsets) + len(counts)) + offsets + counts + directory


def jpeg_of_scans(scans: int, side: int) -> bytes:
    """A progressive JPEG whose last scan is there again and again: each costs a pass over the picture."""
    slope = Image.fromarray(np.arange(256, dtype=np.uint8).reshape(16, 16))
    data = saved(slope.resize((side, side), Image.Resampling.BICUBIC), "JPEG", progressive=True, quality=60)
    begin = data.rindex(b"\xff\xda")
    while data[begin - 2 : begin - 1] == b"\xff" and data[begin - 1] == 0xC4:
        begin -= 2
    scan = data[begin:-2]
    return data[:-2] + scan * (scans - data.count(b"\xff\xda")) + b"\xff\xd9"


def jpeg_xl(side: int) -> bytes:
    """A JPEG XL of a hundred bytes that says it is so large."""
    return jpeg_xl_files.written(Image.new("RGB", (64, 64)), size=(side, side))


def dng(side: int) -> bytes:
    """A DNG whose sensor has so many pixels, of which a single strip is there."""
    return raw_files.raw_tiff(Image.new("RGB", (64, 64)), maker="Test", is_dng=True, size=(side, side))
