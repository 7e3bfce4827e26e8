"""Names as long as they may be make no page, and no dialog, scroll sideways."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Page

from tests.support.hands import NAME, PASSWORD, sign_in
from tests.support.pages import PAGES
from tests.support.photos import write_photos
from tests.support.screens import mainly
from tests.support.server import Server, server

pytestmark = pytest.mark.browser

WORDS = ("Holidays on the coast with everybody and the dogs " * 4)[:120]
LETTERS = "W" * 200
OPENED = (
    ("/", ["[popovertarget=filters]"]),
    ("/photos", ["#show-filters"]),
    ("/library/1", ["#show-filters"]),
    ("/library/1", ["#select", "#photos [data-index] button", "#move"]),
    ("/library/1", ["#select", "#photos [data-index] button", "#set-category"]),
    ("/library/1", ["#photos [data-index] button"]),
    ("/library", [".cards li:last-child button:nth-of-type(1)"]),
    ("/library", [".cards li:last-child button:nth-of-type(2)"]),
    ("/admin/users", ["#users li:last-child button:last-of-type"]),
)
"""What opens where, by which buttons."""
BOXES = "[document.documentElement, ...document.querySelectorAll('dialog[open], [popover]:popover-open, .card')]"
WIDER = f"{BOXES}.filter((e) => e.scrollWidth > e.clientWidth).map((e) => `${{e.id}} ${{e.scrollWidth}} px`)"


@pytest.fixture(scope="module")
def mindreader_server(tmp_path_factory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("names")
    with server(folder / "data", MINDREADER_TRASH_DAYS="30") as started:
        account = {"name": NAME, "password": PASSWORD}
        httpx.post(f"{started.url}/api/v1/setup", json=account).raise_for_status()
        with started.api() as api:
            for name in (WORDS, LETTERS):
                made = api.post("/collections", json={"name": name, "visibility": "shared"}).json()["id"]
                write_photos(folder / name[:5], 2, side=160)
                for path in sorted((folder / name[:5]).rglob("*.jpg")):
                    sent = {"file": (f"{name[:90]}.jpg", path.read_bytes())}
                    added = api.post(f"/collections/{made}/photos", files=sent, data={"category": name[:100]})
                    added.raise_for_status()
            api.post("/users", json={"name": "W" * 60, "password": PASSWORD}).raise_for_status()
        yield started


@mainly("phone")
def test_no_page_scrolls_sideways(page: Page, mindreader_server):
    found: dict[str, list[str]] = {}
    sign_in(page, NAME)

    def look(place: str):
        page.wait_for_load_state("networkidle")
        if wider := page.evaluate(WIDER):
            found[place] = wider

    for path in PAGES:
        page.goto(path)
        look(path)
    for path, buttons in OPENED:
        page.goto(path)
        page.wait_for_load_state("networkidle")
        for button in buttons:
            page.locator(button).first.click()
        look(f"{path} {buttons[-1]}")
    assert found == {}
