"""Where in a photo something was found, and searching with a part of one: everyday scenes, embedded in regions."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, FloatRect, Locator, Page, Request, Response, Route, expect

from tests.browser.conftest import FRUGAL
from tests.support.axe import violations
from tests.support.hands import PASSWORD, add_person, circle, draw, link_to, mouse, sign_in, touch
from tests.support.screens import has_touch, mainly
from tests.support.server import Server, server
from tests.support.services import wait_for_count

pytestmark = [pytest.mark.browser, pytest.mark.data]

UMBRELLA = [
    circle(0.5, 0.5, 0.3)[12:],
    [(0.2, 0.5), (0.8, 0.5)],
    [(0.5, 0.5), (0.5, 0.85), (0.45, 0.9), (0.4, 0.85)],
]
SCENES = 12
ROUNDING = 1.5
"""Pixels."""
SEARCHES = re.compile(r"/api/v1/searches$")
SIMILAR = re.compile(r"/api/v1/photos/\d+/similar")
FIELD = re.compile(rb'name="(\w+)"\r\n\r\n(.*?)\r\n--', re.DOTALL)
BOX = ("left", "top", "right", "bottom")
Box = dict[str, float]


@pytest.fixture(scope="module")
def scenes_server(tmp_path_factory: pytest.TempPathFactory, real_data: Path) -> Iterator[Server]:
    """One whose first space has regions, with scenes that everybody sees."""
    settings = {"MINDREADER_REGIONS": "auto", "MINDREADER_LOGIN_RATE": "1000/minute"}
    with server(tmp_path_factory.mktemp("scenes") / "data", **FRUGAL, **settings) as started:
        setup = {"name": "Root", "password": PASSWORD}
        httpx.post(f"{started.url}/api/v1/setup", json=setup).raise_for_status()
        _fill(started, _scenes(real_data / "scenes"))
        yield started


def _scenes(folder: Path) -> list[Path]:
    """Those with umbrellas, and others."""
    with (folder / "scenes.csv").open() as rows:
        named = sorted({row["file"] for row in csv.DictReader(rows) if row["category"] == "umbrella"})
    others = sorted(path.name for path in folder.glob("*.webp") if path.name not in named)
    return [folder / name for name in [*named, *others[: SCENES - len(named)]]]


def _fill(started: Server, photos: list[Path]) -> None:
    with started.api() as api:
        collection = api.post("/collections", json={"name": "Scenes", "visibility": "shared"}).json()["id"]
        for path in photos:
            sent = {"file": (path.name, path.read_bytes())}
            api.post(f"/collections/{collection}/photos", files=sent).raise_for_status()
        indexed = lambda: api.get(f"/collections/{collection}").json()["embedding"]["indexed"]  # noqa: E731
        wait_for_count(indexed, len(photos), "embedding")


@pytest.fixture
def mindreader_server(scenes_server: Server) -> Server:
    return scenes_server


@pytest.fixture
def answers(page: Page) -> list[dict[str, Any]]:
    """What searches found, by sketches and by photos, the newest last."""
    found: list[dict[str, Any]] = []

    def note(response: Response) -> None:
        asked = response.request.method == "POST" and SEARCHES.search(response.url)
        if response.ok and (asked or SIMILAR.search(response.url)):
            found.append(response.json())

    page.on("response", note)
    return found


@pytest.fixture
def asked(page: Page) -> list[dict[str, list[str]]]:
    """The fields of each search with a sketch, as they are sent."""
    sent: list[dict[str, list[str]]] = []

    def note(route: Route, request: Request) -> None:  # on its way it still has its body
        if request.method == "POST":
            fields: dict[str, list[str]] = {}
            for name, value in FIELD.findall(request.post_data_buffer or b""):
                fields.setdefault(name.decode(), []).append(value.decode())
            sent.append(fields)
        route.continue_()

    page.route(SEARCHES, note)
    return sent


@pytest.fixture
def ada(page: Page, mindreader_server: Server) -> Page:
    """The browser of somebody who sees the scenes; no page is open."""
    sign_in(page, add_person(mindreader_server, "Ada"))
    return page


@pytest.fixture
def found(ada: Page, screen: str, answers: list[dict[str, Any]]) -> Page:
    """An umbrella is opened by its link, and what it found is there, with its frames."""
    search_with(ada, screen, UMBRELLA)
    assert framed(answers[-1]), "the drawing is found in parts of photos"
    expect(ada.locator("#results .frame").first).to_be_attached()
    return ada


def search_with(page: Page, screen: str, strokes: Sequence[list[tuple[float, float]]]) -> None:
    """Open a sketch, and go to what was found, which is on a screen of its own on a phone."""
    page.goto(link_to(strokes))
    expect(page.locator("#results > li[data-index]").first).to_be_visible()
    calm(page)
    if screen == "phone":
        page.get_by_role("button", name="Search", exact=True).click()
        calm(page)


def calm(page: Page) -> None:
    """Until no search runs, nor will."""
    page.wait_for_timeout(400)
    expect(page.locator(".found:not(.busy)")).to_be_attached()


def framed(answer: dict[str, Any]) -> list[dict[str, Any]]:
    return [result for result in answer["results"] if result["boxes"]]


def opened(page: Page, index: int) -> None:
    """A photo found, in the viewer."""
    page.locator("#results > li[data-index] > button").nth(index).click()
    expect(page.locator("#viewer img")).to_be_visible()


def box_of(locator: Locator) -> FloatRect:
    box = locator.bounding_box()
    assert box is not None
    return box


def tile_of(page: Page, result: dict[str, Any]) -> Locator:
    return page.locator("#results > li").filter(has=page.get_by_title(result["filename"], exact=True))


def at_place(frame: FloatRect, photo: FloatRect, box: Box) -> bool:
    """Whether a frame lies over this part of a photo."""
    expected = (
        photo["x"] + box["left"] * photo["width"],
        photo["y"] + box["top"] * photo["height"],
        (box["right"] - box["left"]) * photo["width"],
        (box["bottom"] - box["top"]) * photo["height"],
    )
    return (frame["x"], frame["y"], frame["width"], frame["height"]) == pytest.approx(expected, abs=ROUNDING)


def covering(image: Locator, width: int, height: int) -> FloatRect:
    """Where all of a photo would be seen that covers its tile, as the browser lays it."""
    tile = box_of(image)
    across, down = (float(share.rstrip("%")) / 100 for share in position_of(image).split())
    scale = max(tile["width"] / width, tile["height"] / height)
    shown = (width * scale, height * scale)
    return {
        "x": tile["x"] - across * (shown[0] - tile["width"]),
        "y": tile["y"] - down * (shown[1] - tile["height"]),
        "width": shown[0],
        "height": shown[1],
    }


def position_of(image: Locator) -> str:
    position: str = image.evaluate("image => getComputedStyle(image).objectPosition")
    return position


@mainly("desktop")
def test_what_was_found_is_framed_on_its_tile(found: Page, answers, keep):
    page = found
    keep("regions-results")
    for result in framed(answers[-1])[:12]:
        tile = tile_of(page, result)
        photo = covering(tile.locator("button > img"), result["width"], result["height"])
        frame = box_of(tile.locator(".frame"))
        assert at_place(frame, photo, result["boxes"][0]), result["filename"]
        assert "Found here: " in (tile.locator("button").first.text_content() or "")
    assert violations(page) == []


@mainly("phone")
def test_the_viewer_frames_it_however_close_one_comes(found: Page, screen: str, answers, keep):
    page, result = found, framed(answers[-1])[0]
    page.get_by_title(result["filename"], exact=True).click()
    frame, photo = page.locator("#viewer .frame"), page.locator("#viewer img")
    expect(frame).to_be_visible()
    expect(page.locator(".viewer-head")).to_contain_text("Found here: ")
    for _ in range(3):
        assert at_place(box_of(frame), box_of(photo), result["boxes"][0])
        assert frame.evaluate("frame => frame.offsetWidth > 0")
        page.keyboard.press("+")
        page.wait_for_timeout(400)  # it glides there
    keep("regions-viewer-closer")
    page.keyboard.press("0")
    page.keyboard.press("f")
    expect(frame).to_be_hidden()
    switch = page.locator("#viewer").get_by_role("button", name="Frame", exact=True)
    expect(switch).to_have_attribute("aria-pressed", "false")
    switch.click()
    expect(frame).to_be_visible()
    keep("regions-viewer")
    assert violations(page) == []


def settled_box_of(locator: Locator) -> FloatRect:
    """Where it is once it no longer moves."""
    before, now = None, box_of(locator)
    while now != before:
        locator.page.wait_for_timeout(200)
        before, now = now, box_of(locator)
    return now


@mainly("phone")
def test_a_frame_over_anything_searches(found: Page, screen: str, answers, keep):
    page = found
    opened(page, 2)
    name = page.locator("#viewer-title").text_content() or ""
    page.locator("#viewer").get_by_role("button", name="Search in this photo").click()
    expect(page.locator(".framing-bar")).to_be_visible()
    photo = settled_box_of(page.locator("#viewer img"))
    over = [(photo["x"] + x * photo["width"], photo["y"] + y * photo["height"]) for x, y in DRAGGED]
    (touch if has_touch(screen) else mouse)(page, over)
    keep("regions-framing")
    assert violations(page) == []
    with page.expect_request(SIMILAR) as sent:
        page.locator(".framing-bar").get_by_role("button", name="More like this").click()
    near(box_in(sent.value.url), {"left": 0.2, "top": 0.3, "right": 0.6, "bottom": 0.9})
    calm(page)
    chip = page.locator("#similar li")
    expect(chip).to_contain_text(f"like this part of {name}")
    keep("regions-similar")
    assert violations(page) == []
    assert name not in [result["filename"] for result in answers[-1]["results"]], "it is not like itself"
    shown = names(page)
    assert shown == [result["filename"] for result in answers[-1]["results"]]
    page.reload()
    expect(chip).to_contain_text(f"like this part of {name}")
    expect(page.locator("#results > li[data-index]")).to_have_count(len(shown))
    calm(page)
    assert names(page) == shown, "the address says all of it"
    page.get_by_role("button", name="Back to the sketch").click()
    expect(chip).to_be_hidden()
    expect(page.get_by_title(name, exact=True)).to_be_visible()
    assert urlsplit(page.url).query == ""


DRAGGED = [(0.2, 0.3), (0.3, 0.5), (0.6, 0.9)]


def box_in(url: str) -> Box:
    query = parse_qs(urlsplit(url).query)
    return {side: float(query[side][0]) for side in BOX}


def near(box: Box, expected: Box) -> None:
    assert [box[side] for side in BOX] == pytest.approx([expected[side] for side in BOX], abs=0.02)


def names(page: Page) -> list[str | None]:
    buttons = page.locator("#results > li[data-index] > button").all()
    return [button.get_attribute("title") for button in buttons]


@pytest.mark.parametrize("screen", ["desktop"], indirect=True)
def test_a_frame_is_moved_and_sized(found: Page):
    page = found
    opened(page, 2)
    page.keyboard.press("s")
    photo = settled_box_of(page.locator("#viewer img"))
    at = lambda x, y: (photo["x"] + x * photo["width"], photo["y"] + y * photo["height"])  # noqa: E731
    frame = page.locator(".framing-frame")
    expect(frame).to_be_focused()
    mouse(page, [at(*point) for point in DRAGGED])
    assert at_place(box_of(frame), photo, {"left": 0.2, "top": 0.3, "right": 0.6, "bottom": 0.9})
    mouse(page, [at(0.4, 0.5), at(0.4, 0.4), at(0.5, 0.3)])
    assert at_place(box_of(frame), photo, {"left": 0.3, "top": 0.1, "right": 0.7, "bottom": 0.7})
    mouse(page, [at(0.7, 0.7), at(0.8, 0.7), at(0.9, 0.5)])
    assert at_place(box_of(frame), photo, {"left": 0.3, "top": 0.1, "right": 0.9, "bottom": 0.5})
    mouse(page, [at(0.5, 0.3), at(1.5, 0.3), at(2, 0.3)])
    assert at_place(box_of(frame), photo, {"left": 0.4, "top": 0.1, "right": 1, "bottom": 0.5})


@pytest.mark.parametrize("screen", ["desktop"], indirect=True)
def test_a_frame_by_keys_alone(found: Page):
    page = found
    page.locator("#results > li[data-index] > button").nth(2).press("Enter")
    viewer = page.locator("#viewer")
    expect(viewer).to_be_visible()
    page.keyboard.press("s")
    frame = page.locator(".framing-frame")
    expect(frame).to_be_focused()
    page.keyboard.press("Escape")
    expect(frame).to_be_hidden()
    expect(viewer).to_be_visible()
    expect(viewer.get_by_role("button", name="Search in this photo")).to_be_focused()
    page.keyboard.press("Enter")
    expect(frame).to_be_focused()
    title = page.locator("#viewer-title").text_content()
    before = box_of(frame)
    for _ in range(3):
        page.keyboard.press("Shift+ArrowLeft")
        page.keyboard.press("Shift+ArrowUp")
    smaller = box_of(frame)
    assert (smaller["x"], smaller["y"]) == pytest.approx((before["x"], before["y"]), abs=ROUNDING)
    assert smaller["width"] < before["width"]
    assert smaller["height"] < before["height"]
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    moved = box_of(frame)
    assert (moved["width"], moved["height"]) == pytest.approx((smaller["width"], smaller["height"]), abs=ROUNDING)
    assert moved["x"] > smaller["x"]
    assert moved["y"] > smaller["y"]
    expect(page.get_by_role("status").filter(has_text="wide")).to_contain_text(re.compile(r"\d+% wide, \d+% high"))
    assert page.locator("#viewer-title").text_content() == title, "arrows do not go on to another photo"
    with page.expect_request(SIMILAR) as sent:
        page.keyboard.press("Enter")
    photo = box_in(sent.value.url)
    assert photo["left"] > 0
    expect(viewer).to_be_hidden()
    expect(page.locator("#similar li")).to_contain_text("like this part of")


@mainly("phone")
def test_more_like_a_photo_of_the_library(ada: Page, screen: str, answers, keep):
    page = ada
    page.goto("/photos")
    page.locator("#photos > li[data-index] button").first.click()
    name = page.locator("#viewer-title").text_content() or ""
    expect(page.locator("#viewer").get_by_role("button", name="Frame", exact=True)).to_be_hidden()
    with page.expect_request(SIMILAR) as sent:
        page.locator("#viewer").get_by_role("button", name="More like this").click()
    assert "left" not in parse_qs(urlsplit(sent.value.url).query), "all of it"
    expect(page.locator("#similar li")).to_contain_text(f"like {name}")
    expect(page.locator("#results > li[data-index]").first).to_be_visible()
    keep("regions-like-a-photo")
    assert violations(page) == []
    opened(page, 0)
    second = page.locator("#viewer-title").text_content() or ""
    expect(page.locator("#viewer").get_by_role("button", name="Less like this")).to_be_hidden()
    page.locator("#viewer").get_by_role("button", name="More like this").click()
    expect(page.locator("#similar li")).to_contain_text(second)
    page.go_back()
    expect(page.locator("#similar li")).to_contain_text(f"like {name}")
    page.get_by_role("button", name="Back to the sketch").click()
    expect(page.locator("#results > li")).to_have_count(0)


@pytest.mark.parametrize("screen", ["desktop"], indirect=True)
def test_one_chosen_photo_of_the_library_searches(ada: Page):
    page = ada
    page.goto("/photos")
    page.locator("#select").click()
    chosen = page.locator("#photos > li[data-index] button")
    more = page.locator("#more-like")
    expect(more).to_be_disabled()
    chosen.nth(1).click()
    expect(more).to_be_enabled()
    chosen.nth(2).click()
    expect(more).to_be_disabled()
    chosen.nth(1).click()
    name = chosen.nth(2).get_attribute("title") or ""
    more.click()
    expect(page.locator("#similar li")).to_contain_text(f"like {name}")


@pytest.mark.parametrize("screen", ["desktop"], indirect=True)
def test_what_narrows_a_search_narrows_one_by_a_photo(found: Page):
    page = found
    opened(page, 0)
    page.keyboard.press("s")
    with page.expect_request(SIMILAR):
        page.locator(".framing-bar").get_by_role("button", name="More like this").click()
    calm(page)
    page.get_by_role("button", name="Which photos").click()
    with page.expect_request(SIMILAR) as sent:
        page.locator("#taken-until").fill("2001-02-03")
    assert parse_qs(urlsplit(sent.value.url).query)["taken_until"] == ["2001-02-03"]
    expect(page.get_by_text("No photos here fit what is chosen under Which photos.")).to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Search all photos").click()
    expect(page.locator("#results > li[data-index]").first).to_be_visible()
    draw(page, "desktop", [(0.1, 0.1), (0.2, 0.12)])
    expect(page.locator("#similar")).to_be_hidden()
    assert urlsplit(page.url).query == "", "whoever draws on means the sketch"


def test_an_address_that_names_no_photo_leads_to_the_sketch(chromium: Browser, mindreader_server: Server):
    # Its console may say that there was a 404.
    context = chromium.new_context(base_url=mindreader_server.url, service_workers="block")
    page = context.new_page()
    sign_in(page, add_person(mindreader_server, "Ada"))
    for wrong in ("999999", "0", "x", ""):
        page.goto(f"/?similar={wrong}")
        expect(page.locator("#status")).to_be_visible()
        page.wait_for_function("() => location.search === ''")
        expect(page.locator("#similar")).to_be_hidden()
    context.close()


@pytest.mark.parametrize("screen", ["desktop"], indirect=True)
def test_an_address_with_no_box_means_all_of_the_photo(ada: Page):
    for wrong in ("1,1,0,0", "0,0,2,2", "a,b,c,d", "", "0,0,1,1"):
        with ada.expect_request(SIMILAR) as sent:
            ada.goto(f"/?similar=1&box={wrong}")
        assert "left" not in parse_qs(urlsplit(sent.value.url).query), wrong
        expect(ada.locator("#similar li")).to_contain_text(re.compile("^like (?!this part)"))


@pytest.mark.parametrize("screen", ["desktop"], indirect=True)
def test_more_like_a_result_means_the_part_that_was_found(asked, found: Page, answers):
    page = found
    result = next(each for each in framed(answers[-1]) if len(each["boxes"]) == 1)
    page.get_by_title(result["filename"], exact=True).click()
    page.locator("#viewer").get_by_role("button", name="More like this").click()
    expect(page.locator("#feedback li")).to_have_count(1)
    calm(page)
    assert "frame" in asked[-1], asked
    photo, shares = asked[-1]["frame"][0].split(":")
    assert int(photo) == result["photo_id"]
    near(dict(zip(BOX, map(float, shares.split(",")), strict=True)), result["boxes"][0])
    assert "like" not in asked[-1], asked
    page.get_by_title(result["filename"], exact=True).click()
    page.locator("#viewer").get_by_role("button", name="Less like this").click()
    calm(page)
    assert asked[-1]["unlike"] == [str(result["photo_id"])], "a whole photo is unlike"
    assert "frame" not in asked[-1]


@mainly("phone")
def test_where_i_drew_it_is_a_switch_that_stays(asked, found: Page, screen: str):
    page = found
    if screen == "phone":
        page.go_back()
    switch = page.get_by_role("checkbox", name="Where I drew it")
    assert asked[-1]["place"] == ["false"]
    switch.check()
    calm(page)
    assert asked[-1]["place"] == ["true"]
    expect(page.locator("#answered")).to_contain_text("place and size count")
    page.reload()
    expect(switch).to_be_checked()
    calm(page)
    assert asked[-1]["place"] == ["true"]
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('refused')); }")
    page.get_by_role("button", name="Save or share").click()
    page.get_by_role("button", name="Copy a link to it").click()
    page.wait_for_function("() => location.hash.startsWith('#sketch=')")
    link = page.url
    page.evaluate("localStorage.clear()")
    page.goto("/library")
    page.goto(link)
    expect(switch).to_be_checked()
    page.goto(link.replace("?place=true", ""))
    page.reload()
    expect(switch).not_to_be_checked()


@mainly("desktop")
def test_several_things_in_one_drawing_are_told_apart(ada: Page, screen: str, answers, keep):
    page = ada
    search_with(page, screen, TWO_THINGS)
    answer = answers[-1]
    assert len(answer["parts"]) == 2
    line = page.get_by_role(
        "button", name="2 things were read in the drawing; photos found by both show them as 1 and 2."
    )
    expect(line).to_be_visible()
    expect(page.locator(".reading.sketch .frame-number")).to_have_text(["1", "2"])
    if screen == "desktop":
        outlines = page.locator("#sheet .frame")
        expect(outlines.first).to_be_hidden()
        line.hover()
        expect(outlines).to_have_count(2)
        for i, part in enumerate(answer["parts"]):
            assert at_place(box_of(outlines.nth(i)), box_of(page.locator("#canvas")), part)
        keep("regions-parts")
        page.mouse.move(0, 0)
        expect(outlines.first).to_be_hidden()
        line.focus()
        expect(outlines.first).to_be_visible()
    both = next(result for result in framed(answer) if len(result["boxes"]) == 2)
    assert "Number 2 found here: " in (tile_of(page, both).locator("button").first.text_content() or "")
    page.get_by_title(both["filename"], exact=True).click()
    expect(page.locator("#viewer .frame-number").first).to_be_visible()
    assert violations(page) == []
    keep("regions-parts-viewer")
    page.keyboard.press("Escape")
    if screen == "phone":
        page.wait_for_function("!history.state?.dialog")  # two steps back at once are one to Chromium
        page.go_back()
    page.get_by_role("button", name="Clear").click()
    expect(page.locator("#parts-line")).to_be_hidden()
    expect(page.locator("#sheet .frame")).to_have_count(0)


# Two of one kind: a photo that holds one of them best holds the other best, too, whatever the model thinks of either.
TWO_THINGS = [
    [(left + 0.35 * x, top + 0.35 * y) for x, y in stroke]
    for left, top in ((0.0, 0.0), (0.62, 0.62))
    for stroke in UMBRELLA
]
