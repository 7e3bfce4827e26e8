"""Where the tests' files lie: in memory, if there is ample room, for a disk makes a test wait at each commit.

A quarter of the time the tests took on a disk was waiting for it. `TMPDIR=/tmp make test` has them on one, and keeps
what a failed test leaves behind.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

MEMORY = Path("/dev/shm")
ROOM_BYTES = 8 * 2**30


def put_files_into_memory() -> None:
    """For this process and those it starts, unless TMPDIR says where."""
    if "TMPDIR" in os.environ or not _is_fit(MEMORY):
        return
    folder = tempfile.mkdtemp(prefix="mindreader-tests-", dir=MEMORY)
    Path(folder).chmod(0o755)  # PostgreSQL's own user looks into it
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ["TMPDIR"] = folder
    tempfile.tempdir = None


def compiled_models() -> Path:
    """Folder of networks as OpenVINO runs them, for all processes of a run: making one takes seconds."""
    return Path(tempfile.gettempdir()) / "compiled-models"


def _is_fit(folder: Path) -> bool:
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        return False
    runs_programs = not os.statvfs(folder).f_flag & os.ST_NOEXEC
    return runs_programs and shutil.disk_usage(folder).free > ROOM_BYTES
