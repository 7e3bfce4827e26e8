"""A new model as an administrator brings it in: add, build beside the old one, compare, switch, go back, remove."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from mindreader.bundles.archive import pack_bundle
from tests.browser.conftest import FRUGAL
from tests.support.axe import violations
from tests.support.bundles import write_untrained_bundle
from tests.support.hands import draw, set_up
from tests.support.people import add_collection
from tests.support.photos import write_photos
from tests.support.screens import mainly
from tests.support.server import server
from tests.support.services import wait_until
from tests.support.sketches import house_png

pytestmark = pytest.mark.browser

PHOTOS = 6
MADE_WITHIN_MS = 600_000
"""Networks that are not known yet are made ready at the lowest priority, beside all other tests."""


@pytest.mark.slow
@mainly("desktop")
def test_add_build_compare_switch_and_go_back(page: Page, keep, fresh_server, tmp_path):
    set_up(page)
    fill_library(fresh_server, tmp_path)
    pack_bundle(write_untrained_bundle(tmp_path / "bundle", name="newer"), tmp_path / "newer.zip")
    other_tab = search_all_the_time(page)

    page.goto("/admin/models")
    expect(page.locator("#models > li")).to_have_count(1)  # the page is awake, also while the other tab keeps it busy
    page.locator("#bundle").set_input_files(tmp_path / "newer.zip")
    expect(page.locator("#progress")).to_contain_text("newer works here", timeout=MADE_WITHIN_MS)
    newer = page.locator("#models > li", has_text="newer")
    expect(newer).to_contain_text(f"{PHOTOS} photos would have to be embedded")
    keep("models-added")

    newer.get_by_role("button", name="Build").click()
    expect(newer).to_contain_text(f"{PHOTOS} of {PHOTOS} photos searchable", timeout=MADE_WITHIN_MS)
    newer.get_by_role("link", name="Compare").click()
    compare(page, keep)

    page.get_by_role("link", name="Models").click()
    newer.get_by_role("button", name="Switch to it").click()
    expect(newer).to_contain_text("answers searches")
    wait_until(lambda: other_tab.evaluate("window.seen.has('newer')"), "the other tab")
    keep("models-switched")
    expect(newer).not_to_contain_text("same index as the active version")
    older = page.locator("#models > li", has_text="small-")
    older.get_by_role("button", name="Go back to it").click()
    expect(older).to_contain_text("answers searches")
    newer.get_by_role("button", name="Remove").click()
    page.locator("#dialog").get_by_role("button", name="Remove").click()
    expect(newer).to_have_count(0)

    seen, said = other_tab.evaluate("[[...window.seen], [...window.said]]")
    assert {"newer", "small-3"} <= set(seen), seen
    assert said == [], "a search failed while versions were built and switched"
    other_tab.close()

    page.get_by_role("link", name="Jobs").click()
    expect(page.locator("#jobs > li")).to_have_count(0)  # its space went with it
    page.get_by_role("link", name="System").click()
    expect(page.locator("#workers .badge").first).to_have_text("alive")
    keep("workers")


@pytest.mark.slow
@mainly("phone")
def test_a_job_is_paused_resumed_and_its_failures_looked_at(page: Page, keep, fresh_server, tmp_path):
    set_up(page)
    fill_library(fresh_server, tmp_path)
    for original in (fresh_server.data_dir / "blobs" / "originals").rglob("*"):
        if original.is_file():
            original.write_bytes(b"damaged")
            break
    pack_bundle(write_untrained_bundle(tmp_path / "bundle", name="newer"), tmp_path / "newer.zip")
    with fresh_server.api() as api:
        added = api.post("/models", files={"bundle": (tmp_path / "newer.zip").read_bytes()}).json()
        job = api.post(f"/spaces/{added['space_id']}/build").json()
    page.goto(f"/admin/jobs/{job['id']}")
    expect(page.locator("#job")).to_contain_text("1 failed")
    expect(page.locator("#failed > li")).to_have_count(1)
    keep("job-failed")
    page.get_by_role("button", name="Skip for good").click()
    expect(page.locator("#failed")).to_contain_text("skipped")
    page.get_by_role("button", name="Try again", exact=True).click()
    expect(page.locator("#job")).to_contain_text("done")
    expect(page.locator("#job")).to_contain_text("1 failed")


@mainly("desktop")
def test_a_version_is_added_with_regions_beside_the_one_without(page: Page, keep, fresh_server, tmp_path):
    set_up(page)
    fill_library(fresh_server, tmp_path)
    page.goto("/admin/models")
    whole = page.locator("#models > li.active")
    whole.get_by_role("button", name="Add with regions…").click()
    dialog = page.locator("#dialog")
    expect(dialog).to_contain_text(re.compile("That takes .* of disk and .* of memory"))
    keep("models-regions-asked")
    assert violations(page) == []
    dialog.get_by_role("button", name="Cancel").click()
    expect(page.locator("#models > li")).to_have_count(1)
    whole.get_by_role("button", name="Add with regions…").click()
    dialog.get_by_role("button", name="Add", exact=True).click()
    added = page.locator("#models > li", has_text="· regions")
    expect(added).to_contain_text("with regions (")
    expect(added).to_contain_text(f"An index with regions: {PHOTOS} photos would have to be embedded.")
    expect(added.get_by_role("button", name="Add with regions…")).to_have_count(0)
    keep("models-regions-added")
    added.get_by_role("button", name="Build").click()
    expect(added).to_contain_text(f"{PHOTOS} of {PHOTOS} photos searchable", timeout=MADE_WITHIN_MS)
    added.get_by_role("link", name="Compare").click()
    compare(page, keep)
    expect(page.locator("#answer .frame").first).to_be_attached()


@pytest.mark.slow  # tests/platform/inference/test_int8.py embeds in it, the test above adds a version with regions
@mainly("desktop")
def test_a_version_is_added_in_int8_built_and_searched_with(page: Page, keep, fresh_server, tmp_path):
    set_up(page)
    fill_library(fresh_server, tmp_path)
    page.goto("/admin/models")
    page.locator("#models > li.active").get_by_role("button", name="Add in int8…").click()
    dialog = page.locator("#dialog")
    expect(dialog).to_contain_text("numbers of 8 bits")
    keep("models-int8-asked")
    dialog.get_by_role("button", name="Add", exact=True).click()
    added = page.locator("#models > li", has_text="· int8")
    expect(added).to_contain_text("with regions (corners6-int8)")
    added.get_by_role("button", name="Build").click()
    expect(added).to_contain_text(f"{PHOTOS} of {PHOTOS} photos searchable", timeout=MADE_WITHIN_MS)
    added.get_by_role("button", name="Switch to it").click()
    expect(added).to_contain_text("answers searches")
    with fresh_server.api() as api:
        found = api.post("/searches", files={"sketch": house_png()}).json()
        assert found["model_version"]["name"].endswith("· int8")
        first = found["results"][0]["photo_id"]
        part = {"left": 0.1, "top": 0.1, "right": 0.6, "bottom": 0.6}
        assert api.get(f"/photos/{first}/similar", params=part).json()["results"], (
            "a part of a photo is read in int8 too"
        )
    assert len(found["results"]) == PHOTOS


@pytest.mark.slow  # tests/webui/test_models_api.py knows which versions have answered
@mainly("desktop")
def test_a_version_that_never_answered_is_switched_to_and_not_gone_back_to(chromium, screen, tmp_path):
    """A new installation has the version without regions too, and the one with them answers."""
    with server(tmp_path / "data", **FRUGAL, MINDREADER_REGIONS="auto") as started:
        context = chromium.new_context(base_url=started.url)
        page = context.new_page()
        set_up(page)
        page.goto("/admin/models")
        whole = page.locator("#models > li", has_not_text="with regions (")
        whole.get_by_role("button", name="Build").click()
        expect(whole.get_by_role("button", name="Switch to it")).to_be_visible()
        whole.get_by_role("button", name="Switch to it").click()
        regional = page.locator("#models > li", has_text="with regions (")
        expect(regional.get_by_role("button", name="Go back to it")).to_be_visible()
        context.close()


def search_all_the_time(page: Page) -> Page:
    """Another tab that searches as often as a user may, and writes down who answered and what it was told."""
    tab = page.context.new_page()
    tab.goto("/")
    tab.get_by_role("button", name="Shapes").click()
    tab.get_by_role("button", name="Circle").click()
    expect(tab.locator("#results li").first).to_be_visible()
    tab.evaluate(
        """() => {
        window.seen = new Set(); window.said = new Set();
        const ask = window.fetch;
        window.fetch = async (address, ...options) => {
            const answer = await ask(address, ...options);
            if (address === "/api/v1/searches" && answer.ok) {
                window.seen.add((await answer.clone().json()).model_version.name);
            }
            return answer;
        };
        setInterval(() => {
            document.getElementById("search").click();
            const status = document.getElementById("status");
            if (!status.hidden) window.said.add(status.textContent);
        }, 2000); }"""
    )
    return tab


def fill_library(server, tmp_path, count: int = PHOTOS):
    with server.api() as api:
        add_collection(api, "Photos", write_photos(tmp_path / "photos", count, side=320), found=True)


def compare(page: Page, keep):
    expect(page.locator("#first option")).not_to_have_count(0)  # the page has read what it shows
    page.locator("#canvas").scroll_into_view_if_needed()
    draw(page, "desktop", [(0.1, 0.1), (0.3, 0.3), (0.4, 0.6)])
    page.locator("#name").fill("A line")
    page.get_by_role("button", name="Save sketch").click()
    expect(page.locator("#saved")).to_contain_text("A line")
    page.get_by_role("button", name="Compare with this sketch").click()
    expect(page.locator("#answer .pair .grid").first).to_be_visible()
    keep("compared")
    page.get_by_role("button", name="Compare on all benchmark sketches").click()
    expect(page.locator("#answer")).to_contain_text("found by both")
