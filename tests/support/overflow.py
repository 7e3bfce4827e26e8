"""Text that a page has no room for."""

from __future__ import annotations

from playwright.sync_api import Page


def cut_text(page: Page) -> list[str]:
    """What is cut off, leaves its button or box, or makes the page scroll sideways: the text, and what it leaves."""
    found: list[str] = page.evaluate(_CUT)
    return found


# Names of photos, collections and people are as long as somebody made them: they may end in an ellipsis.
_CUT = """() => {
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
    const own = parent.getBoundingClientRect();
    if (own.width <= 1 && own.height <= 1) continue; // only for who hears the page
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
