"""What this machine, or the container MindReader runs in, has."""

from __future__ import annotations

import ctypes
import os
from contextlib import suppress
from pathlib import Path

_CONTAINER_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
_PROCESSOR_LIMIT = Path("/sys/fs/cgroup/cpu.max")
_UNKNOWN_BYTES = 4 * 2**30
_BFLOAT16_FLAGS = frozenset({"avx512_bf16", "amx_bf16"})
"""Of processors that multiply bfloat16 matrices in hardware; on others bfloat16 is slower than float32."""


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


def multiplies_bfloat16() -> bool:
    """Whether this processor is faster in bfloat16 than in float32; no where nobody says."""
    try:
        flags = Path("/proc/cpuinfo").read_text().split("flags", 1)[1].split("\n", 1)[0].split()
    except (OSError, IndexError):
        return False
    return not _BFLOAT16_FLAGS.isdisjoint(flags)


def give_memory_back() -> None:
    """Have glibc return what was freed; it keeps that for later, which may be a week away."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def processors() -> int:
    """Processors that this process, or the container it runs in, may keep busy."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(allowed, _processor_limit() or allowed))


def _processor_limit() -> int | None:
    try:
        quota, period = _PROCESSOR_LIMIT.read_text().split()
        return -(-int(quota) // int(period))
    except (OSError, ValueError):  # no container, or "max"
        return None
