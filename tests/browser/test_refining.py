"""Photos that were found lead the search to what one means. Once at a desk, once on a phone."""

from __future__ import annotations

import zipfile

import pytest
from playwright.sync_api import Page, expect

from tests.support.hands import BICYCLE, inked, link_to, sign_in
from tests.support.screens import mainly

pytestmark = [pytest.mark.browser, pytest.mark.data]


@pytest.fixture
def drawn(page: Page, screen: str, owner):
    """A bicycle on the sheet, with which the owner's photos were searched."""
    sign_in(page, owner)
    page.goto(link_to(BICYCLE))
    expect(results(page)).to_have_count(24)
    if screen == "phone":
        page.get_by_role("button", name="Search", exact=True).click()
    return page


def results(page: Page):
    return page.locator("#results li:not(.guesswork)")


def names(page: Page) -> list[str]:
    return [button.get_attribute("title") for button in results(page).locator("button").all()]


def calm(page: Page):
    """Until no search runs."""
    page.wait_for_timeout(700)  # a search waits half a second for the next stroke
    expect(page.locator(".found:not(.busy)")).to_be_attached()


@mainly("phone")
def test_photos_lead_the_search_and_can_be_taken_home(drawn: Page, keep, tmp_path):
    page = drawn
    calm(page)
    first = names(page)
    page.get_by_role("button", name="Select…").click()
    chosen = results(page).locator("button").nth(20), results(page).locator("button").nth(22)
    wanted = {each.get_attribute("title") for each in chosen}
    for each in chosen:
        each.click()
    expect(page.locator("#chosen-count")).to_have_text("2 photos chosen")
    keep("results-chosen")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download").click()
    waiting.value.save_as(tmp_path / "photos.zip")
    with zipfile.ZipFile(tmp_path / "photos.zip") as archive:
        assert set(archive.namelist()) == wanted
        assert archive.testzip() is None
    page.get_by_role("button", name="More like these").click()
    expect(page.locator("#feedback li")).to_have_count(2)
    calm(page)
    assert wanted <= set(names(page)[:6]), "the photos chosen are most like themselves"
    page.locator("#feedback button").first.click()
    page.locator("#feedback button").first.click()
    calm(page)
    assert names(page) == first


@pytest.mark.slow
@pytest.mark.parametrize("screen", ["desktop"], indirect=True)
def test_results_are_walked_through_with_the_keyboard(drawn: Page):
    page = drawn
    calm(page)
    buttons = results(page).locator("button")
    buttons.first.focus()
    page.keyboard.press("ArrowRight")
    expect(buttons.nth(1)).to_be_focused()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("heading")).to_have_text(names(page)[1])
    page.keyboard.press("ArrowRight")
    expect(dialog.get_by_role("heading")).to_have_text(names(page)[2])
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


@pytest.mark.parametrize("screen", ["desktop"], indirect=True)
def test_what_excludes_every_photo_says_so_and_is_taken_away(drawn: Page):
    page = drawn
    which = page.get_by_role("button", name="Which photos")
    which.click()
    page.locator("#taken-until").fill("2001-02-03")
    expect(which).to_have_text("Which photos: until 2/3/2001")
    excluded = page.get_by_text("No photos here fit what is chosen under Which photos.")
    expect(excluded).to_be_visible()
    expect(results(page)).to_have_count(0)
    page.locator("#filters").get_by_role("button", name="Search all photos").click()
    expect(results(page)).to_have_count(24)
    expect(excluded).to_be_hidden()
    page.locator("#taken-from").fill("2001-02-03")
    expect(excluded).to_be_visible()  # nothing says when they were taken
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Search all photos").click()
    expect(results(page)).to_have_count(24)
    expect(which).to_have_text("Which photos")


@pytest.mark.parametrize("screen", ["desktop"], indirect=True)
def test_a_sketch_is_kept_under_a_name_and_opened_again(drawn: Page):
    page = drawn
    before = inked(page)
    page.get_by_role("button", name="Save or share").click()
    page.get_by_label("Name").fill("My bicycle")
    page.get_by_role("button", name="Save this sketch").click()
    expect(page.get_by_role("button", name="Open My bicycle")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("f")
    assert inked(page) != before
    page.get_by_role("button", name="Clear").click()
    assert inked(page) == 0
    page.reload()
    page.get_by_role("button", name="Save or share").click()
    page.get_by_role("button", name="Open My bicycle").click()
    assert abs(inked(page) - before) < 0.02 * before
    page.get_by_role("button", name="Save or share").click()
    page.get_by_role("button", name="Delete the sketch My bicycle").click()
    expect(page.get_by_role("button", name="Open My bicycle")).to_have_count(0)
