"""A sketch outlives what happens around it: signing in on the way to it, being saved as a file and opened again."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Page, expect

from tests.support.hands import BICYCLE, PASSWORD, add_person, draw, inked
from tests.support.screens import mainly

pytestmark = pytest.mark.browser

STROKES = "JSON.parse(localStorage.getItem('mindreader.sketch') ?? '[]')"
LINK = """async (strokes) => (await import("/static/canvas/export.js")).toLink(strokes)"""
LINE = [{"tool": "pen", "width": 2, "points": [[0.25, 0.5], [0.75, 0.5]]}]


@mainly("phone")
def test_the_sketch_of_a_link_survives_signing_in(service_worker, page: Page, mindreader_server):
    name = add_person(mindreader_server, "Ada")
    page.goto("/sign-in")
    link = page.evaluate(LINK, LINE)
    for _ in range(2):  # once by the browser alone, once through the service worker
        page.context.clear_cookies()
        page.evaluate("localStorage.clear()")
        page.goto("/offline")
        page.goto(link)
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        page.get_by_label("Name").fill(name)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        expect(page.locator("#canvas")).to_be_visible()
        expect(page.locator("#invitation")).to_be_hidden()
        assert page.evaluate(STROKES) == LINE
        assert "#" not in page.url
        page.evaluate("navigator.serviceWorker.ready.then(() => true)")
        page.wait_for_load_state("networkidle")  # a search on its way would be refused without the cookie


@mainly("desktop")
def test_an_exported_svg_is_drawn_on_again(page: Page, somebody, screen, tmp_path):
    page.goto("/")
    page.locator("#live").uncheck()
    for stroke in BICYCLE:
        draw(page, screen, stroke)
    drawn = page.evaluate(STROKES)
    svg = page.evaluate("""async (s) => (await import("/static/canvas/export.js")).toSvg(s)""", drawn)
    page.locator("#clear").click()
    expect(page.locator("#invitation")).to_be_visible()
    (tmp_path / "sketch.svg").write_text(svg)
    page.locator("#file").set_input_files(tmp_path / "sketch.svg")
    expect(page.locator("#invitation")).to_be_hidden()
    assert json.dumps(page.evaluate(STROKES)) == json.dumps(drawn)
    page.locator("#undo").click()
    assert inked(page) == 0, "it is one step of the history"
    page.locator("#redo").click()
    draw(page, screen, [(0.1, 0.1), (0.2, 0.1)])
    assert len(page.evaluate(STROKES)) == len(drawn) + 1
