"""A browser that prefers German or Spanish is shown pages, numbers and dates in it, and they fit on a phone."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.support.hands import PASSWORD, add_person
from tests.support.overflow import cut_text
from tests.support.screens import SCREENS

pytestmark = pytest.mark.browser

# Each page's heading; how the day of an access token is written, in whichever region's way.
LANGUAGES = {
    "de-AT": (
        {"/library": "Bibliothek", "/upload": "Fotos hochladen", "/trash": "Papierkorb"},
        r"erstellt am \d+\.\d+\.20",
    ),
    "es-MX": ({"/library": "Biblioteca", "/upload": "Subir fotos", "/trash": "Papelera"}, r"creado el \d+/\d+/20"),
}


@pytest.fixture
def screen() -> str:
    return "phone"


@pytest.fixture
def screen_options(locale) -> dict:
    return {**SCREENS["phone"], "locale": locale}


@pytest.mark.parametrize("locale", LANGUAGES)
def test_pages_are_in_the_language_the_browser_prefers(page: Page, locale, mindreader_server):
    headings, made = LANGUAGES[locale]
    name = add_person(mindreader_server, "Ada")
    assert page.request.post("/api/v1/session", data={"name": name, "password": PASSWORD}).ok
    for path, heading in headings.items():
        page.goto(path)
        expect(page.get_by_role("heading", name=heading, exact=True)).to_be_visible()
        assert page.locator("html").get_attribute("lang") == locale.split("-")[0]
        assert cut_text(page) == []
    page.goto("/account")
    page.locator("#name").fill("9")
    page.locator("#create button").click()
    expect(page.locator("#tokens")).to_contain_text(re.compile(made))
    assert cut_text(page) == []
