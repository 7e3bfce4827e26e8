"""A photo that lies in three places is one result, which says so quietly and leads to the others."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.support.hands import BICYCLE, about_it, link_to
from tests.support.people import add_collection, signed_in
from tests.support.photos import write_photos
from tests.support.screens import mainly
from tests.support.server import Server

pytestmark = pytest.mark.browser


@mainly("phone")
def test_a_result_leads_to_the_other_places(page: Page, screen: str, somebody, shared_server: Server, keep, tmp_path):
    photos = write_photos(tmp_path / "photos", 3, first=700)
    with signed_in(shared_server, somebody) as api:
        add_collection(api, "Holidays", photos, found=True)
        for name in ("Backup of the old phone", "Best"):
            add_collection(api, name, photos[:1], found=True)
    page.goto(link_to(BICYCLE))
    expect(page.locator("#results li[data-index]").first).to_be_visible()
    page.locator("#live").uncheck()  # no later search replaces what was opened
    with page.expect_response("**/api/v1/searches"):
        page.get_by_role("button", name="Search", exact=True).click()
    expect(page.locator(".found:not(.busy)")).to_be_attached()
    results = page.locator("#results li[data-index]")
    expect(results).to_have_count(3)
    note = page.locator("#results .also")
    expect(note).to_have_count(1)
    expect(note.locator("ul")).to_be_hidden()
    keep("duplicates")
    note.get_by_text("also in 2 places").click()
    expect(note.get_by_role("link")).to_have_count(2)
    keep("duplicates-open")
    page.locator("#results").get_by_title(photos[0].name, exact=True).click()
    about_it(page)
    viewer = page.locator("#viewer")
    viewer.get_by_text("also in 2 places").click()
    keep("duplicates-viewer")
    viewer.locator(".also").get_by_role("link").first.click()
    expect(page.locator("#viewer").get_by_role("heading", name=photos[0].name)).to_be_visible()
