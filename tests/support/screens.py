"""The browser of the tests, and the screens people have."""

from __future__ import annotations

from typing import Any

import pytest

CHROMIUM = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
SCREENS: dict[str, dict[str, Any]] = {
    "desktop": {"viewport": {"width": 1280, "height": 800}},
    "phone": {
        "viewport": {"width": 390, "height": 844},
        "has_touch": True,
        "device_scale_factor": 2,
        "is_mobile": True,
    },
}


def mainly(screen: str) -> pytest.MarkDecorator:
    """Tests that look at this screen; `make test-all` lets them look at the others too."""
    others = [pytest.param(other, marks=pytest.mark.slow) for other in SCREENS if other != screen]
    return pytest.mark.parametrize("screen", [screen, *others], indirect=True)
