"""An administrator has the active version learn this library: asks, watches, pauses, goes on, finds the new version."""

from __future__ import annotations

import sys

import pytest
from playwright.sync_api import Page, expect

from mindreader.settings import load_settings
from tests.browser.conftest import FRUGAL
from tests.browser.test_models import fill_library
from tests.support.axe import violations
from tests.support.bundles import install_bundle
from tests.support.hands import set_up
from tests.support.quick_learning import LEAST
from tests.support.screens import mainly
from tests.support.server import server

pytestmark = pytest.mark.browser

QUICK = [sys.executable, "-m", "tests.support.quick_learning", "serve", "--port", "0"]
LEARNED_WITHIN_MS = 600_000
"""Its program begins at the lowest priority, beside all other tests."""


@pytest.fixture
def mindreader_server(tmp_path, quick_bundle):
    """One that answers with a tiny bundle, and learns from few photos."""
    data = tmp_path / "data"
    install_bundle(load_settings({"MINDREADER_DATA_DIR": str(data)}), quick_bundle)
    with server(data, QUICK, **FRUGAL) as started:
        yield started


@pytest.mark.slow
@mainly("desktop")
def test_it_is_asked_for_watched_and_ends_as_a_version(page: Page, keep, mindreader_server, tmp_path):
    set_up(page)
    page.goto("/admin/models")
    learn = page.get_by_role("button", name="Learn this library…")
    expect(page.locator("#hindrance")).to_contain_text("too small to be learned: 0 photos")
    expect(learn).to_be_disabled()
    fill_library(mindreader_server, tmp_path, LEAST)
    page.reload()
    learn.click()
    dialog = page.locator("#dialog")
    expect(dialog).to_contain_text(f"from {LEAST} photos that are here")
    expect(dialog).to_contain_text("does not look at anybody’s sketches")
    expect(dialog).to_contain_text("does not answer searches before you switch to it")
    assert violations(page) == []
    keep("learn-asked")
    dialog.get_by_role("button", name="Cancel").click()
    expect(learn).to_be_enabled()
    learn.click()
    dialog.get_by_role("button", name="Learn it").click()
    card = page.locator("#learning")
    expect(card).to_contain_text("untrained learns this library")
    expect(learn).to_be_disabled()
    card.get_by_role("button", name="Pause").click()
    expect(card).to_contain_text("paused")
    assert violations(page) == []
    keep("learn-paused")
    page.get_by_role("link", name="Jobs").click()
    expect(page.locator("#learning")).to_be_visible()
    expect(page.locator("#empty")).to_be_hidden()
    page.locator("#learning").get_by_role("link", name="Models").click()
    card.get_by_role("button", name="Resume").click()
    made = page.locator("#models > li", has_text="untrained · library 1")
    expect(made).to_contain_text("mean average precision", timeout=LEARNED_WITHIN_MS)
    expect(made).to_contain_text("Uses the same index as the active version")
    expect(made.get_by_role("button", name="Switch to it")).to_be_visible()
    expect(page.locator("#models > .active")).not_to_contain_text("library 1")
    expect(card).to_be_hidden()
    expect(learn).to_be_enabled()
    keep("learned")


@mainly("phone")
def test_it_is_given_up(page: Page, keep, mindreader_server, tmp_path):
    set_up(page)
    fill_library(mindreader_server, tmp_path, LEAST)
    page.goto("/admin/models")
    page.get_by_role("button", name="Learn this library…").click()
    page.locator("#dialog").get_by_role("button", name="Learn it").click()
    card = page.locator("#learning")
    card.get_by_role("button", name="Pause").click()  # or it may be done before anybody gives it up
    expect(card).to_contain_text("paused")
    card.get_by_role("button", name="Give up").click()
    keep("learn-give-up")
    page.locator("#dialog").get_by_role("button", name="Give it up").click()
    expect(card).to_be_hidden()
    expect(page.locator("#models > li", has_text="· library")).to_have_count(0)
