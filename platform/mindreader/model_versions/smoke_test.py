"""Try a bundle before anybody depends on it, in a process of its own (see `mindreader.model_versions.trial`)."""

from __future__ import annotations

import json
import logging
import os
import subprocess  # nosec B404  # this interpreter, and one of our modules
import time
from collections.abc import Callable
from tempfile import TemporaryFile
from threading import Lock
from typing import IO

from mindreader.bundles.store import BundleStore
from mindreader.errors import BundleError, ConflictError, MindReaderError, NotReadyError
from mindreader.host.child_programs import command, environment, unpacked
from mindreader.host.machine import memory_bytes
from mindreader.inference.engines.choose import EngineChoice
from mindreader.messages import SmokeTest
from mindreader.model_versions.trial import Trial
from mindreader.settings import Settings

log = logging.getLogger(__name__)

_LEAST_BYTES = 2 * 2**30
"""Half of a small machine's memory would not be enough for torch and two small networks."""
_LONGEST_ANSWER = 2**16
_SECONDS_BETWEEN_LOOKS = 0.1
_NICE = 10
"""Steps of priority below searches; fewer where embedding, for which nobody waits as long, is set to fewer."""
_WANT_OF_MEMORY = ("MemoryError", "SystemError", "Cannot allocate memory", "failed to map segment")
"""How imports end, and threads that cannot be begun, where the limit is below what torch itself takes."""
_trying = Lock()


def smoke_test(
    kept: BundleStore,
    sha256: str,
    engine: EngineChoice,
    settings: Settings,
    is_stopping: Callable[[], bool] = lambda: False,
) -> SmokeTest:
    """Use a kept bundle once, as the workers do; one at a time, so that searches never wait behind trials.

    Args:
        engine: which one the workers here use.

    Raises:
        BundleError: something in it does not fit, or it took more memory or time than the settings allow.
        NotReadyError: its files, or the photo encoder's published weights, cannot be found; or the trial was stopped.
        ConflictError: this process is trying another bundle.
    """
    if not _trying.acquire(blocking=False):
        raise ConflictError("Another bundle is being tried. Add this one when that is done.")
    try:
        trial = Trial(
            folder=kept.read(sha256, sha256[:8]).folder.absolute(),
            engine=engine,
            memory_bytes=settings.bundle_trial_memory or max(_LEAST_BYTES, memory_bytes() // 2),
            seconds=settings.bundle_trial_seconds,
            nice=min(_NICE, settings.embed_nice),
        )
        return _made(trial, is_stopping)
    finally:
        _trying.release()


def _made(trial: Trial, is_stopping: Callable[[], bool]) -> SmokeTest:
    with TemporaryFile() as answer, TemporaryFile() as errors:
        process = subprocess.Popen(  # noqa: S603  # nosec B603  # this Python, and an argument made here
            command("mindreader.model_versions.trial", trial.model_dump_json()),
            stdin=subprocess.PIPE,
            stdout=answer,
            stderr=errors,
            env=environment(),
        )
        try:
            status = _awaited(process, trial, is_stopping)
        finally:
            process.kill()
            process.communicate()
        if status != 0:
            raise _failure(trial, status, errors)
        return _answer_in(answer)


def _awaited(process: subprocess.Popen[bytes], trial: Trial, is_stopping: Callable[[], bool]) -> int:
    """Its exit status; negative for the signal that ended it.

    Raises:
        BundleError: it takes too long.
        NotReadyError: this worker is being stopped.
    """
    stop_at = time.monotonic() + 2 * trial.seconds
    while (status := process.poll()) is None:
        if is_stopping():
            raise NotReadyError("The worker was stopped while it tried the bundle. Try again.")
        if time.monotonic() > stop_at:
            raise _too_slow(trial)
        time.sleep(_SECONDS_BETWEEN_LOOKS)
    return status


def _too_slow(trial: Trial) -> BundleError:
    return BundleError(
        "The trial of this bundle was stopped: it took longer than the {seconds:g} seconds it may. Take one with "
        "smaller networks, or set MINDREADER_BUNDLE_TRIAL_SECONDS to more.",
        seconds=trial.seconds,
    )


def _failure(trial: Trial, status: int, errors: IO[bytes]) -> MindReaderError:
    """What is said of a trial that ended without an answer."""
    last = _last_line(errors)
    log.error("the trial of a bundle ended with status %d: %s", status, last)
    if status in _signals("SIGXCPU", "SIGALRM"):
        return _too_slow(trial)
    if status in _signals("SIGKILL"):  # by the system, of whose memory there was no more; or by somebody
        return BundleError(
            "The trial of this bundle was killed, by a person or for want of memory. Free some memory, then try again."
        )
    if status in _signals("SIGABRT", "SIGSEGV", "SIGBUS") or any(sign in last for sign in _WANT_OF_MEMORY):
        return trial.too_large
    return BundleError("The trial of this bundle failed: {reason}", reason=last or f"it ended with status {status}.")


def _signals(*names: str) -> set[int]:
    import signal

    return {-getattr(signal, name) for name in names if hasattr(signal, name)}


def _last_line(errors: IO[bytes]) -> str:
    errors.seek(max(0, errors.seek(0, os.SEEK_END) - _LONGEST_ANSWER))
    lines = errors.read().decode(errors="replace").split("\n")
    return next(("".join(filter(str.isprintable, line))[:300] for line in reversed(lines) if line.strip()), "")


def _answer_in(file: IO[bytes]) -> SmokeTest:
    file.seek(0)
    told = json.loads(file.read(_LONGEST_ANSWER))
    if "answer" in told:
        return SmokeTest.model_validate(told["answer"])
    raise unpacked(told)
