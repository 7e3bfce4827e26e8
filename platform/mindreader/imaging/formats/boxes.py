"""What HEIF and AVIF say of their primary picture (ISO/IEC 14496-12 and 23008-12), and PNG of its colours.

The libraries turn a picture as its boxes say, and then no longer tell whether there was one; Pillow passes over the
code points of colours (ITU-T H.273).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import IO

_MOST_BYTES = 2**22
_MOST_BOXES = 10_000
_LARGE = 1
_PNG = b"\x89PNG\r\n\x1a\n"

Box = tuple[bytes, bytes]
"""Its type and what it holds."""


def primary_properties(file: IO[bytes]) -> list[Box]:
    """Properties of the primary picture; none for damaged files and those of other formats. The file stays put."""
    place = file.tell()
    try:
        return _primary_properties(_meta(file))
    except (struct.error, IndexError, KeyError, ValueError):
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


def _meta(file: IO[bytes]) -> bytes:
    at = 0
    for _ in range(_MOST_BOXES):
        file.seek(at)
        size, kind = struct.unpack(">I4s", file.read(8))
        head = 8
        if size == _LARGE:
            (size,), head = struct.unpack(">Q", file.read(8)), 16
        if kind == b"meta":
            return file.read(min(size - head, _MOST_BYTES) if size else _MOST_BYTES)[4:]
        if size < head:
            break
        at += size
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
