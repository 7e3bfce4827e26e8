"""What a browser calls itself, in words a person knows: "Firefox" on "Linux"."""

from __future__ import annotations

# Browsers name others beside themselves, so the first word that is found counts.
_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"),
    ("CriOS", "Chrome"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


def browser_named(user_agent: str) -> str | None:
    """The browser, if it is a known one."""
    return _first(_BROWSERS, user_agent)


def system_named(user_agent: str) -> str | None:
    """The device or its operating system, if it is a known one."""
    return _first(_SYSTEMS, user_agent)


def _first(words: tuple[tuple[str, str], ...], text: str) -> str | None:
    return next((name for word, name in words if word in text), None)
