"""The browser of the tests, and the screens people have."""

from __future__ import annotations

import shutil
from typing import Any

import pytest
from playwright.sync_api import Browser, Playwright

_PROGRAMS = ("chromium-headless-shell", "chromium")
"""The first that is there: the shell is the same engine without the windows of a browser, at half the work."""
_OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
SCREENS: dict[str, dict[str, Any]] = {
    "desktop": {"viewport": {"width": 1280, "height": 800}},
    "phone": {
        "viewport": {"width": 390, "height": 844},
        "has_touch": True,
        "device_scale_factor": 2,
        "is_mobile": True,
    },
}
MORE_SCREENS: dict[str, dict[str, Any]] = {
    "desk": {"viewport": {"width": 1440, "height": 900}},
    "wide": {"viewport": {"width": 1920, "height": 1080}},
    "tablet": {"viewport": {"width": 820, "height": 1180}, "has_touch": True, "is_mobile": True},
    "tablet-sideways": {"viewport": {"width": 1180, "height": 820}, "has_touch": True, "is_mobile": True},
}
"""Only for tests that ask for one."""
EVERY_SCREEN = SCREENS | MORE_SCREENS


def chromium_program() -> str | None:
    """Chromium's program; None if it is not installed."""
    return next(filter(None, map(shutil.which, _PROGRAMS)), None)


def launched(playwright: Playwright) -> Browser:
    """Chromium, without a window."""
    return playwright.chromium.launch(executable_path=chromium_program(), args=_OPTIONS)


def has_touch(screen: str) -> bool:
    return bool(EVERY_SCREEN[screen].get("has_touch"))


def mainly(screen: str) -> pytest.MarkDecorator:
    """Tests that look at this screen; `make test-all` lets them look at the others too."""
    others = [pytest.param(other, marks=pytest.mark.slow) for other in SCREENS if other != screen]
    return pytest.mark.parametrize("screen", [screen, *others], indirect=True)
