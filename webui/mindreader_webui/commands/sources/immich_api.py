"""Immich's HTTP API, as far as photos are read by it; whatever may pass is tried again."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit
from uuid import UUID

import httpx
from pydantic import TypeAdapter, ValidationError
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from mindreader.text import visible_text
from mindreader_webui.commands.files import FileRefusedError
from mindreader_webui.commands.sources.immich_assets import (
    Album,
    Asset,
    FoundAssets,
    Me,
    Numbers,
    Pong,
    Version,
)
from mindreader_webui.commands.sources.immich_errors import ImmichError, PassingError, advice, unreachable

log = logging.getLogger(__name__)

OLDEST = (1, 118)
"""Version whose API has all that is asked for here."""
_PAGE = 500
_TIMEOUT = httpx.Timeout(120, connect=20)
_ATTEMPTS = 6
_LONGEST_PAUSE = 20.0
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_COME_BACK = "See that it runs and that the address is right, and run the command again: it goes on where it stopped."
_CHUNK_BYTES = 2**20
_Answer = TypeVar("_Answer")


class ImmichApi:
    """Reads one user's photos and albums; writes nothing."""

    def __init__(self, url: str, api_key: str, say: Callable[[str], object] = log.info, pause: float = 1.0) -> None:
        """A client; nothing is asked yet.

        Args:
            url: of the server, as a browser opens it.
            say: is told what is tried again and why, where once did not help.
            pause: seconds before the second try; later pauses grow.

        Raises:
            ImmichError: the URL or the key cannot be one.
        """
        self.url = _checked_url(url)
        if not (api_key and api_key.isascii() and api_key.isprintable()):
            raise ImmichError("This is no API key of Immich. Copy it again: it is letters and numbers only.")
        # Redirects are not followed: the key would go wherever they lead.
        headers = {"x-api-key": api_key, "Accept": "application/json"}
        self._http = httpx.Client(base_url=f"{self.url}/api", headers=headers, timeout=_TIMEOUT)
        self._say, self._pause = say, pause

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def page_of(self, asset: Asset) -> str:
        """Address of an asset's page."""
        return f"{self.url}/photos/{asset.id}"

    def check_version(self) -> None:
        """See that it is an Immich, and not too old.

        Raises:
            ImmichError: it is not.
        """
        response = self._tried(lambda: self._http.get("/server/version"))
        try:
            version = Version.model_validate_json(response.content) if response.is_success else None
        except ValidationError:
            version = None
        if version is None:
            raise ImmichError(f"At {self.url} is no Immich that can be read. {advice(response)}")
        if (version.major, version.minor) < OLDEST:
            raise ImmichError(
                f"Immich {version.major}.{version.minor}.{version.patch} is too old. "
                f"Upgrade it to {OLDEST[0]}.{OLDEST[1]} or later."
            )

    def me(self) -> UUID:
        """Id of the user whose key it is."""
        return self._asked(Me, "GET", "/users/me").id

    def albums(self) -> Iterator[tuple[str, list[UUID]]]:
        """The user's albums: their names, and ids of the assets in them."""
        for album in self._asked(list[Album], "GET", "/albums"):
            if album.asset_count:
                ids = [asset.id for asset in self._asked(Album, "GET", f"/albums/{album.id}").assets]
                # Newer versions leave them out there.
                yield album.name, ids or [asset.id for page in self.pages(albumIds=[str(album.id)]) for asset in page]

    def count(self) -> int | None:
        """How many photos and videos there are; None where the key may not ask."""
        try:
            numbers = self._asked(Numbers, "GET", "/assets/statistics", params={"visibility": "timeline"})
        except ImmichError:
            return None
        return numbers.images + numbers.videos

    def pages(self, **only: object) -> Iterator[list[Asset]]:
        """All photos and videos, the oldest first, page by page; without those in the trash, archived or hidden."""
        page: str | None = "1"
        while page is not None:
            wanted = {"page": int(page), "size": _PAGE, "order": "asc", "withExif": True, **only}
            found = self._asked(FoundAssets, "POST", "/search/metadata", json=wanted).assets
            yield found.items
            page = found.next_page if found.items else None

    def download(self, asset: Asset, into: Path, most_bytes: float) -> int:
        """Write an asset's original to a file, and compare it with its checksum; returns its bytes.

        Raises:
            FileRefusedError: there is none, or it is not what Immich says it is.
            ImmichError: it cannot be had now.
        """
        try:
            return self._retrying(lambda: self._download(asset, into, most_bytes))
        except PassingError as error:
            self._asked(Pong, "GET", "/server/ping")  # an Immich that is away ends it all
            raise FileRefusedError(f"Immich does not give this file: {error.detail}") from None

    def _download(self, asset: Asset, into: Path, most_bytes: float) -> int:
        digest, size = hashlib.sha1(usedforsecurity=False), 0
        with self._streamed(f"/assets/{asset.id}/original") as response, into.open("wb") as file:
            for chunk in response.iter_bytes(_CHUNK_BYTES):
                size += len(chunk)
                if size > most_bytes:
                    raise FileRefusedError(f"This file is larger than {most_bytes / 2**20:.4g} MB.")
                digest.update(chunk)
                file.write(chunk)
        if not asset.has_content(digest.digest()):
            raise PassingError("its bytes are not those of its checksum.")
        return size

    @contextmanager
    def _streamed(self, path: str) -> Iterator[httpx.Response]:
        try:
            with self._http.stream("GET", path) as response:
                if response.status_code == httpx.codes.NOT_FOUND:
                    raise FileRefusedError("Immich does not have this file any more.")
                if response.is_success:
                    yield response
                    return
                response.read()
                self._check(response)
        except httpx.HTTPError as error:
            raise unreachable(self.url, error) from None

    def _asked(self, kind: type[_Answer], method: str, path: str, **arguments: Any) -> _Answer:
        response = self._tried(lambda: self._http.request(method, path, **arguments))
        self._check(response)
        try:
            return TypeAdapter(kind).validate_json(response.content)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(map(str, first["loc"])) or "the answer"
            raise ImmichError(
                f"Immich's answer to {path} cannot be understood ({where}: {first['msg']}). It may be of another "
                "version than this MindReader knows."
            ) from None

    def _tried(self, ask: Callable[[], httpx.Response]) -> httpx.Response:
        def once() -> httpx.Response:
            try:
                response = ask()
            except httpx.HTTPError as error:
                raise unreachable(self.url, error) from None
            if response.status_code in _PASSING:
                self._check(response)
            return response

        try:
            return self._retrying(once)
        except PassingError as error:
            raise ImmichError(f"{error.detail} {_COME_BACK}") from None

    def _retrying(self, once: Callable[[], _Answer]) -> _Answer:
        again = Retrying(
            retry=retry_if_exception_type(PassingError),
            stop=stop_after_attempt(_ATTEMPTS),
            wait=wait_random_exponential(multiplier=self._pause, max=_LONGEST_PAUSE),
            before_sleep=self._say_again,
            reraise=True,
        )
        return again(once)

    def _say_again(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, PassingError) and state.attempt_number > 1:
            self._say(f"{error.detail} Trying again.")

    def _check(self, response: httpx.Response) -> None:
        """See that it is an answer.

        Raises:
            ImmichError: Immich refused; the sentence says what to do.
        """
        if response.is_success:
            return
        if response.status_code in _PASSING:
            raise PassingError(f"Immich answered {response.status_code} to {response.request.url.path}.")
        raise ImmichError(advice(response))


def _checked_url(url: str) -> str:
    """Without what leads to a page of it."""
    url = url.strip().rstrip("/").removesuffix("/api").removesuffix("/photos")
    try:
        parts = urlsplit(url)
        is_one = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_one = False
    if not is_one or parts.query or parts.fragment or parts.username is not None:
        raise ImmichError(f"{visible_text(url)!r} is no address of an Immich. Give it as http://nas:2283.")
    return url
