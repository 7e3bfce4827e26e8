"""A folder as a network drive leaves it: the browser and the command line do the same with it, file by file."""

from __future__ import annotations

import os
import shutil
from datetime import datetime
from pathlib import Path

import pillow_heif
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.support import raw_files
from tests.support.broken_files import write_broken_files
from tests.support.photos import write_photos
from tests.support.screens import mainly
from tests.support.server import Server, mindreader

pytestmark = pytest.mark.browser

TOLD_OF_PHOTOS = ("filename", "category", "taken_at", "date_source", "width", "height", "size_bytes", "media_type")
PIPE, EMPTY_FOLDER = "Broken/pipe.jpg", "Broken/folder.jpg"
NAMES = (
    "IMG-20190321-WA0001.jpg",
    "takeout.jpg",
    "edited.jpg",
    "back\\slash.jpg",
    "é.JPG",
    "no suffix",
    "new\nline.jpg",
)


@pytest.fixture
def drive(tmp_path: Path) -> Path:
    top = tmp_path / "drive"
    photos = write_photos(top / "Phone", len(NAMES), side=200)
    for path, name in zip(photos, NAMES, strict=True):
        path.rename(top / "Phone" / name)
    (top / "Phone" / "takeout.jpg.supplemental-metad.json").write_text(
        '{"photoTakenTime": {"timestamp": "1060699034"}}'
    )
    (top / "Phone" / "edited.xmp").write_text('<x exif:DateTimeOriginal="1998-07-08T09:10:11"/>')
    (top / "Phone" / "Thumbs.db").write_bytes(b"\xd0\xcf\x11\xe0")
    write_photos(top, 1, first=20, side=200)
    write_photos(top / "Photos" / "2020", 3, first=30, side=200)
    for number, name in enumerate(("@eaDir", "#recycle", ".thumbnails"), 40):
        write_photos(top / "Photos" / "2020" / name, 1, first=number, side=200)
    cameras(top / "Photos" / "Camera")
    shutil.copytree(top / "Photos" / "2020", top / "Backup", ignore=lambda *_: {"@eaDir", "#recycle", ".thumbnails"})
    (top / "Broken").mkdir()
    write_broken_files(top / "Broken")
    os.mkfifo(top / PIPE)
    moment = datetime(2024, 3, 4, 5, 6, 7).timestamp()
    for path in top.rglob("*"):
        os.utime(path, (moment, moment))
    return top


def cameras(folder: Path) -> None:
    folder.mkdir()
    picture = raw_files.quarters(800, 600)
    preview = raw_files.jpeg(picture, 6)
    (folder / "IMG_1.CR3").write_bytes(raw_files.cr3(preview))
    (folder / "IMG_1.THM").write_bytes(raw_files.jpeg(picture.resize((160, 120))))
    (folder / "turned.jpg").write_bytes(raw_files.jpeg(picture, 6, "2020:05:06 07:08:09"))
    pillow_heif.from_pillow(Image.new("RGB", (640, 480), "teal")).save(folder / "IMG_2.HEIC")


def photos_of(server: Server, owner_has: str) -> list[tuple[object, ...]]:
    with server.api() as api:
        (made,) = [each for each in api.get("/collections").json()["collections"] if each["name"] == owner_has]
        photos = api.get(f"/collections/{made['id']}/photos").json()["photos"]
    return sorted(tuple(str(photo[name]) for name in TOLD_OF_PHOTOS) for photo in photos)


def refused_on(page: Page) -> dict[str, str]:
    lines = page.locator("#outcomes .rejected").all()
    told = [[span.text_content() or "" for span in line.locator("span").all()] for line in lines]
    return {name.removeprefix("drive/"): reason for name, reason in told}


def text_of(page: Page, place: str) -> str:
    return page.locator(place).text_content() or ""


@pytest.mark.slow
@mainly("desktop")
def test_the_command_line_and_the_browser_do_the_same(page, somebody, mindreader_server, drive):
    into = f"By command, beside {somebody}"
    command = ("import", drive, "--collection", into, "--categories-from-folders", "--everywhere", "--json")
    report = mindreader(mindreader_server.data_dir, *command, status=3)
    page.goto("/upload")
    page.locator("#new-name").fill(f"By {somebody}")
    page.locator("#folder").set_input_files(drive)
    expect(page.get_by_role("button", name="Save the list")).to_be_visible()

    photos = photos_of(mindreader_server, into)
    assert photos_of(mindreader_server, f"By {somebody}") == photos
    assert (report["created"], report["duplicate"]) == (len(photos), 3) == (len(NAMES) + 7, 3)
    assert f"{len(photos)} uploaded, 3 already there" in text_of(page, "#summary")
    assert f"Passed over {sum(report['companions'].values())} files" in text_of(page, "#companions")
    assert f"Passed over {len(report['skipped_folders'])} folders" in text_of(page, "#skipped")

    by_command = {entry["file"]: entry["reason"] for entry in report["rejected"]}
    by_browser = refused_on(page)
    assert by_command.pop(PIPE) == "This is a named pipe, not a photo."
    assert by_browser.pop(PIPE) == "This file is empty (0 bytes). Copy or export it again."
    assert by_command.pop(EMPTY_FOLDER) == "This is a folder, not a photo."  # browsers know none
    assert by_browser == by_command
