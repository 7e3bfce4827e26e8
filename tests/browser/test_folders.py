"""An administrator shows a folder of the server on the page Library; its disk goes away and comes back."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import FRUGAL
from tests.support.folders import put, state_of
from tests.support.hands import PASSWORD, add_person, sign_in
from tests.support.photos import write_photos
from tests.support.screens import mainly
from tests.support.server import Server, server
from tests.support.services import wait_until

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the server may show folders; each test has a disk of its own there."""
    return tmp_path_factory.mktemp("disks")


@pytest.fixture(scope="module")
def folders_server(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Iterator[Server]:
    settings = {"MINDREADER_TRASH_DAYS": "30", "MINDREADER_FOLDER_ROOTS": str(root)}
    with server(tmp_path_factory.mktemp("folders") / "data", **FRUGAL, **settings) as started:
        setup = {"name": "Root", "password": PASSWORD}
        httpx.post(f"{started.url}/api/v1/setup", json=setup).raise_for_status()
        yield started


@pytest.fixture
def mindreader_server(folders_server: Server) -> Server:
    return folders_server


@pytest.fixture
def disk(root: Path) -> Path:
    disk = root / uuid.uuid4().hex[:8]
    write_photos(disk / "photos" / "rome", 4, first=4 * len(list(root.iterdir())))
    put(disk / "photos" / "broken.jpg", b"no picture")
    return disk


@pytest.fixture
def name(disk: Path) -> str:
    """Of the collection that shows the disk: nobody else's."""
    return f"Disk {disk.name}"


@pytest.fixture
def administrator(page: Page, folders_server: Server) -> Page:
    """The browser of an administrator; no page is open."""
    sign_in(page, add_person(folders_server, "Ada", "admin"))
    return page


def folder_of(started: Server, disk: Path) -> dict[str, Any]:
    with started.api() as api:
        folders: list[dict[str, Any]] = api.get("/folders").raise_for_status().json()["folders"]
    (found,) = [each for each in folders if each["path"] == str(disk / "photos")]
    return found


def dialog(page: Page):
    return page.locator("#dialog")


@mainly("phone")
def test_a_folder_is_shown_scanned_and_marked_while_its_disk_is_away(
    administrator: Page, folders_server: Server, root: Path, disk: Path, name: str, keep
):
    page, before = administrator, state_of(disk)
    page.goto("/library")
    expect(page.locator("#folder-roots")).to_contain_text(str(root))

    page.get_by_role("button", name="Show a folder…").click()
    dialog(page).get_by_label("Name of the collection").fill(name)
    dialog(page).get_by_label("Folder on the server").fill(str(disk / "photos"))
    dialog(page).get_by_label("A photo’s category").check()
    dialog(page).get_by_role("button", name="Show", exact=True).click()
    entry = page.locator("#folder-list > li", has_text=name)
    expect(entry).to_contain_text("4 photos · 1 file refused")
    expect(entry.locator(".badge")).to_have_text("watched")
    entry.get_by_text("1 thing could not be looked at").click()
    expect(entry).to_contain_text("broken.jpg")
    keep("folders")

    page.goto("/library")
    page.locator("#collections").get_by_role("link", name=name).click()
    expect(page.locator("#photos > li[data-index]")).to_have_count(4)
    expect(page.locator("#photos > li[data-index]").first).to_contain_text("rome")

    (disk / "photos").rename(disk / "unplugged")
    wait_until(lambda: folder_of(folders_server, disk)["offline"] == "gone", "that the disk is away")
    page.reload()
    expect(page.locator("#photos .away")).to_have_count(4)
    expect(page.locator("#photos .away").first).to_have_text("disk not there")
    keep("folder-away")
    page.goto("/library")
    expect(entry.locator(".badge")).to_have_text("disk not there")
    expect(entry).to_contain_text("connect the disk again")

    (disk / "unplugged").rename(disk / "photos")
    wait_until(lambda: folder_of(folders_server, disk)["offline"] is None, "that the disk is back")
    expect(entry.locator(".badge")).to_have_text("watched")
    assert state_of(disk) == before


@mainly("desktop")
def test_what_is_deleted_says_that_the_file_stays(administrator: Page, folders_server: Server, disk: Path, name: str):
    page = administrator
    with folders_server.api() as api:
        api.post("/folders", json={"path": str(disk / "photos"), "collection": name}).raise_for_status()
    wait_until(lambda: folder_of(folders_server, disk)["photos"] == 4, "a scan")
    page.goto("/library")
    page.locator("#collections").get_by_role("link", name=name).click()
    page.locator("#photos > li > button").first.click()
    page.locator("dialog[open]").get_by_role("button", name="Delete").click()
    expect(page.locator("#status")).to_contain_text("Its file stays in its folder.")


@mainly("desktop")
def test_members_see_no_folders_of_the_server(page: Page, somebody):
    page.goto("/library")
    expect(page.get_by_role("heading", name="Library")).to_be_visible()
    expect(page.locator("#folders")).to_have_count(0)
