"""A real server in this process, whose patience is as short as a test; and sockets that misbehave."""

from __future__ import annotations

import contextlib
import select
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from mindreader.settings import Settings, load_settings
from mindreader_webui.commands.serve import workers_for
from mindreader_webui.connections import Patience
from mindreader_webui.server import server_in_background


@dataclass(frozen=True)
class Target:
    """The server under attack."""

    url: str
    settings: Settings

    @property
    def token(self) -> str:
        return (self.settings.secrets_dir / "local_token").read_text()

    def api(self) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.token}"}
        return httpx.Client(base_url=f"{self.url}/api/v1", headers=headers, timeout=120)

    def connect(self, receive_buffer: int | None = None) -> socket.socket:
        """A connection of one's own; a small buffer is full of an unread answer sooner."""
        address = urlsplit(self.url)
        connection = socket.socket()
        if receive_buffer:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        connection.settimeout(120)
        connection.connect((address.hostname, address.port))
        return connection

    def serves_others(self) -> None:
        """Pages, lists and health are answered to everybody else."""
        assert httpx.get(f"{self.url}/healthz", timeout=120).text == "ok"
        assert httpx.get(f"{self.url}/setup", timeout=120).status_code == 200
        with self.api() as api:
            api.get("/collections").raise_for_status()


Attacked = Callable[..., contextlib.AbstractContextManager[Target]]


@pytest.fixture
def attacked(tmp_path: Path) -> Attacked:
    @contextlib.contextmanager
    def start(patience: Patience | None = None, *, workers: bool = False, **settings: object) -> Iterator[Target]:
        given = {f"MINDREADER_{name.upper()}": str(value) for name, value in settings.items()}
        loaded = load_settings({"MINDREADER_DATA_DIR": str(tmp_path / "data"), "MINDREADER_PORT": "0"} | given)
        with server_in_background(loaded, workers_for(loaded) if workers else None, patience) as url:
            yield Target(url, loaded)

    return start


def is_closed(connection: socket.socket) -> bool:
    """Waits for the server to close, and reads nothing."""
    watched = select.poll()
    watched.register(connection, select.POLLRDHUP)
    return bool(watched.poll(120_000))


def answer_on(connection: socket.socket) -> bytes:
    """All that comes until the server closes."""
    pieces = []
    with contextlib.suppress(ConnectionResetError):
        while piece := connection.recv(65536):
            pieces.append(piece)
    return b"".join(pieces)
