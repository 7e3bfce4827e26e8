"""What HEIF and AVIF say of their primary picture (ISO/IEC 14496-12 and 23008-12), Canon's CR3 of its photo, and PNG of
its colours.

The libraries turn a picture as its boxes say, and then no longer tell whether there was one; Pillow passes over the
code points of colours (ITU-T H.273).
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from contextlib import suppress
from typing import IO

_MOST_BYTES = 2**22
_MOST_BOXES = 10_000
_LARGE = 1
_CANON = bytes.fromhex("85c0b687820f11e08111f4ce462b6a48")
_PNG = b"\x89PNG\r\n\x1a\n"

Box = tuple[bytes, bytes]
"""Its type and what it holds."""


def primary_properties(file: IO[bytes]) -> list[Box]:
    """Properties of the primary picture; none for damaged files and those of other formats. The file stays put."""
    place = file.tell()
    try:
        return _primary_properties(_meta(file))
    except (struct.error, EOFError, IndexError, KeyError, ValueError):
        return []
    finally:
        file.seek(place)


def png_code_points(file: IO[bytes]) -> bytes:
    """What the chunk cICP of a PNG holds, which stands before the pixels; nothing without one. The file stays put."""
    place = file.tell()
    try:
        file.seek(len(_PNG))
        for _ in range(_MOST_BOXES):
            length, kind = struct.unpack(">I4s", file.read(8))
            if kind in (b"cICP", b"IDAT", b"IEND"):
                return file.read(4) if kind == b"cICP" else b""
            file.seek(length + 4, 1)
        return b""
    except struct.error:
        return b""
    finally:
        file.seek(place)


def pieces(file: IO[bytes]) -> Iterator[tuple[bytes, int, int]]:
    """The outermost boxes of a file: the type of each, where it begins to hold something, and how many bytes.

    Raises:
        EOFError: the file ends within a box, of the type that the error holds.
    """
    at, end = 0, file.seek(0, os.SEEK_END)
    for _ in range(_MOST_BOXES):
        file.seek(at)
        start = file.read(16)
        if not start:
            return
        if len(start) < 8:
            raise EOFError
        size, kind = struct.unpack_from(">I4s", start)
        head = 8
        if size == _LARGE:
            size, head = int.from_bytes(start[8:], "big"), 16
        size = size or end - at
        if size < head or at + size > end:
            raise EOFError(kind)
        yield kind, at + head, size - head
        at += size


def canon_directories(file: IO[bytes]) -> dict[bytes, bytes]:
    """TIFF files that describe the photo of a CR3, by the type of their box; none for damaged files."""
    with suppress(struct.error, EOFError):
        for kind, at, size in pieces(file):
            if kind == b"moov":
                file.seek(at)
                for inside, data in _boxes(file.read(min(size, _MOST_BYTES))):
                    if inside == b"uuid" and data.startswith(_CANON):
                        return dict(_boxes(data[len(_CANON) :]))
    return {}


def _meta(file: IO[bytes]) -> bytes:
    for kind, at, size in pieces(file):
        if kind == b"meta":
            file.seek(at)
            return file.read(min(size, _MOST_BYTES))[4:]
    raise ValueError("no box meta")


def _primary_properties(meta: bytes) -> list[Box]:
    boxes = dict(_boxes(meta))
    primary = boxes[b"pitm"]
    item = int.from_bytes(primary[4:6] if primary[0] == 0 else primary[4:8], "big")
    inside = list(_boxes(boxes[b"iprp"]))
    properties = list(_boxes(dict(inside)[b"ipco"]))
    indices = [index for kind, data in inside if kind == b"ipma" for index in _associated(data, item)]
    return [properties[index - 1] for index in indices if 0 < index <= len(properties)]


def _boxes(data: bytes) -> Iterator[Box]:
    at = 0
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        head = 8
        if size == _LARGE:
            (size,), head = struct.unpack_from(">Q", data, at + 8), 16
        end = at + size if size else len(data)
        if end < at + head:
            return
        yield kind, data[at + head : end]
        at = end


def _associated(data: bytes, wanted: int) -> list[int]:
    """Numbers, from 1, of the properties of an item (23008-12, 9.3.1)."""
    version, wide = data[0], data[3] & 1
    (count,), at = struct.unpack_from(">I", data, 4), 8
    for _ in range(min(count, _MOST_BOXES)):
        item, many = struct.unpack_from(">HB" if version == 0 else ">IB", data, at)
        at += 3 if version == 0 else 5
        size = 2 if wide else 1
        if item == wanted:
            numbers = (int.from_bytes(data[at + i * size : at + (i + 1) * size], "big") for i in range(many))
            return [number & (0x7FFF if wide else 0x7F) for number in numbers]
        at += many * size
    return []
