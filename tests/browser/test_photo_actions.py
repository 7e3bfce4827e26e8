"""Photos chosen among those found, or in a collection: labelled, moved, added, deleted, and all that taken back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.support.axe import violations
from tests.support.hands import BICYCLE, NAME, about_it, add_person, link_to, set_up
from tests.support.people import add_collection, signed_in
from tests.support.photos import write_photos
from tests.support.screens import mainly
from tests.support.server import Server, server

pytestmark = pytest.mark.browser

FOUND = 6


@pytest.fixture
def found(somebody, page: Page, screen: str, shared_server: Server, tmp_path: Path) -> Page:
    """Six photos of one's own, found by a sketch, and a second collection."""
    with signed_in(shared_server, somebody) as api:
        add_collection(api, "Things", write_photos(tmp_path / "photos", FOUND, first=800), found=True)
        add_collection(api, "Other")
    search(page, screen)
    expect(results(page)).to_have_count(FOUND)
    return page


def search(page: Page, screen: str):
    page.goto(link_to(BICYCLE))
    expect(results(page).first).to_be_visible()
    if screen == "phone":  # to what was found
        page.get_by_role("button", name="Search", exact=True).click()
        expect(page.locator(".found:not(.busy)")).to_be_attached()


def results(page: Page):
    return page.locator("#results li[data-index]")


def choose(page: Page, *places: int):
    select = page.locator("#select")
    expect(page.locator("#select:visible, #done:visible")).to_have_count(1)
    if select.is_visible():
        select.click()
    for place in places:
        results(page).nth(place).locator("button").first.click()
    expect(page.locator("#chosen-count")).to_contain_text(f"{len(places)} photo")


def names(page: Page) -> list[str]:
    titles: list[str] = results(page).locator("> button").evaluate_all("all => all.map(({ title }) => title)")
    return titles


def toast(page: Page, text: str):
    expect(page.locator("#status")).to_contain_text(text)


def undo(page: Page):
    page.locator("#status").get_by_role("button", name="Undo").click()


def answer(page: Page, word: str):
    page.locator("#dialog").get_by_role("button", name=word, exact=True).click()


@mainly("phone")
def test_photos_found_are_labelled_moved_added_and_deleted(found: Page, keep):
    page = found
    order = names(page)
    choose(page, 0, 1)
    keep("results-chosen")
    assert violations(page) == []
    page.locator("#set-category").click()
    page.locator("#dialog input").fill("bikes")
    answer(page, "Set")
    toast(page, "2 photos are “bikes” now.")
    expect(results(page).nth(0)).to_contain_text("bikes")
    expect(results(page).nth(2)).not_to_contain_text("bikes")

    expect(page.locator("#chosen-count")).to_have_text("Choose photos")  # what was labelled is chosen no more
    for place in (1, 2):
        results(page).nth(place).locator("button").first.click()
    page.locator("#set-category").click()
    page.locator("#dialog input").fill("cars")
    answer(page, "Set")
    toast(page, "2 photos are “cars” now.")
    undo(page)
    toast(page, "2 photos have the categories they had.")
    expect(results(page).nth(1)).to_contain_text("bikes")
    expect(results(page).nth(2)).not_to_contain_text("cars")

    results(page).nth(1).locator("button").first.click()
    results(page).nth(2).locator("button").first.click()
    page.locator("#move").click()
    page.locator("#dialog select").select_option(label="Other")
    answer(page, "Move")
    toast(page, "2 photos are in “Other” now.")
    assert names(page) == order
    undo(page)
    toast(page, "2 photos are back where they were.")

    page.locator("#done").click()
    choose(page, 1)
    page.locator("#copy").click()
    page.locator("#dialog select").select_option(label="Other")
    answer(page, "Add")
    toast(page, "1 photo is in “Other” too now.")

    for place in (3, 4):  # what was added stays chosen
        results(page).nth(place).locator("button").first.click()
    page.locator("#delete").click()
    expect(page.locator("#dialog")).to_contain_text("restore them for 30 days")
    answer(page, "Delete")
    toast(page, "3 photos are in the trash.")
    expect(results(page)).to_have_count(FOUND - 3)
    keep("results-deleted")
    undo(page)
    expect(results(page)).to_have_count(FOUND)
    assert names(page) == order


@pytest.mark.slow
@mainly("desktop")
def test_a_photo_found_is_looked_at_deleted_and_followed(found: Page, keep):
    page = found
    order = names(page)
    results(page).nth(0).locator("button").first.click()
    about_it(page)
    panel = page.locator(".viewer-info")
    expect(panel).to_contain_text("Its similarity to the sketch is 0.")
    expect(panel).to_contain_text(f"Place 1 of the {FOUND} photos shown.")
    assert violations(page) == []
    page.keyboard.press("Delete")
    expect(page.locator("#viewer-title")).to_have_text(order[1])
    undo(page)
    expect(page.locator("#viewer-title")).to_have_text(order[0])
    page.keyboard.press("Escape")
    expect(results(page).nth(0).locator("button").first).to_be_focused()
    assert names(page) == order
    results(page).nth(2).locator("button").first.click()
    page.locator("#viewer").get_by_role("button", name="More like this").click()
    expect(page.locator("#feedback li")).to_have_count(1)
    expect(page.locator("#viewer")).to_be_hidden()


@mainly("phone")
def test_back_closes_a_photo_found_and_stays_at_what_was_found(found: Page, screen: str):
    page = found
    for place in (0, 3):
        results(page).nth(place).locator("button").first.click()
        expect(page.locator("#viewer")).to_be_visible()
        page.go_back()
        expect(page.locator("#viewer")).to_be_hidden()
        expect(results(page).nth(place).locator("button").first).to_be_focused()
    if screen == "phone":
        expect(page.locator("#draw")).to_have_attribute("data-screen", "results")
        page.go_back()
        expect(page.locator("#canvas")).to_be_visible()


@pytest.fixture
def shared(shared_server: Server, tmp_path: Path) -> Iterator[Path]:
    """The file of a photo that Ada has shared with everybody, as long as the test lasts: others count what they see."""
    (photo,) = write_photos(tmp_path / "hers", 1, first=850)
    with signed_in(shared_server, add_person(shared_server, "Ada")) as api:
        made = add_collection(api, "Hers", [photo], found=True, visibility="shared")
        yield photo
        api.patch(f"/collections/{made}", json={"visibility": "private"}).raise_for_status()


@mainly("desktop")
def test_a_photo_that_was_deleted_elsewhere_leaves_the_viewer(refusals, found: Page, somebody, shared_server: Server):
    page = found
    order = names(page)
    results(page).nth(0).locator("button").first.click()
    expect(page.locator("#viewer-title")).to_have_text(order[0])
    with signed_in(shared_server, somebody) as api:
        ids = {photo["filename"]: photo["id"] for photo in api.get("/photos").json()["photos"]}
        api.post("/photos/delete", json={"photo_ids": [ids[order[0]]]}).raise_for_status()
    page.keyboard.press("Delete")
    expect(page.locator("#viewer-title")).to_have_text(order[1])
    toast(page, "1 photo was gone already.")
    expect(page.locator("#status button")).to_have_count(0)
    page.keyboard.press("Escape")
    assert names(page) == order[1:]


@mainly("desktop")
def test_of_photos_that_are_only_shared_nothing_is_offered_that_is_refused(
    shared: Path, somebody, page: Page, screen: str, shared_server: Server, tmp_path: Path
):
    (own,) = write_photos(tmp_path / "own", 1, first=852)
    with signed_in(shared_server, somebody) as api:
        add_collection(api, "Own", [own], found=True)
    search(page, screen)
    changing = ("#set-date", "#set-category", "#move", "#delete")
    hers_found = page.locator("#results").get_by_title(shared.name, exact=True)
    own_found = page.locator("#results").get_by_title(own.name, exact=True)
    page.locator("#select").click()
    hers_found.click()
    for button in changing:
        expect(page.locator(button)).to_be_hidden()
    expect(page.locator("#chosen-count")).to_contain_text("1 of them is not yours to change")
    page.locator("#copy").click()
    page.locator("#dialog select").select_option(label="Own")
    answer(page, "Add")
    toast(page, "1 photo is in “Own” too now.")
    hers_found.click()
    own_found.click()
    for button in changing:
        expect(page.locator(button)).to_be_enabled()
    page.locator("#done").click()
    hers_found.click()
    about_it(page)
    viewer = page.locator("#viewer")
    expect(viewer.get_by_role("button", name="Add to…")).to_be_visible()
    for name in ("Delete", "Move…", "Category…", "Date…"):
        expect(viewer.get_by_role("button", name=name)).to_be_hidden()
    page.keyboard.press("Delete")  # and no key does it either
    page.keyboard.press("Escape")


@pytest.mark.slow
@pytest.mark.parametrize("screen", ["desktop"], indirect=True)
def test_where_there_is_no_trash_one_is_told_before(chromium, screen, tmp_path):
    with server(tmp_path / "data", MINDREADER_TRASH_DAYS="0") as started:
        context = chromium.new_context(base_url=started.url)
        page = context.new_page()
        set_up(page)
        with signed_in(started, NAME) as api:
            things = add_collection(api, "Things", write_photos(tmp_path / "photos", 2))
        page.goto(f"/library/{things}")
        page.locator("#photos > li[data-index] > button").first.click()
        page.locator("#viewer").get_by_role("button", name="Delete").click()
        expect(page.locator("#dialog")).to_contain_text("gone for good at once")
        answer(page, "Cancel")
        expect(page.locator("#photos > li[data-index]")).to_have_count(2)
        page.locator("#viewer").get_by_role("button", name="Delete").click()
        answer(page, "Delete for good")
        toast(page, "1 photo is deleted for good.")
        expect(page.locator("#status button")).to_have_count(0)
        page.goto("/library")
        page.locator("li", has=page.get_by_role("link", name="Things")).get_by_role("button", name="Delete").click()
        expect(page.locator("#dialog")).to_contain_text("gone for good at once")
        answer(page, "Delete for good")
        toast(page, "Things is deleted for good.")
        expect(page.locator("#status button")).to_have_count(0)
        context.close()


@pytest.mark.slow
@mainly("desktop")
def test_a_deleted_collection_comes_back_by_undo(somebody, page: Page, shared_server: Server):
    with signed_in(shared_server, somebody) as api:
        add_collection(api, "Things")
    page.goto("/library")
    page.locator("li", has=page.get_by_role("link", name="Things")).get_by_role("button", name="Delete").click()
    answer(page, "Delete")
    toast(page, "Things is in the trash.")
    expect(page.get_by_role("link", name="Things")).to_be_hidden()
    undo(page)
    expect(page.get_by_role("link", name="Things")).to_be_visible()
