"""Public links: made in the share dialog or for what was found, opened by somebody without an account, revoked."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.support.hands import BICYCLE, link_to
from tests.support.people import add_collection, signed_in
from tests.support.photos import write_photos
from tests.support.screens import mainly
from tests.support.server import Server

pytestmark = pytest.mark.browser


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    """Named after their numbers, from 0 on."""
    written = write_photos(tmp_path / "photos", 5, side=600)
    return [path.rename(path.with_name(f"{number}.jpg")) for number, path in enumerate(written)]


@mainly("phone")
def test_a_link_is_made_opened_without_an_account_and_revoked(
    refusals, page: Page, somebody, shared_server: Server, photos, chromium, screen_options, keep
):
    with signed_in(shared_server, somebody) as api:
        add_collection(api, "Holidays", photos)
    page.goto("/library")
    page.get_by_role("button", name="Share…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name of a person").fill("Nobody")
    dialog.get_by_role("button", name="Add", exact=True).click()
    unknown = dialog.get_by_role("alert")
    expect(unknown).to_contain_text("Nobody")
    field = dialog.get_by_label("Name of a person")
    assert field.evaluate("input => input.form.nextElementSibling.textContent") == unknown.text_content()
    dialog.get_by_text("Anyone with a link, without an account").click()
    dialog.get_by_label("Originals can be downloaded").check()
    dialog.get_by_role("button", name="Make a public link").click()
    address = dialog.get_by_label("The new link").input_value()
    assert "/shared/" in address
    expect(unknown).to_be_hidden()
    keep("share-dialog")

    context = chromium.new_context(service_workers="block", **screen_options)
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
    visitor.go_back()
    expect(large).to_be_hidden()
    assert visitor.url == address
    visitor.locator("#photos button").first.click()
    large.get_by_role("button", name="Close").click()
    expect(large).to_be_hidden()
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
def test_what_was_found_is_shared_with_its_sketch(
    page: Page, somebody, shared_server: Server, photos, chromium, screen_options
):
    with signed_in(shared_server, somebody) as api:
        add_collection(api, "Holidays", photos[:3], found=True)
    page.goto(link_to(BICYCLE))
    expect(page.locator("#results li[data-index]")).to_have_count(3)
    page.get_by_role("button", name="Search", exact=True).click()
    page.get_by_role("button", name="Share…", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Title").fill("My bicycle")
    dialog.get_by_role("button", name="Make a public link").click()
    expect(dialog.get_by_text("It shows 3 photos.")).to_be_visible()
    address = dialog.get_by_label("The new link").input_value()
    context = chromium.new_context(service_workers="block", **screen_options)
    visitor = context.new_page()
    visitor.goto(address)
    expect(visitor.get_by_role("heading", name="My bicycle")).to_be_visible()
    expect(visitor.get_by_alt_text("The sketch that was searched with")).to_be_visible()
    expect(visitor.locator("#photos img")).to_have_count(3)
    context.close()
