"""Every word a person reads on a page comes from the catalogue: with each sentence in brackets, none stands outside."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.support.hands import BICYCLE, draw
from tests.support.pages import PAGES, fill
from tests.support.pseudo import LANGUAGE, write_pseudo
from tests.support.server import Server, server

pytestmark = pytest.mark.browser

EVERY_PAGE = (*PAGES, "/offline")
# What is shown or read out; languages call themselves by their own names.
WORDS = """() => {
  const found = [], shown = (e) => !e.closest("script, style, code, option[lang]") && !whole(e.closest("p"));
  const whole = (p) => p && /^⟦[^⟦⟧]*⟧$/.test(p.textContent.trim());  // one sentence with a link in it
  const walker = document.createTreeWalker(document.documentElement, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) if (shown(walker.currentNode.parentElement)) found.push(walker.currentNode.data);
  for (const e of document.querySelectorAll("*")) for (const name of ["aria-label", "title", "placeholder", "alt"])
    if (e.getAttribute(name)) found.push(e.getAttribute(name));
  return found.map((text) => text.trim()).filter(Boolean);
}"""
BRACKETED = re.compile(r"⟦[^⟦⟧]*⟧")
# Names and units, which are the same in every language, and what the server names: a model, a store, a device.
SAME_EVERYWHERE = re.compile(
    r"\b(MindReader|Qdrant Edge|SQLite|memory|cpu|[AP]M|[kMGT]?B|ms|jpg|small|quick|default|tf_efficientnet_lite\d|"
    r"efficientnet_lite\d|Command line on \S+|(search|embed|learn)@\S+|quality_1)\b|/\S+|[a-z]+:\S+"
)


@pytest.fixture
def screen() -> str:
    return "desktop"


@pytest.fixture
def fresh_server(tmp_path) -> Iterator[Server]:
    with server(tmp_path / "data", MINDREADER_TRANSLATIONS_DIR=str(write_pseudo(tmp_path / "words"))) as started:
        yield started


@pytest.fixture
def screen_options() -> dict:
    return {"locale": LANGUAGE}


@pytest.mark.slow
def test_no_sentence_is_left_out(fresh_server, page: Page, tmp_path):
    outside: dict[str, set[str]] = {}
    seen = set()

    def look(place: str):
        for text in page.evaluate(WORDS):
            seen.add(text)
            if rest := untranslated(text):
                outside.setdefault(place, set()).add(rest)

    page.goto("/")
    look("/setup")
    page.locator("[name=name]").fill("7")
    page.locator("[name=password]").fill("a long password")
    page.get_by_role("button", name="⟦Create administrator⟧").click()
    expect(page.get_by_role("heading", name="⟦Upload photos⟧")).to_be_visible()
    fill(fresh_server, tmp_path)
    for path in EVERY_PAGE:
        page.goto(path)
        page.wait_for_load_state("networkidle")
        look(path)
    page.goto("/quality")
    page.get_by_role("button", name="⟦Measure⟧").click()
    expect(page.locator("#quality")).to_be_visible()
    look("/quality, measured")
    page.goto("/")
    for stroke in BICYCLE:
        draw(page, "desktop", stroke)
    expect(page.locator("#results li").first).to_be_visible()
    look("/ with results")
    page.keyboard.press("?")
    look("/ with the shortcuts")
    page.keyboard.press("Escape")
    page.locator("#results button").first.click()
    look("/ with a photo")
    page.goto("/library")
    for name in ("⟦Rename⟧", "⟦Share…⟧", "⟦Delete⟧"):
        page.get_by_role("button", name=name).first.click()
        expect(page.locator("#dialog")).to_be_visible()
        look(f"/library {name}")
        page.keyboard.press("Escape")
    assert outside == {}
    assert len([text for text in seen if text.startswith("⟦")]) > 200


def untranslated(text: str) -> str:
    """What is left of a text without its bracketed sentences, if it holds words."""
    while BRACKETED.search(text):
        text = BRACKETED.sub(" ", text)
    rest = SAME_EVERYWHERE.sub(" ", text).strip()
    return rest if re.search(r"[^\W\d_]{2}", rest) else ""
