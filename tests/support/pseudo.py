"""A language in which every sentence is the English one in brackets: what lacks them was never translated."""

from __future__ import annotations

from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

from mindreader_webui.i18n import TEMPLATE

LANGUAGE = "eo"  # Browsers must know the tag, and Babel the plural forms: two, as in English.


def english() -> Catalog:
    """All sentences there are."""
    with TEMPLATE.open("rb") as file:
        return read_po(file)


def write_pseudo(folder: Path) -> Path:
    """Write the translation into a folder that becomes `translations_dir`."""
    folder.mkdir(parents=True, exist_ok=True)
    translation = Catalog(locale=LANGUAGE)
    for message in english():
        if message.id:
            english_words = tuple(message.id) if isinstance(message.id, list) else message.id
            translation.add(english_words, _bracketed(english_words))
    with (folder / f"{LANGUAGE}.po").open("wb") as file:
        write_po(file, translation)
    return folder


def _bracketed(text: str | tuple[str, ...]) -> str | tuple[str, ...]:
    return f"⟦{text}⟧" if isinstance(text, str) else tuple(f"⟦{form}⟧" for form in text)
