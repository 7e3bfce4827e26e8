"""When photos were taken, as a person sees and corrects it."""

from __future__ import annotations

import os
import re
from datetime import datetime
from pathlib import Path

import pytest
from playwright.sync_api import APIResponse, Page, Route, expect

from tests.support.hands import about_it
from tests.support.photos import write_photos
from tests.support.screens import mainly

pytestmark = pytest.mark.browser

LISTED = re.compile(r"/api/v1/photos\?")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder as a phone, Google Takeout and a program leave it."""
    folder = tmp_path / "Phone"
    photos = write_photos(folder, 4, side=200)
    names = ("copied.jpg", "edited.jpg", "takeout.jpg", "IMG-20190321-WA0001.jpg")
    for path, name in zip(photos, names, strict=True):
        path.rename(folder / name)
        os.utime(folder / name, (moment := datetime(2024, 3, 4, 5, 6, 7).timestamp(), moment))
    (folder / "takeout.jpg.supplemental-metad.json").write_text('{"photoTakenTime": {"timestamp": "1060699034"}}')
    (folder / "edited.xmp").write_text('<x exif:DateTimeOriginal="1998-07-08T09:10:11"/>')
    (folder / "Thumbs.db").write_bytes(b"\xd0\xcf\x11\xe0")
    return folder


@pytest.fixture
def filled(somebody, page: Page, folder: Path, keep) -> Page:
    """Its collection, uploaded by the page."""
    page.goto("/upload")
    page.locator("#new-name").fill("Phone")
    page.locator("#folder").set_input_files(folder)
    expect(page.locator("#summary")).to_contain_text("4 uploaded, 0 already there, 0 refused")
    expect(page.locator("#companions")).to_contain_text("Passed over 3 files that go with photos")
    for kind in (".xmp", ".json", "Thumbs.db"):
        expect(page.locator("#companions")).to_contain_text(kind)
    keep("companions")
    page.goto("/library")
    page.get_by_role("link", name="Phone").click()
    expect(page.locator("#photos > li[data-index]")).to_have_count(4)
    return page


def look_at(page: Page, name: str):
    page.locator("#photos").get_by_title(name, exact=True).click()
    about_it(page)


def says(page: Page, *words: str):
    for word in words:
        expect(page.locator(".viewer-info")).to_contain_text(word)


def close(page: Page):
    page.locator("#viewer").get_by_role("button", name="Close").click()


def dialog(page: Page, title: str):
    found = page.locator("#dialog")
    expect(found.get_by_role("heading", name=title)).to_be_visible()
    return found


@mainly("desktop")
def test_dates_say_where_they_are_from_and_a_person_corrects_one_and_many(filled: Page, keep):
    page = filled
    for name, words in {
        "IMG-20190321-WA0001.jpg": ("taken March 21, 2019, from its name",),
        "takeout.jpg": ("taken August 12, 2003 at 2:37", "from Google Takeout"),
        "edited.jpg": ("taken July 8, 1998 at 9:10", "from the XMP file beside it"),
        "copied.jpg": ("perhaps taken March 4, 2024 at 5:06", "a guess from the file’s time"),
    }.items():
        look_at(page, name)
        says(page, *words)
        keep(f"date-of-{name}")
        close(page)

    look_at(page, "copied.jpg")
    page.locator("#viewer").get_by_role("button", name="Date…").click()
    asked = dialog(page, "Date of 1 photo")
    expect(asked).to_contain_text("Until now: perhaps taken March 4, 2024")
    expect(asked.get_by_label("Day")).to_have_value("2024-03-04")
    expect(asked.get_by_label("Time")).to_have_value("05:06:07")
    keep("date-of-one")
    asked.get_by_label("Day").fill("1968-12-24")
    asked.get_by_label("Time").fill("")
    asked.get_by_role("button", name="Set").click()
    says(page, "taken December 24, 1968, as a person said")
    page.locator("#viewer").get_by_role("button", name="Category…").click()
    asked = dialog(page, "Category of 1 photo")
    asked.get_by_role("combobox").fill("moon")
    asked.get_by_role("button", name="Set").click()
    says(page, "moon", "December 24, 1968")
    category = page.locator(".viewer-info .value", has_text="moon")
    capital = "(value) => getComputedStyle(value, '::first-letter').textTransform"
    assert category.evaluate(capital) == "none", "as somebody typed it"
    close(page)

    page.get_by_role("button", name="Select…").click()
    page.get_by_title("copied.jpg").click()
    page.get_by_title("edited.jpg").click()
    keep("dates-chosen")
    page.locator("#set-date").click()
    asked = dialog(page, "Date of 2 photos")
    expect(asked).to_contain_text("Until now: from December 24, 1968 to July 8, 1998")
    asked.get_by_role("button", name="Set").click()
    expect(asked).to_be_visible()  # a day is missing
    asked.get_by_label("Day").fill("2001-02-03")
    asked.get_by_label("Time").fill("04:05")
    keep("date-of-many")
    asked.get_by_role("button", name="Set").click()
    expect(page.locator("#status")).to_have_text("The dates of 2 photos are set.")
    page.get_by_role("button", name="Done").click()
    page.reload()
    for name in ("copied.jpg", "edited.jpg"):
        look_at(page, name)
        says(page, "taken February 3, 2001 at 4:05", "as a person said")
        close(page)

    look_at(page, "takeout.jpg")
    page.locator("#viewer").get_by_role("button", name="Date…").click()
    asked = dialog(page, "Date of 1 photo")
    asked.get_by_label("The date is not known").check()
    asked.get_by_role("button", name="Set").click()
    says(page, "date unknown")
    page.reload()
    look_at(page, "takeout.jpg")
    says(page, "date unknown")


@mainly("desktop")
def test_a_list_on_its_way_does_not_undo_what_is_changed_meanwhile(filled: Page):
    page, held = filled, list[tuple[Route, APIResponse]]()
    look_at(page, "copied.jpg")
    page.route(LISTED, lambda route: route.continue_() if held else held.append((route, route.fetch())))
    change(page, "Date…", "Date of 1 photo", "Day", "1968-12-24")
    while not held:  # the list that is loaded anew
        page.wait_for_timeout(20)
    change(page, "Category…", "Category of 1 photo", "Category", "moon")
    expect(page.locator("#status")).to_contain_text("1 photo is “moon” now.")
    for route, answer in held:
        route.fulfill(response=answer)
    expect(page.locator("#photos > li", has=page.get_by_title("copied.jpg", exact=True))).to_contain_text("moon")
    says(page, "moon", "December 24, 1968")


@mainly("phone")
def test_a_guessed_date_is_marked_as_one_in_the_list(filled: Page):
    """Of photos that are embedded: those that wait say so in its place."""

    def as_embedded(route: Route):
        answer = route.fetch()
        photos = [photo | {"state": "indexed"} for photo in answer.json()["photos"]]
        route.fulfill(response=answer, json=answer.json() | {"photos": photos})

    page = filled
    page.route(LISTED, as_embedded)
    page.reload()
    expect(page.get_by_title("copied.jpg", exact=True)).to_contain_text("perhaps Mar 4")
    expect(page.get_by_title("edited.jpg", exact=True)).not_to_contain_text("perhaps")


def change(page: Page, button: str, title: str, label: str, value: str):
    page.locator("#viewer").get_by_role("button", name=button).click()
    asked = dialog(page, title)
    asked.get_by_label(label).fill(value)
    asked.get_by_role("button", name="Set").click()
