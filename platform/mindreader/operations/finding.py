"""What a doctor says: kinds of differences, and how a check that cannot be made hides no other."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass

from mindreader.errors import MindReaderError

log = logging.getLogger(__name__)

Check = tuple[str, Callable[[], Iterator["Finding"]]]
"""What is looked at, and how."""


@dataclass(frozen=True)
class Finding:
    """One kind of difference, how often it was found, and whether it is mended now."""

    kind: str
    count: int
    sentence: str
    repaired: bool
    names: tuple[str, ...] = ()
    """Of the photos concerned, where a person must do something about each."""

    def as_json(self) -> dict[str, object]:
        """As `mindreader doctor --json` prints it."""
        return asdict(self)


def findings_of(checks: Iterable[Check]) -> list[Finding]:
    """Make all checks; one that fails is a finding itself, and those after it are made all the same."""
    found: list[Finding] = []
    unmade: dict[str, list[str]] = {}
    for what, check in checks:
        try:
            found.extend(check())
        except Exception as error:  # whatever is broken here, the next check looks at something else
            log.debug("%s", what, exc_info=error)
            unmade.setdefault(reason_of(error), []).append(what)
    for reason, whats in unmade.items():
        sentence = f"Not all was checked ({', '.join(whats)}): {reason.rstrip('.')}."
        found.append(Finding("unchecked", len(whats), sentence, False))
    return found


def reason_of(error: Exception) -> str:
    """An error of any kind as one line."""
    if isinstance(error, MindReaderError):
        return error.for_administrators
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror} ({error.filename})" if error.filename else error.strerror
    # A database's own words, without the statement that met them.
    text = str(getattr(error, "orig", None) or error).splitlines()
    return text[0] if text else type(error).__name__
