"""Uploads as they really go: hundreds of photos, a connection that drops, a tab that is closed, a pause."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.support.hands import set_up
from tests.support.photos import write_photos

pytestmark = pytest.mark.browser

PHOTOS = 500


@pytest.fixture
def context(chromium, mindreader_server, screen_options):
    """Unlike the others, its pages may log errors: the browser itself logs every request without a network."""
    context = chromium.new_context(base_url=mindreader_server.url, **screen_options)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    page = context.new_page()
    broken: list[str] = []
    page.on("pageerror", lambda error: broken.append(str(error)))
    set_up(page)
    yield page
    assert broken == []


@pytest.fixture(scope="module")
def real_photos(real_data) -> list[str]:
    found = sorted(str(path) for path in (real_data / "photos").rglob("*") if path.is_file())[:PHOTOS]
    assert len(found) == PHOTOS
    return found


def summary(page: Page):
    return page.locator("#summary")


def outcomes_reach(page: Page, count: int):
    expect(page.locator("#outcomes li").nth(count)).to_be_attached(timeout=60_000)


def stored(server, name: str) -> int:
    with server.api() as api:
        (found,) = [each for each in api.get("/collections").json()["collections"] if each["name"] == name]
    return int(found["photos"])


@pytest.mark.data
def test_five_hundred_photos_over_a_connection_that_drops(page, context, real_photos, mindreader_server, keep):
    page.locator("#new-name").fill("Five hundred")
    page.locator("#files").set_input_files(real_photos)
    outcomes_reach(page, 40)
    context.set_offline(True)
    expect(summary(page)).to_contain_text("The connection is gone")
    before = stored(mindreader_server, "Five hundred")
    keep("upload-offline")
    page.wait_for_timeout(3000)
    assert stored(mindreader_server, "Five hundred") <= before + 16  # what was on its way
    context.set_offline(False)
    expect(summary(page)).to_contain_text(f"{PHOTOS} of {PHOTOS} files: {PHOTOS} uploaded, 0 already")
    assert stored(mindreader_server, "Five hundred") == PHOTOS
    keep("upload-done")


def test_a_closed_tab_costs_nothing(page, context, tmp_path, mindreader_server):
    photos = write_photos(tmp_path / "photos", 60, side=200)
    page.locator("#new-name").fill("Sixty")
    page.locator("#files").set_input_files(photos)
    outcomes_reach(page, 10)
    page.close()
    there = stored(mindreader_server, "Sixty")
    assert 10 < there < 60
    again = context.new_page()
    sent = []
    again.on("request", lambda r: sent.append(r.url) if r.method == "POST" and r.url.endswith("/photos") else None)
    again.goto("/upload")
    again.locator("#collection").select_option(label="Sixty")
    again.locator("#files").set_input_files(photos)
    expect(summary(again)).to_contain_text("60 of 60 files")
    known = int(summary(again).inner_text().split("uploaded, ")[1].split()[0])
    assert known >= there
    assert len(sent) <= 1 + (60 - known) // 8 + 1
    assert stored(mindreader_server, "Sixty") == 60


def test_a_photo_one_has_is_named_with_a_link_before_a_byte_is_sent(page, context, tmp_path, mindreader_server):
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
    assert stored(mindreader_server, "Second") == 2


def test_pause_resume_and_cancel(page, tmp_path, mindreader_server):
    photos = write_photos(tmp_path / "photos", 80, side=200)
    page.locator("#files").set_input_files(photos)
    outcomes_reach(page, 5)
    page.get_by_role("button", name="Pause").click()
    page.wait_for_timeout(2500)  # what was on its way arrives
    still = summary(page).inner_text()
    page.wait_for_timeout(1000)
    assert summary(page).inner_text() == still
    assert stored(mindreader_server, "My photos") < 80
    page.get_by_role("button", name="Resume").click()
    expect(summary(page)).to_contain_text("80 of 80 files: 80 uploaded")
    expect(page.get_by_role("button", name="Pause")).to_be_hidden()
    with page.expect_download() as started:
        page.get_by_role("button", name="Save the list").click()
    assert started.value.path().read_text().count("created") == 80
    more = write_photos(tmp_path / "more", 80, first=100, side=200)
    page.locator("#files").set_input_files(more)
    page.get_by_role("button", name="Cancel").click()
    expect(summary(page)).to_contain_text("Cancelled")
    page.locator("#files").set_input_files(more)
    expect(summary(page)).to_contain_text("0 refused")
    expect(page.locator("#pause")).to_be_hidden(timeout=60_000)
    assert stored(mindreader_server, "My photos") == 160


def test_over_plain_http_elsewhere_files_are_sent_without_asking_first(page, context, tmp_path, mindreader_server):
    """Browsers offer no SHA-256 there."""
    context.add_init_script("Object.defineProperty(globalThis, 'isSecureContext', { value: false })")
    photos = write_photos(tmp_path / "photos", 10, side=200)
    page.goto("/upload")
    page.locator("#files").set_input_files([*photos, photos[0]])
    expect(summary(page)).to_contain_text("10 uploaded, 1 already there")
