"""Files that appear whole or not at all, whatever is killed or unplugged meanwhile."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def atomic_file(target: Path, temporary: Path) -> Iterator[BinaryIO]:
    """Write a new file inside ``temporary`` and move it to ``target`` once its bytes are on the disk.

    Both must lie on one file system. Trouble on the way (a full disk, say) leaves nothing behind; a killed
    process leaves a file in ``temporary`` only.
    """
    make_folder(temporary)
    draft = temporary / uuid.uuid4().hex
    try:
        with draft.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        make_folder(target.parent)
        draft.replace(target)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    sync(target.parent)


def make_folder(folder: Path) -> None:
    """Make a folder and its parents so that they outlast a power cut."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    sync(folder.parent)


def sweep(temporary: Path, older_than_seconds: float) -> int:
    """Remove files nobody has written to for that long; returns how many."""
    if not temporary.is_dir():
        return 0
    limit = time.time() - older_than_seconds
    stale = [file for file in temporary.iterdir() if _modified(file) < limit]
    for file in stale:
        file.unlink(missing_ok=True)
    return len(stale)


def _modified(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except FileNotFoundError:  # finished or swept by another process just now
        return float("inf")


def sync(path: Path) -> None:
    """Wait until a file's bytes, or a folder's names, are on the disk.

    A new name is durable only when its folder is: https://man7.org/linux/man-pages/man2/fsync.2.html
    """
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
