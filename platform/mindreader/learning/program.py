"""The program that learns: it is started, watched, stopped; the server and its workers never load torch for it.

It is of the package `mindreader_training`, which nothing here imports.
"""

from __future__ import annotations

import json
import logging
import subprocess  # nosec B404  # this interpreter, and one of our modules
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mindreader.errors import MindReaderError, NotReadyError
from mindreader.host.child_programs import command, environment, unpacked

log = logging.getLogger(__name__)

MODULE = "mindreader_training.library"
_ANSWER_FILE, _LOG_FILE = "answer.json", "program.log"
_SECONDS_TO_STOP = 45.0
"""It ends after the step at hand and a checkpoint; on a busy processor both take their time."""
_LONGEST_LINE = 300


class KilledError(Exception):
    """A signal ended the program: somebody's, or the system's for want of memory."""


class LearningProgram:
    """One program that learns what is in a folder."""

    def __init__(self, folder: Path) -> None:
        """Start it; where its folder holds a checkpoint it goes on from there.

        Raises:
            NotReadyError: the package is not installed.
        """
        package = MODULE.partition(".")[0]
        if find_spec(package) is None:
            raise NotReadyError(
                "This worker lacks the Python package {package}, which learns. Install MindReader as a whole there.",
                package=package,
            )
        self._folder = folder
        with (folder / _ANSWER_FILE).open("wb") as answer, (folder / _LOG_FILE).open("ab") as errors:
            self._process = subprocess.Popen(  # noqa: S603  # nosec B603  # this Python, and a folder of ours
                command(MODULE, str(folder)),
                stdin=subprocess.PIPE,
                stdout=answer,
                stderr=errors,
                env=environment(),
            )

    @property
    def pid(self) -> int:
        """Of its process."""
        return self._process.pid

    def has_ended(self) -> bool:
        """Whether it is over, for whatever reason."""
        return self._process.poll() is not None

    def stop(self) -> None:
        """Let it keep what it has learned, and end; one that does not is killed."""
        with suppress(OSError):
            assert self._process.stdin is not None
            self._process.stdin.close()  # it reads this, and stops at the end
        try:
            self._process.wait(_SECONDS_TO_STOP)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()
        self._process.wait()
        with suppress(OSError):
            assert self._process.stdin is not None
            self._process.stdin.close()

    def is_done(self) -> bool:
        """Of one that has ended: whether it came to its end, and did not stop before.

        Raises:
            KilledError: a signal ended it.
            MindReaderError: it failed; the sentence says why.
        """
        status = self._process.wait()
        if status < 0:
            raise KilledError
        if status:
            last = _last_line(self._folder / _LOG_FILE)
            log.error("the program that learns ended with status %d: %s", status, last)
            raise MindReaderError("Learning failed: {reason}", reason=last or f"it ended with status {status}.")
        told: dict[str, Any] = json.loads((self._folder / _ANSWER_FILE).read_text())
        if "error" in told:
            raise unpacked(told)
        return bool(told["done"])


def _last_line(file: Path) -> str:
    lines = file.read_text(errors="replace").split("\n")
    return next(
        ("".join(filter(str.isprintable, line))[:_LONGEST_LINE] for line in reversed(lines) if line.strip()), ""
    )
