"""What this machine, or the container MindReader runs in, has."""

from __future__ import annotations

import os
from pathlib import Path

_CONTAINER_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
_UNKNOWN_BYTES = 4 * 2**30


def memory_bytes() -> int:
    """Memory that may be used here at all, by whatever runs here; 4 GiB where nobody says."""
    return min([_installed(), *filter(None, map(_limit, _CONTAINER_LIMITS))])


def _installed() -> int:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # not on Windows
        return _UNKNOWN_BYTES


def _limit(file: Path) -> int | None:
    try:
        return int(file.read_text())
    except (OSError, ValueError):  # no such kind of container, or "max"
        return None
