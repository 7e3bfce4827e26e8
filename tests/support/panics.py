"""A worker in which things go wrong: `python -m tests.support.panics FOLDER -m MODULE …`.

While a file of one of these names lies in the folder, every search (`search`), or every heartbeat of the search queue
(`heartbeat`) or of the embed queue (`embed`), raises what is no `Exception`, and `consumers` ends every consumer that
takes a heartbeat.
"""

from __future__ import annotations

import os
import runpy
import sys
from pathlib import Path
from typing import Any


class PanicException(BaseException):  # as the engine calls its own
    """What a panic in Rust is in Python."""


class Panics:
    """Nothing goes wrong at first."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder

    def begin(self, name: str) -> None:
        (self.folder / name).touch()

    def end(self, name: str) -> None:
        (self.folder / name).unlink()

    def check(self, name: str) -> None:
        if (self.folder / name).exists():
            raise SystemExit(1) if name == "consumers" else PanicException(name)


def add_panics(panics: Panics) -> None:
    from mindreader.operations.worker_status import Heartbeat
    from mindreader_workers.worker import Worker

    answer, check, record = Worker.answer_search, Worker.check_search, Heartbeat.record

    def answer_or_panic(self: Worker, request: Any) -> Any:
        panics.check("search")
        return answer(self, request)

    def check_or_panic(self: Worker) -> None:
        panics.check("consumers")
        panics.check("heartbeat")
        check(self)

    def record_or_panic(self: Heartbeat, *arguments: Any, **named: Any) -> None:
        if self.queue == "embed":
            panics.check("consumers")
            panics.check("embed")
        record(self, *arguments, **named)

    Worker.answer_search = answer_or_panic  # type: ignore[method-assign]
    Worker.check_search = check_or_panic  # type: ignore[method-assign]
    Heartbeat.record = record_or_panic  # type: ignore[method-assign]


def main() -> None:
    folder, _, module, *arguments = sys.argv[1:]
    # A web process whose workers are elsewhere loads none.
    if "serve" not in arguments or not os.environ.get("MINDREADER_BROKER_URL"):
        add_panics(Panics(Path(folder)))
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
