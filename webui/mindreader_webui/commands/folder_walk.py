"""What lies in a folder as cameras, phones and network drives leave it: files to send, and what is not sent and why."""

from __future__ import annotations

import errno
import os
import stat
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mindreader.library.files.sidecars import goes_with_photos, takeout_names, xmp_names
from mindreader.library.files.system_folders import is_skipped
from mindreader.library.photo_names import PHOTO_SUFFIXES
from mindreader.text import repaired
from mindreader_webui.commands.files import Companion, Found, FoundFile, RefusedFile, SkippedFolder, unreadable

_NO_FILES = {
    stat.S_IFIFO: "This is a named pipe, not a photo.",
    stat.S_IFSOCK: "This is a socket, not a photo.",
    stat.S_IFCHR: "This is a device, not a photo.",
    stat.S_IFBLK: "This is a device, not a photo.",
}


@dataclass(frozen=True)
class _Folder:
    path: Path
    name: str
    real: Path
    is_link: bool = False


@dataclass
class _Walk:
    """What lies below the top first, then what links lead to: a photo is found under its own name and folder."""

    top: Path
    skipped: Sequence[str]
    folders: list[_Folder] = field(default_factory=list)
    links: deque[_Folder] = field(default_factory=deque)
    linked_files: list[FoundFile] = field(default_factory=list)
    seen: set[Path] = field(default_factory=set)

    def __iter__(self) -> Iterator[Found]:
        top = _Folder(self.top, "", self.top.resolve())
        self.folders.append(top)
        while self.folders or self.links:
            folder = self.folders.pop() if self.folders else self.links.popleft()
            if folder.real in self.seen:
                continue
            if folder.is_link and folder.real in top.real.parents:
                yield RefusedFile(folder.name, "This link leads to a folder that holds the one you import.")
                continue
            self.seen.add(folder.real)
            yield from self._inside(folder)
        yield from self.linked_files

    def _inside(self, folder: _Folder) -> Iterator[Found]:
        try:
            with os.scandir(folder.path) as entries:
                ordered = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            yield RefusedFile(folder.name or repaired(self.top.name), f"This folder cannot be read ({error.strerror}).")
            return
        below: list[_Folder] = []
        lies_in = Path(self._top_name, folder.name)
        beside = _readable(ordered)
        for entry in ordered:
            name = _joined(folder.name, entry.name)
            if _is_folder(entry):
                yield from self._folder(folder, entry, below)
            elif goes_with_photos(entry.name):
                yield Companion(name, Path(entry.path))
            else:
                found = _looked_at(Path(entry.path), name, lies_in, beside)
                yield from self._unless_linked(found, entry)
        self.folders += reversed(below)

    def _unless_linked(self, found: FoundFile | RefusedFile, entry: os.DirEntry[str]) -> Iterator[Found]:
        if isinstance(found, FoundFile) and _is_link(entry):
            self.linked_files.append(found)
        else:
            yield found

    @property
    def _top_name(self) -> str:
        """As it was called, unless by `.` or `..`; empty for the root of all folders."""
        return repaired(self.top.name if self.top.name not in ("", "..") else self.top.resolve().name)

    def _folder(self, parent: _Folder, entry: os.DirEntry[str], below: list[_Folder]) -> Iterator[Found]:
        name, is_link = _joined(parent.name, entry.name), _is_link(entry)
        real = Path(entry.path).resolve() if is_link else parent.real / entry.name
        if is_skipped(entry.name, self.skipped):
            yield SkippedFolder(name)
            return
        if Path(entry.name).suffix.lower() in PHOTO_SUFFIXES:
            yield RefusedFile(name, "This is a folder, not a photo.")
        found = _Folder(Path(entry.path), name, real, is_link)
        if is_link:
            self.links.append(found)
        else:
            below.append(found)


def walk(top: Path, skipped: Sequence[str]) -> Iterator[Found]:
    """Everything in a folder and its sub-folders, in order, or the one file that `top` is.

    Links to folders are followed, each folder once; links come last. Files that go with photos are found with these;
    what is no plain file (pipes, sockets, devices) is refused without opening it.

    Args:
        top: taken whatever its name is.
        skipped: names of folders to pass over, as `mindreader.library.files.system_folders` has them.
    """
    if top.is_dir():
        yield from _Walk(top, skipped)
    else:
        yield _looked_at(top, repaired(top.name), Path(), _beside(top))


def _beside(path: Path) -> Mapping[str, Path]:
    try:
        with os.scandir(path.parent) as entries:
            return _readable(entries)
    except OSError:
        return {}


def _readable(entries: Iterable[os.DirEntry[str]]) -> Mapping[str, Path]:
    """Files that may say something of photos, by their names in small letters; no pipes, which nobody ever fills."""
    return {
        entry.name.lower(): Path(entry.path)
        for entry in entries
        if goes_with_photos(entry.name) and not entry.name.startswith(".") and _is_file(entry)
    }


def _first(names: Iterable[str], beside: Mapping[str, Path]) -> Path | None:
    return next((beside[name.lower()] for name in names if name.lower() in beside), None)


def _looked_at(path: Path, name: str, lies_in: Path, beside: Mapping[str, Path]) -> FoundFile | RefusedFile:
    try:
        status = path.stat()
    except OSError as error:
        leads_nowhere = error.errno in (errno.ENOENT, errno.ELOOP) and path.is_symlink()
        return RefusedFile(name, "This link leads nowhere." if leads_nowhere else unreadable(error))
    if not stat.S_ISREG(status.st_mode):
        return RefusedFile(name, _NO_FILES.get(stat.S_IFMT(status.st_mode), "This is no plain file."))
    xmp = _first(xmp_names(path.name), beside)
    takeout = _first(takeout_names(path.name), beside)
    folder = lies_in.as_posix() if lies_in.name else ""
    return FoundFile(path, name, lies_in.name, status.st_size, status.st_mtime, xmp, takeout, lies_in=folder)


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:  # a link in a circle
        return False


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link in a circle; looking at it says so
        return False


def _is_link(entry: os.DirEntry[str]) -> bool:
    """Also a junction of Windows, where Python knows them (3.12)."""
    is_junction = getattr(entry, "is_junction", None)
    return entry.is_symlink() or bool(is_junction and is_junction())


def _joined(folder: str, name: str) -> str:
    return str(Path(folder, repaired(name)))
