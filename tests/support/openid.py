"""A real OpenID Connect provider on a port of its own, and a person who signs in on its pages."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.services import answers, free_port, wait_until

_SCRIPT = Path(__file__).with_name("openid_provider.mjs")
_INSTALLED = Path(__file__).parents[2] / "webui" / "node_modules" / "oidc-provider"
CLIENT_ID, CLIENT_SECRET = "mindreader", "a secret of the provider and us"
PEOPLE = {
    "ada": {
        "email": "ada@example.org",
        "email_verified": True,
        "preferred_username": "Ada",
        "groups": ["family", "keepers"],
    },
    "bob": {"email": "bob@example.net", "email_verified": True, "preferred_username": "Bob", "groups": ["family"]},
    "mallory": {"email": "Root@example.org", "email_verified": False, "preferred_username": "Root"},
    "nameless": {},
}


class Provider:
    """A provider that knows `PEOPLE`, by any password, and one client."""

    def __init__(self, port: int, process: subprocess.Popen[bytes]) -> None:
        self.issuer, self._process = f"http://127.0.0.1:{port}", process

    def stop(self) -> None:
        """Nobody answers from now on."""
        self._process.terminate()
        self._process.wait()


@contextmanager
def openid_provider(*redirects: str, back: str = "http://localhost/sign-in", **more: Any) -> Iterator[Provider]:
    """A provider that sends browsers back to these addresses alone.

    Args:
        back: where it sends them after signing out.
    """
    if shutil.which("node") is None or not _INSTALLED.is_dir():
        pytest.skip("oidc-provider is not installed: `make node-tools`")
    client = {
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "redirect_uris": redirects,
        "post_logout_redirect_uris": [back],
        "scope": "openid profile email groups",
    }
    port = free_port()
    given = json.dumps({"clients": [client], "people": PEOPLE, **more})
    process = subprocess.Popen(
        ["node", str(_SCRIPT), str(port), given], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    provider = Provider(port, process)
    try:
        wait_until(lambda: answers(port), "the provider")
        yield provider
    finally:
        provider.stop()


class Visitor:
    """A browser on the provider's pages: what is theirs stays there, and where they lead back is returned."""

    def __init__(self, provider: Provider) -> None:
        self._http, self._issuer = httpx.Client(timeout=300), provider.issuer

    def sign_in(self, address: str, name: str) -> str:
        """Sign in as somebody and agree, unless they have; the address the provider leads back to."""
        where = self._follow(address)
        while where.startswith(self._issuer):
            page = self._http.get(where)
            prompt = re.search(r'name="prompt" value="(\w+)"', page.text)
            assert prompt is not None, page.text
            sent = {"prompt": prompt[1], "login": name, "password": "any"}
            where = self._follow(_target(page), data=sent)
        return where

    def refuse(self, address: str) -> str:
        """Cancel instead of signing in; the address the provider leads back to."""
        page = self._http.get(self._follow(address))
        abort = re.search(r'href="([^"]+/abort)"', page.text)
        assert abort is not None, page.text
        return self._follow(str(page.url.join(abort[1])))

    def _follow(self, address: str, **sent: Any) -> str:
        """Where redirects end: at a page of the provider, or somewhere else, which is not asked."""
        answer = self._http.request("POST" if sent else "GET", address, **sent)
        while answer.is_redirect:
            address = str(answer.url.join(answer.headers["Location"]))
            if not address.startswith(self._issuer):
                return address
            answer = self._http.get(address)
        return str(answer.url)


def _target(page: httpx.Response) -> str:
    action = re.search(r'<form[^>]* action="([^"]+)"', page.text)
    assert action is not None, page.text
    return str(page.url.join(action[1]))
