"""A hundred thousand photos in one collection: the document stays small, and pages are asked for as one scrolls.

How quick the pages are: bench/large_library.py.
"""

from __future__ import annotations

import contextlib
import io
from datetime import timedelta
from functools import cache

import pytest
from PIL import Image
from playwright.sync_api import Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError
from sqlalchemy import select

from mindreader.blobs import BlobStore, thumbnail_key
from mindreader.catalog import Catalog, User
from mindreader.catalog.models import now
from mindreader.settings import load_settings
from tests.support.hands import add_person, sign_in
from tests.support.large_library import add_large_collection, digest_of, fill
from tests.support.screens import mainly
from tests.support.server import Server, server
from tests.support.services import wait_until

pytestmark = pytest.mark.browser

SCREENFULS = 40
ELEMENTS = 3000
TILES = 200
REQUESTS = 60
FOCUSED = "Number(document.activeElement.closest('li')?.dataset.index ?? -1)"


@pytest.fixture(scope="module", params=[6_000, 100_000])
def photos(request) -> int:
    return int(request.param)


@pytest.fixture(scope="module")
def large_server(tmp_path_factory, photos):
    with server(tmp_path_factory.mktemp("large") / "data", MINDREADER_LOGIN_RATE="1000/minute") as started:
        yield started


@pytest.fixture(scope="module")
def large(large_server: Server, photos) -> tuple[str, int]:
    """Somebody's name, and the id of a collection of very many photos; those at its top have thumbnails."""
    name = add_person(large_server, "Ada")
    settings = load_settings({"MINDREADER_DATA_DIR": str(large_server.data_dir)})
    catalog, blobs = Catalog(settings.catalog_url), BlobStore(settings.blobs_root)
    with catalog.snapshot() as session:
        ada = session.scalars(select(User.id).where(User.name == name)).one()
    collection_id = add_large_collection(catalog, ada, "Large")
    fill(catalog, collection_id, photos)
    catalog.close()
    blobs.put(thumbnail_key(digest_of(photos - 1), settings.thumbnail_pixels), picture())
    return name, collection_id


@pytest.fixture
def mindreader_server(large_server: Server) -> Server:
    return large_server


@pytest.fixture
def collection(page: Page, large) -> int:
    name, collection_id = large
    page.route("**/thumbnail", lambda route: route.fulfill(body=picture(), content_type="image/webp"))
    sign_in(page, name)
    return int(collection_id)


@cache
def picture() -> bytes:
    buffer = io.BytesIO()
    Image.linear_gradient("L").resize((512, 384)).save(buffer, "WEBP")
    return buffer.getvalue()


def scroll_down(page: Page, pixels: int) -> None:
    """Turn the wheel until the page moves: a turn during the page's layout moves nothing."""
    before = page.evaluate("scrollY")

    def moved() -> bool:
        page.mouse.wheel(0, pixels)
        with contextlib.suppress(PlaywrightTimeoutError):
            page.wait_for_function("before => scrollY > before", arg=before, timeout=5000)
        return bool(page.evaluate("scrollY") > before)

    wait_until(moved, "scrolling")


@pytest.mark.slow
@mainly("phone")
def test_scrolling_stays_smooth_and_the_document_small(page: Page, collection, photos, keep):
    page.goto("/library")
    expect(page.locator("#collections > li")).to_contain_text(f"{photos:,} photos")
    keep("large-library")
    page.goto("/")
    expect(page.locator("#collection option")).to_have_count(2)

    asked = []
    page.on("request", lambda r: asked.append(r.url) if "/api/v1/photos?" in r.url else None)
    page.goto(f"/library/{collection}")
    expect(page.locator("#photos > li[data-index]").first).to_be_visible()
    assert page.viewport_size is not None
    height = page.viewport_size["height"]
    most_elements = most_tiles = 0
    for _ in range(SCREENFULS):
        scroll_down(page, height)
        page.wait_for_function("() => document.querySelectorAll('#photos > li[data-index]').length > 10")
        most_elements = max(most_elements, page.evaluate("document.getElementsByTagName('*').length"))
        most_tiles = max(most_tiles, page.locator("#photos > li[data-index]").count())
    assert page.evaluate("scrollY") > height * SCREENFULS / 2
    assert most_tiles < TILES
    assert most_elements < ELEMENTS
    assert 1 < len(asked) < REQUESTS

    page.get_by_role("button", name="Back to the top").click()
    newest = page.locator("#photos > li[data-index] > button").first
    expect(newest).to_have_attribute("title", f"photo-{photos - 1:06}.jpg")
    keep("large-collection")


@pytest.mark.slow
@mainly("desktop")
def test_one_jumps_to_a_day(page: Page, collection, photos):
    newest = f"photo-{photos - 1:06}.jpg"
    page.goto(f"/library/{collection}")
    first = page.locator("#photos > li[data-index] > button").first
    expect(first).to_have_attribute("title", newest)
    day = now() - timedelta(days=photos // 5000)
    page.locator("#show-filters").click()
    page.locator("#by").select_option("uploaded")
    page.locator("#until").fill(f"{day:%Y-%m-%d}")
    expect(first).not_to_have_attribute("title", newest)
    number = int((first.get_attribute("title") or "").split("photo-")[1][:6])
    photo_day = now() - timedelta(minutes=photos - number)
    assert abs(photo_day - day.replace(hour=23, minute=59)) < timedelta(hours=25)
    page.wait_for_load_state("networkidle")
    first.focus()
    focused = -1
    for _ in range(30):
        # Photos further down may have to be asked for first.
        page.wait_for_function(f"before => {FOCUSED} > before", arg=focused)
        focused = page.evaluate(FOCUSED)
        page.keyboard.press("ArrowDown")
    page.wait_for_function(f"() => {FOCUSED} >= 60")
