"""TIFF files by hand, for what Pillow reads but does not write."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import Literal

import numpy as np

_NUMBERS = {"u": 1, "i": 2, "f": 3}


@dataclass(frozen=True)
class Page:
    """Pixels (height, width, channels), and how they lie in the file."""

    pixels: np.ndarray
    photometric: int = 2
    planar: bool = False
    kind: int = 0
    order: Literal["<", ">"] = "<"
    deflate: bool = False
    rows: int | None = None
    """Of a strip."""
    extra: tuple[tuple[int, int | bytes], ...] = ()
    """Further tags: a number each, or bytes."""

    def strips(self) -> list[bytes]:
        """The pixels, as they lie in the file."""
        numbers = self.pixels.astype(self.pixels.dtype.newbyteorder(self.order))
        planes = np.moveaxis(numbers, -1, 0) if self.planar else [numbers]
        rows = self.rows or len(numbers)
        parts = [plane[top : top + rows].tobytes() for plane in planes for top in range(0, len(numbers), rows)]
        return [zlib.compress(part) for part in parts] if self.deflate else parts

    def tags(self, starts: list[int], lengths: list[int]) -> dict[int, list[int] | bytes]:
        """The directory, its numbers by their tags."""
        height, width, channels = self.pixels.shape
        kind = self.pixels.dtype
        return {
            254: [self.kind],
            256: [width],
            257: [height],
            258: [8 * kind.itemsize] * channels,
            259: [8 if self.deflate else 1],
            262: [self.photometric],
            273: starts,
            277: [channels],
            278: [self.rows or height],
            279: lengths,
            284: [2 if self.planar else 1],
            339: [_NUMBERS[kind.kind]] * channels,
        } | {tag: [value] if isinstance(value, int) else value for tag, value in self.extra}


def tiff(*pages: Page, big: bool = False) -> bytes:
    """A file of these pages, or, with `big`, a BigTIFF."""
    order = pages[0].order
    pointer = "Q" if big else "I"
    data = (b"II" if order == "<" else b"MM") + struct.pack(order + ("HHHQ" if big else "HI"), *_head(big))
    for number, page in enumerate(pages):
        is_last = number == len(pages) - 1
        data += _page(page, len(data), order, pointer, is_last)
    return data


def _head(big: bool) -> tuple[int, ...]:
    return (43, 8, 0, 16) if big else (42, 8)


def _page(page: Page, at: int, order: str, pointer: str, is_last: bool) -> bytes:
    """A directory to lie at this place, behind it its long values, then the strips."""
    strips = page.strips()
    lengths = [len(strip) for strip in strips]
    width = struct.calcsize(order + pointer)
    count = struct.calcsize(order + ("Q" if pointer == "Q" else "H"))
    tags = page.tags(lengths, lengths)  # the places come last, when it is known how long all this is
    behind = at + count + len(tags) * (4 + 2 * width) + width
    first = behind + sum(len(_packed(value, order, pointer)) for value in tags.values() if len(value) > 1)
    tags = page.tags([first + sum(lengths[:number]) for number in range(len(strips))], lengths)
    entries, values = b"", b""
    for tag, numbers in sorted(tags.items()):
        packed = _packed(numbers, order, pointer)
        inside = packed if len(numbers) == 1 else struct.pack(order + pointer, behind + len(values))
        values += packed if len(numbers) > 1 else b""
        kind = 7 if isinstance(numbers, bytes) else 16 if pointer == "Q" else 4
        entries += struct.pack(order + "HH" + pointer, tag, kind, len(numbers)) + inside
    following = 0 if is_last else first + sum(lengths)
    head = struct.pack(order + ("Q" if pointer == "Q" else "H"), len(tags))
    return head + entries + struct.pack(order + pointer, following) + values + b"".join(strips)


def _packed(value: list[int] | bytes, order: str, pointer: str) -> bytes:
    return value if isinstance(value, bytes) else struct.pack(f"{order}{len(value)}{pointer}", *value)
