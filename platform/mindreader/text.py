"""Names that people give: trimmed, in one Unicode form, free of characters that hide or break."""

from __future__ import annotations

import unicodedata

from mindreader.errors import InvalidInputError

# Controls, lone surrogates (no database stores them) and the marks that turn the reading direction around,
# which can make `gpj.exe` look like `exe.jpg`.
_HIDDEN_CATEGORIES = frozenset({"Cc", "Cs"})
_DIRECTION_MARKS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# What a reader sees: letters, numbers, punctuation, symbols, and what Python's Unicode does not know yet (new emoji).
# Marks, joiners and spaces alone show nothing; nor do these, which count as letters or symbols, or are reserved.
_SHOWN = frozenset({"L", "N", "P", "S"})
_PRIVATE_OR_NEW = frozenset({"Co", "Cn"})
_BLANK = frozenset("\u115f\u1160\u3164\uffa0\u2800\u2065\U0001d159")
_BLANK_RANGES = (range(0xFFF0, 0xFFF9), range(0xE0000, 0xE1000))


def normalised(value: str) -> str:
    """The one form of a name that is stored and compared: NFC, without space around it."""
    return unicodedata.normalize("NFC", value).strip()


def checked_name(value: str, longest: int) -> str:
    """The normalised name of 1 to `longest` characters.

    Raises:
        InvalidInputError: it is empty, too long, invisible, or holds control characters.
    """
    name = normalised(value)
    if not name:
        raise InvalidInputError("A name is missing. Give one.")
    if len(name) > longest:
        raise InvalidInputError(
            "A name may have at most {longest} characters; this one has {n}.", longest=longest, n=len(name)
        )
    if visible_text(name) != name:
        raise InvalidInputError("A name must not hold control characters. Leave them out.")
    if not any(map(_is_shown, name)):
        raise InvalidInputError("A name needs characters that can be seen. Give one.")
    return name


def shown_name(name: str) -> str:
    """A category as pages show it. Names of folders, which categories often are, hold underscores for spaces."""
    return name.replace("_", " ").strip() or name


def repaired(name: str) -> str:
    """The name of a file as the system gives it, fit to be encoded.

    A byte that is no UTF-8, which Python gives as a lone surrogate (PEP 383), is read as Windows-1252, the encoding of
    most old names of western files; what is no letter there either becomes U+FFFD.
    """
    letters = "".join(_letter_of_byte(c) if "\udc80" <= c <= "\udcff" else c for c in name)
    return letters.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _letter_of_byte(surrogate: str) -> str:
    return bytes([ord(surrogate) - 0xDC00]).decode("cp1252", "replace")


def visible_text(value: str) -> str:
    """The text without control characters, lone surrogates and direction marks."""
    return "".join(c for c in value if not _is_hidden(c))


def _is_hidden(character: str) -> bool:
    return unicodedata.category(character) in _HIDDEN_CATEGORIES or character in _DIRECTION_MARKS


def _is_shown(character: str) -> bool:
    category = unicodedata.category(character)
    known = category[0] in _SHOWN or category in _PRIVATE_OR_NEW
    return known and character not in _BLANK and not any(ord(character) in blank for blank in _BLANK_RANGES)
