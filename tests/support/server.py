"""A real server process on a free port, and the command line beside it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

from mindreader.bundles import Bundle
from mindreader.settings import load_settings
from tests.support import programs
from tests.support.programs import Program
from tests.support.services import wait_until
from tests.support.temporary import compiled_models

MINDREADER = [sys.executable, "-m", "mindreader.commands.main"]
SERVE = [*MINDREADER, "serve", "--port", "0"]
READY = re.compile(r"MindReader is ready at (http://\S+)")


@dataclass
class Server:
    """A started server."""

    process: Program | subprocess.Popen
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
    ours |= {"MINDREADER_COMPILED_MODELS": str(compiled_models()), "MINDREADER_INFERENCE_THREADS": "1"}
    # What runs at a low priority would get next to nothing of the processors beside all other tests.
    ours |= {"MINDREADER_EMBED_NICE": "0", "MINDREADER_BUNDLE_TRIAL_SECONDS": "800"}
    ours["MINDREADER_REGIONS"] = "none"  # a test of regions says so; the others need not wait for them
    return clean | ours | settings


def data_with(folder: Path, bundle: Bundle) -> Path:
    """A data folder in which this bundle answers, in place of the one that ships with MindReader."""
    from tests.support.bundles import install_bundle  # brings torch

    data_dir = folder / "data"
    install_bundle(load_settings(environment(data_dir)), bundle)
    return data_dir


def start_server(data_dir: Path, command: Sequence[str] = SERVE, **settings: str) -> Server:
    out, log = (data_dir.parent / f"server-{uuid.uuid4().hex}.out"), data_dir.parent / "server.log"
    with out.open("w") as stdout, log.open("a") as stderr:
        process = programs.start(command, env=environment(data_dir, **settings), stdout=stdout, stderr=stderr)

    def said() -> bool:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode}: {log.read_text()[-3000:]}")
        return READY.search(out.read_text()) is not None

    wait_until(said, "the start of the server")
    ready = READY.search(out.read_text())
    assert ready is not None
    return Server(process, ready.group(1), data_dir)


@contextlib.contextmanager
def server(data_dir: Path, command: Sequence[str] = SERVE, **settings: str) -> Iterator[Server]:
    started = start_server(data_dir, command, **settings)
    try:
        yield started
    finally:
        started.process.terminate()
        started.process.wait(timeout=300)


def mindreader(
    data_dir: Path, *arguments: object, status: int = 0, command: Sequence[str] = MINDREADER, **settings: str
) -> dict:
    """Run a command that prints JSON, and return what it printed."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as error:
        done = programs.start(
            [*command, *map(str, arguments)], env=environment(data_dir, **settings), stdout=out, stderr=error
        )
        done.wait(timeout=600)
        out.seek(0)
        error.seek(0)
        printed, also = out.read(), error.read()
    assert done.returncode == status, printed + also
    return json.loads(printed) if printed.lstrip().startswith("{") else {"printed": printed + also}
