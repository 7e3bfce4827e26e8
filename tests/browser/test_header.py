"""The header of every page: who is signed in and the way out, the theme, the language."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.support.axe import violations
from tests.support.hands import set_up
from tests.support.layout import boxes
from tests.support.pseudo import LANGUAGE, write_pseudo
from tests.support.screens import mainly
from tests.support.server import Server, server

pytestmark = pytest.mark.browser

LIGHT, DARK = "rgb(246, 245, 250)", "rgb(21, 20, 29)"
GROUND = "getComputedStyle(document.body).backgroundColor"


@pytest.fixture
def fresh_server(tmp_path) -> Iterator[Server]:
    with server(tmp_path / "data", MINDREADER_TRANSLATIONS_DIR=str(write_pseudo(tmp_path / "words"))) as started:
        yield started


def open_menu(page: Page):
    page.wait_for_load_state()  # its scripts listen by then
    page.locator(".menu summary").click()
    expect(page.locator("#theme")).to_be_visible()


@mainly("phone")
def test_the_menu_opens_closes_and_leads_out(page: Page, somebody, keep):
    page.goto("/library")
    menu = page.locator(".menu > div")
    open_menu(page)
    keep("menu")
    assert violations(page) == []
    page.keyboard.press("Escape")
    expect(menu).to_be_hidden()
    expect(page.locator(".menu summary")).to_be_focused()
    open_menu(page)
    page.locator("h1").click()
    expect(menu).to_be_hidden()
    page.emulate_media(color_scheme="dark")
    open_menu(page)
    keep("menu-dark")
    assert violations(page) == []
    page.get_by_role("link", name="Account").click()
    expect(page.get_by_role("heading", name="Account")).to_be_visible()
    expect(page.locator("#sessions > li")).to_have_count(1)
    open_menu(page)
    page.locator("#sign-out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert page.request.get("/api/v1/session").status == 401
    open_menu(page)
    keep("menu-of-a-visitor")
    assert violations(page) == []


@mainly("desktop")
def test_a_theme_is_kept_and_there_before_anything_is_painted(page: Page, somebody):
    page.emulate_media(color_scheme="light")
    page.goto("/library")
    assert page.evaluate(GROUND) == LIGHT
    open_menu(page)
    page.locator("#theme").select_option("Dark")
    assert page.evaluate(GROUND) == DARK
    # What the first paint would show: no module has run when the parser is at the body.
    page.add_init_script(
        """new MutationObserver((_, observer) => {
            if (!document.body) return;
            window.first = document.documentElement.dataset.theme;
            observer.disconnect();
        }).observe(document, { childList: true, subtree: true });"""
    )
    for path in ("/library", "/offline"):
        page.goto(path)
        assert page.evaluate("window.first") == "dark"
        assert page.evaluate(GROUND) == DARK
    page.goto("/upload")
    open_menu(page)
    expect(page.locator("#theme")).to_have_value("dark")
    page.locator("#theme").select_option("Same as system")
    assert page.evaluate(GROUND) == LIGHT
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(GROUND) == DARK
    page.locator("#theme").select_option("Light")
    page.reload()
    assert page.evaluate(GROUND) == LIGHT


@pytest.mark.slow
@mainly("desktop")
def test_a_language_is_chosen_and_kept(service_worker, page: Page, fresh_server):
    set_up(page)
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    open_menu(page)
    page.locator("#language").select_option("Esperanto")
    expect(page.get_by_role("heading", name="⟦Upload photos⟧")).to_be_visible()
    page.goto("/account")
    expect(page.locator("html")).to_have_attribute("lang", LANGUAGE)
    expect(page.locator("#sessions > li")).to_have_count(1)
    open_menu(page)
    expect(page.locator("#language")).to_have_value(LANGUAGE)
    page.get_by_role("button", name="⟦Sign out⟧", exact=True).click()
    expect(page.get_by_role("heading", name="⟦Sign in⟧")).to_be_visible()
    page.context.set_offline(True)
    page.goto("/library")
    expect(page.get_by_role("heading", name="⟦No connection⟧")).to_be_visible()
    page.context.set_offline(False)
    page.goto("/sign-in")
    open_menu(page)
    page.locator("#language").select_option(value="")
    expect(page.get_by_role("heading", name="Sign in", exact=True)).to_be_visible()


@pytest.mark.slow
@mainly("phone")
def test_tabs_that_do_not_fit_show_the_one_of_the_page(page: Page, fresh_server):
    set_up(page)
    page.set_viewport_size({"width": 320, "height": 640})
    page.goto("/admin/workers")
    tabs, current = boxes(page.locator(".tabs"), page.locator(".tabs [aria-current]"))
    assert tabs.left <= current.left
    assert current.right <= tabs.right + 1
    assert page.evaluate("document.documentElement.scrollWidth") == 320
