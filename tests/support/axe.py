"""What axe says of a page: violations of WCAG 2.2 AA and of best practice that a program can see."""

from __future__ import annotations

from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
    # Of what axe would fetch again: no rule of these looks at style sheets.
    "preload": {"assets": ["media"]},
}


def violations(page: Page) -> list[str]:
    """Each by its rule, what it asks for, and the first elements that break it."""
    if page.evaluate("typeof axe === 'undefined'"):
        page.evaluate(Axe().axe_script)
    found: list[dict[str, Any]] = page.evaluate("async rules => (await axe.run(document, rules)).violations", RULES)
    return [f"{each['id']}: {each['help']}: {[node['target'] for node in each['nodes']][:3]}" for each in found]
