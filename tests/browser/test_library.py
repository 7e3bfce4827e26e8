"""The library as a person uses it: many photos at once, and the trash."""

from __future__ import annotations

import re
import zipfile

import pytest
from playwright.sync_api import Page, Route, expect

from tests.support.hands import add_person, sign_in
from tests.support.library import jpeg
from tests.support.people import add_collection, copy_collection, signed_in
from tests.support.photos import write_photos
from tests.support.screens import mainly
from tests.support.server import Server

pytestmark = pytest.mark.browser

PHOTOS = 12


@pytest.fixture(scope="module")
def many(shared_server: Server, tmp_path_factory: pytest.TempPathFactory) -> int:
    """A collection of photos; every test has a copy of it."""
    photos = write_photos(tmp_path_factory.mktemp("many"), PHOTOS, side=200)
    with signed_in(shared_server, add_person(shared_server, "Grace")) as api:
        return add_collection(api, "Many", photos)


@pytest.fixture
def filled(somebody, page: Page, shared_server: Server, many: int) -> Page:
    """Two collections, one of them with photos, whose page is open."""
    copy_collection(shared_server, many, somebody)
    page.goto("/library")
    page.locator("#name").fill("Other")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("link", name="Other")).to_be_visible()
    page.get_by_role("link", name="Many").click()
    expect(page.locator("#photos > li[data-index]")).to_have_count(PHOTOS)
    return page


def tiles(page: Page):
    return page.locator("#photos > li[data-index] > button")


def chosen(page: Page, count: int):
    expect(page.locator("#chosen-count")).to_have_text(f"{count} photo{'s' * (count > 1)} chosen")


def answer(page: Page, word: str):
    page.locator("#dialog").get_by_role("button", name=word).click()


@mainly("desktop")
def test_many_photos_are_labelled_moved_downloaded_and_deleted(filled: Page, keep, tmp_path):
    page = filled
    page.get_by_role("button", name="Select…").click()
    tiles(page).nth(0).click()
    tiles(page).nth(5).click(modifiers=["Shift"])
    chosen(page, 6)
    tiles(page).nth(2).click()
    chosen(page, 5)
    keep("chosen")

    page.get_by_role("button", name="Category…").click()
    page.locator("#dialog input").fill("balls")
    answer(page, "Set")
    expect(tiles(page).nth(0)).to_contain_text("balls")
    expect(tiles(page).nth(2)).not_to_contain_text("balls")
    expect(page.locator("#chosen-count")).not_to_contain_text("5")

    for number in (0, 1, 3, 4, 5):
        tiles(page).nth(number).click()
    chosen(page, 5)
    with page.expect_download() as started:
        page.get_by_role("button", name="Download").click()
    started.value.save_as(tmp_path / "photos.zip")
    with zipfile.ZipFile(tmp_path / "photos.zip") as archive:
        assert archive.testzip() is None
        assert len(archive.namelist()) == 5

    page.get_by_role("button", name="Move…").click()
    answer(page, "Move")
    expect(page.locator("#photos > li[data-index]")).to_have_count(PHOTOS - 5)
    expect(page.locator("#counts")).to_contain_text(f"{PHOTOS - 5} photos")

    tiles(page).nth(0).focus()
    page.keyboard.press("Space")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    chosen(page, 3)
    page.locator("#delete").click()
    answer(page, "Delete")
    expect(page.locator("#photos > li[data-index]")).to_have_count(PHOTOS - 8)
    page.keyboard.press("Escape")
    expect(page.locator("#chosen")).to_be_hidden()


@pytest.mark.slow
@mainly("phone")
def test_a_photo_opened_before_the_page_knows_whose_it_is_can_be_deleted(filled: Page):
    page = filled
    held: list[Route] = []
    page.route(re.compile(r"/collections/\d+$"), lambda route: held.append(route))
    page.reload()
    tiles(page).nth(0).click()
    page.wait_for_timeout(200)  # whatever a viewer that did not wait would show, it shows now
    for route in held:
        route.continue_()
    expect(page.locator("#viewer").get_by_role("button", name="Delete")).to_be_visible()


@mainly("phone")
def test_what_was_deleted_comes_back_from_the_bin(filled: Page, keep):
    page = filled
    tiles(page).nth(0).click()
    expect(page.locator("#viewer img")).to_have_attribute("src", re.compile("preview$"))
    page.locator("#viewer").get_by_role("button", name="Delete").click()
    expect(page.locator("#photos > li[data-index]")).to_have_count(PHOTOS - 1)
    page.locator("#viewer").get_by_role("button", name="Close").click()
    tiles(page).nth(0).click(modifiers=["Control"])
    page.locator("#delete").click()
    expect(page.locator("#photos > li[data-index]")).to_have_count(PHOTOS - 2)
    page.goto("/library")
    page.locator("li", has=page.get_by_role("link", name="Other")).get_by_role("button", name="Delete").click()
    answer(page, "Delete")
    expect(page.get_by_role("link", name="Other")).to_be_hidden()

    page.get_by_role("link", name="Trash").click()
    expect(page.locator("#photos > li")).to_have_count(2)
    expect(page.locator("#photos img").first).to_have_js_property("complete", True)
    keep("trash")
    page.emulate_media(color_scheme="dark")
    page.locator("#photos > li > button").first.click()
    keep("trash-dark")
    page.get_by_role("button", name="Restore 1 photo").click()
    expect(page.locator("#photos > li")).to_have_count(1)
    page.locator("#collections").get_by_role("button", name="Restore").click()
    expect(page.locator("#collections-area")).to_be_hidden()
    page.get_by_role("button", name="Empty the trash").click()
    answer(page, "Empty the trash")
    expect(page.locator("#summary")).to_contain_text("The trash is empty")
    page.goto("/library")
    expect(page.get_by_role("link", name="Other")).to_be_visible()
    expect(page.locator("#collections li", has_text="Many").first).to_contain_text(f"{PHOTOS - 1} photos")


@pytest.mark.slow
@mainly("desktop")
def test_a_collection_is_shared_with_one_person_and_nothing_else_leaks(
    filled: Page, somebody, chromium, mindreader_server, keep
):
    page, bob = filled, add_person(mindreader_server, "Bob")
    many = int(page.url.rpartition("/")[2])
    with mindreader_server.api() as api:
        mine = {photo["id"] for photo in api.get(f"/collections/{many}/photos").json()["photos"]}
        local = api.post("/collections", json={"name": f"Secret, not for {bob}"}).json()["id"]
        uploaded = api.post(f"/collections/{local}/photos", files={"file": ("a.jpg", jpeg(99))}).json()
        secret = uploaded["outcomes"][0]["photo_id"]
    page.goto("/library")
    card = page.locator("#collections > li", has=page.get_by_role("link", name="Many"))
    card.get_by_role("button", name="Share").click()
    page.get_by_label("Name of a person").fill(bob)
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator("#dialog li")).to_contain_text(bob)
    keep("sharing")
    page.get_by_role("button", name="Done").click()
    expect(card).to_contain_text(f"shared with {bob}")

    context = chromium.new_context(base_url=mindreader_server.url)
    bobs = context.new_page()
    sign_in(bobs, bob)
    bobs.goto("/library")
    expect(bobs.locator("#collections > li")).to_have_count(1)
    expect(bobs.locator("#collections > li")).to_contain_text(f"shared with you · of {somebody}")
    expect(bobs.locator("#collections > li").get_by_role("button")).to_have_count(0)
    bobs.get_by_role("link", name="Many").click()
    expect(bobs.locator("#photos > li[data-index]")).to_have_count(PHOTOS)
    bobs.get_by_role("button", name="Select…").click()
    expect(bobs.locator("#download")).to_be_visible()
    expect(bobs.locator("#delete")).to_be_hidden()
    assert bobs.goto(f"/library/{local}").status == 404
    asked = {*range(min(mine) - 3, max(mine) + 4), secret}
    assert len(mine) == PHOTOS
    seen = {photo for photo in asked if bobs.goto(f"/api/v1/photos/{photo}/thumbnail").status == 200}
    assert seen == mine
    context.close()

    card.get_by_role("button", name="Share").click()
    page.get_by_role("button", name=f"Stop sharing with {bob}").click()
    expect(page.locator("#dialog li")).to_have_count(0)
    page.get_by_role("button", name="Done").click()
    expect(card).to_contain_text("private")
