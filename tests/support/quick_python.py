"""A Python by which MindReader starts programs of its own, where tests run it, and pytest-xdist its processes.

What spends most of its time on loading torch begins as a fork of the nursery (tests/support/programs.py), which has
loaded it; this process stands for such a fork: who kills it kills that, and it ends as that does. All others are
run by Python itself, in this process.

It lies beside the nursery's socket and loads next to nothing, for it is started with `-S -E`.
"""

import os
import sys

OF_TESTS = ["-u", "-c"]
"""How pytest-xdist starts a process."""
FORKED = ("mindreader.inference.engines.conversion", "mindreader.model_versions.trial", "mindreader_training.library")


def main(arguments: list[str]) -> None:
    if arguments[:2] != OF_TESTS and (arguments[0] != "-m" or arguments[1] not in FORKED):
        os.execv(sys.executable, [sys.executable, *arguments])
    import json
    import select
    import socket
    from pathlib import Path

    nursery = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    nursery.connect(__file__.removesuffix("python") + "socket")

    def ask(request: dict[str, object], files: tuple[int, ...] = ()) -> int | None:
        socket.send_fds(nursery, [json.dumps(request).encode()], list(files))
        answer: int | None = json.loads(nursery.recv(100))
        return answer

    pid = ask({"run": arguments[1:], "env": dict(os.environ), "cwd": str(Path.cwd())}, (0, 1, 2))
    assert pid is not None
    select.select([os.pidfd_open(pid)], [], [])
    status = ask({"ended": pid})
    assert status is not None
    if status < 0:
        os.kill(os.getpid(), -status)
    os._exit(status)


if __name__ == "__main__":
    main(sys.argv[1:])
