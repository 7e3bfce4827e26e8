"""Watch a folder: the system tells in which sub-folders something changed. What is left out is not watched at all."""

from __future__ import annotations

import logging
import os
from collections.abc import Collection
from pathlib import Path
from threading import Event, Lock, Thread

from watchfiles import Change, watch

from mindreader.folders.patterns import joined
from mindreader.library.photo_names import PHOTO_SUFFIXES

log = logging.getLogger(__name__)

_TOGETHER_MS = 1000
"""Changes within so long are told at once."""
_STEP_MS = 100
_LOOK_MS = 500
_UNREADABLE = "\ufffd"


class FolderWatch:
    """Collects the sub-folders in which something changed.

    Args:
        root: the folder.
        directories: sub-folders to watch, each by itself: below the folder, empty for the folder itself.
    """

    def __init__(self, root: Path, directories: Collection[bytes]) -> None:
        self._root, self.directories = root, frozenset(directories)
        self._stop, self._lock, self._established = Event(), Lock(), Event()
        self._changed: set[bytes] = set()
        self.is_stale = False
        """A sub-folder was replaced by another of its name, which is not watched."""
        self.has_failed = False
        """The system refused, or stopped telling; the folder is to be looked through regularly instead."""
        self._thread = Thread(target=self._run, name=f"watch {root.name}", daemon=True)

    def start(self, seconds: float = 60.0) -> bool:
        """Begin; returns whether the system tells of changes from now on."""
        self._thread.start()
        self._established.wait(seconds)
        return not self.has_failed

    def stop(self) -> None:
        """End."""
        self._stop.set()
        self._thread.join()

    def take(self) -> set[bytes]:
        """The sub-folders in which something changed since this was asked last; all of them if it cannot be told."""
        with self._lock:
            changed, self._changed = self._changed, set()
        return changed

    def note(self, directories: Collection[bytes]) -> None:
        """Take something for changed."""
        with self._lock:
            self._changed.update(directories)

    def _run(self) -> None:
        try:
            for changes in watch(
                *self._paths(),
                watch_filter=None,
                recursive=False,
                debounce=_TOGETHER_MS,
                step=_STEP_MS,
                rust_timeout=_LOOK_MS,
                yield_on_timeout=True,
                stop_event=self._stop,
                raise_interrupt=False,
                ignore_permission_denied=True,
            ):
                self._established.set()
                self._note(changes)
        except Exception as error:  # its engine raises what it likes
            log.warning("folder %s cannot be watched: %s", self._root, error)
            self.has_failed = True
        finally:
            self._established.set()

    def _paths(self) -> list[str]:
        """The sub-folders that are still there."""
        root = os.fsencode(self._root)
        paths = (os.fsdecode(joined(root, path) if path else root) for path in self.directories)
        return [path for path in paths if Path(path).is_dir()]

    def _note(self, changes: set[tuple[Change, str]]) -> None:
        self.note({place for kind, path in changes for place in self._places(kind, Path(path))})

    def _places(self, kind: Change, path: Path) -> set[bytes]:
        """Where to look because of one change."""
        if _UNREADABLE in str(path) or not path.is_relative_to(self._root):
            return {b""}  # a name that is no text: somewhere
        if kind == Change.modified and path.suffix.lower() not in PHOTO_SUFFIXES:
            return set()
        if kind != Change.modified and _below(path, self._root) in self.directories:
            self.is_stale = True
        parent = path.parent if path != self._root else path
        return {_below(parent, self._root)}


def _below(path: Path, root: Path) -> bytes:
    return b"" if path == root else os.fsencode(path.relative_to(root))
