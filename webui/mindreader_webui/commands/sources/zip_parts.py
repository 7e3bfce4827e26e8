"""Zip files that are read where they are: looked through first, and nothing is unpacked onto the disk."""

from __future__ import annotations

import errno
import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any, BinaryIO, Literal

from mindreader import archives
from mindreader.text import repaired, visible_text
from mindreader_webui.commands.files import RefusedFile, SourceError

_MAX_DIRECTORY_BYTES = 64 * 2**20
"""Of half a million files with long names; Takeout's largest parts hold fewer."""
_TAR_SUFFIXES = (".tgz", ".tar.gz", ".tar")


@dataclass(frozen=True)
class ZipEntry:
    """A file in a zip file; it opens as often as wanted, while the zip file is open."""

    archive: zipfile.ZipFile
    info: zipfile.ZipInfo

    @property
    def name(self) -> str:
        """The last part of its path."""
        return PurePosixPath(self.info.filename).name

    @property
    def parts(self) -> tuple[str, ...]:
        """Its path in the zip file."""
        return PurePosixPath(self.info.filename).parts

    def open(self, mode: Literal["rb"] = "rb", /) -> BinaryIO:
        """Its bytes, never more than the zip file says it has.

        Raises:
            OSError: it is damaged; reading it later may raise this, too.
        """
        with _damage_as_os_error():
            return io.BufferedReader(_Entry(self.archive.open(self.info), self.info.file_size))


class _Entry(io.RawIOBase):
    """An entry's bytes. Going to the end, by which HTTP clients find out how long a file is, reads nothing."""

    def __init__(self, stream: IO[bytes], size: int) -> None:
        self._stream, self._size, self._position = stream, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = min(max(0, start + offset), self._size)
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: Any, /) -> int:
        with _damage_as_os_error():
            if self._stream.tell() != self._position:
                self._stream.seek(self._position)
            data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)

    def close(self) -> None:
        self._stream.close()
        super().close()


@contextmanager
def opened_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    """A zip file for reading, whose directory was looked through.

    Raises:
        SourceError: it is none, or damaged, or a bomb; the sentence names it.
    """
    if path.name.lower().endswith(_TAR_SUFFIXES):
        raise SourceError(
            f"{_shown(path)} is no zip file. Choose zip files in Takeout, or unpack it and give the folder."
        )
    try:
        file = archives.BoundedFile(path, _MAX_DIRECTORY_BYTES, lambda: _too_many_files(path))
    except OSError as error:
        raise SourceError(f"{_shown(path)} cannot be read ({error.strerror}).") from None
    with file:
        try:
            archive = zipfile.ZipFile(file)
        except archives.UNREADABLE as error:
            reason = str(error).splitlines()[0].rstrip(".") if str(error) else type(error).__name__
            raise SourceError(f"{_shown(path)} cannot be read ({reason}). Download it again.") from None
        _check_expansion(path, sum(entry.file_size for entry in archive.infolist()))
        yield archive


def zip_entries(archive: zipfile.ZipFile) -> Iterator[ZipEntry | RefusedFile]:
    """The files of a zip file; those that cannot be taken are refused by name."""
    for info in archive.infolist():
        if info.is_dir():
            continue
        if reason := _reason_against(info):
            yield RefusedFile(visible_text(repaired(info.orig_filename)), reason)
        else:
            yield ZipEntry(archive, info)


def _reason_against(info: zipfile.ZipInfo) -> str | None:
    if archives.leads_elsewhere(info.orig_filename):
        return "This name in the zip file leads elsewhere."
    if kind := archives.kind_of(info):
        return f"This is {kind} in the zip file, not a photo."
    if archives.is_encrypted(info):
        return "This file is encrypted. Pack it without a password."
    if not archives.is_compressed_as_usual(info):
        return "This file is compressed in an unusual way. Pack it with deflate or store."
    return None


def _check_expansion(path: Path, unpacked_bytes: int) -> None:
    packed_bytes = path.stat().st_size
    if archives.is_bomb(unpacked_bytes, packed_bytes):
        raise SourceError(
            f"{_shown(path)}, a zip file of {packed_bytes:,} bytes, would fill {unpacked_bytes:,} when it is unpacked, "
            "as no photos do. Leave it out."
        )


def _too_many_files(path: Path) -> SourceError:
    return SourceError(f"{_shown(path)} holds too many files to be looked through. Pack it in several zip files.")


@contextmanager
def _damage_as_os_error() -> Iterator[None]:
    """Context in which every kind of damage is what it is elsewhere: a file that cannot be read."""
    try:
        yield
    except OSError:
        raise
    except archives.UNREADABLE:
        raise OSError(errno.EIO, "the zip file is damaged there") from None


def _shown(path: Path) -> str:
    return visible_text(repaired(path.name))
