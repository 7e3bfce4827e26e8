"""JPEG files that lack nothing but their end marker: some cameras and copying programs leave it off."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from typing import IO

from PIL import Image, ImageFile

from mindreader.imaging.formats.windows import Window

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
    image = reopen(_continued(stream, more + _END))  # type: ignore[arg-type]
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


def _continued(stream: IO[bytes], more: bytes) -> Window:
    """The file, without a lone first half of a marker at its end, and something after it."""
    length = stream.seek(0, os.SEEK_END)
    stream.seek(max(0, length - 1))
    if stream.read(1) == _END[:1]:
        length -= 1
    return Window(stream, 0, length, after=more)
