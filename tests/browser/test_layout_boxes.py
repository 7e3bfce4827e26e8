"""`support/layout.py` measures elements once all of them are shown."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from tests.support.layout import boxes

pytestmark = pytest.mark.browser

LATE = """<p id="here">here</p><button id="late" hidden>late</button>
<script>setTimeout(() => { document.getElementById("late").hidden = false; }, 300);</script>"""


def test_what_is_shown_later_is_waited_for(chromium: Browser):
    with chromium.new_page() as page:
        page.set_content(LATE)
        here, late = boxes(page.locator("#here"), page.locator("#late"))
        assert late.height > 0
        assert late.top >= here.bottom
