"""Photo files of every taken format, and damage done to them at random: what a fuzz test feeds to the decoders."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from io import BytesIO
from typing import Any, Literal

import numpy as np
import pillow_heif
from hypothesis import strategies as st
from PIL import Image

from tests.support import colours, jpeg_xl, raw_files, tiffs
from tests.support.heics import coded_heic

pillow_heif.register_heif_opener()

_WIDTH, _HEIGHT = 48, 36
_MAGIC_BYTES, _HEAD_BYTES = 16, 96
_SIZES = (0, 1, 2, 255, 256, 0x1FFF, 0x3FFF, 0x7FFF, 0xFFFF, 65_500, 14_000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
_MOST_BYTES = 2**20
_PNG = b"\x89PNG\r\n\x1a\n"

Order = Literal["big", "little"]
Size = tuple[bytes, int, int, Order]
"""Magic number or mark; place of the width, from the beginning or behind the mark; bytes of it and of the height."""
Damage = Callable[[st.DrawFn, bytes], bytes]

_ORDERS: tuple[Order, ...] = ("big", "little")
_SIDES = (0, 1, 30, 49, 100, 1000, 3000, 5000, 8000, 14_000, 30_000, 65_500, 200_000)
_SIZE_AT: tuple[Size, ...] = ((_PNG, 16, 4, "big"), (b"GIF8", 6, 2, "little"), (b"BM", 18, 4, "little"))
_SIZE_BEHIND: tuple[Size, ...] = (
    (b"\xff[\xc0\xc2]\x00.\x08", 0, 2, "big"),
    (b"VP8X", 8, 3, "little"),
    (b"VP8 ....\x9d\x01\x2a|VP8 .......\x9d\x01\x2a", 0, 2, "little"),
    (b"ispe", 4, 4, "big"),
    (b"\x00\x01[\x03\x04]\x00\x01\x00\x00\x00", 0, 4, "little"),  # TIFF, its tag of the width
    (b"\x01\x01[\x03\x04]\x00\x01\x00\x00\x00", 0, 4, "little"),
)


@cache
def whole_files() -> dict[str, bytes]:
    """Small sound files by their kind, each format in the variants that go another way through the libraries."""
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 255, (_HEIGHT, _WIDTH, 3), np.uint8))
    slope = Image.linear_gradient("L").resize((_WIDTH, _HEIGHT))
    layered = noise.copy()
    layered.putalpha(slope)
    exif = Image.Exif()
    exif[0x0112], exif[0x0132] = 6, "2020:01:02 03:04:05"
    extras = {"exif": exif.tobytes(), "icc_profile": colours.rgb_profile("P3", colours.P3, 2.2)}
    frames = {"save_all": True}
    pictures: dict[str, tuple[Image.Image, str, dict[str, Any]]] = {
        "JPEG": (noise, "JPEG", extras),
        "JPEG grey": (slope, "JPEG", {"restart_marker_blocks": 1}),
        "JPEG progressive": (noise, "JPEG", {"progressive": True}),
        "JPEG CMYK": (noise.convert("CMYK"), "JPEG", {}),
        "MPO": (noise, "MPO", frames),
        "PNG": (noise, "PNG", extras),
        "PNG with transparency": (layered, "PNG", {}),
        "PNG palette": (noise.quantize(16), "PNG", {"transparency": 3}),
        "PNG animated": (noise, "PNG", frames),
        "WebP lossy": (noise, "WEBP", extras),
        "WebP lossless": (layered, "WEBP", {"lossless": True}),
        "WebP with transparency": (layered, "WEBP", {}),
        "WebP animated": (noise, "WEBP", frames),
        "GIF": (noise, "GIF", {}),
        "GIF animated": (noise, "GIF", frames),
        "TIFF": (noise, "TIFF", extras),
        "TIFF LZW": (noise, "TIFF", {"compression": "tiff_lzw"}),
        "TIFF deflate": (layered, "TIFF", {"compression": "tiff_adobe_deflate"}),
        "TIFF JPEG": (noise, "TIFF", {"compression": "jpeg"}),
        "TIFF group 4": (slope.convert("1"), "TIFF", {"compression": "group4"}),
        "TIFF CMYK": (noise.convert("CMYK"), "TIFF", {"compression": "packbits"}),
        "TIFF big": (noise, "TIFF", {"big_tiff": True}),
        "TIFF of pages": (noise, "TIFF", frames),
        "BMP": (noise, "BMP", {}),
        "BMP palette": (noise.quantize(16), "BMP", {}),
        "HEIC": (noise, "HEIF", extras),
        "HEIC with transparency": (layered, "HEIF", {}),
        "HEIC of pictures": (noise, "HEIF", frames),
        "AVIF": (noise, "AVIF", extras),
        "JPEG XL": (noise, "JXL", {}),
        "JPEG XL without loss": (layered, "JXL", {"lossless": True}),
        "AVIF with transparency": (layered, "AVIF", {}),
        "AVIF animated": (noise, "AVIF", frames),
    }
    return {kind: _saved(*picture) for kind, picture in pictures.items()} | _by_hand(np.asarray(noise))


def _by_hand(pixels: np.ndarray) -> dict[str, bytes]:
    deep = pixels.astype(np.uint16) * 257
    ramp = pixels[..., :1].astype(np.uint16) * 257
    return {
        "PNG 16 bits, PQ": _deep_png(deep),
        "TIFF 16 bits in planes": tiffs.tiff(tiffs.Page(deep, planar=True)),
        "TIFF floating": tiffs.tiff(tiffs.Page((pixels / 255).astype(np.float32))),
        "TIFF grey, white is zero": tiffs.tiff(tiffs.Page(ramp, 0)),
        "HEIC PQ": coded_heic(deep, (9, 16), quality=50),
        **_of_cameras(Image.fromarray(pixels)),
        "JPEG XL turned": jpeg_xl.written(Image.fromarray(pixels), orientation=6),
        "JPEG with a film behind it": whole_jpeg() + b"\0\0\0\x18ftypmp42\0\0\0\0isommp42" + bytes(500),
    }


def _of_cameras(noise: Image.Image) -> dict[str, bytes]:
    preview = raw_files.jpeg(Image.new("RGB", (640, 480), "teal"))
    return {
        "NEF": raw_files.raw_tiff(noise, preview=preview),
        "DNG": raw_files.raw_tiff(noise, maker="Test", is_dng=True),
        "CR2": raw_files.cr2(preview, (640, 480)),
        "CR3": raw_files.cr3(preview),
        "ARW": raw_files.arw(preview),
        "RW2": raw_files.rw2(preview),
        "ORF": raw_files.orf(preview),
        "RAF": raw_files.raf(preview),
    }


def whole_jpeg() -> bytes:
    """Of one colour, and small."""
    return _saved(Image.new("RGB", (_WIDTH, _HEIGHT), "teal"), "JPEG", {})


def _saved(image: Image.Image, name: str, options: dict[str, Any]) -> bytes:
    out = BytesIO()
    if "save_all" in options:
        options = options | {"append_images": [image.rotate(180)]}
    image.copy().save(out, name, **options)  # Pillow keeps some options of the last time in the image
    return out.getvalue()


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _deep_png(pixels: np.ndarray) -> bytes:
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    head = _chunk(b"IHDR", struct.pack(">IIBBBBB", pixels.shape[1], pixels.shape[0], 16, 2, 0, 0, 0))
    return (
        _PNG
        + head
        + _chunk(b"cICP", bytes([9, 16, 0, 1]))
        + _chunk(b"IDAT", zlib.compress(rows))
        + _chunk(b"IEND", b"")
    )


@st.composite
def damaged_files(draw: st.DrawFn) -> tuple[str, bytes]:
    """A file that one to three kinds of damage were done to, and what it was."""
    kind = draw(st.sampled_from(sorted(whole_files())))
    data = whole_files()[kind]
    for _ in range(draw(st.sampled_from((1, 1, 1, 2, 3)))):
        damage = draw(st.sampled_from(_DAMAGES))
        data = damage(draw, data)[:_MOST_BYTES] if data else data
    return kind, data


def _place(draw: st.DrawFn, data: bytes) -> int:
    """Anywhere, and often where headers are, but less often where a file says what it is."""
    last = len(data) - 1
    behind = min(last, _MAGIC_BYTES)
    return draw(st.one_of(st.integers(0, last), st.integers(behind, last), st.integers(behind, min(last, _HEAD_BYTES))))


def _part(draw: st.DrawFn, data: bytes) -> tuple[int, int]:
    start, end = sorted((_place(draw, data), _place(draw, data)))
    return start, end + 1


def _cut(draw: st.DrawFn, data: bytes) -> bytes:
    return data[: _place(draw, data)]


def _flipped(draw: st.DrawFn, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(draw(st.integers(1, 8))):
        changed[_place(draw, data)] ^= draw(st.integers(1, 255))
    return bytes(changed)


def _resized(draw: st.DrawFn, data: bytes) -> bytes:
    """A number overwritten by one that is none too small or too large."""
    at, width, order = _place(draw, data), draw(st.sampled_from((2, 4))), draw(st.sampled_from(_ORDERS))
    number = draw(st.sampled_from(_SIZES)) & (256**width - 1)
    changed: bytes = data[:at] + number.to_bytes(width, order) + data[at + width :]
    return changed


def _of_another_size(draw: st.DrawFn, data: bytes) -> bytes:
    """A picture whose header says another width or height."""
    places = list(_places_of_sizes(data))
    if not places:
        return data
    at, width, order = draw(st.sampled_from(places))
    number = draw(st.sampled_from(_SIDES)) & (256**width - 1)
    changed = data[:at] + number.to_bytes(width, order) + data[at + width :]
    return _with_right_checksums(draw, changed)


def _places_of_sizes(data: bytes) -> Iterator[tuple[int, int, Order]]:
    """Where a width or height lies, in how many bytes, in which order."""
    for magic, at, width, order in _SIZE_AT:
        if data.startswith(magic):
            yield from ((at, width, order), (at + width, width, order))
    for mark, behind, width, order in _SIZE_BEHIND:
        for found in re.finditer(mark, data):
            yield from ((found.end() + behind, width, order), (found.end() + behind + width, width, order))


def _doubled(draw: st.DrawFn, data: bytes) -> bytes:
    (start, end), at = _part(draw, data), _place(draw, data)
    return data[:at] + data[start:end] * draw(st.sampled_from((1, 2, 30))) + data[at:]


def _without(draw: st.DrawFn, data: bytes) -> bytes:
    start, end = _part(draw, data)
    return data[:start] + data[end:]


def _spliced(draw: st.DrawFn, data: bytes) -> bytes:
    other = whole_files()[draw(st.sampled_from(sorted(whole_files())))]
    return data[: _place(draw, data)] + other[_place(draw, other) :]


def _chunks_doubled(draw: st.DrawFn, data: bytes) -> bytes:
    """Whole chunks of a PNG or WebP, or boxes of HEIC and AVIF, come again; others lose a part."""
    parts = _parts(data)
    again = draw(st.integers(0, len(parts) - 1))
    return b"".join([*parts[:again], parts[again] * draw(st.sampled_from((0, 2, 50))), *parts[again + 1 :]])


def _with_right_checksums(_: st.DrawFn, data: bytes) -> bytes:
    """A PNG whose damage its checksums do not betray."""
    if not data.startswith(_PNG):
        return data
    parts = [part[:-4] + struct.pack(">I", zlib.crc32(part[4:-4])) for part in _png_chunks(data) if len(part) >= 12]
    return _PNG + b"".join(parts)


def _parts(data: bytes) -> list[bytes]:
    if data.startswith(_PNG):
        return [_PNG, *_png_chunks(data)]
    if data.startswith(b"\xff\xd8"):
        return [b"\xff" + each if number else each for number, each in enumerate(data.split(b"\xff"))]
    if data[4:8] == b"ftyp":
        return _boxes(data)
    return [data[start : start + 16] for start in range(0, len(data), 16)]


def _png_chunks(data: bytes) -> list[bytes]:
    chunks, at = [], len(_PNG)
    while at + 12 <= len(data):
        length = 12 + int.from_bytes(data[at : at + 4], "big")
        chunks.append(data[at : at + length])
        at += length
    return chunks


def _boxes(data: bytes) -> list[bytes]:
    boxes, at = [], 0
    while at < len(data):
        length = max(8, int.from_bytes(data[at : at + 4], "big"))
        boxes.append(data[at : at + length])
        at += length
    return boxes


_DAMAGES: tuple[Damage, ...] = (
    _cut,
    _flipped,
    _resized,
    _of_another_size,
    _doubled,
    _without,
    _spliced,
    _chunks_doubled,
    _with_right_checksums,
)
