"""Photos as one zip file, written while it is read: no copy of it lies anywhere."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from datetime import datetime
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from pathvalidate import sanitize_filename

from mindreader.catalog import Photo
from mindreader.errors import NotFoundError, OriginalAwayError
from mindreader.originals import Originals
from mindreader.text import visible_text

_PIECE_BYTES = 2**18
_MISSING = "MISSING.txt"


def zip_of(originals: Originals, photos: Iterable[Photo]) -> Iterator[bytes]:
    """The pieces of a zip file with the originals under their own names, each name once and safe on every system.

    A photo whose bytes are gone, or not there now, is named in a text file at the end.
    """
    pipe = _Pipe()
    names = _Names()
    missing = []
    with ZipFile(pipe, "w", ZIP_STORED) as archive:  # photos are compressed already
        for photo in photos:
            try:
                yield from _entry(archive, pipe, originals, photo, names)
            except (NotFoundError, OriginalAwayError):
                missing.append(photo.filename)
        if missing:
            archive.writestr(names.free(_MISSING), "These photos could not be read:\n" + "\n".join(missing) + "\n")
    yield pipe.taken()


def safe_name(filename: str) -> str:
    """A file name that no system takes for a path, a device, a hidden file or another kind of file."""
    return sanitize_filename(visible_text(filename).lstrip(" ."), "_", platform="universal") or "photo"


class _Names:
    """Names given out so far; capitals make no difference, as on most disks."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def free(self, filename: str) -> str:
        stem, dot, suffix = safe_name(filename).rpartition(".")
        stem, suffix = (stem, dot + suffix) if stem else (suffix, "")
        name, number = stem + suffix, 1
        while name.casefold() in self._taken:
            number += 1
            name = f"{stem} ({number}){suffix}"
        self._taken.add(name.casefold())
        return name


class _Pipe(io.RawIOBase):
    """What was written since it was last taken."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self._pieces.append(bytes(data))
        return len(data)

    def taken(self) -> bytes:
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)


def _entry(archive: ZipFile, pipe: _Pipe, originals: Originals, photo: Photo, names: _Names) -> Iterator[bytes]:
    with originals.open(photo.sha256) as source:
        info = ZipInfo(names.free(photo.filename), _time(photo.taken_at or photo.created_at))
        info.file_size = photo.size_bytes
        with archive.open(info, "w") as target:
            while piece := source.read(_PIECE_BYTES):
                target.write(piece)
                yield pipe.taken()


def _time(moment: datetime) -> tuple[int, int, int, int, int, int]:
    year = min(max(moment.year, 1980), 2107)  # zip files know no others
    return (year, moment.month, moment.day, moment.hour, moment.minute, moment.second)
