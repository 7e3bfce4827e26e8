"""A picture of a drawing is opened, looked at, corrected, fitted, and searched with."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from tests.support import svgs
from tests.support.hands import mouse, touch
from tests.support.paper_photos import PaperPhoto, photo_of_paper
from tests.support.screens import mainly
from tests.support.services import wait_until
from tests.support.sketches import house_png

pytestmark = pytest.mark.browser
MB = 2**20


@pytest.fixture(scope="module")
def paper() -> PaperPhoto:
    return photo_of_paper(Image.open(io.BytesIO(house_png())), 7, table="dark wood", share=0.4)


@pytest.fixture(scope="module")
def phone_photo(paper, tmp_path_factory) -> Path:
    """Six megapixels of grain in more than 4 MB, lying on its side as its EXIF says."""
    large = np.asarray(paper.image.resize((2880, 2160)).transpose(Image.Transpose.ROTATE_90))
    grain = np.random.default_rng(0).integers(-20, 21, large.shape, np.int16)
    path: Path = tmp_path_factory.mktemp("photos") / "IMG_0001.jpg"
    exif = Image.Exif()
    exif[274] = 6
    Image.fromarray(np.clip(large + grain, 0, 255).astype(np.uint8)).save(path, quality=98, exif=exif)
    assert path.stat().st_size > 4 * MB
    return path


@pytest.fixture
def sheet(page: Page, somebody) -> Page:
    page.goto("/")
    page.locator("#live").uncheck()
    return page


def open_picture(page: Page, file) -> int:
    """How many bytes of it were sent."""
    with page.expect_response("**/drawing-previews") as answered:
        page.locator("#file").set_input_files(file)
    size = answered.value.request.sizes()["requestBodySize"]
    expect(page.locator("#picture-use")).to_be_enabled()
    return int(size)


def result(page: Page) -> np.ndarray:
    """What is searched with, (512, 512) of 0 to 255."""
    values: str = page.evaluate(
        """() => { const c = document.getElementById("picture-result");
        const { data } = c.getContext("2d").getImageData(0, 0, c.width, c.height);
        let text = "";
        for (let i = 0; i < data.length; i += 4) text += String.fromCharCode(data[i]);
        return btoa(text); }"""
    )
    return np.frombuffer(base64.b64decode(values), np.uint8).reshape(512, 512)


def ink_box(pixels: np.ndarray) -> tuple[int, int, int, int]:
    rows, columns = np.nonzero(pixels < 128)
    return int(columns.min()), int(rows.min()), int(columns.max()), int(rows.max())


def middle(handle: Locator) -> tuple[float, float]:
    box = handle.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


@mainly("phone")
def test_a_photo_of_paper_is_sent_small_corrected_and_used(sheet: Page, screen: str, phone_photo, paper, keep):
    page = sheet
    assert open_picture(page, phone_photo) < MB
    expect(page.get_by_label("Sheet of paper")).to_be_checked()
    expect(page.locator("#picture-said")).to_contain_text("sheet of paper was cut out")
    keep("picture-of-paper")
    corner = page.get_by_role("button", name="Upper left corner")
    image = page.locator("#picture-image").bounding_box()
    assert image is not None
    assert image["width"] > image["height"], "upright"
    x, y = paper.corners[0]
    there = (image["x"] + x * image["width"], image["y"] + y * image["height"])
    assert np.hypot(*np.subtract(middle(corner), there)) < 6
    before = result(page)
    with page.expect_response("**/drawing-previews"):
        away = (there[0] - 15, there[1] - 12)
        (touch if screen == "phone" else mouse)(page, [middle(corner), away])
    expect(page.locator("#picture-use")).to_be_enabled()
    assert np.hypot(*np.subtract(middle(corner), away)) < 4
    assert (result(page) != before).any()
    with page.expect_response("**/drawing-previews"):
        page.get_by_label("Whole picture").check()
    expect(page.locator("#picture-said")).to_contain_text("whole picture")
    expect(corner).to_be_hidden()
    page.get_by_label("Sheet of paper").check()
    expect(page.locator("#picture-use")).to_be_enabled()
    with page.expect_request("**/searches") as asked:
        page.get_by_role("button", name="Use", exact=True).click()
    assert b"PNG" in (asked.value.post_data_buffer or b"PNG")
    expect(page.locator("#picture")).to_be_hidden()
    address = page.url
    open_picture(page, phone_photo)
    page.go_back()
    expect(page.locator("#picture")).to_be_hidden()
    assert page.url == address


@mainly("phone")
def test_a_picture_survives_a_reload_until_it_is_cleared(refusals, sheet: Page):
    page = sheet
    page.locator("#file").set_input_files({"name": "a.png", "mimeType": "image/png", "buffer": b"no picture"})
    expect(page.locator("#status")).to_be_visible()
    open_picture(page, {"name": "house.png", "mimeType": "image/png", "buffer": house_png()})
    expect(page.locator("#status")).to_be_hidden()  # what was said of the other one
    page.get_by_role("button", name="Use", exact=True).click()
    wait_until(lambda: page.evaluate("localStorage.getItem('mindreader.picture')"), "keeping it")
    for address in ("/", "/account", "/"):
        page.goto(address)
    expect(page.locator("#invitation")).to_be_hidden()
    expect(page.locator("#answered")).not_to_be_empty()  # it was searched with
    assert "url(" in page.locator("#canvas").evaluate("canvas => canvas.style.background")
    page.get_by_role("button", name="Clear").click()
    page.reload()
    expect(page.locator("#invitation")).to_be_visible()


@pytest.mark.slow
@pytest.mark.parametrize("screen", ["desktop"], indirect=True)
def test_everything_can_be_done_by_keys(sheet: Page, phone_photo):
    page = sheet
    open_picture(page, phone_photo)
    corner = page.get_by_role("button", name="Lower right corner")
    before = middle(corner)
    corner.focus()
    with page.expect_response("**/drawing-previews"):
        page.keyboard.press("Shift+ArrowLeft")
    expect(page.locator("#picture-use")).to_be_enabled()
    assert middle(corner)[0] < before[0]
    page.locator("#picture-result").focus()
    upright = ink_box(result(page))
    page.keyboard.press("ArrowRight")
    page.keyboard.press("+")
    moved = ink_box(result(page))
    assert moved[2] > upright[2]
    page.get_by_role("button", name="Reset").click()
    page.keyboard.press("Tab")
    page.get_by_role("button", name="Fill").click()
    left, top, right, bottom = ink_box(result(page))
    assert max(right - left, bottom - top) == pytest.approx(0.84 * 512, abs=12)
    page.get_by_role("button", name="Turn").click()
    turned = ink_box(result(page))
    assert (turned[2] - turned[0], turned[3] - turned[1]) == pytest.approx((bottom - top, right - left), abs=6)
    page.keyboard.press("Escape")
    expect(page.locator("#picture")).to_be_hidden()


def heic() -> bytes:
    from pillow_heif import from_pillow

    out = io.BytesIO()
    from_pillow(Image.open(io.BytesIO(house_png())).convert("RGB")).save(out, quality=90)
    return out.getvalue()


FILES = {
    "a HEIC without a type": lambda: {"name": "IMG_1", "mimeType": "", "buffer": heic()},
    "a PNG that is called a text": lambda: {"name": "a.txt", "mimeType": "text/plain", "buffer": house_png()},
    "a changed SVG of our own": lambda: {
        "name": "sketch.svg",
        "mimeType": "image/svg+xml",
        "buffer": svgs.own(),
    },
    "strokes in white on nothing": lambda: {"name": "dark.svg", "mimeType": "", "buffer": svgs.TLDRAW},
}


@pytest.mark.slow
@pytest.mark.parametrize("screen", ["desktop"], indirect=True)
def test_pictures_are_judged_by_their_bytes(sheet: Page):
    page = sheet
    for name, make in FILES.items():
        open_picture(page, make())
        assert (result(page) < 128).any(), name
        page.get_by_role("button", name="Cancel").click()
