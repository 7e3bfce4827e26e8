"""A real server and a real Chromium. Nothing may be asked of another host, and no page may log an error."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from support.server import Server, server

ARTEFACTS = Path(__file__).parents[2] / "artefacts"
CHROMIUM = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
SCREENS = {
    "desktop": {"viewport": {"width": 1280, "height": 800}},
    "phone": {
        "viewport": {"width": 390, "height": 844},
        "has_touch": True,
        "device_scale_factor": 3,
        "is_mobile": True,
    },
}


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("Chromium is not installed: `make system-packages`")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=CHROMIUM)
        yield browser
        browser.close()


@pytest.fixture
def mindreader_server(tmp_path) -> Iterator[Server]:
    with server(tmp_path / "data") as started:
        yield started


@pytest.fixture(params=SCREENS)
def screen(request) -> str:
    return request.param


@pytest.fixture
def screen_options(screen) -> dict:
    return SCREENS[screen]


@pytest.fixture
def page(chromium, mindreader_server, screen_options) -> Iterator[Page]:
    context = chromium.new_context(base_url=mindreader_server.url, **screen_options)
    page = context.new_page()
    problems = _watch(context, page, mindreader_server.url)
    yield page
    context.close()
    assert problems == []


def _watch(context: BrowserContext, page: Page, url: str) -> list[str]:
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(f"error: {error}"))
    page.on("console", lambda m: problems.append(f"console: {m.text}") if m.type == "error" else None)
    own = (url, "data:", "blob:")
    context.on("request", lambda r: None if r.url.startswith(own) else problems.append(f"other host: {r.url}"))
    return problems


@pytest.fixture
def keep(page, screen):
    """Keep a picture of the page, to be looked at."""
    ARTEFACTS.mkdir(exist_ok=True)

    def picture(name: str) -> None:
        page.screenshot(path=ARTEFACTS / f"{screen}-{name}.png")
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= SCREENS[screen]["viewport"]["width"], f"{name} is wider than the screen"

    return picture
