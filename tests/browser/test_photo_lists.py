"""All photos by date: months one jumps to, photos chosen before they are shown, and an address that keeps the place."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from mindreader.catalog import Catalog, User
from mindreader.settings import load_settings
from tests.browser.test_large_library import picture
from tests.support.axe import violations
from tests.support.hands import about_it, add_person, sign_in
from tests.support.large_library import add_large_collection, fill
from tests.support.library import jpeg
from tests.support.people import add_collection, signed_in
from tests.support.screens import has_touch, mainly
from tests.support.server import Server

pytestmark = pytest.mark.browser

PHOTOS = 1200
YEARS = 12
MOST_ATTEMPTS = 100


def somebody_with_photos(shared_server: Server) -> str:
    """Somebody with photos of twelve years; one of three has no date."""
    name = add_person(shared_server, "Ada")
    catalog = Catalog(load_settings({"MINDREADER_DATA_DIR": str(shared_server.data_dir)}).catalog_url)
    with catalog.snapshot() as session:
        ada = session.scalars(select(User.id).where(User.name == name)).one()
    fill(catalog, add_large_collection(catalog, ada, "Large"), PHOTOS, years=YEARS)
    catalog.close()
    return name


@pytest.fixture(scope="module")
def ada(shared_server: Server) -> str:
    """Whose photos no test changes."""
    return somebody_with_photos(shared_server)


@pytest.fixture
def timeline(page: Page, ada: str) -> Page:
    """The page Photos of somebody whose photos are only looked at."""
    return opened(page, ada)


@pytest.fixture
def own_timeline(page: Page, shared_server: Server) -> Page:
    """The page Photos of somebody of this test's own."""
    return opened(page, somebody_with_photos(shared_server))


def opened(page: Page, name: str) -> Page:
    page.route("**/thumbnail", lambda route: route.fulfill(body=picture(), content_type="image/webp"))
    sign_in(page, name)
    page.goto("/photos")
    expect(page.locator("#counts")).to_have_text(f"{PHOTOS:,} photos")
    return page


def listed(page: Page, path: str, **query: Any) -> Any:
    answer = page.request.get(f"/api/v1/photos{path}", params=query)
    assert answer.ok, answer.text()
    return answer.json()


def rail(page: Page):
    return page.get_by_role("slider", name="Jump to a month")


def tiles(page: Page):
    return page.locator("#photos > li[data-index] > button")


def chosen(page: Page, text: str):
    expect(page.locator("#chosen-count")).to_have_text(text)


@mainly("desktop")
def test_one_jumps_to_a_month_and_a_reload_keeps_the_place(timeline: Page, keep):
    page = timeline
    expect(page.locator("#photos h2").first).to_be_visible()
    keep("photos")
    assert violations(page) == []
    oldest = listed(page, "/days")["days"][-1]["day"]
    rail(page).focus()
    page.keyboard.press("End")
    expect(rail(page)).to_have_attribute("aria-valuetext", re.compile(rf"{oldest[:4]}, \d+ photos?"))
    expect(tiles(page).last).to_have_attribute("title", listed(page, "", order="ascending")["photos"][0]["filename"])
    page.keyboard.press("PageUp")  # a year later
    for _ in range(3):
        page.keyboard.press("ArrowUp")
    expect(rail(page)).not_to_have_class(re.compile("stirred"))
    month, _, photos = (rail(page).get_attribute("aria-valuetext") or "").partition(", ")
    expect(page).to_have_url(re.compile(rf"\bat={datetime.strptime(month, '%B %Y'):%Y-%m}-\d\d"))
    keep("photos-in-between")
    page.reload()
    expect(rail(page)).to_have_attribute("aria-valuetext", f"{month}, {photos}")
    expect(page.locator("#photos h2", has_text=month)).to_be_visible()


@pytest.mark.slow
@mainly("phone")
def test_the_handle_is_dragged_through_the_years(timeline: Page, screen):
    page = timeline
    before = rail(page).get_attribute("aria-valuetext")
    session = page.context.new_cdp_session(page)

    def point(kind: str, x: float, y: float):
        if has_touch(screen):
            points = [{"x": x, "y": y}] if kind in ("Start", "Move") else []
            session.send("Input.dispatchTouchEvent", {"type": f"touch{kind}", "touchPoints": points})
        else:
            page.mouse.move(x, y)
            {"Start": page.mouse.down, "Move": lambda: None}.get(kind, page.mouse.up)()

    def take_hold() -> float:
        """Of the handle, which a phone shows for a moment after one scrolled: a slow machine may come too late."""
        for _ in range(MOST_ATTEMPTS):
            page.evaluate("scrollBy(0, 40)")
            expect(rail(page)).to_have_css("opacity", "1")
            box = page.locator(".rail-handle").bounding_box()
            assert box is not None
            x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
            point("Start", x, y)
            if "dragged" in (rail(page).get_attribute("class") or "").split():
                return x
            point("Cancel", x, y)
        raise AssertionError("the handle cannot be taken hold of")

    x = take_hold()
    track = rail(page).bounding_box()
    assert track is not None
    for part in (0.4, 0.6, 0.8):
        point("Move", x, track["y"] + part * track["height"])
    expect(page.locator(".rail-bubble")).to_have_css("opacity", "1")
    point("End", x, track["y"] + 0.8 * track["height"])
    expect(rail(page)).not_to_have_attribute("aria-valuetext", before or "")
    # The photos at the end of the way are loaded, not all that were passed.
    expect(page.locator("#photos > .empty-tile")).to_have_count(0)
    assert page.evaluate("scrollY") > page.evaluate("document.documentElement.scrollHeight") / 2


@mainly("phone")
def test_a_month_and_all_photos_are_chosen_deleted_and_brought_back(own_timeline: Page, keep):
    page = own_timeline
    # The first day's: below its month's line, but for days on which a month begins.
    heading = page.locator("#photos > .heading > div", has=page.locator("small")).first
    count = int(re.findall(r"\d+", heading.locator("small").inner_text())[0])
    heading.get_by_role("button").click()
    chosen(page, f"{count} photo{'s' * (count > 1)} chosen")
    expect(heading.get_by_role("button")).to_have_attribute("aria-pressed", "true")
    keep("photos-chosen")
    assert violations(page) == []
    heading.get_by_role("button").click()
    chosen(page, "Choose photos")

    page.get_by_role("button", name="Select all").click()
    chosen(page, f"{PHOTOS:,} photos chosen")
    page.locator("#delete").click()
    page.locator("#dialog").get_by_role("button", name="Delete").click()
    expect(page.locator("#counts")).to_have_text("0 photos")
    assert listed(page, "/days")["total"] == 0
    page.locator("#status").get_by_role("button", name="Undo").click()
    expect(page.locator("#counts")).to_have_text(f"{PHOTOS:,} photos")
    expect(tiles(page).first).to_be_visible()
    assert listed(page, "/days")["total"] == PHOTOS


@pytest.mark.slow
@mainly("desktop")
def test_a_range_reaches_over_photos_that_are_not_loaded(own_timeline: Page):
    page = own_timeline
    page.get_by_role("button", name="Select…").click()
    tiles(page).nth(2).click()
    rail(page).focus()
    page.keyboard.press("End")
    last = tiles(page).last
    expect(last).to_have_attribute("title", listed(page, "", order="ascending")["photos"][0]["filename"])
    last.click(modifiers=["Shift"])
    chosen(page, f"{PHOTOS - 2:,} photos chosen")
    page.locator("#set-category").click()
    page.locator("#dialog input").fill("old")
    page.locator("#dialog").get_by_role("button", name="Set").click()
    expect(page.locator("#status")).to_contain_text(f"{PHOTOS - 2:,} photos are “old” now.")
    assert listed(page, "/days", category="old")["total"] == PHOTOS - 2


@mainly("desktop")
def test_order_and_filters_stand_in_the_address(timeline: Page, keep):
    page = timeline
    page.locator("#sort").select_option("name-ascending")
    expect(tiles(page).first).to_have_attribute("title", "photo-000000.jpg")
    expect(page.locator("#photos > .heading")).to_have_count(0)
    expect(rail(page)).to_be_hidden()
    page.locator("#show-filters").click()
    page.locator("#from").fill("2015-01-01")
    page.locator("#until").fill("2016-12-31")
    expected = listed(page, "/days", taken_from="2015-01-01", taken_until="2016-12-31")["total"]
    assert 0 < expected < PHOTOS
    expect(page.locator("#counts")).to_have_text(f"{expected:,} photos")
    page.locator("#category").select_option("category 07")
    expect(page).to_have_url(re.compile("category=category\\+07"))
    expect(page.locator("#show-filters")).to_contain_text("(3)")
    keep("photos-filters")
    assert violations(page) == []
    counted = page.locator("#counts").inner_text()
    page.reload()
    expect(page.locator("#counts")).to_have_text(counted)
    expect(page.locator("#category")).to_have_value("category 07")
    expect(page.locator("#filters")).to_be_visible()


@mainly("desktop")
def test_the_viewer_says_which_folder_a_photo_came_from(page: Page, somebody, shared_server):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    with signed_in(shared_server, somebody) as api:
        made = add_collection(api, "Things")
        sent = {"file": ("a.jpg", jpeg(5))}
        api.post(f"/collections/{made}/photos", files=sent, data={"folder": "Pictures/2019/March"}).raise_for_status()
    page.goto("/photos")
    tiles(page).first.click()
    about_it(page)
    expect(page.locator(".viewer-info")).to_contain_text("Pictures/2019/March")
    page.get_by_role("button", name="Copy path").click()
    expect(page.locator("#status")).to_have_text("The path is copied.")
    assert page.evaluate("navigator.clipboard.readText()") == "Pictures/2019/March"


@mainly("phone")
def test_an_empty_collection_offers_to_add_photos(page: Page, somebody, shared_server):
    with signed_in(shared_server, somebody) as api:
        made = add_collection(api, "Empty", visibility="shared")
    page.goto(f"/library/{made}")
    add = page.get_by_role("link", name="Add photos")
    expect(add).to_have_attribute("href", f"/upload?collection={made}")
    expect(page.locator("#end")).to_be_hidden()
    expect(page.locator("#clear-filters")).to_be_hidden()
    page.context.clear_cookies()
    sign_in(page, add_person(shared_server, "Bob"))
    page.goto(f"/library/{made}")
    expect(page.get_by_role("heading", name="No photos yet")).to_be_visible()
    expect(page.locator("#counts")).to_have_text("0 photos")
    expect(add).to_be_hidden()


@mainly("phone")
def test_filters_that_leave_nothing_say_so_and_are_cleared(timeline: Page):
    page = timeline
    page.locator("#show-filters").click()
    page.locator("#from").fill("1990-01-02")
    page.locator("#until").fill("1990-01-01")
    expect(page.locator("#end")).to_have_text("From is later than Until: no day lies between them.")
    page.locator("#until").fill("1990-01-03")
    expect(page.locator("#end")).to_have_text("No photos fit these filters.")
    page.get_by_role("button", name="Clear filters").click()
    expect(page.locator("#counts")).to_have_text(f"{PHOTOS:,} photos")
    expect(page.locator("#from")).to_have_value("")
    expect(page.locator("#show-filters")).to_be_focused()
    expect(page.locator("#clear-filters")).to_be_hidden()
    assert "from=" not in page.url
