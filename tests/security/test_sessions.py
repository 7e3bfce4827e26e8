"""Attacks on people who are signed in, through the real server: stolen cookies and tokens, guesses, other clocks."""

from __future__ import annotations

import re
import sys
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from mindreader.catalog import ApiToken, BrowserSession, Catalog
from mindreader.catalog.models import now
from mindreader.settings import load_settings
from mindreader_webui.server import server_in_background
from tests.support.clock import set_clock
from tests.support.server import start_server

OLD, NEW = "correct horse battery", "another long one"


class Visitor:
    """A browser: it keeps its cookies, and sends the token of the page along."""

    name = ""

    def __init__(self, url: str, cookies: httpx.Cookies | None = None) -> None:
        self.client = httpx.Client(base_url=url, cookies=cookies, timeout=120)

    def ask(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        headers = {} if method == "GET" else {"X-CSRFToken": self.page_token()}
        return self.client.request(method, f"/api/v1{path}", headers=headers, **arguments)

    def page_token(self) -> str:
        page = self.client.get("/account", follow_redirects=True)
        found = re.search(r'name="csrf-token" content="([^"]+)"', page.text)
        assert found is not None, page.text
        return found[1]

    def sign_in(self, name: str, password: str = OLD) -> Visitor:
        self.client.post("/api/v1/session", json={"name": name, "password": password}).raise_for_status()
        return self

    def copied(self) -> Visitor:
        """A thief's browser, with the cookies this one has now."""
        return Visitor(str(self.client.base_url), self.client.cookies)

    @property
    def is_signed_in(self) -> bool:
        return self.ask("GET", "/collections").status_code == 200

    def token(self, **wanted: Any) -> Any:
        return self.ask("POST", "/tokens", json={"name": "laptop", **wanted}).raise_for_status().json()

    def user_id(self) -> Any:
        return self.ask("GET", "/session").raise_for_status().json()["id"]


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    return load_settings(
        {
            "MINDREADER_DATA_DIR": str(tmp_path_factory.mktemp("sessions") / "data"),
            "MINDREADER_PORT": "0",
            "MINDREADER_LOGIN_RATE": "20/hour",
            "MINDREADER_TRUSTED_PROXIES": "1",
        }
    )


@pytest.fixture(scope="module")
def url(settings):
    with server_in_background(settings, None) as url:
        yield url


@pytest.fixture(scope="module")
def root(url):
    """The administrator, who stays signed in."""
    visitor = Visitor(url)
    visitor.client.post("/api/v1/setup", json={"name": "Root", "password": OLD}).raise_for_status()
    return visitor


@pytest.fixture
def person(url, root, request):
    """Makes people of this test's own: a visitor from an address of their own, signed in."""

    def make(name: str, role: str = "member") -> Visitor:
        name = f"{name} of {request.node.name}"[:100]
        root.ask("POST", "/users", json={"name": name, "password": OLD, "role": role}).raise_for_status()
        visitor = Visitor(url)
        visitor.name, visitor.client.headers["X-Forwarded-For"] = name, f"2001:db8::{abs(hash(name)) % 65536:x}"
        return visitor.sign_in(name)

    return make


@pytest.fixture
def catalog(settings):
    catalog = Catalog(settings.catalog_url)
    yield catalog
    catalog.close()


def speaks(url: str, token: str) -> bool:
    return httpx.get(f"{url}/api/v1/collections", headers={"Authorization": f"Bearer {token}"}).status_code == 200


def test_a_copied_cookie_opens_nothing_after_signing_out(person):
    ann = person("Ann")
    thief = ann.copied()
    assert thief.is_signed_in, "else there is nothing to see here"
    assert ann.ask("DELETE", "/session").status_code == 204
    assert not thief.is_signed_in
    assert thief.client.get("/library").headers["Location"].startswith("/sign-in")


def test_a_copied_cookie_opens_nothing_after_another_password_and_this_browser_stays(person, url):
    ann = person("Ann")
    elsewhere, thief = Visitor(url).sign_in(ann.name), ann.copied()
    assert ann.ask("POST", "/session/password", json={"old": OLD, "new": NEW}).status_code == 204
    assert ann.is_signed_in
    assert not thief.is_signed_in
    assert not elsewhere.is_signed_in


def test_a_copied_cookie_opens_nothing_after_the_session_was_ended_from_another_browser(person, url):
    ann = person("Ann")
    thief = ann.copied()
    phone = Visitor(url).sign_in(ann.name)
    (stolen,) = [each["id"] for each in phone.ask("GET", "/sessions").json()["sessions"] if not each["current"]]
    assert phone.ask("DELETE", f"/sessions/{stolen}").status_code == 204
    assert not thief.is_signed_in
    assert phone.is_signed_in


@pytest.mark.parametrize("end_tokens", [True, False])
def test_a_reset_by_an_administrator_ends_sessions_and_tokens(person, root, url, end_tokens):
    ann = person("Ann")
    thief, token = ann.copied(), ann.token(scope="full", days=None)["token"]
    body = {"password": NEW} if end_tokens else {"password": NEW, "end_tokens": False}
    assert root.ask("PATCH", f"/users/{ann.user_id()}", json=body).status_code == 200
    assert not ann.is_signed_in
    assert not thief.is_signed_in
    assert speaks(url, token) != end_tokens


def test_an_administrator_who_is_one_no_more_is_signed_out_everywhere(person, root):
    eve = person("Eve", "admin")
    thief = eve.copied()
    assert thief.ask("GET", "/users").status_code == 200
    assert root.ask("PATCH", f"/users/{eve.user_id()}", json={"role": "member"}).status_code == 200
    assert not eve.is_signed_in
    assert not thief.is_signed_in


def test_a_removed_user_s_cookie_and_token_open_nothing(person, root, url):
    ann = person("Ann")
    thief, token = ann.copied(), ann.token()["token"]
    assert root.ask("DELETE", f"/users/{ann.user_id()}").status_code == 204
    assert not thief.is_signed_in
    assert not speaks(url, token)


def test_expired_cookies_and_tokens_open_nothing(person, url, catalog):
    ann = person("Ann")
    token = ann.token(days=1)
    with catalog.transaction() as session:
        session.execute(update(ApiToken).where(ApiToken.id == token["id"]).values(expires_at=now()))
        mine = BrowserSession.user_id == ann.user_id()
        session.execute(update(BrowserSession).where(mine).values(expires_at=now() - timedelta(seconds=1)))
    assert not speaks(url, token["token"])
    assert not ann.is_signed_in


def test_whoever_stole_a_session_cannot_guess_its_password(person, url):
    ann = person("Ann")
    thief = ann.copied()
    statuses, sentence = [], ""
    for number in range(22):
        thief.client.headers["X-Forwarded-For"] = f"198.51.100.{number}"
        answer = thief.ask("POST", "/session/password", json={"old": f"guess number {number}", "new": NEW})
        statuses.append(answer.status_code)
        sentence = answer.json()["detail"]
    assert statuses == [422] * 20 + [429] * 2
    assert re.search(r"Wait \d+ minutes", sentence)
    assert Visitor(url).sign_in(ann.name).is_signed_in, "others may sign in, and so may she"


def test_nobody_ends_sessions_or_tokens_of_others_nor_learns_that_they_are_there(person, root, url):
    ann, bob = person("Ann"), person("Bob")
    token = ann.token()
    (hers,) = [each["id"] for each in ann.ask("GET", "/sessions").json()["sessions"]]
    for attacker in (bob, root):
        for hidden, none in ((f"/sessions/{hers}", "/sessions/999999"), (f"/tokens/{token['id']}", "/tokens/999999")):
            answers = [attacker.ask("DELETE", path) for path in (hidden, none)]
            assert [each.status_code for each in answers] == [404, 404]
            assert answers[0].json()["detail"] == answers[1].json()["detail"]
        assert attacker.ask("DELETE", "/sessions").status_code == 204
    assert bob.ask("DELETE", f"/users/{ann.user_id()}/tokens/{token['id']}").status_code == 403
    assert ann.is_signed_in
    assert speaks(url, token["token"])


def test_a_cookie_set_before_signing_in_is_not_the_one_afterwards(url, person):
    """Whoever plants a cookie in a browser has nothing when its owner signs in."""
    ann, visitor = person("Ann"), Visitor(url)
    visitor.page_token()
    planted = visitor.copied()
    visitor.sign_in(ann.name)
    assert visitor.is_signed_in
    assert not planted.is_signed_in


def test_signed_in_people_stay_so_when_the_clock_goes_back(tmp_path):
    """Flask dates its cookies, and refuses those from the future."""
    clock = tmp_path / "clock"
    clock.write_text("0")
    command = [sys.executable, "-m", "tests.support.clock", str(clock), "-m", "mindreader.commands.main"]
    without_workers = {"MINDREADER_BROKER_URL": "redis://127.0.0.1:1"}
    started = start_server(tmp_path / "data", [*command, "serve", "--port", "0"], **without_workers)
    try:
        visitor = Visitor(started.url)
        visitor.client.post("/api/v1/setup", json={"name": "Root", "password": OLD}).raise_for_status()
        token = visitor.token(days=1)["token"]
        page_token = visitor.page_token()
        for seconds in ("-30", "-18000", "3600"):
            set_clock(clock, seconds)
            assert visitor.is_signed_in, seconds
            assert speaks(started.url, token), seconds
            headers = {"X-CSRFToken": page_token}
            made = visitor.client.post("/api/v1/tokens", json={"name": f"at {seconds}"}, headers=headers)
            assert made.status_code == 201, seconds
        set_clock(clock, str(2 * 86400))
        assert not speaks(started.url, token), "a day is over"
        set_clock(clock, str(31 * 86400))
        assert not visitor.is_signed_in, "so are the days of the settings"
    finally:
        started.process.terminate()
        started.process.wait(timeout=300)
