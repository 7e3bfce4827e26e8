"""One process at a time in a folder: an exclusive lock on a file that dies with its owner."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from mindreader.errors import ConflictError, NotReadyError
from mindreader.settings import Settings


class FolderLock:
    """Holds an exclusive lock on ``path`` until :meth:`release`, or until the process ends in any way.

    Raises:
        ConflictError: another process, or another part of this one, holds it.
        NotReadyError: the disk is full or read-only, or the folder may not be written to.
    """

    def __init__(self, path: Path, what: str) -> None:
        # Held by the whole process: it is taken in one thread and may be released in another.
        self._lock = FileLock(path, blocking=False, mode=0o600, thread_local=False)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
        except Timeout:
            raise ConflictError(
                f"{what} is already open, in another process or elsewhere in this one. Stop the other "
                "MindReader, or set MINDREADER_QDRANT_URL so that several processes share a Qdrant server."
            ).with_inside(str(path)) from None
        except OSError as error:
            reason = f"{error.strerror}: {path}"
            raise NotReadyError(f"{what} cannot be written to.").with_inside(reason) from error

    def release(self) -> None:
        """Give the lock back; twice is fine."""
        self._lock.release()


@contextmanager
def exclusive_lock(settings: Settings) -> Iterator[None]:
    """Keep a second embedded server, or a doctor, out of the data folder; separate workers share it by design.

    Raises:
        ConflictError: another process is at work there.
    """
    if not settings.embedded_workers:
        yield
        return
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    lock = FolderLock(settings.data_dir / ".server.lock", "The data folder")
    try:
        yield
    finally:
        lock.release()
