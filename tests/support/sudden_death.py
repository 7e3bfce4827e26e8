"""A program that is killed in the middle: `python -m tests.support.sudden_death BLOBS -m MODULE …`.

After it has written so many blobs it sends itself SIGKILL, as a power cut would: nothing gets a chance to tidy up.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
from threading import Lock
from typing import Any

from mindreader.blobs import BlobStore


def main() -> None:
    left, _, module, *arguments = sys.argv[1:]
    written, one_at_a_time = 0, Lock()

    def counted(put: Any) -> Any:
        def write(self: BlobStore, key: str, what: object) -> None:
            nonlocal written
            put(self, key, what)
            with one_at_a_time:
                written += 1
                if written == int(left):
                    os.kill(os.getpid(), signal.SIGKILL)

        return write

    for name in ("put", "put_file"):
        setattr(BlobStore, name, counted(getattr(BlobStore, name)))
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
