"""Headers of reverse proxies, through the real server: believed as far as the setting says, and from nobody else."""

from __future__ import annotations

import httpx
import pytest

from mindreader.settings import load_settings
from mindreader_webui.server import server_in_background

WRONG = {"name": "Ann", "password": "a wrong password"}


@pytest.fixture
def serve(tmp_path):
    def start(proxies: int):
        settings = {
            "MINDREADER_DATA_DIR": str(tmp_path / "data"),
            "MINDREADER_PORT": "0",
            "MINDREADER_LOGIN_RATE": "2/minute",
            "MINDREADER_TRUSTED_PROXIES": str(proxies),
            "MINDREADER_ALLOWED_HOSTS": "photos.example",
        }
        return server_in_background(load_settings(settings), None)

    return start


def attempts(url: str, addresses: list[str]) -> list[int]:
    return [
        httpx.post(f"{url}/api/v1/session", json=WRONG, headers={"X-Forwarded-For": address}).status_code
        for address in addresses
    ]


def test_behind_a_proxy_people_are_told_apart(serve):
    with serve(1) as url:
        assert attempts(url, [f"192.0.2.{number}" for number in range(4)]) == [401] * 4
        assert attempts(url, ["192.0.2.9"] * 3) == [401, 401, 429]


def test_behind_a_proxy_only_its_own_word_counts(serve):
    """The last address is the proxy's; what stands before it, the caller may have invented."""
    with serve(1) as url:
        invented = [f"198.51.100.{number}, 192.0.2.1" for number in range(3)]
        assert attempts(url, invented) == [401, 401, 429]


def test_without_a_proxy_the_headers_say_nothing(serve):
    with serve(0) as url:
        assert attempts(url, [f"192.0.2.{number}" for number in range(3)]) == [401, 401, 429]


@pytest.mark.parametrize(("proxies", "base"), [(0, "http://127.0.0.1"), (1, "https://photos.example/")])
def test_redirects_lead_to_where_the_browser_is(serve, proxies, base):
    headers = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "photos.example", "X-Forwarded-For": "192.0.2.1"}
    with serve(proxies) as url:
        answer = httpx.get(f"{url}/library//1", headers=headers, follow_redirects=False)
    assert answer.status_code == 308
    assert answer.headers["Location"].startswith(base)
