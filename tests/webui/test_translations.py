"""The translations that come with MindReader are whole, and reach whoever prefers their language."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest
from babel.core import Locale
from babel.messages.catalog import Catalog, Message
from babel.messages.plurals import get_plural
from babel.messages.pofile import read_po

from mindreader_webui.app import create_app
from mindreader_webui.i18n import FOLDER
from tests.support.pseudo import english

ROOT = Path(__file__).parents[2]
SHIPPED = {path.stem: path for path in sorted(FOLDER.glob("*.po"))}
EACH = pytest.mark.parametrize("language", SHIPPED)
# What stands in a sentence for something else and is the same in every language.
FIXED = re.compile(r"%\(\w+\)s|\{[^}]*\}|<[^>]+>|\bMINDREADER_\w+|`[^`]+`|--[a-z-]+")
STRAIGHT = re.compile(r"""(?<!=)"(?!>)|\.\.\.""")  # quotation marks of a typewriter, but for those of an attribute

# How people are addressed who are on no first-name terms; "Sie" may begin a sentence about several things.
POLITE = {
    "de": re.compile(r"\w Sie\b|\bIhnen\b"),
    "es": re.compile(
        r"\b(usted|inténtelo|añada|arrastre|cierre|construya|elija|escriba|espere|guarde|ponga|pruebe)\b", re.IGNORECASE
    ),
}


def shipped(language: str) -> Catalog:
    with SHIPPED[language].open("rb") as file:
        return read_po(file)


def forms(text: object) -> list[str]:
    return [text] if isinstance(text, str) else list(text)  # type: ignore[call-overload]


def sentences(catalog: Catalog) -> dict[tuple[str, ...], Message]:
    return {tuple(forms(message.id)): message for message in catalog if message.id}


def test_german_and_spanish_are_there():
    assert set(SHIPPED) == {"de", "es"}


@EACH
def test_every_sentence_is_translated_and_no_other(language):
    found = shipped(language)
    translated, listed = sentences(found), sentences(english())
    assert sorted(listed.keys() - translated.keys()) == [], "`make messages` puts them into the file"
    assert sorted(translated.keys() - listed.keys()) == []
    assert not found.obsolete
    assert [ids for ids, message in translated.items() if message.fuzzy] == []
    assert [ids for ids, message in translated.items() if not all(map(str.strip, forms(message.string)))] == []


@EACH
def test_plural_forms(language):
    found = shipped(language)
    rule = get_plural(Locale.parse(language))
    assert (found.num_plurals, found.plural_expr) == (rule.num_plurals, rule.plural_expr)
    for ids, message in sentences(found).items():
        assert len(forms(message.string)) == (rule.num_plurals if len(ids) > 1 else 1), ids


@EACH
def test_values_tags_and_commands_stay_as_they_are(language):
    for ids, message in sentences(shipped(language)).items():
        for number, text in enumerate(forms(message.string)):
            source = ids[min(number, len(ids) - 1)]
            assert sorted(FIXED.findall(text)) == sorted(FIXED.findall(source)), text


@EACH
def test_people_are_addressed_alike_everywhere(language):
    texts = [text for message in sentences(shipped(language)).values() for text in forms(message.string)]
    assert [text for text in texts if POLITE[language].search(text)] == []


@EACH
def test_a_sentence_ends_as_the_english_one_does(language):
    marks = ".?!:…"
    for ids, message in sentences(shipped(language)).items():
        for number, text in enumerate(forms(message.string)):
            source = ids[min(number, len(ids) - 1)]
            assert source.strip() == source
            assert text.strip() == text
            ends = [each[-1] if each[-1] in marks else "" for each in (source, text)]
            assert ends[0] == ends[1], text
            assert not STRAIGHT.search(text), text


@pytest.mark.parametrize(
    ("asked", "language", "heading"),
    [
        ("de-CH, en;q=0.5", "de", "Willkommen"),
        ("es-MX, es;q=0.9, en;q=0.8", "es", "Te damos la bienvenida"),
        ("fr, es;q=0.5", "es", "Te damos la bienvenida"),
        ("en-GB, de;q=0.9", "en", "Welcome"),
        ("fr", "en", "Welcome"),
    ],
)
def test_a_browser_is_answered_in_the_language_it_prefers(services, asked, language, heading):
    page = create_app(services).test_client().get("/setup", headers={"Accept-Language": asked})
    assert f'<html lang="{language}" dir="ltr">' in page.text
    assert f"<h1>{heading}</h1>" in page.text


def test_the_wheel_holds_them(tmp_path):
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=600)
    (wheel,) = tmp_path.glob("*.whl")
    held = set(ZipFile(wheel).namelist())
    assert {f"mindreader_webui/locale/{name}.po" for name in SHIPPED} <= held
    assert "mindreader_webui/locale/messages.pot" in held, "which sentences scripts need is read from it"
