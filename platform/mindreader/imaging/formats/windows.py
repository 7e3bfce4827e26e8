"""A part of a file as a file of its own."""

from __future__ import annotations

import os
from io import SEEK_SET, BufferedIOBase
from typing import IO


class Window(BufferedIOBase):
    """Some bytes, and a part of another file behind them; nothing is copied."""

    def __init__(self, file: IO[bytes], start: int, length: int | None = None, before: bytes = b"") -> None:
        """Look at `length` bytes from `start`, or at all there are; `before` comes before them."""
        self._file, self._start, self._before = file, start, before
        left = max(0, file.seek(0, os.SEEK_END) - start)
        self._length = len(before) + (left if length is None else min(length, left))
        self._at = 0

    def read(self, size: int | None = -1, /) -> bytes:
        """Read on."""
        left = max(0, self._length - self._at)
        size = left if size is None or size < 0 else min(size, left)
        data = self._before[self._at : self._at + size]
        if len(data) < size:
            self._file.seek(self._start + self._at + len(data) - len(self._before))
            data += self._file.read(size - len(data))
        self._at += len(data)
        return data

    def seek(self, offset: int, whence: int = SEEK_SET, /) -> int:
        """Move within it."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._length}[whence]
        self._at = max(0, start + offset)
        return self._at

    def tell(self) -> int:
        """Where it stands."""
        return self._at

    def seekable(self) -> bool:
        """Always."""
        return True

    def readable(self) -> bool:
        """Always."""
        return True
