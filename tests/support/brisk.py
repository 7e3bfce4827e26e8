"""Workers that look around more often: `python -m tests.support.brisk SECONDS -m MODULE …`.

What no message tells them (a lease that ran out, a message that was lost) they see when they look, every half minute.
Tests would do nothing else but wait for it.
"""

from __future__ import annotations

import runpy
import sys

from mindreader_workers.beat import Beat


def main() -> None:
    seconds, _, module, *arguments = sys.argv[1:]
    Beat.__init__.__defaults__ = (float(seconds),)
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
