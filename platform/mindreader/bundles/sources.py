"""The files of a zip file or a folder from outside: looked through and refused by name before any is read."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO

from mindreader import archives
from mindreader.bundles.manifest import PROJECTION_FILE, WEIGHT_FILES
from mindreader.bundles.storage import MANIFEST_FILE, MAX_MANIFEST_BYTES, MODEL_CARD_FILE
from mindreader.errors import BundleError

MAX_ENTRIES = 1000
MAX_BYTES = {
    MANIFEST_FILE: MAX_MANIFEST_BYTES,
    MODEL_CARD_FILE: 2**20,
    **dict.fromkeys((*WEIGHT_FILES, PROJECTION_FILE), 4 * 2**30),
}
"""The files a bundle has, and how large each may be."""

Files = dict[str, Callable[[], IO[bytes]]]
"""How to open each file a bundle has, by the name in `MAX_BYTES`; those that are not there are left out."""

_MAX_DIRECTORY_BYTES = 2**20
# Should a link or a pipe take a file's place after it was looked at, it is neither followed nor waited for.
_OPEN_FLAGS = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


@contextmanager
def files_of(source: Path, name: str) -> Iterator[Files]:
    """The files a bundle has among those of a folder or zip file; in the latter they may lie in one folder.

    Args:
        source: the folder or zip file.
        name: what errors call it.

    Raises:
        BundleError: it is neither, or one of its entries is refused.
    """
    if source.is_dir():
        yield _files_of_folder(source)
        return
    if not source.is_file():
        raise BundleError(f"There is no {name}. Give the folder of a bundle, or a zip file of it.")
    with readable(name):
        file = archives.BoundedFile(source, _MAX_DIRECTORY_BYTES, _too_large_directory)
    with file:
        with readable(name, "Give the folder of a bundle, or a zip file of it."):
            archive = zipfile.ZipFile(file)
        yield _files_of_archive(archive, source.stat().st_size)


@contextmanager
def readable(name: str, advice: str = "Get the bundle again.") -> Iterator[None]:
    """Context that reads something from outside: whatever goes wrong there becomes a `BundleError`."""
    try:
        yield
    except archives.UNREADABLE as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
        raise BundleError(f"{name} cannot be read ({reason.splitlines()[0].rstrip('.')}). {advice}") from None


def check_size(name: str, size: int) -> None:
    """Check the size of a file a bundle has.

    Raises:
        BundleError: it is too large.
    """
    if size > MAX_BYTES[name]:
        raise BundleError(f"{name} is larger than the {MAX_BYTES[name]} bytes it may have.")


def _check_count(entries: int) -> None:
    if entries > MAX_ENTRIES:
        raise BundleError(f"The bundle holds more than {MAX_ENTRIES} files. Leave out those that do not belong to it.")


def _files_of_folder(folder: Path) -> Files:
    with readable(folder.name):
        entries = [entry for entry, _ in zip(folder.iterdir(), range(MAX_ENTRIES + 1), strict=False)]
        _check_count(len(entries))
        for entry in entries:
            _check_path(entry)
    return {entry.name: partial(_open, entry) for entry in entries if entry.name in MAX_BYTES}


def _check_path(path: Path) -> None:
    if path.is_symlink():
        raise _no_plain_file(path.name, "a symbolic link")
    if path.name in MAX_BYTES:
        if not path.is_file():
            raise _no_plain_file(path.name, "a folder or a device")
        check_size(path.name, path.stat().st_size)


def _open(path: Path) -> IO[bytes]:
    return os.fdopen(os.open(path, _OPEN_FLAGS), "rb")


def _too_large_directory() -> BundleError:
    return BundleError(f"The zip file's directory is larger than the {_MAX_DIRECTORY_BYTES} bytes it may have.")


def _files_of_archive(archive: zipfile.ZipFile, packed_bytes: int) -> Files:
    # By the name the archive gives: `filename` is what zipfile makes of it.
    entries: dict[str, zipfile.ZipInfo] = {}
    _check_count(len(archive.infolist()))
    for entry in archive.infolist():
        name = entry.orig_filename
        _check_entry(name, entry)
        if name in entries:
            raise BundleError(f"The zip file holds {_shown(name)} twice. Pack the bundle again.")
        entries[name] = entry
    folder = _bundle_folder(entries)
    found = {name: entries[folder + name] for name in MAX_BYTES if folder + name in entries}
    for name, entry in found.items():
        check_size(name, entry.file_size)
    _check_expansion(sum(entry.file_size for entry in found.values()), packed_bytes)
    return {name: partial(archive.open, entry) for name, entry in found.items()}


def _check_expansion(unpacked_bytes: int, packed_bytes: int) -> None:
    if archives.is_bomb(unpacked_bytes, packed_bytes):
        raise BundleError(
            f"The zip file of {packed_bytes:,} bytes would fill {unpacked_bytes:,} when it is unpacked, as no bundle "
            "does. Pack the bundle again."
        )


def _check_entry(name: str, entry: zipfile.ZipInfo) -> None:
    if archives.leads_elsewhere(name):
        raise BundleError(f"The zip file holds {_shown(name)}, a name that leads elsewhere. Pack the bundle again.")
    if kind := archives.kind_of(entry):
        raise _no_plain_file(name, kind)
    if archives.is_encrypted(entry):
        raise BundleError(f"{_shown(name)} is encrypted. Pack the bundle without a password.")
    if not archives.is_compressed_as_usual(entry):
        raise BundleError(f"{_shown(name)} is compressed in an unusual way. Pack the bundle with deflate or store.")


def _bundle_folder(entries: dict[str, zipfile.ZipInfo]) -> str:
    """Where in the zip file the bundle lies: at the top (empty), or in one folder (which ends in a slash)."""
    places = [PurePosixPath(name) for name in entries if not name.endswith("/")]
    folders = [place.parent for place in places if place.name == MANIFEST_FILE and len(place.parts) <= 2]
    if len(folders) > 1:
        raise BundleError(f"The zip file holds {MANIFEST_FILE} in more than one place. Pack one bundle only.")
    return f"{folders[0]}/" if folders and folders[0].name else ""


def _no_plain_file(name: str, kind: str) -> BundleError:
    return BundleError(f"{_shown(name)} is {kind}. A bundle holds plain files only.")


def _shown(name: str) -> str:
    """A name from outside, fit to be printed."""
    return repr(name[:100])
