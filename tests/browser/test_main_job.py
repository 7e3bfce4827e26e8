"""The main job as a person does it: set up, upload, wait, draw, find. Once at a desk, once on a phone."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.support.hands import BICYCLE, NAME, PASSWORD, about_it, draw, inked, set_up
from tests.support.screens import mainly

pytestmark = [pytest.mark.browser, pytest.mark.data]


@pytest.fixture(scope="module")
def photos(real_data) -> list[str]:
    """Twelve real photos of four categories."""
    found = [sorted((real_data / "photos" / c).glob("sk_*"))[:3] for c in ("bicycle", "cat", "elephant", "teapot")]
    chosen = [str(path) for paths in found for path in paths]
    assert len(chosen) == 12
    return chosen


@mainly("phone")
def test_set_up_upload_draw_and_find(fresh_server, page: Page, screen: str, photos: list[str], keep):
    page.goto("/")
    keep("setup")
    set_up(page)
    upload(page, photos, keep)
    draw_and_find(page, screen, keep)
    sketch_survives_a_reload(page)
    look_at_a_photo(page, keep)
    library(page, keep)
    sign_out_and_in(page)


def upload(page: Page, photos: list[str], keep):
    page.locator("#new-name").fill("Twelve")
    page.locator("#files").set_input_files([*photos, __file__])
    expect(page.locator("#summary")).to_contain_text("13 of 13 files: 12 uploaded, 0 already there, 1 refused")
    expect(page.locator("#outcomes li").first).to_contain_text("test_main_job.py")
    expect(page.locator("#embedding")).to_contain_text("Every photo can be found now")
    keep("upload")


def draw_and_find(page: Page, screen: str, keep):
    page.goto("/")
    keep("draw")
    page.locator("#live").uncheck()
    for stroke in BICYCLE:
        draw(page, screen, stroke)
    page.get_by_role("button", name="Search", exact=True).click()
    expect(page.get_by_role("radio", name="Imaginary image 1 of")).to_be_visible()
    expect(page.locator("#results li:not(.guesswork)")).to_have_count(12)
    scores = [float(text.split()[1]) for text in page.locator("#results small").all_text_contents()]
    assert scores == sorted(scores, reverse=True)
    keep("results")
    reading = page.locator("#readings").get_by_role("radio").nth(1)
    reading.click()
    expect(reading).to_be_checked()
    expect(page.locator(".found:not(.busy)")).to_be_attached()
    keep("results-of-a-reading")
    if screen == "phone":
        page.go_back()
    page.get_by_role("button", name="Undo").click()
    page.get_by_role("button", name="Redo").click()


def sketch_survives_a_reload(page: Page):
    assert inked(page) > 100
    page.reload()
    expect(page.locator("#clear")).to_be_enabled()
    assert inked(page) > 100
    page.locator("#eraser").click()
    page.locator("#clear").click()
    assert inked(page) == 0
    page.locator("#undo").click()
    assert inked(page) > 100


def look_at_a_photo(page: Page, keep):
    page.get_by_role("button", name="Search", exact=True).click()
    page.locator("#results button").first.click()
    about_it(page)
    expect(page.get_by_role("link", name="Open original")).to_be_visible()
    keep("photo")
    page.get_by_role("button", name="Close").click()


def library(page: Page, keep):
    page.get_by_role("link", name="Library").click()
    expect(page.locator("#collections li").first).to_contain_text("12 photos")
    keep("library")
    page.get_by_role("link", name="Twelve").click()
    expect(page.locator("#photos > li[data-index]")).to_have_count(12)
    keep("collection")


def sign_out_and_in(page: Page):
    page.locator(".menu summary").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.get_by_label("Name").fill(NAME)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("#canvas")).to_be_visible()
