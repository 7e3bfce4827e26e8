"""The words of the pages in the visitor's language.

English stands in the code; `locale/messages.pot` lists all of it (`make messages`). A translation is one file,
`LANGUAGE.po`, in this package's folder `locale/` or in the folder of the setting `translations_dir`: it is offered to
browsers that ask for its language and in the menu of the pages, and what it leaves out stays English. See
docs/translating.md.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from gettext import GNUTranslations
from io import BytesIO
from pathlib import Path
from string import Formatter
from typing import Any, overload

from babel.core import Locale, UnknownLocaleError, negotiate_locale
from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import PoFileError, read_po
from babel.numbers import get_decimal_symbol, get_group_symbol
from flask import Flask, Response, current_app, g, has_request_context, request

from mindreader.errors import ConfigurationError, Sentence

SOURCE_LANGUAGE = "en"
FOLDER = Path(__file__).parent / "locale"
TEMPLATE = FOLDER / "messages.pot"

LANGUAGE_COOKIE = "mindreader_language"
"""The language somebody chose in this browser, set by `static/components/header_menu.js`; it goes before what the
browser prefers. Not kept with the account: it holds before one signs in, and while the catalog is away."""

_KEY = "mindreader.translations"
_SCRIPT = re.compile(r"static/.*\.js$")
_PLACEHOLDER = re.compile(r"%\((\w+)\)|\{(\w+)")
_PLURALS = 200  # every plural rule there is asks for the last two digits, or for less


class Filling(Formatter):
    """`str.format` with the numbers written as in a language: `{size:.1f}` is 1,5 in German."""

    def __init__(self, locale: Locale) -> None:
        self._symbols = str.maketrans({",": get_group_symbol(locale), ".": get_decimal_symbol(locale)})

    def format_field(self, value: Any, format_spec: str) -> str:
        """One value, as its format says."""
        text = str(super().format_field(value, format_spec))
        return text.translate(self._symbols) if isinstance(value, int | float) else text


@dataclass(frozen=True)
class Translation:
    """The sentences of one language."""

    language: str
    """Its tag for browsers, such as `pt-BR`."""
    direction: str
    """Which way it is written: `ltr` or `rtl`."""
    messages: GNUTranslations
    filling: Filling
    """Puts values into its sentences."""
    for_scripts: dict[str, Any] = field(default_factory=dict)
    """What `static/lib/i18n.js` needs: `messages` (a text, or one for each plural form) and `pluralForms`, the number
    of the form, a digit each, for 0 to 99 and for 100 to 199 (which stand for all larger numbers)."""


def init_i18n(app: Flask, folder: Path | None) -> None:
    """Let templates say `_("…")`, and answer in the language the browser prefers.

    Args:
        folder: translations beside those that come with MindReader; they win.

    Raises:
        ConfigurationError: a translation cannot be used.
    """
    app.extensions[_KEY] = _shipped(FOLDER) | (load_translations(folder) if folder else {})
    app.jinja_env.add_extension("jinja2.ext.i18n")
    app.jinja_env.install_gettext_callables(_gettext, _ngettext, newstyle=True)  # type: ignore[attr-defined]
    app.jinja_env.policies["ext.i18n.trimmed"] = True
    app.context_processor(
        lambda: {"translation": translation(), "languages": languages(), "chosen_language": _chosen_language()}
    )
    app.after_request(_with_language)


@cache
def _shipped(folder: Path) -> dict[str, Translation]:
    """Those that come with MindReader, read once: it takes a fifth of a second."""
    return load_translations(folder)


def load_translations(folder: Path) -> dict[str, Translation]:
    """The translations in a folder by language.

    Raises:
        ConfigurationError: a file is no translation, is named after no language, or asks for values that the English
            sentence does not have.
    """
    found = map(_load, sorted(folder.glob("*.po")))
    return {each.language: each for each in found}


def languages() -> dict[str, str]:
    """What the languages one can choose from call themselves, by tag; none where English is the only one."""
    known: dict[str, Translation] = current_app.extensions[_KEY]
    tags = sorted([SOURCE_LANGUAGE, *known]) if known else []
    names = {tag: Locale.parse(tag, sep="-").get_display_name() or tag for tag in tags}
    return {tag: name[:1].upper() + name[1:] for tag, name in names.items()}


def _chosen_language() -> str:
    """As `languages` names it; empty where the browser's preference decides."""
    chosen = request.cookies.get(LANGUAGE_COOKIE, "") if has_request_context() else ""
    return chosen if chosen in languages() else ""


def translation() -> Translation | None:
    """The one that was chosen in the browser that asks, or that it prefers; None stands for English."""
    if not has_request_context():
        return None
    if "translation" not in g:
        known: dict[str, Translation] = current_app.extensions[_KEY]
        preferred = [language for language, quality in request.accept_languages if quality]
        if chosen := _chosen_language():
            preferred = [chosen]
        best = negotiate_locale(preferred, [SOURCE_LANGUAGE, *known], sep="-")
        g.translation = known.get(best or SOURCE_LANGUAGE)
    found: Translation | None = g.translation
    return found


@overload
def translated(text: str) -> str: ...


@overload
def translated(text: None) -> None: ...


def translated(text: str | None) -> str | None:
    """A sentence, or text that is one, in the visitor's language; what is in no translation stays as it is."""
    chosen = translation()
    if chosen is None or not text:
        return text
    if not isinstance(text, Sentence):
        return chosen.messages.gettext(text)
    template = chosen.messages.gettext(text.template)
    # Only sentences: a person may be called as something on a page is.
    values = {name: translated(value) if isinstance(value, Sentence) else value for name, value in text.values.items()}
    return chosen.filling.vformat(template, (), values) if values else template


def _gettext(message: str) -> str:
    chosen = translation()
    return message if chosen is None else chosen.messages.gettext(message)


def _ngettext(one: str, many: str, n: int) -> str:
    chosen = translation()
    if chosen is None:
        return one if n == 1 else many
    return chosen.messages.ngettext(one, many, n)


def _with_language(response: Response) -> Response:
    response.vary.add("Accept-Language")
    if "translation" in g:
        response.vary.add("Cookie")
    return response


@cache
def _messages_of_scripts() -> frozenset[str]:
    with TEMPLATE.open("rb") as file:
        return frozenset(_id(message) for message in read_po(file) if any(map(_is_script, message.locations)))


def _is_script(location: tuple[str, int | None]) -> bool:
    return _SCRIPT.search(location[0]) is not None


def _id(message: Message) -> str:
    return str(message.id if isinstance(message.id, str) else message.id[0])


def _load(path: Path) -> Translation:
    try:
        locale = Locale.parse(path.stem.replace("-", "_"))
    except (ValueError, UnknownLocaleError):
        raise ConfigurationError(
            f"{path} is named after no language. Name a translation as in de.po or pt-BR.po."
        ) from None
    try:
        with path.open("rb") as file:
            catalog = read_po(file, locale, abort_invalid=True)
    except (OSError, ValueError, PoFileError) as error:
        raise ConfigurationError(f"{path} cannot be read as a translation: {error}.") from None
    _check_placeholders(path, catalog)
    compiled = BytesIO()
    write_mo(compiled, catalog)
    compiled.seek(0)
    messages = GNUTranslations(compiled)
    language = str(locale).replace("_", "-")
    for_scripts = _for_scripts(catalog, messages)
    return Translation(language, locale.text_direction, messages, Filling(locale), for_scripts)


def _for_scripts(catalog: Catalog, messages: GNUTranslations) -> dict[str, Any]:
    in_scripts = _messages_of_scripts()
    texts = {
        _id(message): message.string
        for message in catalog
        if message.id and not message.fuzzy and _is_complete(message) and _id(message) in in_scripts
    }
    # The rule of the file's own header, which numbers its `msgstr[i]`: as a table, since scripts may not run text as
    # code. `Intl.PluralRules` would not do: its categories have other borders in some languages (Latvian, Maltese).
    numbered = messages.plural  # type: ignore[attr-defined]
    return {"messages": texts, "pluralForms": "".join(str(numbered(n)) for n in range(_PLURALS))}


def _is_complete(message: Message) -> bool:
    return all(_texts(message.string or ""))


def _check_placeholders(path: Path, catalog: Catalog) -> None:
    for message in catalog:
        if not message.id or not _is_complete(message):
            continue
        known = {name for text in _texts(message.id) for name in _placeholders(text)}
        used = {name for text in _texts(message.string) for name in _placeholders(text)}
        if strange := used - known:
            raise ConfigurationError(
                f"{path} asks for {{{min(strange)}}} in {_id(message)!r}, which has no such value. Write it as there."
            )


def _texts(text: Any) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text)


def _placeholders(text: str) -> set[str]:
    return {before or after for before, after in _PLACEHOLDER.findall(text)}
