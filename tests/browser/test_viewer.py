"""A photo large: its own proportions whatever its shape and the screen's, and never the whole original."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.support.screens import SCREENS, mainly

pytestmark = pytest.mark.browser

SIZES = {
    "portrait": (1800, 3200),
    "landscape": (4032, 3024),
    "panorama": (9000, 1100),
    "tower": (700, 5000),
    "small": (200, 120),
}
TURNED = "turned"
ON_ITS_SIDE = (3200, 1800)
"""As stored: with its orientation it is a portrait."""
SHAPES = SIZES | {TURNED: ON_ITS_SIDE[::-1]}
PREVIEW_PIXELS = 2048


@pytest.fixture
def viewed(somebody, page: Page, tmp_path: Path) -> Page:
    """A collection with a photo of each shape."""
    files = [_written(tmp_path / f"{name}.jpg", size) for name, size in SIZES.items()]
    exif = Image.Exif()
    exif[0x0112] = 6
    files.append(_written(tmp_path / f"{TURNED}.jpg", ON_ITS_SIDE, exif=exif.tobytes()))
    files.append(_written(tmp_path / "scan.tif", (2400, 1600)))
    page.locator("#new-name").fill("Shapes")
    page.locator("#files").set_input_files([str(file) for file in files])
    expect(page.locator("#summary")).to_contain_text(f"{len(files)} uploaded")
    page.goto("/library")
    page.get_by_role("link", name="Shapes").click()
    expect(page.locator("#photos > li")).to_have_count(len(files))
    return page


def _written(path: Path, size: tuple[int, int], **options: Any) -> Path:
    gradient = Image.linear_gradient("L").resize(size)
    Image.merge("RGB", (gradient, gradient.transpose(Image.Transpose.ROTATE_180), gradient)).save(path, **options)
    return path


def image(page: Page):
    return page.locator("#viewer img")


def look_at(page: Page, name: str):
    page.get_by_title(name, exact=True).click()
    expect(image(page)).to_be_visible()


def box(page: Page) -> tuple[float, float]:
    found = image(page).bounding_box()
    assert found is not None
    return found["width"], found["height"]


@mainly("phone")
def test_every_shape_keeps_its_proportions_and_fits(viewed: Page, screen: str, keep):
    page, room = viewed, SCREENS[screen]["viewport"]
    for name, (width, height) in SHAPES.items():
        look_at(page, f"{name}.jpg")
        before = box(page)
        expect(image(page)).to_have_attribute("src", re.compile(f"{_address(page)}/preview$"))
        keep(f"viewer-{name}")
        shown = box(page)
        assert shown == before, f"{name} jumps when its preview is there"
        assert shown[0] / shown[1] == pytest.approx(width / height, rel=0.02), name
        assert shown[0] <= min(width, room["width"]), f"{name} fits, and is not enlarged"
        assert shown[1] <= min(height, room["height"]), f"{name} fits, and is not enlarged"
        assert _is_large_enough(shown, (width, height), room), f"{name} uses the room there is: {shown}"
        page.get_by_role("button", name="Close").click()


def _address(page: Page) -> str:
    original = page.locator("#viewer").get_by_role("link", name="Open original").get_attribute("href")
    assert original is not None
    return original.removesuffix("/original")


def _is_large_enough(shown: tuple[float, float], size: tuple[int, int], room: dict[str, int]) -> bool:
    """Of its own size, or most of the screen's width, or two thirds of its height."""
    return shown[0] >= size[0] - 1 or shown[0] > 0.8 * room["width"] or shown[1] > 0.66 * room["height"]


@pytest.mark.slow
@mainly("desktop")
def test_a_turned_screen_turns_no_photo_out_of_shape(viewed: Page, screen: str):
    page = viewed
    width, height = SCREENS[screen]["viewport"].values()
    look_at(page, "landscape.jpg")
    for size in ((height, width), (320, 480), (2560, 1440), (width, 390)):
        page.set_viewport_size({"width": size[0], "height": size[1]})
        shown = box(page)
        assert shown[0] / shown[1] == pytest.approx(4 / 3, rel=0.02), size
        assert page.evaluate("document.getElementById('viewer').scrollWidth <= innerWidth"), size


@mainly("desktop")
def test_what_is_shown_is_the_preview_and_the_original_only_when_opened(viewed: Page):
    page, asked = viewed, list[str]()
    page.on("request", lambda request: asked.append(request.url))
    for name in ("landscape.jpg", "scan.tif"):
        look_at(page, name)
        expect(image(page)).to_have_attribute("src", re.compile(f"{_address(page)}/preview$"))
        assert image(page).evaluate("image => image.decode().then(() => image.naturalWidth)") == PREVIEW_PIXELS
        page.get_by_role("button", name="Close").click()
    assert [url for url in asked if url.endswith("/original")] == []
