"""In longer words than English has, no text is cut off, none leaves its button or box, no page scrolls sideways."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import ARTEFACTS
from tests.support.hands import BICYCLE, NAME, PASSWORD, draw
from tests.support.overflow import cut_text
from tests.support.pages import PAGES, fill
from tests.support.pseudo import LANGUAGE, write_pseudo
from tests.support.screens import SCREENS
from tests.support.server import Server, server

pytestmark = pytest.mark.browser

LONGER = 0.4
WIDTHS = {"phone": SCREENS["phone"], "wide": {"viewport": {"width": 1440, "height": 900}}}


@pytest.fixture(scope="module")
def mindreader_server(tmp_path_factory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("overflow")
    translations = str(write_pseudo(folder / "words", LONGER))
    with server(folder / "data", MINDREADER_TRANSLATIONS_DIR=translations, MINDREADER_TRASH_DAYS="30") as started:
        account = {"name": NAME, "password": PASSWORD}
        httpx.post(f"{started.url}/api/v1/setup", json=account).raise_for_status()
        fill(started, folder)
        yield started


@pytest.fixture
def screen_options(screen, language) -> dict:
    return {**WIDTHS[screen], "locale": language}


@pytest.mark.parametrize("screen", WIDTHS, indirect=True)
@pytest.mark.parametrize("language", [LANGUAGE, "de", "es"])
@pytest.mark.slow
def test_there_is_room_for_longer_words(page: Page, screen, language):
    cut: dict[str, list[str]] = {}
    ARTEFACTS.mkdir(exist_ok=True)

    def look(place: str):
        page.screenshot(path=ARTEFACTS / f"{screen}-{language}-{slug(place)}.png", scale="css", full_page=True)
        if found := cut_text(page):
            cut[place] = found

    page.goto("/sign-in")
    look("/sign-in")
    assert page.request.post("/api/v1/session", data={"name": NAME, "password": PASSWORD}).ok
    for path in (*PAGES, "/offline"):
        page.goto(path)
        page.wait_for_load_state("networkidle")
        look(path)
    for path, buttons, name in DIALOGS:
        page.goto(path)
        for button in buttons:
            page.locator(button).first.click()
        look(f"{path} {name}")
    page.goto("/")
    for stroke in BICYCLE:
        draw(page, screen, stroke)
    expect(page.locator("#results li").first).to_be_visible()
    look("/ results")
    page.locator("#results button").first.dispatch_event("click")
    look("/ viewer")
    assert cut == {}


def slug(place: str) -> str:
    return re.sub(r"\W+", "-", place).strip("-") or "draw"


# What opens where, by which buttons.
DIALOGS = (
    ("/account", [".menu summary"], "menu"),
    ("/library", [".cards button:nth-of-type(1)"], "rename"),
    ("/library", [".cards button:nth-of-type(2)"], "share"),
    ("/library", [".cards button:nth-of-type(3)"], "delete"),
    ("/library/1", ["#select", "#photos [data-index] button", "#set-date"], "date"),
    ("/library/1", ["#select", "#photos [data-index] button", "#set-category"], "category"),
    # Two, for one photo would be gone without a question.
    ("/library/1", ["#select", "[data-index='0'] button", "[data-index='1'] button", "#delete"], "delete"),
    ("/library/1", ["#photos [data-index] button"], "viewer"),
    ("/trash", ["#photos button", "#remove"], "remove"),
    ("/quality", ["#measure"], "measured"),
    ("/admin/users", ["#users button:nth-of-type(2)"], "password"),
    ("/admin/users", ["#users button:nth-of-type(3)"], "tokens"),
)
