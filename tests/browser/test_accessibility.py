"""Every page: no violation of WCAG 2.2 AA that axe can see, no wider than the screen, light enough for a phone."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.support.axe import violations
from tests.support.hands import NAME, PASSWORD, link_to
from tests.support.pages import PAGES
from tests.support.photos import write_photos
from tests.support.screens import mainly
from tests.support.services import wait_for_count

pytestmark = pytest.mark.browser

OWN_CODE_BYTES = 120_000


@pytest.mark.parametrize(
    ("screen", "scheme"),
    [
        pytest.param("desktop", "light", marks=pytest.mark.slow),
        ("phone", "dark"),
        pytest.param("desktop", "dark", marks=pytest.mark.slow),
        pytest.param("phone", "light", marks=pytest.mark.slow),
    ],
    indirect=["screen"],
)
def test_no_page_keeps_anybody_out(page: Page, keep, fresh_server, tmp_path, scheme):
    found = {}
    page.goto("/")
    expect(page.get_by_role("heading", name="Welcome")).to_be_visible()
    found["/setup"] = violations(page)
    page.get_by_label("Name").fill(NAME)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Create administrator").click()
    expect(page.get_by_role("heading", name="Upload photos")).to_be_visible()
    with fresh_server.api() as api:
        collection = api.post("/collections", json={"name": "Photos", "visibility": "shared"}).json()["id"]
        write_photos(tmp_path / "photos", 4, side=320)
        files = [("file", (path.name, path.read_bytes())) for path in sorted((tmp_path / "photos").rglob("*.jpg"))]
        api.post(f"/collections/{collection}/photos", files=files).raise_for_status()
        wait_for_count(lambda: api.get(f"/collections/{collection}").json()["embedding"]["indexed"], 4, "embedding")
    page.emulate_media(color_scheme=scheme)
    for path in PAGES:
        page.goto(path)
        page.wait_for_load_state("networkidle")
        keep(f"{scheme}-{path.strip('/').replace('/', '-') or 'draw'}")
        found[f"{path}, {scheme}"] = violations(page)
    page.goto(link_to([[(0.1, 0.1), (0.3, 0.3), (0.4, 0.6)]]))
    expect(page.locator("#results li").first).to_be_visible()
    found["/, with results"] = violations(page)
    page.locator("#results button").first.click()
    found["/, a photo"] = violations(page)
    assert {path: each for path, each in found.items() if each} == {}


@mainly("phone")
def test_the_draw_page_is_light(page: Page, somebody):
    page.goto("/")
    page.wait_for_load_state("networkidle")
    urls = page.evaluate("performance.getEntriesByType('resource').map((entry) => entry.name)")
    code = [url for url in urls if "/static/" in url and url.endswith((".js", ".css"))]
    own = {url.rsplit("/static/")[1]: len(page.request.get(url).body()) for url in code}
    assert {"pages/draw.js", "style.css", "draw.css"} <= own.keys()
    assert sum(own.values()) < OWN_CODE_BYTES, own


@mainly("desktop")
def test_a_sketch_is_made_and_searched_without_a_pointer(page: Page, somebody):
    page.goto("/")
    page.get_by_role("button", name="Shapes").press("Enter")
    triangle = page.get_by_role("button", name="Triangle")
    triangle.focus()
    assert page.evaluate("localStorage.getItem('mindreader.sketch')") is None, "nothing is added before one is chosen"
    page.keyboard.press("Enter")
    expect(page.locator("#canvas")).to_be_focused()
    before = page.evaluate("localStorage.getItem('mindreader.sketch')")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("+")
    assert page.evaluate("localStorage.getItem('mindreader.sketch')") != before
    page.locator("#search").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#answered")).to_have_text("No photos here yet.")


@mainly("phone")
def test_without_a_connection_it_says_so_and_keeps_the_sketch(service_worker, page: Page, somebody):
    page.goto("/")
    page.locator("#live").uncheck()
    page.get_by_role("button", name="Shapes").click()
    page.get_by_role("button", name="Circle").click()
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.context.set_offline(True)
    page.goto("/library")
    expect(page.get_by_role("heading", name="No connection")).to_be_visible()
    page.context.set_offline(False)
    page.get_by_role("link", name="Try again").click()
    expect(page.locator("#invitation")).to_be_hidden()
