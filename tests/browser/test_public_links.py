"""Public links: made in the share dialog or for what was found, opened by somebody without an account, revoked."""

from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.support.hands import BICYCLE, draw
from tests.support.library import jpeg
from tests.support.screens import mainly
from tests.support.services import wait_for_count

pytestmark = pytest.mark.browser


def with_photos(page: Page, count: int, name: str = "Holidays") -> int:
    """A collection of whoever is signed in at the page."""
    token = page.locator('meta[name="csrf-token"]').get_attribute("content") or ""
    headers = {"X-CSRFToken": token}
    made = page.request.post("/api/v1/collections", data={"name": name}, headers=headers).json()
    for seed in range(count):
        picture = Image.open(io.BytesIO(jpeg(seed))).resize((900, 600))
        content = io.BytesIO()
        picture.save(content, "JPEG")
        file = {"name": f"{seed}.jpg", "mimeType": "image/jpeg", "buffer": content.getvalue()}
        form: dict[str, Any] = {"file": file}
        sent = page.request.post(f"/api/v1/collections/{made['id']}/photos", multipart=form, headers=headers)
        assert sent.ok, sent.text()
    of_it = f"/api/v1/collections/{made['id']}"
    wait_for_count(lambda: page.request.get(of_it).json()["embedding"]["indexed"], count, "all photos searchable")
    return int(made["id"])


def test_a_link_is_made_opened_without_an_account_and_revoked(page: Page, somebody, chromium, screen_options, keep):
    with_photos(page, 5)
    page.goto("/library")
    page.get_by_role("button", name="Share…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("Anyone with a link, without an account").click()
    dialog.get_by_label("Originals can be downloaded").check()
    dialog.get_by_role("button", name="Make a public link").click()
    address = dialog.get_by_label("The new link").input_value()
    assert "/shared/" in address
    keep("share-dialog")

    context = chromium.new_context(**screen_options)
    visitor = context.new_page()
    visitor.goto(address)
    expect(visitor.get_by_role("heading", name="Holidays")).to_be_visible()
    expect(visitor.locator("#photos img")).to_have_count(5)
    expect(visitor.get_by_text("5 photos")).to_be_visible()
    visitor.locator("#photos button").first.click()
    large = visitor.get_by_role("dialog")
    expect(large.get_by_text("Photo 1 of 5")).to_be_visible()
    expect(large.get_by_role("button", name="Previous photo")).to_be_disabled()
    visitor.keyboard.press("ArrowRight")
    expect(large.get_by_text("Photo 2 of 5")).to_be_visible()
    large.get_by_role("button", name="Next photo").click()
    expect(large.get_by_text("Photo 3 of 5")).to_be_visible()
    with visitor.expect_download() as download:
        large.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename == "2.jpg"
    large.get_by_role("button", name="Close").click()
    assert context.cookies() == []

    page.goto("/account")
    links = page.locator("#links > li")
    expect(links).to_contain_text("opened 1 time")
    links.get_by_role("button", name="Revoke the link to Holidays").click()
    expect(links).to_have_count(0)
    visitor.reload()
    expect(visitor.get_by_text("This link does not exist, or it has ended")).to_be_visible()
    context.close()


@pytest.mark.slow
@mainly("desktop")
def test_what_was_found_is_shared_with_its_sketch(page: Page, somebody, screen, chromium, screen_options):
    with_photos(page, 3)
    page.goto("/")
    for stroke in BICYCLE:
        draw(page, screen, stroke)
    expect(page.locator("#results li[data-index]")).to_have_count(3)
    page.get_by_role("button", name="Search", exact=True).click()
    page.get_by_role("button", name="Share…", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Title").fill("My bicycle")
    dialog.get_by_role("button", name="Make a public link").click()
    expect(dialog.get_by_text("It shows 3 photos.")).to_be_visible()
    address = dialog.get_by_label("The new link").input_value()
    context = chromium.new_context(**screen_options)
    visitor = context.new_page()
    visitor.goto(address)
    expect(visitor.get_by_role("heading", name="My bicycle")).to_be_visible()
    expect(visitor.get_by_alt_text("The sketch that was searched with")).to_be_visible()
    expect(visitor.locator("#photos img")).to_have_count(3)
    context.close()
