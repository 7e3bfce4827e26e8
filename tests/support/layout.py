"""Where elements stand beside one another."""

from __future__ import annotations

from typing import NamedTuple

from playwright.sync_api import Locator, expect

_BOXES = """(elements) => elements.map((element) => {
  const { left, top, width, height } = element.getBoundingClientRect();
  return [left, top, width, height];
})"""


class Box(NamedTuple):
    """A rectangle of the window, in CSS pixels."""

    left: float
    top: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.left + self.width

    @property
    def bottom(self) -> float:
        return self.top + self.height

    @property
    def middle(self) -> float:
        """Halfway between top and bottom."""
        return self.top + self.height / 2


def boxes(*locators: Locator) -> list[Box]:
    """Boxes of one moment, once all are shown.

    Asked for one after another, what loads between two of them would move the second.
    """
    for locator in locators:
        expect(locator).to_be_visible()
    elements = [locator.element_handle() for locator in locators]
    return [Box(*box) for box in locators[0].page.evaluate(_BOXES, elements)]
