"""The drawing page: canvas, readings and results in one view, two screens on a phone, and what its tools do."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import FloatRect, Locator, Page, Request, Route, expect

from tests.support.axe import violations
from tests.support.hands import BICYCLE, draw, inked, link_to, mouse, on_sheet, set_up, sign_in, stylus, touch
from tests.support.photos import write_photos
from tests.support.screens import EVERY_SCREEN

pytestmark = [pytest.mark.browser, pytest.mark.data]

FIELD = re.compile(rb'name="(\w+)"\r\n\r\n(.*?)\r\n--', re.DOTALL)
SEARCHES = "**/api/v1/searches"
LINE = [(0.2, 0.2), (0.5, 0.25), (0.8, 0.2)]


def on(*screens: str) -> pytest.MarkDecorator:
    """The first of them in `make test`, the others in `make test-all`."""
    slow = [pytest.param(screen, marks=pytest.mark.slow) for screen in screens[1:]]
    return pytest.mark.parametrize("screen", [screens[0], *slow], indirect=True)


@pytest.fixture
def sheet(page: Page, owner: str) -> Page:
    """The page of somebody with photos, nothing drawn."""
    sign_in(page, owner)
    page.goto("/")
    return page


@pytest.fixture
def bicycle(page: Page, owner: str) -> Page:
    """The page of somebody with photos, with a sketch from a link and what it found."""
    sign_in(page, owner)
    page.goto(link_to(BICYCLE))
    expect(results(page)).to_have_count(24)
    calm(page)
    return page


@pytest.fixture
def asked(page: Page) -> list[dict[str, list[str]]]:
    """The fields of each search, as they are sent."""
    sent: list[dict[str, list[str]]] = []

    def note(route: Route, request: Request) -> None:
        if request.method == "POST":
            sent.append(fields(request))
        route.continue_()

    page.route(SEARCHES, note)
    return sent


def fields(request: Request) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in FIELD.findall(request.post_data_buffer or b""):
        found.setdefault(name.decode(), []).append(value.decode())
    return found


def draw_bicycle(page: Page, screen: str) -> None:
    for stroke in BICYCLE:
        draw(page, screen, stroke)
    expect(results(page)).to_have_count(24)
    calm(page)


def calm(page: Page) -> None:
    """Until no search runs, nor will."""
    page.wait_for_timeout(400)
    expect(page.locator(".found:not(.busy)")).to_be_attached()


def results(page: Page) -> Locator:
    return page.locator("#results li[data-index]")


def tiles(page: Page) -> Locator:
    return page.locator("#readings").get_by_role("radio")


def box(found: Locator) -> FloatRect:
    measured = found.bounding_box()
    assert measured is not None
    return measured


def is_inside(found: FloatRect, screen: str) -> bool:
    room = EVERY_SCREEN[screen]["viewport"]
    right, bottom = found["x"] + found["width"], found["y"] + found["height"]
    return bool(found["x"] >= 0 and found["y"] >= 0 and right <= room["width"] and bottom <= room["height"])


LEAST_SIDE = {"desk": 560, "wide": 800, "tablet": 540, "tablet-sideways": 500}


@on("desk", "wide", "tablet", "tablet-sideways")
def test_canvas_readings_and_results_are_in_the_first_view(bicycle: Page, screen: str, keep):
    page = bicycle
    keep("draw-results")
    canvas = box(page.locator("#canvas"))
    assert canvas["width"] == canvas["height"] >= LEAST_SIDE[screen]
    reading = box(tiles(page).nth(1).get_by_role("img").first)
    assert reading["width"] >= 198, "200 without its border"
    assert is_inside(canvas, screen)
    assert is_inside(reading, screen)
    assert all(is_inside(box(results(page).nth(i)), screen) for i in range(3))
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight"), "only the results scroll"
    assert violations(page) == []


@pytest.mark.parametrize("screen", ["phone"], indirect=True)
def test_a_phone_has_a_screen_to_draw_and_one_for_results(sheet: Page, screen: str, keep):
    page = sheet
    keep("draw-empty")
    draw_bicycle(page, screen)
    keep("draw-strip")
    assert page.evaluate("scrollY") == 0, "drawing does not scroll"
    assert is_inside(box(results(page).first), screen), "a strip of the best results under the canvas"
    assert violations(page) == []
    search = page.get_by_role("button", name="Search", exact=True)
    search.click()
    expect(page.locator("#canvas")).to_be_hidden()
    calm(page)
    reading = tiles(page).nth(1)
    reading.click()
    expect(reading).to_be_checked()
    calm(page)
    keep("draw-picked")
    assert is_inside(box(tiles(page).first), screen)
    assert is_inside(box(reading), screen)
    assert violations(page) == []
    page.go_back()
    expect(page.locator("#canvas")).to_be_visible()
    search.click()
    expect(page.locator("#canvas")).to_be_hidden()
    touch(page, [(80, 700), (160, 704), (240, 702), (320, 706)])
    expect(page.locator("#canvas")).to_be_visible()
    search.click()
    page.reload()
    expect(results(page)).to_have_count(24)
    expect(page.locator("#canvas")).to_be_hidden()
    page.get_by_role("button", name="Go on drawing").click()
    expect(page.locator("#canvas")).to_be_visible()
    assert inked(page) > 100


@on("desktop", "phone")
def test_a_reading_is_picked_holds_and_is_let_go(page: Page, asked, sheet: Page, screen: str):
    draw_bicycle(page, screen)
    assert {"live": asked[-1]["live"], "place": asked[-1]["place"], "round": asked[-1]["round"]} == {
        "live": ["true"],
        "place": ["false"],
        "round": ["0"],
    }
    if screen == "phone":
        page.get_by_role("button", name="Search", exact=True).click()
    expect(tiles(page).first).to_be_checked()
    tiles(page).nth(1).click()
    expect(tiles(page).nth(1)).to_be_checked()
    calm(page)
    picked = asked[-1]["reading"]
    assert len(picked) > 0
    assert asked[-1]["live"] == ["false"], "what was picked is kept in the history"
    page.get_by_role("button", name="Imagine again").click()
    calm(page)
    assert asked[-1]["round"] == ["1"]
    if screen == "phone":
        page.go_back()
    draw(page, screen, LINE)
    calm(page)
    assert asked[-1]["reading"] == picked, "it holds while one goes on drawing"
    assert asked[-1]["round"] == ["0"]
    page.keyboard.press("Escape")
    calm(page)
    assert "reading" not in asked[-1]
    if screen == "phone":
        page.get_by_role("button", name="Search", exact=True).click()
    for let_go in (lambda: tiles(page).nth(1).click(), lambda: tiles(page).first.click()):
        tiles(page).nth(1).click()
        expect(tiles(page).nth(1)).to_be_checked()
        calm(page)
        let_go()
        expect(tiles(page).first).to_be_checked()
        calm(page)
        assert "reading" not in asked[-1]


@pytest.mark.parametrize("screen", ["desktop"], indirect=True)
def test_nothing_changes_under_a_stroke_that_is_half_drawn(page: Page, sheet: Page, screen: str):
    waiting: list[Route] = []

    def hold(route: Route) -> None:
        waiting.append(route)

    page.route(SEARCHES, hold)
    draw(page, screen, LINE)
    wait_for(page, lambda: len(waiting) == 1)
    points = on_sheet(page, BICYCLE[0])
    page.mouse.move(*points[0])
    page.mouse.down()
    page.mouse.move(*points[5])
    with page.expect_response(SEARCHES):
        waiting.pop().continue_()
    page.wait_for_timeout(300)
    expect(results(page)).to_have_count(0)
    page.mouse.up()
    wait_for(page, lambda: len(waiting) == 1)
    expect(results(page)).to_have_count(0)
    waiting.pop().continue_()
    expect(results(page)).to_have_count(24)


def wait_for(page: Page, is_true: Callable[[], bool]) -> None:
    for _ in range(1200):
        if is_true():
            return
        page.wait_for_timeout(100)
    raise AssertionError("it did not become true")


@pytest.mark.parametrize("screen", ["desktop"], indirect=True)
def test_clear_takes_results_likes_and_the_picked_reading_away(page: Page, asked, bicycle: Page, screen: str):
    tiles(page).nth(1).click()
    calm(page)
    results(page).nth(3).locator("button").click()
    page.get_by_role("button", name="More like this").click()
    expect(page.locator("#feedback li")).to_have_count(1)
    calm(page)
    page.get_by_role("button", name="Clear").click()
    expect(page.get_by_role("heading", name="How it works")).to_be_visible()
    expect(results(page)).to_have_count(0)
    expect(page.locator("#feedback")).to_be_hidden()
    expect(tiles(page)).to_have_count(1)
    calm(page)
    page.keyboard.press("Control+z")
    expect(results(page)).to_have_count(24)
    calm(page)
    assert not {"like", "reading"} & asked[-1].keys()


@pytest.mark.parametrize("screen", ["desktop"], indirect=True)
def test_a_search_made_as_one_drew_is_kept_once_it_was_of_use(page: Page, asked, sheet: Page, screen: str):
    draw_bicycle(page, screen)
    assert {each["live"][0] for each in asked} == {"true"}
    results(page).first.locator("button").click()
    wait_for(page, lambda: asked[-1]["live"] == ["false"])
    expect(page.locator("#viewer")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#viewer")).to_be_hidden()
    searches = len(asked)
    page.get_by_role("button", name="Clear").click()
    draw(page, screen, LINE)
    expect(results(page)).to_have_count(24)
    calm(page)
    assert {each["live"][0] for each in asked[searches:]} == {"true"}, "it is in the history already"
    page.get_by_role("button", name="Clear").click()
    wait_for(page, lambda: asked[-1]["live"] == ["false"])


@pytest.mark.parametrize("screen", ["desktop"], indirect=True)
def test_where_nothing_is_like_the_sketch_it_says_so(page: Page, sheet: Page, screen: str):
    def answer(route: Route) -> None:
        real = route.fetch()
        route.fulfill(response=real, json=real.json() | {"answerable": False})

    page.route(SEARCHES, answer)
    draw(page, screen, LINE)
    expect(page.locator("#results li").first).to_have_text("Maybe nothing like this is here. The nearest:")
    expect(page.locator("#results .guesswork")).to_have_count(1)


@pytest.mark.slow
@pytest.mark.parametrize("screen", ["desktop"], indirect=True)
def test_readings_that_do_not_fit_are_reached_with_a_mouse(page: Page, sheet: Page, screen: str):
    def answer(route: Route) -> None:
        real = route.fetch()
        readings = (real.json()["readings"] * 4)[:4]
        route.fulfill(response=real, json=real.json() | {"readings": readings})

    page.route(SEARCHES, answer)
    draw_bicycle(page, screen)
    further = page.get_by_role("button", name="Further images")
    last = tiles(page).nth(4)
    assert not is_inside(box(last), screen)
    further.click()
    wait_for(page, lambda: is_inside(box(last), screen))
    expect(further).to_have_class("further end")
    further.click()
    wait_for(
        page, lambda: box(tiles(page).nth(1))["x"] >= box(tiles(page).first)["x"] + box(tiles(page).first)["width"]
    )


@pytest.mark.slow
@pytest.mark.parametrize("screen", ["desktop", "phone"], indirect=True)
def test_more_photos_come_as_one_scrolls(page: Page, fresh_server, screen: str, tmp_path):
    set_up(page)
    photos = write_photos(tmp_path / "photos", 90, side=160)
    page.locator("#new-name").fill("Many")
    page.locator("#files").set_input_files([str(photo) for photo in photos])
    expect(page.locator("#embedding")).to_contain_text("Every photo can be found now")
    page.goto("/")
    draw(page, screen, LINE)
    expect(results(page)).to_have_count(40)
    page.get_by_role("button", name="Search", exact=True).click()
    calm(page)
    first = names(page)
    results(page).nth(39).scroll_into_view_if_needed()
    expect(results(page)).to_have_count(80)
    assert names(page)[:40] == first
    results(page).nth(79).scroll_into_view_if_needed()
    expect(results(page)).to_have_count(90)
    expect(page.get_by_text("Those were all 90 photos.")).to_be_visible()
    assert len(set(names(page))) == 90


def names(page: Page) -> list[str | None]:
    return [button.get_attribute("title") for button in results(page).locator("button:first-child").all()]


@pytest.mark.parametrize("screen", ["desktop"], indirect=True)
def test_tools_by_their_keys_wherever_the_focus_is(page: Page, asked, somebody, screen: str):
    page.goto("/")
    page.locator("#live").uncheck()
    draw(page, screen, LINE)
    draw(page, screen, BICYCLE[0])
    page.locator("#live").focus()
    page.keyboard.press("Control+z")
    assert strokes(page) == 1
    page.keyboard.press("Control+y")
    assert strokes(page) == 2
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+Shift+Z")
    assert strokes(page) == 2
    page.keyboard.press("e")
    expect(page.get_by_role("button", name="Eraser")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("]")
    expect(page.get_by_role("radio", name="Bold", exact=True)).to_be_checked()
    page.get_by_role("button", name="Save or share").click()
    page.get_by_label("Name").press_sequentially("be?")
    expect(page.get_by_label("Name")).to_have_value("be?")
    expect(page.get_by_role("button", name="Eraser")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Shortcuts")).to_be_visible()
    page.keyboard.press("b")
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Eraser")).to_have_attribute("aria-pressed", "true")
    calm(page)
    page.keyboard.press("p")
    calm(page)
    assert asked[-1]["place"] == ["true"]
    expect(page.get_by_role("checkbox", name="Where I drew it")).to_be_checked()
    page.keyboard.press("p")
    calm(page)
    assert asked[-1]["place"] == ["false"]


def strokes(page: Page) -> int:
    count: int = page.evaluate("JSON.parse(localStorage.getItem('mindreader.sketch') ?? '[]').length")
    return count


@pytest.mark.parametrize("screen", ["desktop"], indirect=True)
def test_full_screen_has_the_page_and_no_header(page: Page, somebody, screen: str):
    page.goto("/")
    before = box(page.locator("#canvas"))["width"]
    page.get_by_role("button", name="More tools").click()
    page.get_by_role("button", name="Full screen").click()
    expect(page.locator("header.bar")).to_be_hidden()
    assert box(page.locator("#canvas"))["width"] >= before
    page.evaluate("document.exitFullscreen()")
    expect(page.locator("header.bar")).to_be_visible()


@on("tablet", "tablet-sideways")
def test_while_a_stylus_draws_the_hand_does_not(page: Page, somebody, screen: str):
    page.goto("/")
    page.locator("#live").uncheck()
    palm, line = on_sheet(page, [(0.7, 0.8), (0.72, 0.81), (0.7, 0.82)]), on_sheet(page, LINE)
    session = page.context.new_cdp_session(page)
    touch_at: Callable[..., Any] = lambda kind, *at: session.send(  # noqa: E731
        "Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y} for x, y in at]}
    )
    touch_at("touchStart", palm[0])
    touch_at("touchMove", palm[1])
    stylus(page, line)
    touch_at("touchEnd")
    assert strokes(page) == 1, "the stylus takes over from the hand that lay down first"
    first = page.evaluate("JSON.parse(localStorage.getItem('mindreader.sketch'))[0].points[0].slice(0, 2)")
    assert first == pytest.approx(LINE[0], abs=0.01)
    touch(page, palm)
    assert strokes(page) == 1, "nor does it draw between two strokes"
    stylus(page, on_sheet(page, BICYCLE[0]))
    assert strokes(page) == 2
    assert page.evaluate("scrollY") == 0


@pytest.mark.parametrize("screen", ["tablet"], indirect=True)
def test_a_finger_draws_where_there_is_no_stylus(page: Page, somebody, screen: str):
    page.goto("/")
    page.locator("#live").uncheck()
    draw(page, screen, LINE)
    assert strokes(page) == 1
    mouse(page, on_sheet(page, BICYCLE[0]))
    assert strokes(page) == 2
