"""What of a folder is left out: patterns that people give, and the folders that systems keep beside photos."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from fnmatch import translate
from functools import cached_property

from mindreader.errors import InvalidInputError
from mindreader.library.files.sidecars import goes_with_photos
from mindreader.library.files.system_folders import is_skipped, skipped_folders
from mindreader.library.photo_names import PHOTO_SUFFIXES
from mindreader.text import visible_text

MOST_PATTERNS = 100
LONGEST_PATTERN = 500


def checked_patterns(patterns: Iterable[str]) -> list[str]:
    """The patterns as they are stored: without space around them, each once.

    Raises:
        InvalidInputError: there are too many, or one is too long or holds control characters.
    """
    stripped = list(dict.fromkeys(pattern.strip().strip("/") for pattern in patterns))
    found = [pattern for pattern in stripped if pattern]
    if len(found) > MOST_PATTERNS or any(len(pattern) > LONGEST_PATTERN for pattern in found):
        raise InvalidInputError(
            "Give at most {most} patterns of at most {longest} characters each.",
            most=MOST_PATTERNS,
            longest=LONGEST_PATTERN,
        )
    if any(visible_text(pattern) != pattern for pattern in found):
        raise InvalidInputError("A pattern must not hold control characters. Leave them out.")
    return found


class Patterns:
    """Which files and sub-folders of a folder are looked at.

    Args:
        excludes: with `*` for any characters and `?` for one. A pattern with `/` is held against the path below the
            folder, one without against each name on it.
        skip_folders: the setting of that name.
    """

    def __init__(self, excludes: Sequence[str], skip_folders: str = "") -> None:
        self._excludes = excludes
        self._system = skipped_folders(skip_folders)

    def leaves_out_folder(self, path: bytes) -> bool:
        """Whether nobody looks into the sub-folder at this path, `a/b` below the folder."""
        return is_skipped(_name(path), self._system) or self._is_excluded(path)

    def is_photo(self, directory: bytes, name: bytes) -> bool:
        """Whether a file may be a photo, by its name, and is not left out."""
        text = os.fsdecode(name)
        suffix = text[text.rfind(".") :].lower()
        if suffix not in PHOTO_SUFFIXES or goes_with_photos(text):
            return False
        return not self._excludes or not self._is_excluded(joined(directory, name))

    def leaves_out(self, directory: bytes, name: bytes) -> bool:
        """Whether a file of the catalog is left out by now, or a folder it lies in."""
        parts = directory.split(b"/") if directory else []
        above = (b"/".join(parts[:end]) for end in range(1, len(parts) + 1))
        return any(map(self.leaves_out_folder, above)) or not self.is_photo(directory, name)

    def _is_excluded(self, path: bytes) -> bool:
        text = os.fsdecode(path)
        return any(pattern.match(text) for pattern in self._paths) or any(
            pattern.match(_name(path)) for pattern in self._names
        )

    @cached_property
    def _names(self) -> list[re.Pattern[str]]:
        return [re.compile(translate(each)) for each in self._excludes if "/" not in each]

    @cached_property
    def _paths(self) -> list[re.Pattern[str]]:
        return [re.compile(translate(each)) for each in self._excludes if "/" in each]


def joined(directory: bytes, name: bytes) -> bytes:
    """Path of a file or sub-folder below the folder."""
    return directory + b"/" + name if directory else name


def _name(path: bytes) -> str:
    return os.fsdecode(path.rpartition(b"/")[2])
