"""What a failing disk makes of a file."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

from mindreader.settings import Settings

Damage = Callable[[Path], None]

_SCRAMBLED_BYTES = 2**16
"""The engine's files are large and almost empty."""


def cut_short(path: Path) -> None:
    """Nothing of it is left."""
    path.write_bytes(b"")


def halve(path: Path) -> None:
    """Only its first half is left."""
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def zero(path: Path) -> None:
    """As long as it was, and nothing in it."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.truncate(0)
        file.truncate(size)


def scramble(path: Path) -> None:
    """As long as it was, and nonsense where its data is: the same every time."""
    with path.open("r+b") as file:
        file.write(random.Random(path.name).randbytes(min(path.stat().st_size, _SCRAMBLED_BYTES)))


DAMAGES: tuple[Damage, ...] = (cut_short, halve, zero, scramble)


def segment_files(settings: Settings) -> list[Path]:
    """The files of all segments of all photo indexes, in an order that depends on their kind alone."""
    files = [path for path in settings.index_dir.glob("*/segments/*/**/*") if path.is_file()]
    return sorted((path for path in files if ".damaged-" not in str(path)), key=lambda path: path.parts[-3:])
