"""Python programs in processes of their own, which need not load torch again and again.

Each `python -m module …` of the tests is a real process: it has its own environment, folder and output, and may be sent
any signal. But importing what programs stand on takes seconds of a core each time. So a nursery process imports that
once for all processes of a run; every program begins as a fork of it, and ends with the process that asked for it.
Nothing of what is imported reads the environment, opens a file or starts a thread; modules that do
(`mindreader_workers.app`) are left to each program. A program that bends the clock begins from nothing: what is
imported keeps the clock it found.

Processes of tests (pytest-xdist's workers) begin so too, as forks of a nursery that has imported the same and altered
nothing: what of the product is made quicker, and where, each test process says for itself.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import random
import runpy
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import IO

from mindreader.host import child_programs
from tests.support import quick_python
from tests.support.quick_hashes import hash_quickly

REPOSITORY = Path(__file__).parents[2]
SHARED = (
    "mindreader.commands.backup",
    "mindreader.commands.doctor",
    "mindreader.commands.learn",
    "mindreader.commands.migrate_to",
    "mindreader.commands.settings",
    "mindreader.commands.trouble",
    "mindreader.inference.engines.conversion",
    "mindreader.inference.engines.torch_engine",
    "mindreader_training.commands",
    "mindreader_training.library",
    "mindreader_webui.commands",
    "mindreader_webui.server",
    "mindreader_workers.embedded",
    "alembic.command",
    "argon2",
    "celery.app.amqp",
    "celery.app.control",
    "celery.app.events",
    "celery.backends.cache",
    "celery.bin.celery",
    "celery.concurrency.solo",
    "celery.events.receiver",
    "celery.fixups.django",
    "celery.loaders.app",
    "celery.worker.autoscale",
    "celery.worker.components",
    "celery.worker.consumer",
    "celery.worker.consumer.delayed_delivery",
    "celery.worker.strategy",
    "flask_limiter",
    "flask_login",
    "flask_openapi3",
    "flask_wtf",
    "httpcore",
    "httpx",
    "jinja2.ext",
    "kombu.transport.memory",
    "kombu.transport.redis",
    "pillow_heif",
    "prometheus_client",
    "psycopg",
    "qdrant_client",
    "qdrant_edge",
    "redis",
    "rich._emoji_codes",
    "rich.progress",
    "sqlalchemy.dialects.postgresql.psycopg",
    "sqlalchemy.dialects.sqlite",
    "waitress",
)
FROM_NOTHING = ("tests.support.clock",)
_REQUEST_BYTES = 2**20
_FOLDER = "TESTS_NURSERY"
"""Of the environment: where the nursery's socket is, and tests/support/quick_python.py as a program."""
_SOCKET, _PYTHON = "socket", "python"
_FOR_TESTS = "tests-"
"""Before the name of each, in the nursery that processes of tests are forks of."""
_PATH: list[str] = []
"""Where Python looks for modules by itself."""


class Program:
    """A program that has been started; used as `subprocess.Popen` is."""

    def __init__(
        self, command: Sequence[str], *, env: Mapping[str, str], cwd: Path | None, stdout: IO, stderr: IO
    ) -> None:
        """Run `python -m module …`; its output goes to these files."""
        python, _, *module_and_arguments = self.args = list(map(str, command))
        if python != sys.executable or self.args[1] != "-m":
            raise ValueError(f"only modules are run here, not {command}")
        self.returncode: int | None = None
        asked = {"run": module_and_arguments, "env": dict(env), "cwd": str(cwd or Path.cwd())}
        with Path(os.devnull).open("rb") as nothing:
            pid = _nursery().ask(asked, [nothing.fileno(), stdout.fileno(), stderr.fileno()])
        assert pid is not None
        self.pid = pid

    def poll(self) -> int | None:
        if self.returncode is None:
            self.returncode = _nursery().ask({"ended": self.pid})
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if self.poll() is None:
            with suppress(ProcessLookupError), os.fdopen(os.pidfd_open(self.pid), "rb") as process:
                select.select([process], [], [], timeout)
        if self.poll() is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def start(
    command: Sequence[str], *, env: Mapping[str, str], stdout: IO, stderr: IO, cwd: Path | None = None
) -> Program | subprocess.Popen:
    if any(each in FROM_NOTHING for each in command):
        return subprocess.Popen(command, env=env, cwd=cwd, stdout=stdout, stderr=stderr)
    return Program(command, env=env, cwd=cwd, stdout=stdout, stderr=stderr)


class Nursery:
    """The process that programs are forks of, as one that asks it sees it."""

    def __init__(self, address: str) -> None:
        self._lock = threading.Lock()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.connect(address)

    def ask(self, request: Mapping[str, object], files: Sequence[int] = ()) -> int | None:
        with self._lock:
            socket.send_fds(self._socket, [json.dumps(request).encode()], list(files))
            answer: int | None = json.loads(self._socket.recv(_REQUEST_BYTES))
            return answer


def open_nursery() -> str:
    """Start it, for this process and those that it starts; it ends with this process.

    Returns:
        A Python for processes of tests.
    """
    folder = Path(tempfile.mkdtemp(prefix="mindreader-nursery-"))
    os.environ[_FOLDER] = str(folder)
    start_programs_quickly()
    with ExitStack() as stack:
        listening = [stack.enter_context(_listening(folder, before)) for before in ("", _FOR_TESTS)]
        files = [each.fileno() for each in listening]
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.programs", *map(str, files)],
            # One thread for each fork, as tests/conftest.py says; OpenMP asks when it is loaded.
            env={
                "OMP_NUM_THREADS": "1",
                **os.environ,
                "PYTHONPATH": os.pathsep.join([str(REPOSITORY), os.environ.get("PYTHONPATH", "")]),
            },
            stdin=subprocess.PIPE,
            pass_fds=files,
        )

    def close() -> None:
        assert process.stdin
        process.stdin.close()
        process.wait()
        shutil.rmtree(folder)

    atexit.register(close)
    return str(folder / f"{_FOR_TESTS}{_PYTHON}")


def _listening(folder: Path, before: str) -> socket.socket:
    """A nursery's socket, and beside it the Python that asks there."""
    python = folder / f"{before}{_PYTHON}"
    python.write_text(f"#!{sys.executable} -SE\n{Path(quick_python.__file__).read_text()}")
    python.chmod(0o755)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listening.bind(str(folder / f"{before}{_SOCKET}"))
    listening.listen()
    return listening


def start_programs_quickly() -> None:
    """Have MindReader in this process start its own programs by a Python that need not load torch, if there is one."""
    if _FOLDER in os.environ:
        child_programs._PYTHON = str(Path(os.environ[_FOLDER]) / _PYTHON)


_opening = threading.Lock()


def _nursery() -> Nursery:
    with _opening:
        return _connected()


@cache
def _connected() -> Nursery:
    if _FOLDER not in os.environ:
        open_nursery()
    return Nursery(str(Path(os.environ[_FOLDER]) / _SOCKET))


def main() -> None:
    """The nursery, and the one for processes of tests: they fork what they are asked for, and say how it ended."""
    _PATH[:] = [path for path in sys.path[1:] if path != str(REPOSITORY)]
    for name in SHARED:
        import_module(name)
    for_programs, for_tests = (socket.socket(fileno=int(number)) for number in sys.argv[1:])
    if os.fork():
        for_tests.close()
        _know_what_all_need()
        _serve(for_programs)
    else:
        for_programs.close()
        _serve(for_tests)


def _serve(listening: socket.socket) -> None:
    """Until nobody is left who could ask."""
    gc.collect()
    gc.freeze()
    asking = {listening.fileno(): listening}
    started: dict[int, list[int]] = {}
    while True:
        for ready in select.select([0, *asking], [], [])[0]:
            if ready == 0:
                for programs in started.values():
                    _end(programs)
                return
            if ready == listening.fileno():
                connection, _ = listening.accept()
                asking[connection.fileno()], started[connection.fileno()] = connection, []
            elif not _answer(asking[ready], asking.values(), started[ready]):
                _end(started.pop(ready))
                asking.pop(ready).close()


def _answer(asking: socket.socket, all_sockets: Iterable[socket.socket], started: list[int]) -> bool:
    """Do what is asked next; whether there was anything.

    Args:
        started: for whoever is at the other end, and not known to have ended.
    """
    try:
        message, files, _, _ = socket.recv_fds(asking, _REQUEST_BYTES, 3)
    except ConnectionError:
        return False
    if not message:
        return False
    request = json.loads(message)
    if "ended" in request:
        ended, status = os.waitpid(request["ended"], os.WNOHANG)
        answer = os.waitstatus_to_exitcode(status) if ended else None
        if ended:
            started.remove(ended)
    else:
        answer = os.fork()
        if not answer:
            for each in all_sockets:
                each.close()
            _become(request, files)
        started.append(answer)
        for file in files:
            os.close(file)
    with suppress(ConnectionError):  # whoever asked may have been killed since
        asking.send(json.dumps(answer).encode())
    return True


def _end(programs: Sequence[int]) -> None:
    """Of somebody who is gone."""
    for pid in programs:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _know_what_all_need() -> None:
    """Half a second of a core for each server, once for all of them."""
    from mindreader_webui import i18n
    from tests.support.ready_networks import keep_networks_ready
    from tests.support.remembered import copy_migrated_tables

    hash_quickly()
    copy_migrated_tables()
    start_programs_quickly()
    keep_networks_ready()
    i18n._shipped(i18n.FOLDER)


def _become(request: dict, files: list[int]) -> None:
    """Be the program that is asked for. Never returns."""
    status = 1
    try:
        _enter(request, files)
        _run()
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)  # noqa: T201
    except BaseException:
        traceback.print_exc()
    try:
        threading._shutdown()  # type: ignore[attr-defined]  # what the interpreter does at its end
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(status)


def _run() -> None:
    """What the arguments of this process say: `-c` and a line, or a module and its arguments."""
    if sys.argv[0] == "-c":
        exec(sys.argv.pop(1), {"__name__": "__main__"})  # what execnet begins a process of tests with
    else:
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


def _enter(request: dict, files: list[int]) -> None:
    for number, file in enumerate(files):
        os.dup2(file, number)
    sys.stdout, sys.stderr = (os.fdopen(number, "w", buffering=1, encoding="utf-8", closefd=False) for number in (1, 2))
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    named = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    sys.path[:] = [request["cwd"], *named, *_PATH]
    sys.argv[:] = request["run"]
    time.tzset()
    random.seed()


if __name__ == "__main__":
    main()
