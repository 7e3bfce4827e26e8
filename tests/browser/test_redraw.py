"""Lists that change while somebody looks at them keep the focus, the finger and what was opened."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.support.screens import mainly

pytestmark = [pytest.mark.browser, mainly("desktop")]

JOBS = """async (jobs) => {
  const [{ h }, { redraw }] = await Promise.all([import("/static/lib/dom.js"), import("/static/lib/redraw.js")]);
  window.pressed ??= [];
  if (!document.getElementById("test")) document.body.append(h("ul", { id: "test" }));
  const press = (what) => () => window.pressed.push(what);
  const button = (id, name, done) => h("button", { onclick: press(`${name} ${id} at ${done}`) }, name);
  redraw(document.getElementById("test"), ...jobs.map(({ id, done, buttons, failed }) => h("li", { "data-key": id },
    h("progress", { max: 10, value: done }),
    h("p", { class: failed ? "bad" : null, hidden: done === 0 }, `${done} of 10`),
    ...(failed ? [h("details", {}, h("summary", {}, `${failed} failed`), "why")] : []),
    h("div", {}, ...buttons.map((name) => button(id, name, done))))));
}"""
FOCUSED = "document.activeElement.textContent + ' ' + document.activeElement.closest('li')?.dataset.key"


@pytest.fixture
def show(page: Page):
    """Draw these jobs, or draw them anew."""
    page.goto("/sign-in")
    page.evaluate("localStorage.clear()")
    return lambda *jobs: page.evaluate(JOBS, [{"done": 0, "buttons": ["Pause", "Give up"], **job} for job in jobs])


def test_a_button_keeps_the_focus_and_does_what_it_now_means(page: Page, show):
    show({"id": 1})
    page.get_by_role("button", name="Give up").focus()
    show({"id": 1, "done": 4})
    assert page.evaluate(FOCUSED) == "Give up 1"
    page.keyboard.press("Enter")
    assert page.evaluate("window.pressed") == ["Give up 1 at 4"]
    expect(page.locator("#test p")).to_have_text("4 of 10")
    expect(page.locator("#test p")).to_be_visible()
    assert page.locator("#test progress").evaluate("(bar) => bar.value") == 4


def test_a_press_that_has_begun_counts(page: Page, show):
    show({"id": 1})
    page.get_by_role("button", name="Pause").hover()
    page.mouse.down()
    show({"id": 1, "done": 4, "failed": 1})
    page.get_by_role("button", name="Pause").hover()
    page.mouse.up()
    assert page.evaluate("window.pressed") == ["Pause 1 at 4"]


def test_an_entry_is_the_same_whatever_comes_before_it_or_goes(page: Page, show):
    show({"id": 1}, {"id": 2})
    page.locator("#test li").nth(1).get_by_role("button", name="Pause").focus()
    show({"id": 3}, {"id": 2}, {"id": 0})
    assert page.evaluate(FOCUSED) == "Pause 2"
    assert page.locator("#test li").evaluate_all("(items) => items.map((item) => item.dataset.key)") == ["3", "2", "0"]
    show({"id": 2})
    assert page.evaluate(FOCUSED) == "Pause 2"
    expect(page.locator("#test li")).to_have_count(1)


def test_a_button_never_becomes_another(page: Page, show):
    show({"id": 1})
    page.get_by_role("button", name="Pause").focus()
    show({"id": 1, "buttons": ["Resume", "Give up"]})
    assert page.evaluate("document.activeElement === document.body")
    assert page.locator("#test button").all_text_contents() == ["Resume", "Give up"]


def test_what_was_opened_stays_open(page: Page, show):
    show({"id": 1, "failed": 1})
    page.locator("#test summary").click()
    show({"id": 1, "failed": 2})
    expect(page.locator("#test summary")).to_have_text("2 failed")
    assert page.locator("#test details").evaluate("(details) => details.open")
    assert page.locator("#test p").get_attribute("class") == "bad"
    show({"id": 1, "done": 1})
    expect(page.locator("#test details")).to_have_count(0)
    assert page.locator("#test p").get_attribute("class") is None
