"""JPEG files that lack nothing but their end marker: some cameras and copying programs leave it off."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from io import SEEK_SET, BufferedIOBase
from typing import IO

from PIL import Image, ImageFile

_END = b"\xff\xd9"
_SCAN = b"\xff\xda"
_SHORTEST_SCAN = 8
_COEFFICIENTS = 64
# Noise that must change a picture which still lacks pixels, and cannot change one that lacks none.
_PROBES = (bytes(range(1, 255)), bytes(range(250, 1, -1)))
_ROWS = 64

Open = Callable[[IO[bytes]], ImageFile.ImageFile]


def with_end(stream: IO[bytes], reopen: Open) -> ImageFile.ImageFile | None:
    """The loaded picture of a JPEG that ends before its end marker; None if pixels are missing too.

    A decoder never tells the two apart: it makes up what it lacks. But what it makes up depends on what follows, and
    a picture that is whole does not.

    Args:
        stream: the file.
        reopen: opens the picture from a stream that is whole, as the one that failed was opened.
    """
    image = _loaded(stream, b"", reopen)
    if image.info.get("progressive") and not _has_all_scans(stream, len(image.getbands())):
        return None
    whole = _digest(image)
    if any(_digest(_loaded(stream, probe, reopen)) != whole for probe in _PROBES):
        return None
    return image


def _loaded(stream: IO[bytes], more: bytes, reopen: Open) -> ImageFile.ImageFile:
    image = reopen(_Continued(stream, more + _END))  # type: ignore[arg-type]
    image.load()
    return image


def _digest(image: Image.Image) -> bytes:
    """Of the pixels, a few rows at a time."""
    digest = hashlib.blake2b()
    for top in range(0, image.height, _ROWS):
        digest.update(image.crop((0, top, image.width, min(top + _ROWS, image.height))).tobytes())
    return digest.digest()


def _has_all_scans(stream: IO[bytes], components: int) -> bool:
    """Whether the scans of a progressive JPEG bring every bit of every coefficient (ITU T.81, B.2.3 and G.1.1)."""
    stream.seek(0)
    exact = set()
    for scan in stream.read().split(_SCAN)[1:]:
        count = scan[2] if len(scan) > _SHORTEST_SCAN else 0
        header = scan[3 : 6 + 2 * count]
        if len(header) == 3 + 2 * count and header[-1] & 0x0F == 0:
            exact |= {(which, at) for which in header[: 2 * count : 2] for at in range(header[-3], header[-2] + 1)}
    return len(exact) >= components * _COEFFICIENTS


class _Continued(BufferedIOBase):
    """A file, without a lone first half of a marker at its end, and something after it."""

    def __init__(self, stream: IO[bytes], more: bytes) -> None:
        self._stream, self._more = stream, more
        self._length = stream.seek(0, os.SEEK_END)
        stream.seek(max(0, self._length - 1))
        if stream.read(1) == _END[:1]:
            self._length -= 1
        self._at = 0

    def read(self, size: int | None = -1, /) -> bytes:
        left = self._length + len(self._more) - self._at
        size = left if size is None or size < 0 else min(size, left)
        self._stream.seek(min(self._at, self._length))
        data = self._stream.read(min(size, max(0, self._length - self._at)))
        start = self._at + len(data) - self._length
        if len(data) < size and start >= 0:
            data += self._more[start : start + size - len(data)]
        self._at += len(data)
        return data

    def seek(self, offset: int, whence: int = SEEK_SET, /) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._length + len(self._more)}[whence]
        self._at = max(0, start + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True
