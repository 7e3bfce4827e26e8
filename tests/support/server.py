"""A real server process on a free port, and the command line beside it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

MINDREADER = [sys.executable, "-m", "mindreader.commands.main"]
SERVE = [*MINDREADER, "serve", "--port", "0"]
READY = re.compile(r"MindReader is ready at (http://\S+)")


@dataclass
class Server:
    """A started server."""

    process: subprocess.Popen
    url: str
    data_dir: Path

    def kill(self) -> None:
        """As a power cut would: nothing gets a chance to tidy up."""
        self.process.kill()
        self.process.wait()

    def api(self) -> httpx.Client:
        return client(self.url, self.data_dir)


def client(url: str, data_dir: Path) -> httpx.Client:
    """Speaks to the server at this address, whether it is there or not."""
    token = (data_dir / "secrets" / "local_token").read_text()
    return httpx.Client(base_url=f"{url}/api/v1", headers={"Authorization": f"Bearer {token}"}, timeout=300)


def environment(data_dir: Path, **settings: str) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MINDREADER_")}
    # Without a trash, what is deleted is removed for good at once; a test that wants a trash says how many days.
    ours = {"MINDREADER_DATA_DIR": str(data_dir), "MINDREADER_TRASH_DAYS": "0", "PYTHONUNBUFFERED": "1"}
    return clean | ours | settings


def start_server(data_dir: Path, command: Sequence[str] = SERVE, **settings: str) -> Server:
    process = subprocess.Popen(
        command,
        env=environment(data_dir, **settings),
        stdout=subprocess.PIPE,
        stderr=(data_dir.parent / "server.log").open("a"),
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if ready := READY.search(line):
            return Server(process, ready.group(1), data_dir)
    raise RuntimeError(
        f"the server ended with {process.wait()}: {(data_dir.parent / 'server.log').read_text()[-3000:]}"
    )


@contextlib.contextmanager
def server(data_dir: Path, **settings: str) -> Iterator[Server]:
    started = start_server(data_dir, **settings)
    try:
        yield started
    finally:
        started.process.terminate()
        started.process.wait(timeout=300)


def mindreader(data_dir: Path, *arguments: object, status: int = 0, **settings: str) -> dict:
    """Run a command that prints JSON, and return what it printed."""
    done = subprocess.run(
        [*MINDREADER, *map(str, arguments)],
        env=environment(data_dir, **settings),
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return json.loads(done.stdout) if done.stdout.lstrip().startswith("{") else {"printed": done.stdout + done.stderr}
