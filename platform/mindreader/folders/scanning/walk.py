"""A walk through a folder: its sub-folders in the order of their names, and the size and time of what may be photos.

No file is opened. What cannot be looked at is a problem with a name, and the walk goes on.
"""

from __future__ import annotations

import os
import stat
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from mindreader.errors import Sentence
from mindreader.folders.patterns import Patterns, joined
from mindreader.originals import lies_below

_LONGEST_PATH = 2000
"""Bytes below the folder: what databases can look up."""
TOO_LONG = Sentence("This path is too long. Shorten the names of the folders it lies in.")
LEADS_OUT = Sentence("This link leads out of the folders that MINDREADER_FOLDER_ROOTS allows, so it is not followed.")


class FileStatus(NamedTuple):
    """What tells that a file is the one it was."""

    size_bytes: int
    mtime_ns: int


class Problem(NamedTuple):
    """Something that could not be looked at."""

    path: bytes
    """Below the folder."""
    reason: Sentence


@dataclass(frozen=True)
class WalkedDirectory:
    """What a sub-folder holds that may be photos."""

    path: bytes
    """Below the folder, with / between its parts; empty for the folder itself."""
    files: dict[bytes, FileStatus] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    is_readable: bool = True
    """Else nothing is known of what is in it, or below it."""
    unsure: set[bytes] = field(default_factory=set)
    """Names of files that could not be looked at: they may be there."""


class Walk:
    """Walks through a folder, or looks at some of its sub-folders again.

    Args:
        root: the folder.
        patterns: what is left out.
        allowed: links that lead out of these are not followed.
    """

    def __init__(self, root: Path, patterns: Patterns, allowed: tuple[Path, ...]) -> None:
        self._root, self._patterns, self._allowed = os.fsencode(root), patterns, allowed
        self._seen: set[tuple[int, int]] = set()
        self._links: deque[bytes] = deque()

    def all(self) -> Iterator[WalkedDirectory]:
        """The folder and everything below it; what links lead to comes last, each place once."""
        yield from self.below(b"")

    def below(self, path: bytes) -> Iterator[WalkedDirectory]:
        """A sub-folder and everything below it."""
        pending = [path]
        while pending or self._links:
            here = pending.pop() if pending else self._links.popleft()
            walked, inside = self.one(here)
            if walked is not None:
                yield walked
                pending += reversed(inside)

    def one(self, path: bytes) -> tuple[WalkedDirectory | None, list[bytes]]:
        """A single sub-folder, and the paths of those in it; nothing where it was walked through already."""
        walked, inside = WalkedDirectory(path), list[bytes]()
        try:
            status = os.stat(self._full(path))  # noqa: PTH116  # names are bytes here
            if (status.st_dev, status.st_ino) in self._seen:
                return None, []
            self._seen.add((status.st_dev, status.st_ino))
            with os.scandir(self._full(path)) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
        except (FileNotFoundError, NotADirectoryError):  # gone since its name was read
            return walked, []
        except OSError as error:
            reason = Sentence("This folder cannot be read ({reason}).", reason=error.strerror or str(error))
            return WalkedDirectory(path, problems=[Problem(path, reason)], is_readable=False), []
        for entry in found:
            self._look(entry, walked, inside)
        return walked, inside

    def _look(self, entry: os.DirEntry[bytes], walked: WalkedDirectory, inside: list[bytes]) -> None:
        path = joined(walked.path, entry.name)
        try:
            if entry.is_dir():
                self._enter(entry, path, walked, inside)
            elif self._patterns.is_photo(walked.path, entry.name):
                self._measure(entry, path, walked)
        except FileNotFoundError:  # gone, or a link that leads nowhere
            return
        except OSError as error:
            reason = Sentence("This cannot be looked at ({reason}).", reason=error.strerror or str(error))
            walked.problems.append(Problem(path, reason))
            walked.unsure.add(entry.name)

    def _enter(self, entry: os.DirEntry[bytes], path: bytes, walked: WalkedDirectory, inside: list[bytes]) -> None:
        if self._patterns.leaves_out_folder(path):
            return
        if not entry.is_symlink():
            inside.append(path)
        elif lies_below(Path(os.fsdecode(entry.path)), self._allowed):
            self._links.append(path)
        else:
            walked.problems.append(Problem(path, LEADS_OUT))

    def _measure(self, entry: os.DirEntry[bytes], path: bytes, walked: WalkedDirectory) -> None:
        status = entry.stat()
        if not stat.S_ISREG(status.st_mode):
            return
        if len(path) > _LONGEST_PATH:
            walked.problems.append(Problem(path[:_LONGEST_PATH], TOO_LONG))
        elif entry.is_symlink() and not lies_below(Path(os.fsdecode(entry.path)), self._allowed):
            walked.problems.append(Problem(path, LEADS_OUT))
        else:
            walked.files[entry.name] = FileStatus(status.st_size, status.st_mtime_ns)

    def _full(self, path: bytes) -> bytes:
        return joined(self._root, path) if path else self._root
