"""A photo that lies in three places is one result, which says so quietly and leads to the others."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.support.hands import BICYCLE, about_it, draw
from tests.support.photos import write_photos
from tests.support.screens import mainly

pytestmark = pytest.mark.browser


@mainly("phone")
def test_a_result_leads_to_the_other_places(page: Page, screen: str, somebody, keep, tmp_path):
    photos = write_photos(tmp_path / "photos", 3, first=700)
    upload(page, "Holidays", photos)
    for name in ("Backup of the old phone", "Best"):
        upload(page, name, photos[:1])
    page.goto("/")
    page.locator("#live").uncheck()  # no later search replaces what was opened
    for stroke in BICYCLE:
        draw(page, screen, stroke)
    page.get_by_role("button", name="Search", exact=True).click()
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


def upload(page: Page, name: str, photos):
    collection = api(page, "/collections", {"name": name})["id"]
    for photo in photos:
        file = {"name": photo.name, "mimeType": "image/jpeg", "buffer": photo.read_bytes()}
        api(page, f"/collections/{collection}/photos", multipart={"file": file})
    page.goto(f"/library/{collection}")
    expect(page.locator("#counts")).to_have_text(f"{len(photos)} photo{'s' if len(photos) > 1 else ''}")


def api(page: Page, path: str, body=None, multipart=None):
    token = page.locator('meta[name="csrf-token"]').get_attribute("content")
    headers = {"X-CSRFToken": token or "", "Referer": page.url}
    answer = page.request.post(f"/api/v1{path}", data=body, multipart=multipart, headers=headers)
    assert answer.ok, answer.text()
    return answer.json()
