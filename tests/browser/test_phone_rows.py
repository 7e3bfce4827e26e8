"""On a phone rows stay rows: heads of results and lists, the viewer's buttons, what is chosen, the menu."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.support.hands import sign_in
from tests.support.layout import boxes
from tests.support.screens import SCREENS

pytestmark = pytest.mark.browser

BROKEN = """(element) => {
  const range = document.createRange(), words = [];
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    for (const { index, 0: word } of walker.currentNode.data.matchAll(/\\S+/g)) {
      range.setStart(walker.currentNode, index);
      range.setEnd(walker.currentNode, index + word.length);
      if (range.getClientRects().length > 1) words.push(word);
    }
  }
  return words;
}"""
"""Words that are broken."""


@pytest.fixture
def screen_options(language) -> dict:
    return {**SCREENS["phone"], "locale": language}


# The longest words are German.
@pytest.mark.parametrize(
    "language", ["de-DE", pytest.param("en-US", marks=pytest.mark.slow), pytest.param("es-ES", marks=pytest.mark.slow)]
)
def test_rows_stay_rows(page: Page, owner, language):
    sign_in(page, owner)
    page.goto("/photos")
    tiles = page.locator("#photos > li[data-index] > button")
    month = page.locator(".heading h2").first
    assert month.evaluate("(h2) => h2.scrollWidth <= h2.clientWidth"), "the month has its year"
    page.locator("#select").click()
    tiles.first.click()
    count, done = boxes(page.locator("#chosen-count"), page.locator("#done"))
    assert count.middle == pytest.approx(done.middle, abs=2)
    last_action = page.locator(".photo-actions > :visible").last
    last_action.scroll_into_view_if_needed()
    last, actions = boxes(last_action, page.locator(".photo-actions"))
    assert last.right <= actions.right - 16, "it does not end where the row fades"
    photo = page.request.get("/api/v1/photos", params={"limit": 1}).json()["photos"][0]["id"]
    page.goto(f"/?similar={photo}")
    expect(page.locator("#results li").first).to_be_visible()
    page.locator("#share-result").evaluate("(button) => { button.hidden = false; }")
    share, select, head = boxes(*(page.locator(name) for name in ("#share-result", "#select", ".found-head")))
    assert share.middle == pytest.approx(select.middle, abs=1)
    assert select.right == pytest.approx(head.right, abs=1)
    assert head.height < 60
    page.locator("#results button").first.click()
    tools = page.locator(".viewer-tools")
    expect(tools).to_be_visible()
    assert tools.evaluate(BROKEN) == []
    assert tools.evaluate("(row) => row.scrollWidth <= row.clientWidth")


@pytest.mark.parametrize("language", ["en-US"])
def test_a_menu_that_needs_no_scrolling_has_no_shadows(page: Page, somebody):
    page.emulate_media(color_scheme="light")
    page.goto("/account")
    menu = page.locator(".bar nav")
    assert menu.evaluate("(nav) => nav.scrollWidth <= nav.clientWidth")
    picture = np.asarray(Image.open(io.BytesIO(menu.screenshot())).convert("RGB"))
    ends = np.concatenate([picture[:, :6], picture[:, -6:]])
    assert ends.min() == 255
