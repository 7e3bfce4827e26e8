"""The trial of one bundle: a program of its own that limits itself before it looks at the bundle.

    python -m mindreader.model_versions.trial '{"folder": …}'

A bundle from elsewhere may ask for any network. Here it can take only so much memory and time, and whoever started
this program may kill it at any moment. It prints one line of JSON, and ends when its parent does.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import Any

from pydantic import BaseModel, ConfigDict

from mindreader.bundles import read_bundle
from mindreader.errors import BundleError, MindReaderError
from mindreader.host.child_programs import packed, print_alone
from mindreader.host.machine import processors
from mindreader.inference.engines.choose import EngineChoice
from mindreader.messages import SmokeTest

_DRIVER_BYTES = 8 * 2**30
"""What a GPU's driver may map besides, which takes no memory of the machine."""
_OUT_OF_MEMORY = ("can't allocate memory", "out of memory", "bad_alloc", "cannot allocate memory")


class Trial(BaseModel):
    """What is tried, where, and within which limits."""

    model_config = ConfigDict(frozen=True)

    folder: Path
    engine: EngineChoice
    memory_bytes: int
    seconds: float
    """Of processor time for each of half of the processors; and for each second of that, two on the clock."""
    nice: int = 0
    """Steps of priority below whoever tries it."""

    @property
    def too_large(self) -> MindReaderError:
        """What is said of a bundle that asks for more memory."""
        return BundleError(
            "This bundle needs more than the {megabytes:,} MB of memory its trial may take. Take one with smaller "
            "networks, or set MINDREADER_BUNDLE_TRIAL_MEMORY to more.",
            megabytes=self.memory_bytes // 2**20,
        )


def main() -> None:
    """Try the bundle the argument describes."""
    trial = Trial.model_validate_json(sys.argv[1])
    _limit(trial)
    Thread(target=_end_with_parent, daemon=True).start()
    print_alone(lambda: _outcome(trial))


def _limit(trial: Trial) -> None:
    if sys.platform == "win32":
        return
    import resource

    seconds = max(1, round(trial.seconds * max(1, processors() // 2)))
    memory = trial.memory_bytes + (0 if trial.engine.device == "cpu" else _DRIVER_BYTES)
    # Not RLIMIT_AS: torch's libraries and a GPU's driver map far more addresses than they use memory.
    for limit, value in (
        (resource.RLIMIT_DATA, memory),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_CORE, 0),
    ):
        with suppress(ValueError):  # the system allows less already
            resource.setrlimit(limit, (value, value))
    signal.alarm(round(2 * trial.seconds) + 1)
    os.nice(trial.nice)


def _end_with_parent() -> None:
    """The parent holds the other end of the input, and writes nothing to it."""
    os.read(0, 1)  # not sys.stdin, whose lock would keep this program from ending
    os._exit(1)


def _outcome(trial: Trial) -> dict[str, Any]:
    """The answer, or the error as a sentence."""
    try:
        return {"answer": _try(trial).model_dump(mode="json")}
    except MindReaderError as error:
        return packed(error)
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and not any(sign in str(error).lower() for sign in _OUT_OF_MEMORY):
            raise
        return packed(trial.too_large)


def _try(trial: Trial) -> SmokeTest:
    from mindreader.inference.engines.conversion import convert
    from mindreader.inference.smoke import check_bundle

    engine = trial.engine.load(convert)  # here, within the limits, and not in a program of its own
    found = check_bundle(read_bundle(trial.folder), engine, trial.memory_bytes)
    return SmokeTest(
        photos_per_second=round(found.photos_per_second, 2), encoder_bytes=found.encoder_bytes, device=engine.device
    )


if __name__ == "__main__":
    main()
