"""A photo on the whole screen: its own proportions, closer, the next one, and what is known of it."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import FilePayload, Page, expect

from tests.support.axe import violations
from tests.support.hands import about_it, add_person, fingers, touch
from tests.support.layout import boxes
from tests.support.people import add_collection, copy_collection, signed_in
from tests.support.screens import SCREENS, mainly
from tests.support.server import Server
from tests.support.services import wait_until

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
ORDER = ["scan.tif", "turned.jpg", "small.jpg", "tower.jpg", "panorama.jpg", "landscape.jpg", "portrait.jpg"]
"""In the library the newest come first."""
ROOMS = {"desktop": (1440, 900), "tablet": (820, 1180), "tablet-lying": (1180, 820), "phone": (390, 844)}


@pytest.fixture(scope="module")
def shapes(shared_server: Server, tmp_path_factory: pytest.TempPathFactory) -> int:
    """A collection with a photo of each shape; every test has a copy of it."""
    folder = tmp_path_factory.mktemp("shapes")
    files = [_written(folder / f"{name}.jpg", size) for name, size in SIZES.items()]
    exif = Image.Exif()
    exif[0x0112], exif[0x010F], exif[0x0110] = 6, "Leica", "M11"
    files.append(_written(folder / f"{TURNED}.jpg", ON_ITS_SIDE, exif=exif.tobytes()))
    files.append(_written(folder / "scan.tif", (2400, 1600)))
    with signed_in(shared_server, add_person(shared_server, "Grace")) as api:
        return add_collection(api, "Shapes", files)


@pytest.fixture
def viewed(somebody, page: Page, shared_server: Server, shapes: int) -> Page:
    """The page of a collection with a photo of each shape."""
    page.goto(f"/library/{copy_collection(shared_server, shapes, somebody)}")
    expect(page.locator("#photos > li[data-index]")).to_have_count(len(ORDER))
    return page


def _written(path: Path, size: tuple[int, int], **options: Any) -> Path:
    gradient = Image.linear_gradient("L").resize(size)
    Image.merge("RGB", (gradient, gradient.transpose(Image.Transpose.ROTATE_180), gradient)).save(path, **options)
    return path


def image(page: Page):
    return page.locator("#viewer img")


def look_at(page: Page, name: str):
    page.locator("#photos").get_by_title(name, exact=True).click()
    seen(page, name)


def seen(page: Page, name: str):
    expect(page.locator("#viewer-title")).to_have_text(name)
    expect(image(page)).to_be_visible()


def tile(page: Page, name: str):
    return page.locator("#photos").get_by_title(name, exact=True)


def box(page: Page) -> dict[str, float]:
    found = image(page).bounding_box()
    assert found is not None
    return dict(found)


def size(page: Page) -> tuple[float, float]:
    found = box(page)
    return found["width"], found["height"]


def middle(page: Page) -> tuple[float, float]:
    found = page.locator(".viewer-stage").bounding_box()
    assert found is not None
    return found["x"] + found["width"] / 2, found["y"] + found["height"] / 2


def closed(page: Page):
    page.locator("#viewer").get_by_role("button", name="Close").click()
    expect(page.locator("#viewer")).to_be_hidden()


@mainly("phone")
def test_every_shape_keeps_its_proportions_and_fits(viewed: Page, screen: str, keep):
    page, room = viewed, SCREENS[screen]["viewport"]
    for name, (width, height) in SHAPES.items():
        look_at(page, f"{name}.jpg")
        before = size(page)
        expect(image(page)).to_have_attribute("src", re.compile(f"{_address(page)}/preview$"))
        keep(f"viewer-{name}")
        shown = size(page)
        assert shown == before, f"{name} jumps when its preview is there"
        assert shown[0] / shown[1] == pytest.approx(width / height, rel=0.02), name
        assert shown[0] <= min(width, room["width"]) + 0.1, f"{name} fits, and is not enlarged"
        assert shown[1] <= min(height, room["height"]) + 0.1, f"{name} fits, and is not enlarged"
        assert _is_large_enough(shown, (width, height), room), f"{name} uses the room there is: {shown}"
        closed(page)


def _address(page: Page) -> str:
    original = page.locator("#viewer").get_by_role("link", name="Download").get_attribute("href")
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
    for room in ((height, width), (320, 480), (2560, 1440), (width, 390)):
        page.set_viewport_size({"width": room[0], "height": room[1]})
        shown = size(page)
        assert shown[0] / shown[1] == pytest.approx(4 / 3, rel=0.02), room
        assert page.evaluate("document.getElementById('viewer').scrollWidth <= innerWidth"), room


@mainly("desktop")
def test_the_original_is_sent_only_where_more_of_it_is_seen(viewed: Page):
    page, asked = viewed, list[str]()
    page.on("request", lambda request: asked.append(request.url))
    for name in ("landscape.jpg", "scan.tif"):
        look_at(page, name)
        expect(image(page)).to_have_attribute("src", re.compile(f"{_address(page)}/preview$"))
        assert image(page).evaluate("image => image.decode().then(() => image.naturalWidth)") == PREVIEW_PIXELS
        closed(page)
    assert [url for url in asked if url.endswith("/original")] == []

    look_at(page, "scan.tif")  # no browser shows it: its preview stays
    for _ in range(8):
        page.keyboard.press("+")
    closed(page)
    assert [url for url in asked if url.endswith("/original")] == []

    look_at(page, "landscape.jpg")
    for _ in range(8):
        page.keyboard.press("+")
    expect(image(page)).to_have_attribute("src", re.compile(f"{_address(page)}/original$"))
    assert image(page).evaluate("image => image.naturalWidth") == SIZES["landscape"][0]


@pytest.mark.parametrize("screen", ["desktop"], indirect=True)
def test_with_keys_and_a_mouse(viewed: Page, keep):
    page = viewed
    tile(page, "scan.tif").focus()
    page.keyboard.press("Enter")
    seen(page, "scan.tif")
    expect(page.locator(".viewer-head")).to_contain_text("1 of 7")
    for name in ORDER[1:]:
        page.keyboard.press("ArrowRight")
        seen(page, name)
    page.keyboard.press("ArrowRight")  # there is no other
    page.keyboard.press("PageUp")
    seen(page, "landscape.jpg")

    fitting = size(page)
    page.mouse.move(*middle(page))
    page.mouse.wheel(0, -400)
    page.wait_for_function("() => document.querySelector('.viewer-stage').classList.contains('zoomed')")
    assert size(page)[0] > 1.4 * fitting[0]
    before = box(page)
    page.mouse.down()
    page.mouse.move(middle(page)[0] - 100, middle(page)[1], steps=4)
    page.mouse.up()
    assert box(page)["x"] == pytest.approx(before["x"] - 100, abs=1)
    page.keyboard.press("ArrowLeft")  # over the photo, not to another one
    seen(page, "landscape.jpg")
    page.keyboard.press("0")
    expect(page.locator(".zoomed")).to_have_count(0)
    page.wait_for_timeout(300)  # whatever glides has arrived
    assert size(page) == fitting
    page.mouse.dblclick(*middle(page))
    expect(page.locator(".zoomed")).to_have_count(1)
    page.mouse.dblclick(*middle(page))
    expect(page.locator(".zoomed")).to_have_count(0)
    page.get_by_role("button", name="Larger").click()
    expect(page.locator(".zoomed")).to_have_count(1)
    page.get_by_role("button", name="Smaller").click()
    expect(page.locator(".zoomed")).to_have_count(0)

    page.locator("#viewer").get_by_role("button", name="Previous photo").click()
    seen(page, "panorama.jpg")
    page.keyboard.press("Escape")
    expect(page.locator("#viewer")).to_be_hidden()
    expect(tile(page, "panorama.jpg")).to_be_focused()


@pytest.mark.parametrize("screen", ["phone"], indirect=True)
def test_with_fingers(viewed: Page, keep):
    page = viewed
    look_at(page, "turned.jpg")
    x, y = middle(page)
    touch(page, [(x + 100, y), (x, y + 5), (x - 100, y + 5)])
    seen(page, "small.jpg")
    touch(page, [(x - 100, y), (x, y), (x + 100, y)])
    seen(page, "turned.jpg")
    touch(page, [(x, y), (x - 20, y)])  # too short to be a swipe
    touch(page, [(x, y), (x - 15, y - 100), (x - 20, y - 150)])  # and this goes up
    seen(page, "turned.jpg")

    page.wait_for_timeout(300)
    fitting = size(page)
    fingers(page, [(x - 40, y), (x + 40, y)], [(x - 80, y), (x + 80, y)], [(x - 120, y), (x + 120, y)])
    expect(page.locator(".zoomed")).to_have_count(1)
    assert size(page)[0] == pytest.approx(3 * fitting[0], rel=0.1)
    keep("viewer-pinched")
    before = box(page)
    touch(page, [(x, y), (x - 30, y), (x - 60, y)])  # one finger moves it now
    seen(page, "turned.jpg")
    assert box(page)["x"] == pytest.approx(before["x"] - 60, abs=2)
    fingers(page, [(x - 120, y), (x + 120, y)], [(x - 60, y), (x + 60, y)], [(x - 20, y), (x + 20, y)])
    expect(page.locator(".zoomed")).to_have_count(0)
    for zoomed in (1, 0):
        page.touchscreen.tap(x, y)
        page.touchscreen.tap(x, y)
        expect(page.locator(".zoomed")).to_have_count(zoomed)
        page.wait_for_timeout(400)  # else the next tap is a third one

    touch(page, [(x, y), (x, y + 80), (x + 5, y + 160)])
    expect(page.locator("#viewer")).to_be_hidden()
    expect(tile(page, "turned.jpg")).to_be_focused()


@mainly("phone")
def test_what_is_known_of_it_is_told_and_changed(viewed: Page, screen: str, keep):
    page = viewed
    look_at(page, "turned.jpg")
    about_it(page)
    panel = page.locator(".viewer-info")
    expect(panel).to_contain_text("Leica M11")
    for words in ("Perhaps taken", "1800 × 3200 pixels (5.8 megapixels)", "turned.jpg", "Shapes"):
        expect(panel).to_contain_text(words, ignore_case=True)
    keep("viewer-info")
    for name in ("Close", "Info", "Delete", "Next photo", "Previous photo", "Category…"):
        found = page.locator("#viewer").get_by_role("button", name=name).bounding_box()
        assert found is not None, name
        assert min(found["width"], found["height"]) >= 44, (name, found)
    assert violations(page) == []

    panel.get_by_role("button", name="Category…").click()
    page.locator("#dialog input").fill("wall")
    with page.expect_response("**/details"):
        page.locator("#dialog").get_by_role("button", name="Set").click()
    expect(panel).to_contain_text("wall")
    expect(panel.get_by_role("button", name="Category…")).to_be_focused()
    panel.get_by_role("button", name="Add to…").click()
    page.get_by_label("Name of the new collection").fill("Best")
    page.locator("#dialog").get_by_role("button", name="Add", exact=True).click()
    expect(page.locator("#status")).to_have_text("1 photo is in “Best” too now.")
    panel.get_by_role("button", name="Move…").click()
    page.locator("#dialog").get_by_role("combobox").select_option(label="A new collection…")
    page.get_by_label("Name of the new collection").fill("Walls")
    page.locator("#dialog").get_by_role("button", name="Move", exact=True).click()
    seen(page, "small.jpg")
    expect(page.locator("#status")).to_contain_text("1 photo is in “Walls” now.")
    keep("viewer-moved")
    page.locator("#status").get_by_role("button", name="Undo").click()
    seen(page, "turned.jpg")
    expect(panel).to_contain_text("also in 1 place")
    closed(page)
    expect(page.locator("#photos > li[data-index]")).to_have_count(len(ORDER))


@mainly("desktop")
def test_what_is_deleted_comes_back_by_undo(viewed: Page, keep):
    page = viewed
    look_at(page, "scan.tif")
    page.keyboard.press("Delete")
    seen(page, "turned.jpg")
    expect(page.locator(".viewer-head")).to_contain_text("1 of 6")
    keep("viewer-deleted")
    page.get_by_role("button", name="Undo").click()
    seen(page, "scan.tif")
    expect(page.locator(".viewer-head")).to_contain_text("1 of 7")
    closed(page)
    expect(tile(page, "scan.tif")).to_be_focused()

    look_at(page, "portrait.jpg")
    page.locator("#viewer").get_by_role("button", name="Delete").click()
    seen(page, "landscape.jpg")  # the last one is gone: the one before it
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Undo").click()  # the toast outlives the viewer
    expect(page.locator("#photos > li[data-index]")).to_have_count(len(ORDER))


@pytest.mark.slow
@pytest.mark.parametrize("screen", ["desktop"], indirect=True)
def test_on_every_screen_nothing_overlaps_or_sticks_out(viewed: Page, keep):
    page = viewed
    look_at(page, "landscape.jpg")
    about_it(page)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for name, (width, height) in ROOMS.items():
            page.set_viewport_size({"width": width, "height": height})
            page.wait_for_timeout(200)
            keep_name = f"viewer-{name}-{scheme}"
            page.screenshot(path=Path(__file__).parents[2] / "artefacts" / f"{keep_name}.png")
            assert page.evaluate("document.getElementById('viewer').scrollWidth <= innerWidth"), keep_name
            stage, panel = boxes(page.locator(".viewer-stage"), page.locator(".viewer-info"))
            beside = panel.left >= stage.right - 1
            below = panel.top >= stage.bottom - 1
            assert beside or below, keep_name
            assert violations(page) == [], keep_name


@pytest.mark.slow
@pytest.mark.parametrize("screen", ["desktop"], indirect=True)
def test_in_a_large_collection_one_goes_on_beyond_what_was_loaded(somebody, page: Page, mindreader_server):
    """The grid loads 120 photos at a time."""
    page.goto("/upload")
    page.locator("#new-name").fill("Many")
    picture = Image.new("RGB", (60, 40))
    files: list[FilePayload] = []
    for number in range(130):
        picture.putpixel((number % 60, number // 60), (255, number, 0))
        buffer = io.BytesIO()
        picture.save(buffer, "PNG")
        files.append({"name": f"{number:03}.png", "mimeType": "image/png", "buffer": buffer.getvalue()})
    page.locator("#files").set_input_files(files)
    expect(page.locator("#summary")).to_contain_text("130 uploaded")
    page.goto("/library")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.set_viewport_size({"width": 1440, "height": 500})
    page.get_by_role("link", name="Many").click()
    expect(page.locator("#counts")).to_contain_text("130 photos")
    page.locator("#photos > li[data-index] > button").first.click()
    for _ in range(129):
        before = page.locator("#viewer-title").text_content()
        page.keyboard.press("ArrowRight")
        expect(page.locator("#viewer-title")).not_to_have_text(before or "")
    assert len({url for url in asked if "/api/v1/photos?" in url}) > 1
    expect(page.locator(".viewer-head")).to_contain_text("130 of 130")
    name = page.locator("#viewer-title").text_content()
    page.keyboard.press("Escape")
    expect(tile(page, name or "")).to_be_focused()
    expect(tile(page, name or "")).to_be_in_viewport()


def come_from_account(page: Page) -> str:
    """Open the page that is shown once more, after another; its address."""
    address = page.url
    page.goto("/account")
    page.goto(address)
    return address


def is_one_step_from_account(page: Page):
    wait_until(lambda: not page.evaluate("history.state?.dialog"), "the way back")
    page.go_back()
    expect(page).to_have_url(re.compile("/account$"))


@mainly("phone")
def test_back_closes_it_and_stays_on_the_page(viewed: Page):
    page, address = viewed, come_from_account(viewed)
    look_at(page, "scan.tif")
    page.go_back()
    expect(page.locator("#viewer")).to_be_hidden()
    assert page.url == address
    expect(tile(page, "scan.tif")).to_be_focused()
    page.go_forward()  # there is nothing to show
    expect(page.locator("#viewer")).to_be_hidden()

    look_at(page, "scan.tif")
    page.keyboard.press("i")
    page.locator("#viewer").get_by_role("button", name="Date…").click()
    expect(page.locator("#dialog")).to_be_visible()
    page.go_back()
    expect(page.locator("dialog:modal")).to_have_count(0)

    for _ in range(2):
        look_at(page, "turned.jpg")
        closed(page)
    is_one_step_from_account(page)


@mainly("desktop")
def test_the_page_loaded_anew_below_it_is_one_step_from_the_page_before(viewed: Page):
    page = viewed
    come_from_account(page)
    look_at(page, "scan.tif")
    page.reload()
    is_one_step_from_account(page)


@mainly("desktop")
def test_without_motion_nothing_glides(viewed: Page):
    page = viewed
    page.emulate_media(reduced_motion="reduce")
    look_at(page, "landscape.jpg")
    page.keyboard.press("+")
    duration = "photo => getComputedStyle(photo).transitionDuration"
    assert page.locator(".viewer-photo").evaluate(duration) in ("0s", "")
    page.emulate_media(reduced_motion="no-preference")
    page.keyboard.press("+")
    assert page.locator(".viewer-photo").evaluate(duration) != "0s"
