"""A language in which every sentence is the English one in brackets: what lacks them was never translated.

It can be longer than English too, as other languages are: what has no room for it was laid out for English alone.
"""

from __future__ import annotations

import math
import re
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

from mindreader_webui.i18n import TEMPLATE

_TAG = re.compile(r"<[^>]+>")
LANGUAGE = "eo"  # Browsers must know the tag, and Babel the plural forms: two, as in English.


def english() -> Catalog:
    """All sentences there are."""
    with TEMPLATE.open("rb") as file:
        return read_po(file)


def write_pseudo(folder: Path, longer: float = 0.0) -> Path:
    """Write the translation into a folder that becomes `translations_dir`.

    Args:
        longer: by which share of its letters each sentence is longer than the English one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    translation = Catalog(locale=LANGUAGE)
    for message in english():
        if message.id:
            english_words = tuple(message.id) if isinstance(message.id, list) else message.id
            translation.add(english_words, _bracketed(english_words, longer))
    with (folder / f"{LANGUAGE}.po").open("wb") as file:
        write_po(file, translation)
    return folder


def _bracketed(text: str | tuple[str, ...], longer: float) -> str | tuple[str, ...]:
    if not isinstance(text, str):
        return tuple(f"⟦{form}{_more(form, longer)}⟧" for form in text)
    return f"⟦{text}{_more(text, longer)}⟧"


def _more(text: str, longer: float) -> str:
    """Words of six letters; a single word itself becomes longer, for no language breaks it."""
    letters = math.ceil(longer * len(_TAG.sub("", text)))
    if " " not in text:
        return "o" * letters
    return "".join(" " if place % 7 == 0 else "o" for place in range(letters))
