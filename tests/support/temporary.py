"""Where the tests' files lie: in memory, if there is ample room, for a disk makes a test wait at each commit.

A quarter of the time the tests took on a disk was waiting for it. `TMPDIR=/tmp make test` has them on one, and keeps
what a failed test leaves behind.
"""

from __future__ import annotations

import atexit
import fcntl
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

MEMORY = Path("/dev/shm")
ROOM_BYTES = 8 * 2**30
_PREFIX = "mindreader-tests-"


def put_files_into_memory() -> None:
    """For this process and those it starts, unless TMPDIR says where."""
    if "TMPDIR" in os.environ or not _is_fit(MEMORY):
        return
    remove_abandoned(MEMORY)
    os.environ["TMPDIR"] = str(own_folder(MEMORY))
    tempfile.tempdir = None


def own_folder(memory: Path) -> Path:
    """A folder that is removed when this process ends, or by the next run where this one is killed."""
    draft = Path(tempfile.mkdtemp(prefix=f".{_PREFIX}", dir=memory))
    draft.chmod(0o755)  # PostgreSQL's own user looks into it
    # Held for as long as this process or a fork of it lives, and had before the folder has a name others look for.
    fcntl.flock(os.open(draft, os.O_RDONLY), fcntl.LOCK_SH)
    folder = draft.rename(memory / draft.name.removeprefix("."))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def remove_abandoned(memory: Path) -> None:
    """Remove the folders of runs that were killed: gigabytes of memory each."""
    for folder in memory.glob(f"{_PREFIX}*"):
        with suppress(FileNotFoundError, BlockingIOError):  # another run removes it, or its own goes on
            _see_that_nobody_holds(folder)
            shutil.rmtree(folder, ignore_errors=True)


def _see_that_nobody_holds(folder: Path) -> None:
    """See that no process holds it.

    Raises:
        FileNotFoundError: it is not there.
        BlockingIOError: one does.
    """
    looked_at = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(looked_at, fcntl.LOCK_EX | fcntl.LOCK_NB)
    finally:
        os.close(looked_at)


def compiled_models() -> Path:
    """Folder of networks as OpenVINO runs them, for all processes of a run: making one takes seconds."""
    return Path(tempfile.gettempdir()) / "compiled-models"


def _is_fit(folder: Path) -> bool:
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        return False
    runs_programs = not os.statvfs(folder).f_flag & os.ST_NOEXEC
    return runs_programs and shutil.disk_usage(folder).free > ROOM_BYTES
