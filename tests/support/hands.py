"""What a person does on the pages: sets MindReader up, signs in, draws with a mouse or a finger."""

from __future__ import annotations

import base64
import json
import math
import uuid
import zlib
from collections.abc import Sequence

from playwright.sync_api import Page, expect

from tests.support.screens import has_touch
from tests.support.server import Server

NAME, PASSWORD = "Ada", "a quiet long password"


def set_up(page: Page):
    """Become the first administrator."""
    page.goto("/")
    expect(page.get_by_role("heading", name="Welcome")).to_be_visible()
    page.get_by_label("Name").fill(NAME)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Create administrator").click()
    expect(page.get_by_role("heading", name="Upload photos")).to_be_visible()


def add_person(server: Server, name: str, role: str = "member") -> str:
    """A person whose name nobody else has."""
    name = f"{name} {uuid.uuid4().hex[:8]}"
    with server.api() as api:
        api.post("/users", json={"name": name, "password": PASSWORD, "role": role}).raise_for_status()
    return name


def sign_in(page: Page, name: str):
    """Begin a session in the page's browser; no page is opened."""
    answer = page.request.post("/api/v1/session", data={"name": name, "password": PASSWORD})
    assert answer.ok, answer.text()


def circle(x: float, y: float, radius: float, parts: int = 24) -> list[tuple[float, float]]:
    """A closed line of so many straight parts."""
    turns = [2 * math.pi * i / parts for i in range(parts + 1)]
    return [(x + radius * math.cos(t), y + radius * math.sin(t)) for t in turns]


_WHEELS = circle(0.3, 0.65, 0.16, parts=12), circle(0.72, 0.65, 0.16, parts=12)
BICYCLE = [*_WHEELS, [(0.3, 0.65), (0.45, 0.4), (0.62, 0.4), (0.72, 0.65)]]


def link_to(strokes: Sequence[Sequence[tuple[float, float]]]) -> str:
    """The address of a sketch, as the page makes one (`static/canvas/export.js`): it opens with the pen's strokes."""
    pen, width = 0, 2
    rows = [[pen, width, [[round(1000 * x), round(1000 * y)] for x, y in stroke]] for stroke in strokes]
    raw = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    packed = raw.compress(json.dumps(rows).encode()) + raw.flush()
    return "/#sketch=" + base64.urlsafe_b64encode(packed).decode().rstrip("=")


def on_sheet(page: Page, stroke: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Where on the screen points in 0..1 of the sheet are, once scripts listen there and nothing moves it any more."""
    sheet = page.locator("#canvas")
    expect(sheet).to_be_visible()
    page.wait_for_load_state()
    box = None
    while box is None or box != sheet.bounding_box():
        box = sheet.bounding_box()
        page.wait_for_timeout(50)
    return [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stroke]


def draw(page: Page, screen: str, stroke: list[tuple[float, float]]):
    points = on_sheet(page, stroke)
    (touch if has_touch(screen) else mouse)(page, points)


def mouse(page: Page, points: list[tuple[float, float]]):
    page.mouse.move(*points[0])
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*point)
    page.mouse.up()


def stylus(page: Page, points: list[tuple[float, float]]):
    """A pen as Chromium sees it."""
    session = page.context.new_cdp_session(page)
    pen = {"pointerType": "pen", "button": "left", "clickCount": 1, "force": 0.5}
    moves = [("mousePressed", points[0], 1), *(("mouseMoved", point, 1) for point in points[1:])]
    for kind, (x, y), buttons in [*moves, ("mouseReleased", points[-1], 0)]:
        session.send("Input.dispatchMouseEvent", {"type": kind, "x": x, "y": y, "buttons": buttons, **pen})


def touch(page: Page, points: list[tuple[float, float]]):
    """Fingers as Chromium sees them: real touch events, from which it makes pointer events."""
    session = page.context.new_cdp_session(page)
    for kind, (x, y) in [("touchStart", points[0]), *(("touchMove", point) for point in points[1:])]:
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def about_it(page: Page):
    """Open the viewer's panel, unless it is open."""
    button = page.locator("#viewer").get_by_role("button", name="Info")
    expect(button).to_be_visible()
    if button.get_attribute("aria-expanded") == "false":
        button.click()
    expect(page.locator(".viewer-info")).to_be_visible()


def fingers(page: Page, *moments: list[tuple[float, float]]):
    """Several fingers at once: where each is, moment by moment."""
    session = page.context.new_cdp_session(page)
    for number, places in enumerate(moments):
        points = [{"x": x, "y": y, "id": finger} for finger, (x, y) in enumerate(places)]
        kind = "touchMove" if number else "touchStart"
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def inked(page: Page) -> int:
    """How many pixels of the canvas hold ink."""
    pixels: int = page.evaluate(
        """() => { const c = document.getElementById("canvas");
        const data = c.getContext("2d").getImageData(0, 0, c.width, c.height).data;
        let n = 0; for (let i = 3; i < data.length; i += 4) n += data[i] > 0; return n; }"""
    )
    return pixels
