"""A real server and a real Chromium. Nothing may be asked of another host, and no page may log an error.

`KEEP_PICTURES=1` has tests keep pictures of their pages in `artefacts/`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from tests.support.hands import PASSWORD, add_person, sign_in
from tests.support.people import add_collection, signed_in
from tests.support.screens import EVERY_SCREEN, SCREENS, chromium_program, launched
from tests.support.server import Server, server

CATEGORIES = ("bicycle", "cat", "teapot")
ARTEFACTS = Path(__file__).parents[2] / "artefacts"
FRUGAL = {"MINDREADER_IMAGINARY_IMAGES": "2", "MINDREADER_DECODE_PROCESSES": "1"}
"""For servers of tests that count neither: each imaginary image is painted again with every search."""
# Generous: what is waited for comes, sooner or later.
expect.set_options(timeout=120_000)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    if chromium_program() is None:
        pytest.skip("Chromium is not installed: `make system-packages`")
    with sync_playwright() as playwright:
        browser = launched(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One for all tests in which people keep to themselves; each test's page belongs to `somebody` new."""
    settings = {"MINDREADER_TRASH_DAYS": "30", "MINDREADER_LOGIN_RATE": "1000/minute"}
    with server(tmp_path_factory.mktemp("shared") / "data", **FRUGAL, **settings) as started:
        setup = {"name": "Root", "password": PASSWORD}
        httpx.post(f"{started.url}/api/v1/setup", json=setup).raise_for_status()
        yield started


@pytest.fixture
def fresh_server(tmp_path: Path) -> Iterator[Server]:
    """One that nobody has set up, for tests that see everything there is."""
    with server(tmp_path / "data", **FRUGAL, MINDREADER_TRASH_DAYS="30") as started:
        yield started


@pytest.fixture
def mindreader_server(request: pytest.FixtureRequest) -> Server:
    """The server of `page`: a fresh one for tests that ask for it, else the shared one."""
    own = "fresh_server" in request.fixturenames
    chosen: Server = request.getfixturevalue("fresh_server" if own else "shared_server")
    return chosen


@pytest.fixture
def somebody(page: Page, mindreader_server: Server) -> str:
    """The name of a person of this test's own, who is signed in; no page is open."""
    name = add_person(mindreader_server, "Ada")
    sign_in(page, name)
    return name


@pytest.fixture(scope="session")
def owner(shared_server: Server, real_data: Path) -> str:
    """The name of a person with 24 photos that can be found."""
    name = add_person(shared_server, "Ada")
    folders = [sorted((real_data / "photos" / category).glob("sk_*"))[:8] for category in CATEGORIES]
    with signed_in(shared_server, name) as api:
        add_collection(api, "Things", [photo for photos in folders for photo in photos], found=True)
    return name


@pytest.fixture(params=SCREENS)
def screen(request) -> str:
    return str(request.param)


@pytest.fixture
def screen_options(screen) -> dict:
    return EVERY_SCREEN[screen]


@pytest.fixture
def service_worker() -> None:
    """Asked for by tests of what it does; pages of other tests have none, which saves a fifth of what a page costs."""


@pytest.fixture
def refusals() -> None:
    """Asked for by tests in which the server refuses something, which Chromium logs as an error."""


@pytest.fixture
def page(request: pytest.FixtureRequest, chromium, mindreader_server, screen_options) -> Iterator[Page]:
    workers: Literal["allow", "block"] = "allow" if "service_worker" in request.fixturenames else "block"
    options = {"reduced_motion": "reduce", "service_workers": workers, **screen_options}
    context = chromium.new_context(base_url=mindreader_server.url, **options)
    context.set_default_timeout(120_000)
    page = context.new_page()
    problems = _watch(context, page, mindreader_server.url)
    yield page
    context.close()
    refused = "refusals" in request.fixturenames
    assert [problem for problem in problems if not (refused and "the server responded with" in problem)] == []


def _watch(context: BrowserContext, page: Page, url: str) -> list[str]:
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(f"error: {error}"))
    page.on("console", lambda m: problems.append(f"console: {m.text}") if _is_problem(m) else None)
    own = (url, "data:", "blob:")
    context.on("request", lambda r: None if r.url.startswith(own) else problems.append(f"other host: {r.url}"))
    return problems


def _is_problem(message: ConsoleMessage) -> bool:
    """Of a network that a test took away only some versions of Chromium tell."""
    return message.type == "error" and "ERR_INTERNET_DISCONNECTED" not in message.text


@pytest.fixture
def keep(page, screen):
    """The page is no wider than the screen; where pictures are asked for, keep one of it, to be looked at."""

    def picture(name: str) -> None:
        if "KEEP_PICTURES" in os.environ:
            page.screenshot(path=ARTEFACTS / f"{screen}-{name}.png", scale="css")
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= EVERY_SCREEN[screen]["viewport"]["width"], f"{name} is wider than the screen"

    return picture
