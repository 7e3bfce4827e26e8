"""A gate before the photo encoder: `python -m tests.support.gate FOLDER -m MODULE …` runs a program that has one.

While it is closed, a process embeds two batches and then stands in the middle of one, however quick or slow the machine
is, until the gate is opened or its worker is asked to stop. So what a test does to it falls into a batch.
"""

from __future__ import annotations

import os
import runpy
import sys
import time
from itertools import chain
from pathlib import Path
from typing import Any, TypedDict

from tests.support.services import wait_until

REPOSITORY = Path(__file__).parents[2]
BATCHES = 2


class Gate:
    """Open at first."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self.folder, self._closed, self._reached = folder, folder / "closed", folder / "reached"

    @property
    def is_closed(self) -> bool:
        return self._closed.exists()

    def close(self) -> None:
        self._reached.unlink(missing_ok=True)
        self._closed.touch()

    def open(self) -> None:
        self._closed.unlink()

    def wait(self) -> None:
        """Until a worker stands before it."""
        wait_until(self._reached.exists, "a batch")

    def reach(self) -> None:
        self._reached.touch()


class Wrapped(TypedDict):
    """What programs are started with."""

    python: tuple[str, ...]
    PYTHONPATH: str


def wrapped(*wrappers: tuple[str, ...]) -> Wrapped:
    """Options of a deployment whose programs run in these modules of support, each with its argument."""
    names = chain.from_iterable(("-m", f"tests.support.{name}", argument) for name, argument in wrappers)
    return {"python": (sys.executable, *names), "PYTHONPATH": str(REPOSITORY)}


def add_gate(gate: Gate) -> None:
    from mindreader.inference.photo_encoder import PhotoEncoder
    from mindreader_workers.worker import Worker

    workers: list[Worker] = []
    make, embed, passed = Worker.__init__, PhotoEncoder.embed, 0

    def make_known(self: Worker, *arguments: Any) -> None:
        make(self, *arguments)
        workers.append(self)

    def embed_behind_the_gate(self: PhotoEncoder, photos: Any) -> Any:
        nonlocal passed
        if gate.is_closed and passed >= BATCHES:
            gate.reach()
            while gate.is_closed and not any(worker.stopping.is_set() for worker in workers):
                time.sleep(0.02)
        passed += gate.is_closed
        return embed(self, photos)

    Worker.__init__ = make_known  # type: ignore[assignment, method-assign]  # the gate
    PhotoEncoder.embed = embed_behind_the_gate  # type: ignore[method-assign]  # the gate


def main() -> None:
    folder, _, module, *arguments = sys.argv[1:]
    # A web process whose workers are elsewhere has no encoder, and shall load none.
    if "serve" not in arguments or not os.environ.get("MINDREADER_BROKER_URL"):
        add_gate(Gate(Path(folder)))
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
