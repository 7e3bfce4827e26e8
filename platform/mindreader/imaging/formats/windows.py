"""A part of a file as a file of its own, with other bytes before and behind it."""

from __future__ import annotations

import os
from io import SEEK_SET, BufferedIOBase
from typing import IO


class Window(BufferedIOBase):
    """Some bytes, a part of another file, and some bytes behind it; nothing of the file is copied."""

    def __init__(
        self, file: IO[bytes], start: int, length: int | None = None, *, before: bytes = b"", after: bytes = b""
    ) -> None:
        """Look at `length` bytes from `start`, or at all there are; `before` and `after` lie around them."""
        self._file, self._start, self._before, self._after = file, start, before, after
        left = max(0, file.seek(0, os.SEEK_END) - start)
        self._file_end = len(before) + (left if length is None else min(length, left))
        self._length = self._file_end + len(after)
        self._at = 0

    def read(self, size: int | None = -1, /) -> bytes:
        """Read on."""
        left = max(0, self._length - self._at)
        end = self._at + (left if size is None or size < 0 else min(size, left))
        data = self._before[self._at : end] + self._of_file(max(self._at, len(self._before)), min(end, self._file_end))
        if end > self._file_end:
            data += self._after[max(0, self._at - self._file_end) : end - self._file_end]
        self._at += len(data)
        return data

    def _of_file(self, at: int, end: int) -> bytes:
        if at >= end:
            return b""
        self._file.seek(self._start + at - len(self._before))
        return self._file.read(end - at)

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
