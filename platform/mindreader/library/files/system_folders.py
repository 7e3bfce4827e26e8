"""Folders that systems and programs keep beside photos: thumbnails, deleted files, copies. Nothing in them is a photo.

Hidden folders, whose names begin with a dot, are among them: `.@__thumb`, `.Trash-1000`, `.thumbnails`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

HIDDEN = ".*"
SYSTEM_FOLDERS = (
    HIDDEN,
    # Synology
    "@eaDir",
    "@tmp",
    "@sharebin",
    "@SynoEAStream",
    "@SynoResource",
    "#recycle",
    "#snapshot",
    # QNAP, and others with Samba's recycle bin
    "@Recycle",
    "@Recently-Snapshot",
    "#Recycle Bin",
    "Network Trash Folder",
    "Temporary Items",
    # Windows
    "$RECYCLE.BIN",
    "RECYCLER",
    "System Volume Information",
    # Linux, macOS
    "lost+found",
    "__MACOSX",
    # programs that keep previews beside the photos
    "*.lrdata",
)
"""Names, small and capital letters alike; `*` stands for any characters."""


def skipped_folders(more: str) -> tuple[str, ...]:
    """The names of all folders that are passed over.

    Args:
        more: further names with commas between them, as the setting says them.
    """
    return SYSTEM_FOLDERS + tuple(name for part in more.split(",") if (name := part.strip()))


def is_skipped(name: str, skipped: Sequence[str]) -> bool:
    """Whether a folder of this name is passed over."""
    return any(_pattern(each).fullmatch(name) for each in skipped)


def _pattern(name: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, name.split("*"))), re.IGNORECASE | re.DOTALL)  # `re` keeps them
