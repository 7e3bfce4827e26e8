"""A wrong clock: `python -m tests.support.clock FILE -m MODULE …` runs a program whose clock is off by FILE's seconds.

The monotonic clock goes on as it is, as it does when a machine's clock is set. (libfaketime 0.9.10 breaks the sleeping
of Python 3.11, so the clock is bent here, below everything that is imported later.)
"""

from __future__ import annotations

import runpy
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path

from mindreader.catalog import models

true_time, true_now = time.time, models.now


def set_clock(file: Path, seconds: str) -> None:
    """How wrong it is from now on; a program that reads the file in this moment finds the one or the other."""
    draft = file.with_suffix(".new")
    draft.write_text(seconds)
    draft.replace(file)


def main() -> None:
    _, file, _, module, *arguments = sys.argv

    def wrong_by() -> float:
        return float(Path(file).read_text())

    def wrong_time() -> float:
        return true_time() + wrong_by()

    def wrong_now() -> datetime:
        return true_now() + timedelta(seconds=wrong_by())

    time.time, models.now = wrong_time, wrong_now
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
