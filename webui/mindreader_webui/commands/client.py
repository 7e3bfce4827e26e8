"""How commands reach MindReader: a server they are told of, the one of this data folder, or one of their own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

import click
import httpx

from mindreader.errors import MindReaderError
from mindreader.settings import Settings, load_settings

_SECONDS = 300.0

server_option = click.option(
    "--server", envvar="MINDREADER_SERVER", help="URL of a running server; the one of the data folder if not given."
)
token_option = click.option(
    "--token", envvar="MINDREADER_TOKEN", help="Access token; not needed on the server's own machine."
)


class RemoteError(MindReaderError):
    """The server refused, or cannot be reached."""

    status: int | None = None
    """What the server answered; None where no answer came."""

    def with_status(self, status: int) -> Self:
        """This error, with what the server answered."""
        self.status = status
        return self


class ApiClient:
    """The HTTP API, with errors as sentences."""

    def __init__(self, url: str, token: str) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._http = httpx.Client(base_url=f"{url.rstrip('/')}/api/v1", headers=headers, timeout=_SECONDS)

    def get(self, path: str, **arguments: object) -> dict[str, Any]:
        """GET and return the JSON answer."""
        return self._request("GET", path, **arguments)

    def post(self, path: str, **arguments: object) -> dict[str, Any]:
        """POST and return the JSON answer."""
        return self._request("POST", path, **arguments)

    def patch(self, path: str, **arguments: object) -> dict[str, Any]:
        """PATCH and return the JSON answer."""
        return self._request("PATCH", path, **arguments)

    def delete(self, path: str, **arguments: object) -> dict[str, Any]:
        """DELETE and return the JSON answer, empty where there is none."""
        return self._request("DELETE", path, **arguments)

    def _request(self, method: str, path: str, **arguments: object) -> dict[str, Any]:
        try:
            response = self._http.request(method, path, **arguments)  # type: ignore[arg-type]
        except httpx.HTTPError as error:
            raise RemoteError(f"{self._http.base_url} cannot be reached: {error}") from None
        if response.is_error:
            raise RemoteError(_sentence(response)).with_status(response.status_code)
        answer: dict[str, Any] = response.json() if response.content else {}
        return answer


def _sentence(response: httpx.Response) -> str:
    try:
        problem = response.json()
        return str(problem.get("detail") or problem.get("title"))
    except ValueError:
        return f"The server answered {response.status_code} to {response.request.url}."


@contextmanager
def connected(server: str | None, token: str | None) -> Iterator[ApiClient]:
    """A client of the right server; without one running, MindReader is started for the time of the command."""
    if server:
        yield ApiClient(server, token or "")
        return
    settings = load_settings()
    if running := _running_server(settings):
        yield ApiClient(running, token or _local_token(settings))
        return
    # Loading a server takes longer than asking one that runs.
    from mindreader_webui.commands.serve import workers_for
    from mindreader_webui.server import server_in_background

    own = settings.model_copy(update={"port": 0, "host": "127.0.0.1"})
    with server_in_background(own, workers_for(own)) as url:
        yield ApiClient(url, _local_token(settings))


def _running_server(settings: Settings) -> str | None:
    """URL of the server of this data folder, if it answers."""
    try:
        url = str(json.loads(settings.address_file.read_text())["url"])
        httpx.get(f"{url}/healthz", timeout=5).raise_for_status()
    except (OSError, ValueError, KeyError, httpx.HTTPError):
        return None
    return url


def _local_token(settings: Settings) -> str:
    try:
        return (settings.secrets_dir / "local_token").read_text().strip()
    except OSError as error:
        raise RemoteError(
            f"The token of this machine cannot be read ({error.strerror}). Give --token or set MINDREADER_TOKEN."
        ) from None
