"""A queue that misbehaves: `python -m tests.support.delivery twice|late -m MODULE …` runs a program with such a queue.

Real brokers do both: Redis delivers a task again when it was not acknowledged in time, and a busy one is slow.
"""

from __future__ import annotations

import runpy
import sys
import threading
from typing import Any

from kombu.transport import memory, redis, virtual

LATE_SECONDS = 3.0


def twice(channel: type[virtual.Channel]) -> None:
    """Every message comes two times."""
    put = channel._put

    def put_twice(self: virtual.Channel, queue: str, message: dict, **options: Any) -> None:
        put(self, queue, message, **options)
        put(self, queue, message, **options)

    channel._put = put_twice  # type: ignore[assignment, method-assign]  # the fault


def late(channel: type[virtual.Channel]) -> None:
    """Every message comes some seconds after it was sent."""
    put = channel._put

    def put_later(self: virtual.Channel, queue: str, message: dict, **options: Any) -> None:
        timer = threading.Timer(LATE_SECONDS, put, (self, queue, message), options)
        timer.daemon = True
        timer.start()

    channel._put = put_later  # type: ignore[assignment, method-assign]  # the fault


FAULTS = {fault.__name__: fault for fault in (twice, late)}


def main() -> None:
    fault, _, module, *arguments = sys.argv[1:]
    for transport in (memory, redis):
        FAULTS[fault](transport.Channel)
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
