"""Names that people give: trimmed, in one Unicode form, free of characters that hide or break."""

from __future__ import annotations

import unicodedata

from mindreader.errors import InvalidInputError

# Controls, lone surrogates (no database stores them) and the marks that turn the reading direction around,
# which can make `gpj.exe` look like `exe.jpg`.
_HIDDEN_CATEGORIES = frozenset({"Cc", "Cs"})
_DIRECTION_MARKS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# A name of these alone shows nothing: formats (zero-width space, soft hyphen, tags), marks without a letter,
# separators, and the letters and symbols that are drawn as blanks. Beside others they have their uses.
_BLANK_CATEGORIES = frozenset({"Cf", "Cn", "Mn", "Me", "Zs", "Zl", "Zp"})
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")


def normalised(value: str) -> str:
    """The one form of a name that is stored and compared: NFC, without space around it."""
    return unicodedata.normalize("NFC", value).strip()


def checked_name(value: str, longest: int) -> str:
    """The normalised name of 1 to `longest` characters.

    Raises:
        InvalidInputError: it is empty, too long, or holds control characters.
    """
    name = normalised(value)
    if shows_nothing(name):
        raise InvalidInputError("A name is missing. Give one.")
    if len(name) > longest:
        raise InvalidInputError(
            "A name may have at most {longest} characters; this one has {n}.", longest=longest, n=len(name)
        )
    if visible_text(name) != name:
        raise InvalidInputError("A name must not hold control characters. Leave them out.")
    return name


def shows_nothing(value: str) -> bool:
    """Whether a reader would see no character at all."""
    return all(c in _BLANK or unicodedata.category(c) in _BLANK_CATEGORIES for c in value)


def visible_text(value: str) -> str:
    """The text without control characters, lone surrogates and direction marks."""
    return "".join(c for c in value if not _is_hidden(c))


def _is_hidden(character: str) -> bool:
    return unicodedata.category(character) in _HIDDEN_CATEGORIES or character in _DIRECTION_MARKS
