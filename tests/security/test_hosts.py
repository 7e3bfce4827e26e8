"""The server answers to its own names only, so that no site can make a browser take it for that site."""

from __future__ import annotations

import httpx
import pytest

from mindreader.settings import load_settings
from mindreader_webui.server import server_in_background
from tests.security.conftest import answer_on

OURS = [
    "localhost",
    "localhost:8765",
    "127.0.0.1",
    "192.168.1.20:8765",
    "[::1]:8765",
    "nas",
    "nas.local:8765",
    "NAS.Local.",
    "photos.home.arpa",
    "web:8765",
    "photos.example",
    "Photos.Example:443",
    "any.thing.example.net",
]
FOREIGN = [
    "evil.example",
    "photos.example.evil.example",
    "evilphotos.example",
    "example.net",
    "127.0.0.1.nip.io",
    "local.evil.example",
    "evil.example/nas.local",
    "evil.example#nas.local",
    "nas.local@evil.example",
    "evil.example:80:80",
    "[::1",
    "",
]


@pytest.fixture(scope="module")
def url(tmp_path_factory):

    settings = {
        "MINDREADER_DATA_DIR": str(tmp_path_factory.mktemp("hosts") / "data"),
        "MINDREADER_PORT": "0",
        "MINDREADER_ALLOWED_HOSTS": "photos.example, *.example.net",
    }
    with server_in_background(load_settings(settings), None) as started:
        yield started


@pytest.mark.parametrize("host", OURS)
def test_own_names_are_answered(url, host):
    assert httpx.get(f"{url}/healthz", headers={"Host": host}).text == "ok"


@pytest.mark.parametrize("host", FOREIGN)
def test_foreign_names_are_refused_whatever_they_ask_for(url, host):
    for path in ("/setup", "/healthz", "/static/style.css", "/library//1", "/nothing", "/api/v1/session"):
        answer = httpx.get(url + path, headers={"Host": host})
        assert answer.status_code == 421, path
        assert "Location" not in answer.headers


def test_nobody_sets_the_server_up_under_a_foreign_name(url):
    account = {"name": "Eve", "password": "a long enough password"}
    answer = httpx.post(f"{url}/api/v1/setup", json=account, headers={"Host": "evil.example"})
    assert answer.status_code == 421
    assert "MINDREADER_ALLOWED_HOSTS" in answer.json()["detail"]
    assert "evil.example" in answer.json()["detail"]
    assert httpx.get(f"{url}/setup").status_code == 200


def test_without_a_proxy_a_forwarded_name_says_nothing(url):
    foreign = {"Host": "evil.example", "X-Forwarded-Host": "photos.example"}
    assert httpx.get(f"{url}/healthz", headers=foreign).status_code == 421


def test_behind_a_proxy_the_forwarded_name_counts(attacked):
    with attacked(trusted_proxies=1, allowed_hosts="photos.example") as target:

        def asked(name: str) -> int:
            return httpx.get(f"{target.url}/healthz", headers={"X-Forwarded-Host": name}).status_code

        names = ("photos.example", "evil.example", "photos.example, evil.example")
        assert [asked(name) for name in names] == [200, 421, 421]


def test_a_star_takes_any_name(attacked):
    with attacked(allowed_hosts="*") as target:
        assert httpx.get(f"{target.url}/healthz", headers={"Host": "any.example"}).text == "ok"


def test_programs_without_a_host_are_answered(attacked):
    with attacked() as target, target.connect() as connection:
        connection.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
        assert answer_on(connection).endswith(b"ok")
