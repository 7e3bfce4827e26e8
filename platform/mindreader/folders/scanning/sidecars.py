"""What lies beside a file in a folder and says when it was taken."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from mindreader.dates import text_of
from mindreader.library.files.sidecars import goes_with_photos, takeout_names, xmp_names
from mindreader.library.files.upload import Beside

_READ_BYTES = 256 * 2**10
"""Of a file beside a photo: what says when it was taken stands at its beginning."""


def beside(path: Path, mtime_ns: int, directory_mtime_ns: int) -> Beside:
    """What is known of a file besides its bytes and its name.

    Args:
        mtime_ns: of the file.
        directory_mtime_ns: of the folder it lies in, whose list is read once for many files.
    """
    names = _sidecars(path.parent, directory_mtime_ns)
    return Beside(_moment(mtime_ns), _text(xmp_names(path.name), names), _text(takeout_names(path.name), names))


@lru_cache(maxsize=16)
def _sidecars(directory: Path, _mtime_ns: int) -> Mapping[str, Path]:
    """Files that may say something of photos, by their names in small letters."""
    try:
        with os.scandir(directory) as entries:
            return {
                entry.name.lower(): Path(entry.path)
                for entry in entries
                if goes_with_photos(entry.name) and not entry.name.startswith(".") and _is_file(entry)
            }
    except OSError:
        return {}


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file(follow_symlinks=False)  # a link may lead out of what may be shown
    except OSError:
        return False


def _text(names: Iterable[str], found: Mapping[str, Path]) -> str:
    path = next((found[name.lower()] for name in names if name.lower() in found), None)
    if path is None:
        return ""
    try:
        with path.open("rb") as file:
            return text_of(file.read(_READ_BYTES))
    except OSError:
        return ""


def _moment(mtime_ns: int) -> datetime | None:
    try:
        return datetime.fromtimestamp(mtime_ns / 1e9)
    except (OverflowError, ValueError, OSError):
        return None
