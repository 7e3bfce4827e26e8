"""In longer words than English has, no text is cut off, none leaves its button or box, no page scrolls sideways."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import ARTEFACTS
from tests.support.hands import BICYCLE, NAME, PASSWORD, draw
from tests.support.pages import PAGES, fill
from tests.support.pseudo import LANGUAGE, write_pseudo
from tests.support.screens import SCREENS
from tests.support.server import Server, server

pytestmark = pytest.mark.browser

LONGER = 0.4
WIDTHS = {"phone": SCREENS["phone"], "wide": {"viewport": {"width": 1440, "height": 900}}}
# Names of photos, collections and people are as long as somebody made them: they may end in an ellipsis.
CUT = """() => {
  const root = document.documentElement, found = [];
  const scrolls = (style) => /auto|scroll/.test(style.overflowX);
  const hides = (style) => /hidden|clip/.test(style.overflowX);
  const say = (text, e) => {
    const name = e.tagName.toLowerCase() + (e.id ? `#${e.id}` : "") + (e.className ? `.${e.className}` : "");
    found.push(`${text.trim().slice(0, 70)} (${name})`);
  };
  // What the text leaves, if anything: the box of an element around it, or the screen.
  const left = (node, box) => {
    for (let e = node.parentElement; e && e !== document.body; e = e.parentElement) {
      const style = getComputedStyle(e), around = e.getBoundingClientRect();
      if (style.display !== "inline" && style.display !== "contents") {
        if (scrolls(style)) return null;
        const wide = box.right > around.right + 1 || box.left < around.left - 1;
        const high = hides(style) && (box.bottom > around.bottom + 2 || box.top < around.top - 2);
        const mayEnd = style.textOverflow === "ellipsis" && !/[⟦⟧]/.test(node.data);
        if (wide && mayEnd) return null;
        if (wide || high) return e;
      }
      if (/fixed|absolute/.test(style.position)) break;
    }
    return box.right > root.clientWidth + 1 || box.left < -1 ? document.body : null;
  };
  if (root.scrollWidth > root.clientWidth) say(`the page is ${root.scrollWidth} px wide`, root);
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode, parent = node.parentElement;
    if (!node.data.trim() || !parent.checkVisibility() || parent.closest(".visually-hidden, .skip, option, script"))
      continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const box of range.getClientRects()) {
      const e = left(node, box);
      if (e) { say(node.data, e); break; }
    }
  }
  const pen = document.createElement("canvas").getContext("2d");
  for (const field of document.querySelectorAll("select, input[placeholder]")) {
    if (!field.checkVisibility()) continue;
    const style = getComputedStyle(field), isSelect = field.tagName === "SELECT";
    const text = isSelect ? field.selectedOptions[0]?.textContent ?? "" : field.placeholder;
    pen.font = style.font;
    const arrow = isSelect ? 16 : 0;
    const room = field.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight) - arrow;
    if (pen.measureText(text).width > room + 1) say(text, field);
  }
  return found;
}"""


@pytest.fixture(scope="module")
def mindreader_server(tmp_path_factory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("overflow")
    translations = str(write_pseudo(folder / "words", LONGER))
    with server(folder / "data", MINDREADER_TRANSLATIONS_DIR=translations, MINDREADER_TRASH_DAYS="30") as started:
        account = {"name": NAME, "password": PASSWORD}
        httpx.post(f"{started.url}/api/v1/setup", json=account).raise_for_status()
        fill(started, folder)
        yield started


@pytest.fixture
def screen_options(screen, language) -> dict:
    return {**WIDTHS[screen], "locale": language}


@pytest.mark.parametrize("screen", WIDTHS, indirect=True)
@pytest.mark.parametrize("language", [LANGUAGE, "de", "es"])
@pytest.mark.slow
def test_there_is_room_for_longer_words(page: Page, screen, language):
    cut: dict[str, list[str]] = {}
    ARTEFACTS.mkdir(exist_ok=True)

    def look(place: str):
        page.screenshot(path=ARTEFACTS / f"{screen}-{language}-{slug(place)}.png", scale="css", full_page=True)
        if found := page.evaluate(CUT):
            cut[place] = found

    page.goto("/sign-in")
    look("/sign-in")
    assert page.request.post("/api/v1/session", data={"name": NAME, "password": PASSWORD}).ok
    for path in (*PAGES, "/offline"):
        page.goto(path)
        page.wait_for_load_state("networkidle")
        look(path)
    for path, buttons, name in DIALOGS:
        page.goto(path)
        for button in buttons:
            page.locator(button).first.click()
        look(f"{path} {name}")
    page.goto("/")
    for stroke in BICYCLE:
        draw(page, screen, stroke)
    expect(page.locator("#results li").first).to_be_visible()
    look("/ results")
    page.locator("#results button").first.dispatch_event("click")
    look("/ viewer")
    assert cut == {}


def slug(place: str) -> str:
    return re.sub(r"\W+", "-", place).strip("-") or "draw"


# What opens where, by which buttons.
DIALOGS = (
    ("/library", [".cards button:nth-of-type(1)"], "rename"),
    ("/library", [".cards button:nth-of-type(2)"], "share"),
    ("/library", [".cards button:nth-of-type(3)"], "delete"),
    ("/library/1", ["#select", "#photos button", "#set-date"], "date"),
    ("/library/1", ["#select", "#photos button", "#set-category"], "category"),
    ("/library/1", ["#select", "#photos button", "#delete"], "delete"),
    ("/library/1", ["#photos button"], "viewer"),
    ("/trash", ["#photos button", "#remove"], "remove"),
    ("/quality", ["#measure"], "measured"),
    ("/admin/users", ["#users button:nth-of-type(2)"], "password"),
    ("/admin/users", ["#users button:nth-of-type(3)"], "tokens"),
)
