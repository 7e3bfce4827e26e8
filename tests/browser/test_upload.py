"""Uploads as they really go: hundreds of photos, a connection that drops, a tab that is closed, a pause."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from tests.support.photos import write_photos
from tests.support.screens import mainly

pytestmark = pytest.mark.browser

PER_REQUEST = 8
AT_ONCE = 2
COUNT = 36
MANY = 40
"""More than are on their way while a sluice lets two requests through."""


class Sluice:
    """Lets so many requests with photos through, then holds those that come until it is opened.

    So an upload is in its middle when a test does something to it, however quick the machine is.
    """

    def __init__(self, page: Page, through: int) -> None:
        self._through: float = through
        self._held: list[Route] = []
        self.started = 0
        page.route(re.compile(r"/api/v1/collections/\d+/photos$"), self._take)

    def open(self) -> None:
        self._through = math.inf
        for route in self._held:
            route.continue_()
        self._held = []

    def close(self, through: int) -> None:
        self._through = through

    def _take(self, route: Route) -> None:
        if route.request.method == "POST":
            self.started += 1
            self._through -= 1
        if self._through >= 0 or route.request.method != "POST":
            route.continue_()
        else:
            self._held.append(route)


@pytest.fixture
def context(chromium, mindreader_server, screen_options):
    """Unlike the others, its pages may log errors: the browser itself logs every request without a network."""
    context = chromium.new_context(base_url=mindreader_server.url, **screen_options)
    context.set_default_timeout(120_000)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    page = context.new_page()
    broken: list[str] = []
    page.on("pageerror", lambda error: broken.append(str(error)))
    yield page
    assert broken == []


def summary(page: Page):
    return page.locator("#summary")


def outcomes_reach(page: Page, count: int):
    expect(page.locator("#outcomes li").nth(count)).to_be_attached()


@pytest.fixture
def stored(somebody, page: Page, mindreader_server):
    """How many photos the person's collection of that name holds; the page to upload to is open."""
    page.goto("/upload")

    def count(name: str) -> int:
        with mindreader_server.api() as api:
            known = api.get("/collections").json()["collections"]
        (found,) = [each for each in known if (each["owner"], each["name"]) == (somebody, name)]
        return int(found["photos"])

    return count


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize("count", [60, pytest.param(500, marks=pytest.mark.slow)])
@mainly("phone")
def test_five_hundred_photos_over_a_connection_that_drops(page, context, real_data, stored, keep, count):
    photos = sorted(str(path) for path in (real_data / "photos").rglob("*") if path.is_file())[:count]
    assert len(photos) == count
    sluice = Sluice(page, through=6)
    page.locator("#new-name").fill("Five hundred")
    page.locator("#files").set_input_files(photos)
    outcomes_reach(page, 40)
    context.set_offline(True)
    sluice.open()
    expect(summary(page)).to_contain_text("The connection is gone")
    before = stored("Five hundred")
    keep("upload-offline")
    page.wait_for_timeout(3000)
    assert stored("Five hundred") <= before + AT_ONCE * PER_REQUEST  # what was on its way
    context.set_offline(False)
    expect(summary(page)).to_contain_text(f"{count} of {count} files: {count} uploaded, 0 already", timeout=600_000)
    assert stored("Five hundred") == count
    keep("upload-done")


@mainly("desktop")
def test_a_closed_tab_costs_nothing(page, context, tmp_path, stored):
    photos = write_photos(tmp_path / "photos", COUNT, side=200)
    Sluice(page, through=2)
    page.locator("#new-name").fill("Many")
    page.locator("#files").set_input_files(photos)
    outcomes_reach(page, 10)
    page.close()
    there = stored("Many")
    assert 10 < there < COUNT
    again = context.new_page()
    sent = []
    again.on("request", lambda r: sent.append(r.url) if r.method == "POST" and r.url.endswith("/photos") else None)
    again.goto("/upload")
    again.locator("#collection").select_option(label="Many")
    again.locator("#files").set_input_files(photos)
    expect(summary(again)).to_contain_text(f"{COUNT} of {COUNT} files")
    known = int(summary(again).inner_text().split("uploaded, ")[1].split()[0])
    assert known >= there
    assert len(sent) <= 1 + (COUNT - known) // PER_REQUEST + 1
    assert stored("Many") == COUNT


@mainly("desktop")
def test_a_photo_one_has_is_named_with_a_link_before_a_byte_is_sent(page, context, tmp_path, stored):
    (photo, other) = write_photos(tmp_path / "photos", 2, side=200)
    page.locator("#new-name").fill("First")
    page.locator("#files").set_input_files([photo])
    expect(summary(page)).to_contain_text("1 uploaded")
    sent = []
    page.on("request", lambda r: sent.append(r.url) if r.method == "POST" and r.url.endswith("/photos") else None)
    page.locator("#collection").select_option(label="A new collection…")
    page.locator("#new-name").fill("Second")
    page.locator("#files").set_input_files([photo])
    link = page.get_by_role("link", name="you already have this photo in First")
    expect(link).to_be_visible()
    assert sent == []
    with context.expect_page() as opened:
        link.click()
    expect(opened.value.locator("#viewer")).to_contain_text(photo.name)
    page.locator("#everywhere").check()
    page.locator("#files").set_input_files([photo, other])
    expect(summary(page)).to_contain_text("4 of 4 files: 3 uploaded, 1 already there")
    assert stored("Second") == 2


@pytest.mark.slow  # tests/javascript/upload_queue.test.mjs has what its buttons do
@mainly("phone")
def test_pause_resume_and_cancel(page, tmp_path, stored):
    photos = write_photos(tmp_path / "photos", MANY, side=160)
    sluice = Sluice(page, through=2)
    page.locator("#files").set_input_files(photos)
    outcomes_reach(page, 2 * PER_REQUEST - 1)
    page.get_by_role("button", name="Pause").click()
    sluice.open()
    on_their_way = PER_REQUEST * sluice.started
    assert on_their_way < MANY
    expect(summary(page)).to_contain_text(f"{on_their_way} of {MANY} files")
    page.wait_for_timeout(1000)
    assert sluice.started * PER_REQUEST == on_their_way
    assert stored("My photos") == on_their_way
    page.get_by_role("button", name="Resume").click()
    expect(summary(page)).to_contain_text(f"{MANY} of {MANY} files: {MANY} uploaded")
    expect(page.get_by_role("button", name="Pause")).to_be_hidden()
    with page.expect_download() as started:
        page.get_by_role("button", name="Save the list").click()
    assert started.value.path().read_text().count("created") == MANY
    more = write_photos(tmp_path / "more", MANY, first=100, side=160)
    sluice.close(through=1)
    page.locator("#files").set_input_files(more)
    page.get_by_role("button", name="Cancel").click()
    expect(summary(page)).to_contain_text("Cancelled")
    sluice.open()
    page.locator("#files").set_input_files(more)
    expect(summary(page)).to_contain_text("0 refused")
    expect(page.locator("#pause")).to_be_hidden()
    assert stored("My photos") == 2 * MANY


@pytest.mark.slow
@mainly("desktop")
def test_over_plain_http_elsewhere_files_are_sent_without_asking_first(page, context, tmp_path, somebody):
    """Browsers offer no SHA-256 there."""
    context.add_init_script("Object.defineProperty(globalThis, 'isSecureContext', { value: false })")
    photos = write_photos(tmp_path / "photos", 10, side=200)
    page.goto("/upload")
    page.locator("#files").set_input_files([*photos, photos[0]])
    expect(summary(page)).to_contain_text("10 uploaded, 1 already there")


@mainly("desktop")
def test_a_folder_as_a_network_drive_leaves_it(page, tmp_path, stored):
    photos = tmp_path / "Photos"
    write_photos(photos / "2020", 3, side=200)
    for number, name in enumerate(("@eaDir", "#recycle", ".thumbnails"), 10):
        write_photos(photos / "2020" / name, 1, first=number, side=200)
    with (photos / "2020" / "large.jpg").open("wb") as large:
        large.truncate(101 * 2**20)
    page.locator("#new-name").fill("Network drive")
    page.locator("#folder").set_input_files(photos)
    expect(summary(page)).to_contain_text("4 of 4 files: 3 uploaded, 0 already there, 1 refused")
    expect(page.locator("#outcomes .rejected")).to_contain_text("large.jpgThis file is larger than 100 MB.")
    skipped = page.locator("#skipped")
    expect(skipped).to_contain_text("Passed over 3 folders, hidden or of a system:")
    for name in ("@eaDir", "#recycle", ".thumbnails"):
        expect(skipped).to_contain_text(name)
    assert stored("Network drive") == 3
