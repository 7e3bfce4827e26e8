"""A photo that was taken over from another library leads back to its page there."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.support.axe import violations
from tests.support.hands import about_it, set_up
from tests.support.immich import KEY, Asset, immich
from tests.support.photos import write_photos
from tests.support.screens import mainly
from tests.support.server import Server, mindreader

pytestmark = pytest.mark.browser


@mainly("desktop")
def test_the_panel_leads_to_its_page_in_immich(fresh_server: Server, page: Page, keep, tmp_path):
    set_up(page)
    (made,) = write_photos(tmp_path, 1, first=600)
    with immich(assets=[Asset("harbour.jpg", made.read_bytes())]) as held:
        command = ("import", "--from", "immich", held.url, "--collection", "From Immich", "--everywhere")
        mindreader(fresh_server.data_dir, *command, IMMICH_API_KEY=KEY)
        page.goto("/library")
        page.get_by_role("link", name="From Immich").click()
        page.locator("#photos").get_by_title("harbour.jpg", exact=True).click()
        about_it(page)
        link = page.locator(".viewer-info").get_by_role("link", name="Open in Immich")
        expect(link).to_have_attribute("href", f"{held.url}/photos/{held.assets[0].id}")
        expect(link).to_have_attribute("rel", "noopener noreferrer")
        expect(page.locator(".viewer-info")).to_contain_text("from the library it came from")
        keep("viewer-origin")
        assert violations(page) == []
