"""Real servers on private ports, started for the tests and stopped with them."""

from __future__ import annotations

import atexit
import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import psycopg
import redis

PORTS = range(10_000, 32_768)
_LONGEST_PAUSE = 0.2


def free_port() -> int:
    """Below the ports the kernel gives to connections: one of them might take it while its server restarts."""
    while True:
        port = secrets.choice(PORTS)
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port


def wait_until(
    ready: Callable[[], object], what: str, seconds: float = 300.0, progress: Callable[[], object] = lambda: None
) -> None:
    """Come back soon after it is so. The limit is for what never happens, not for slow machines.

    It looks again and again, but less often the longer it takes: who is looked at has something else to do.

    Args:
        progress: how far it is, for what goes on step by step: looked at when the limit is reached, which begins anew
            where it is another value than the last time.

    Raises:
        TimeoutError: it is not so, and no further than when the limit began.
    """
    began = time.monotonic()
    reached, stop_at = progress(), began + seconds
    while not ready():
        if time.monotonic() > stop_at:
            before, reached, stop_at = reached, progress(), time.monotonic() + seconds
            if reached == before:
                where = "" if reached is None else f", and stands still at {reached}"
                raise TimeoutError(f"{what} took longer than {seconds} seconds{where}")
        time.sleep(min(_LONGEST_PAUSE, 0.02 + (time.monotonic() - began) / 10))


def wait_for_count(count: Callable[[], int], expected: int, what: str, seconds: float = 300.0) -> None:
    """Come back once that many are counted; give up when the count stands still for so long."""
    wait_until(lambda: count() == expected, what, seconds, progress=count)


def answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


class RedisServer:
    """A Redis that keeps nothing on disk: after a restart it is empty."""

    def __init__(self) -> None:
        self._port = free_port()
        self._folder = tempfile.TemporaryDirectory()
        self.url = f"redis://127.0.0.1:{self._port}/0"
        self.start()

    def start(self) -> None:
        port = str(self._port)
        arguments = ["redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self._process = subprocess.Popen(arguments, cwd=self._folder.name, stdout=subprocess.DEVNULL)
        wait_until(lambda: answers(self._port), "redis-server")

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait()

    def flush(self) -> None:
        redis.Redis(port=self._port).flushall()

    def close(self) -> None:
        self.stop()
        self._folder.cleanup()


@contextlib.contextmanager
def redis_server() -> Iterator[str]:
    server = RedisServer()
    try:
        yield server.url
    finally:
        server.close()


class S3Server:
    """An S3 server over a folder: rclone's, a program of its own that speaks S3's HTTP."""

    ENVIRONMENT: ClassVar = {
        "AWS_ACCESS_KEY_ID": "mindreader",
        "AWS_SECRET_ACCESS_KEY": "a secret",
        "AWS_REGION": "eu-west-1",
    }

    def __init__(self, bucket: str = "photos") -> None:
        self._port, self._folder = free_port(), tempfile.TemporaryDirectory()
        self.bucket = bucket
        (Path(self._folder.name) / bucket).mkdir()
        self.environment = {**self.ENVIRONMENT, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self._port}"}
        self.start()

    def start(self) -> None:
        keys = f"{self.ENVIRONMENT['AWS_ACCESS_KEY_ID']},{self.ENVIRONMENT['AWS_SECRET_ACCESS_KEY']}"
        address = ["--addr", f"127.0.0.1:{self._port}", "--auth-key", keys]
        command = [str(Path(sys.executable).parent / "rclone"), "serve", "s3", *address, self._folder.name]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(lambda: answers(self._port), "rclone serve s3")

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait()

    def close(self) -> None:
        self.stop()
        self._folder.cleanup()


def postgres_programs() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if found:
        return found[-1].parent
    on_path = shutil.which("postgres")
    return Path(on_path).parent if on_path else None


@cache
def _empty_cluster(programs: Path, user: str | None) -> Path:
    """What `initdb` makes, once a process; servers start with a copy."""
    folder = Path(tempfile.mkdtemp(prefix="mindreader-initdb-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    if user:
        shutil.chown(folder, user)
    small = ["--no-sync", "--wal-segsize", "1"]
    initdb = [str(programs / "initdb"), "-D", str(folder / "data"), "-U", "mindreader", "-A", "trust", *small]
    subprocess.run(initdb, check=True, user=user, cwd=folder, stdout=subprocess.DEVNULL)
    return folder / "data"


class PostgresServer:
    """A PostgreSQL with a cluster of its own, which outlasts stops."""

    def __init__(self, programs: Path | None) -> None:
        assert programs is not None, "PostgreSQL is not installed: `make system-packages`"
        self._programs, self._port = programs, free_port()
        # PostgreSQL refuses to run as root; its Debian package brings the user it wants.
        self._user = "postgres" if os.geteuid() == 0 else None
        self._folder = Path(tempfile.mkdtemp(prefix="mindreader-postgres-"))
        if self._user:
            shutil.chown(self._folder, self._user)
        self._run: dict[str, Any] = {"user": self._user, "cwd": self._folder, "stdout": subprocess.DEVNULL}
        subprocess.run(["cp", "-a", _empty_cluster(programs, self._user), self._folder / "data"], check=True)
        self.url = f"postgresql://mindreader@127.0.0.1:{self._port}/postgres"
        self.start()

    def start(self) -> None:
        options = ["-p", str(self._port), "-k", str(self._folder), "-h", "127.0.0.1", "-F"]
        command = [str(self._programs / "postgres"), "-D", str(self._folder / "data"), *options]
        self._process = subprocess.Popen(command, stderr=subprocess.DEVNULL, **self._run)
        wait_until(self._answers, "postgres")

    def stop(self) -> None:
        """End every connection at once (a "fast" shutdown)."""
        self._process.send_signal(signal.SIGINT)
        self._process.wait(timeout=300)

    def _answers(self) -> bool:
        # It listens before it answers.
        with contextlib.suppress(psycopg.OperationalError), psycopg.connect(self.url):
            return True
        return False

    def close(self) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)


@contextlib.contextmanager
def postgres_server(programs: Path) -> Iterator[str]:
    server = PostgresServer(programs)
    try:
        yield server.url
    finally:
        server.close()
