"""An administrator shows a folder of the server on the page Library; its disk goes away and comes back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.support.folders import put, state_of
from tests.support.hands import PASSWORD, add_person, set_up, sign_in
from tests.support.photos import write_photos
from tests.support.screens import mainly
from tests.support.server import Server, server
from tests.support.services import wait_until

pytestmark = pytest.mark.browser


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    write_photos(tmp_path / "disk" / "photos" / "rome", 4)
    put(tmp_path / "disk" / "photos" / "broken.jpg", b"no picture")
    return tmp_path / "disk"


@pytest.fixture
def fresh_server(tmp_path: Path, disk: Path) -> Iterator[Server]:
    settings = {"MINDREADER_TRASH_DAYS": "30", "MINDREADER_FOLDER_ROOTS": str(disk)}
    with server(tmp_path / "data", **settings) as started:
        yield started


def only_folder(started):
    with started.api() as api:
        (folder,) = api.get("/folders").raise_for_status().json()["folders"]
    return folder


def dialog(page: Page):
    return page.locator("#dialog")


def test_a_folder_is_shown_scanned_and_marked_while_its_disk_is_away(fresh_server, page: Page, disk, keep):
    before = state_of(disk)
    set_up(page)
    page.goto("/library")
    expect(page.locator("#folder-roots")).to_contain_text(str(disk))

    page.get_by_role("button", name="Show a folder…").click()
    dialog(page).get_by_label("Name of the collection").fill("Disk")
    dialog(page).get_by_label("Folder on the server").fill(str(disk / "photos"))
    dialog(page).get_by_label("A photo’s category").check()
    dialog(page).get_by_role("button", name="Show", exact=True).click()
    entry = page.locator("#folder-list > li")
    expect(entry).to_contain_text("4 photos · 1 file refused")
    expect(entry.locator(".badge")).to_have_text("watched")
    entry.get_by_text("1 thing could not be looked at").click()
    expect(entry).to_contain_text("broken.jpg")
    keep("folders")

    page.goto("/library")
    page.locator("#collections").get_by_role("link", name="Disk").click()
    expect(page.locator("#photos > li[data-index]")).to_have_count(4)
    expect(page.locator("#photos > li[data-index]").first).to_contain_text("rome")

    (disk / "photos").rename(disk / "unplugged")
    wait_until(lambda: only_folder(fresh_server)["offline"] == "gone", "that the disk is away")
    page.reload()
    expect(page.locator("#photos .away")).to_have_count(4)
    expect(page.locator("#photos .away").first).to_have_text("disk not there")
    keep("folder-away")
    page.goto("/library")
    expect(entry.locator(".badge")).to_have_text("disk not there")
    expect(entry).to_contain_text("connect the disk again")

    (disk / "unplugged").rename(disk / "photos")
    wait_until(lambda: only_folder(fresh_server)["offline"] is None, "that the disk is back")
    expect(entry.locator(".badge")).to_have_text("watched")
    assert state_of(disk) == before


@mainly("desktop")
def test_what_is_deleted_says_that_the_file_stays(fresh_server, page: Page, disk):
    set_up(page)
    with fresh_server.api() as api:
        api.post("/folders", json={"path": str(disk / "photos"), "collection": "Disk"}).raise_for_status()
    wait_until(lambda: only_folder(fresh_server)["photos"] == 4, "a scan")
    page.goto("/library")
    page.locator("#collections").get_by_role("link", name="Disk").click()
    page.locator("#photos > li > button").first.click()
    page.locator("dialog[open]").get_by_role("button", name="Delete").click()
    expect(page.locator("#status")).to_contain_text("Its file stays in its folder.")


@mainly("desktop")
def test_members_see_no_folders_of_the_server(fresh_server, page: Page):
    setup = {"name": "Root", "password": PASSWORD}
    httpx.post(f"{fresh_server.url}/api/v1/setup", json=setup).raise_for_status()
    sign_in(page, add_person(fresh_server, "Ada"))
    page.goto("/library")
    expect(page.get_by_role("heading", name="Library")).to_be_visible()
    expect(page.locator("#folders")).to_have_count(0)
