"""Zip files from outside: what is looked at before any entry is read."""

from __future__ import annotations

import io
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

MAX_EXPANSION = 20
"""Weights and photos hardly shrink; what grows more than that when it is unpacked only fills a disk, or wastes time."""
ALWAYS_FITS_BYTES = 64 * 2**20
UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    ValueError,  # names that are no UTF-8, offsets before the file begins
    OverflowError,
    NotImplementedError,  # kinds of zip files that zipfile does not read
    RuntimeError,
)
"""What `zipfile` raises for damaged and hostile files."""

_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 0x1  # bit 0 of an entry's flags (zip specification, section 4.4.4)
_LEADS_ELSEWHERE = re.compile(r"^/|^[A-Za-z]:|\\|[\x00-\x1f\x7f]|(^|/)\.\.(/|$)")


class BoundedFile(io.FileIO):
    """A file that gives little at a time: `zipfile` reads a zip's whole directory at once, however large it is."""

    def __init__(self, path: Path, most_bytes: int, error: Callable[[], Exception]) -> None:
        """The file for reading.

        Args:
            error: what is raised where more than `most_bytes` are asked for at once.
        """
        super().__init__(path)
        self._most_bytes, self._error = most_bytes, error

    def read(self, size: int | None = -1, /) -> bytes:
        """Read as `io.FileIO` does."""
        if size is not None and size > self._most_bytes:
            raise self._error()
        return super().read(size) or b""


def leads_elsewhere(name: str) -> bool:
    """Whether an entry's name is none of a file below the folder it is unpacked in."""
    return _LEADS_ELSEWHERE.search(name) is not None


def kind_of(entry: zipfile.ZipInfo) -> str | None:
    """What an entry is, with its article, where it is neither a file nor a folder."""
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind == stat.S_IFLNK:
        return "a symbolic link"
    return None if kind in (0, stat.S_IFREG, stat.S_IFDIR) else "a device"


def is_encrypted(entry: zipfile.ZipInfo) -> bool:
    """Whether an entry wants a password."""
    return bool(entry.flag_bits & _ENCRYPTED)


def is_compressed_as_usual(entry: zipfile.ZipInfo) -> bool:
    """Whether an entry is stored or deflated, as every program does it."""
    return entry.compress_type in _METHODS


def is_bomb(unpacked_bytes: int, packed_bytes: int) -> bool:
    """Whether a zip file claims to hold more than it can; of the whole file, for what entries claim may overlap."""
    return unpacked_bytes > max(ALWAYS_FITS_BYTES, MAX_EXPANSION * packed_bytes)
