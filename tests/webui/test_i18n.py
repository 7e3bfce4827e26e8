"""Every sentence of the pages can be translated, and a translation is used, or refused by name."""

from __future__ import annotations

import ast
import json
import re
import subprocess
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from mindreader.errors import ConfigurationError, ConflictError, InvalidInputError, Sentence
from mindreader.imaging.rejections import not_an_image
from mindreader.settings import load_settings
from mindreader_webui import i18n
from mindreader_webui.app import create_app
from mindreader_webui.i18n import LANGUAGE_COOKIE, load_translations, translated
from mindreader_webui.services import Services
from tests.support.pseudo import LANGUAGE, english, write_pseudo
from tests.support.web import csrf_token

ROOT = Path(__file__).parents[2]
STATIC = ROOT / "webui" / "mindreader_webui" / "static"
ASKING = {"Accept-Language": f"{LANGUAGE}, en;q=0.5"}
GERMAN = """
msgid ""
msgstr "Content-Type: text/plain; charset=utf-8\\n"

msgid "There is already a user called {{name}}. Choose another name."
msgstr "{user}"

msgid "Not found"
msgstr "Nicht gefunden"

#: webui/mindreader_webui/static/pages/trash.js
msgid "{{n}} photo"
msgid_plural "{{n}} photos"
msgstr[0] "{{n}} Foto"
msgstr[1] "{{n}} Fotos"
"""


def german(folder: Path, name: str = "de.po", user: str = "{name} gibt es schon.") -> Path:
    (folder / name).write_text(GERMAN.format(user=user), encoding="utf-8")
    return folder


@pytest.fixture
def translated_client(settings, services, tmp_path):
    """Of an app with the bracketed language and with a little German."""

    def make(folder: Path):
        loaded = load_settings(
            {"MINDREADER_DATA_DIR": str(settings.data_dir), "MINDREADER_TRANSLATIONS_DIR": str(folder)}
        )
        return create_app(Services(loaded, services.catalog, services.blobs, services.celery)).test_client()

    return make


def ids(catalog) -> set:
    return {message.id for message in catalog if message.id}


def test_the_catalogue_lists_every_sentence(tmp_path):
    fresh = tmp_path / "messages.pot"
    made = ["make", "--silent", "--old-file=.venv/.ready", "messages", f"MESSAGES={fresh}"]
    subprocess.run(made, cwd=ROOT, check=True, timeout=600)
    with fresh.open("rb") as file:
        assert ids(english()) == ids(read_po(file)), "`make messages` makes the catalogue again"


def test_no_call_in_a_module_is_overlooked():
    known = {text for message in english() for text in ([message.id] if isinstance(message.id, str) else message.id)}
    numbered = {message.id[0] for message in english() if not isinstance(message.id, str)}
    calls = re.compile(r'(?<![\w.])(_|ngettext)\(\s*(.)((?:[^"\\]|\\.)*?)"')
    found = [
        (path.name, function, quote, text)
        for path in STATIC.rglob("*.js")
        if path.name != "i18n.js"
        for function, quote, text in calls.findall(path.read_text(encoding="utf-8"))
    ]
    assert len(found) > 200
    assert [each for each in found if each[2] != '"' or each[3] not in known] == []
    # A sentence with plural forms has no form without a number: `_` would leave it English.
    assert [each for each in found if (each[1] == "ngettext") != (each[3] in numbered)] == []


def test_numbers_and_dates_are_written_in_one_place():
    """`lib/format.js` knows the page's language; the browser's own may be another one."""
    by_hand = re.compile(r"\.toLocale\w*String\(|\.toFixed\(|\bIntl\.")
    places = {
        path.relative_to(STATIC).as_posix()
        for path in STATIC.rglob("*.js")
        if by_hand.search(path.read_text(encoding="utf-8"))
    }
    # SVG, and forms.
    for_programs = {"canvas/export.js", "components/picture_dialog.js", "components/relevance_feedback.js"}
    assert places - for_programs == {"lib/format.js", "lib/i18n.js"}, "use formatNumber and its like"


def test_no_sentence_is_put_together_before_it_is_translated():
    (line,) = re.findall(r"^WITH_SENTENCES := (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    names = line.split()
    folders = [ROOT / "platform/mindreader", ROOT / "webui", ROOT / "workers"]
    skipped = {path.name for path in folders[0].iterdir()} - {*names, "errors.py"}
    together = [
        f"{path.relative_to(ROOT)}:{call.lineno}"
        for folder in folders
        for path in folder.rglob("*.py")
        if "commands" not in path.parts
        if path.relative_to(folder).parts[0] not in skipped or folder != folders[0]
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
        if re.fullmatch(
            r"Sentence|(Conflict|Forbidden|InvalidInput|Not(Found|SignedIn|Ready)|\w+Rejected)Error", call.func.id
        )
        if call.args and isinstance(call.args[0], (ast.JoinedStr, ast.BinOp))
    ]
    assert together == []


def test_a_sentence_remembers_what_it_was_made_of():
    error = ConflictError("There is already a user called {name}. Choose another name.", name="Ann {braces}")
    assert str(error) == error.detail == "There is already a user called Ann {braces}. Choose another name."
    assert error.detail.template == "There is already a user called {name}. Choose another name."
    assert error.detail.values == {"name": "Ann {braces}"}
    assert InvalidInputError("{ alone }").detail == "{ alone }"
    assert InvalidInputError(error.detail).detail is error.detail
    nested = Sentence.unpacked(json.loads(json.dumps(not_an_image(b"%PDF-1.7").packed())))
    assert nested == not_an_image(b"%PDF-1.7")
    assert isinstance(nested.values["kind"], Sentence)


def test_pages_and_problems_come_in_the_language_that_is_asked_for(translated_client, tmp_path):
    client = translated_client(write_pseudo(tmp_path))
    page = client.get("/setup", headers=ASKING)
    assert f'<html lang="{LANGUAGE}" dir="ltr">' in page.text
    assert "⟦Create administrator⟧" in page.text
    assert "Accept-Language" in page.headers["Vary"]
    problem = client.get("/api/v1/collections/7", headers=ASKING).json
    assert problem["title"] == "⟦Please sign in⟧"
    english_page = client.get("/setup")
    assert '<html lang="en" dir="ltr">' in english_page.text
    assert "⟦" not in english_page.text
    assert "application/json" not in english_page.text, "English needs no catalogue"
    assert '<html lang="en"' in client.get("/setup", headers={"Accept-Language": "en-GB, eo;q=0.9"}).text


def test_the_language_chosen_in_this_browser_goes_before_what_it_prefers(translated_client, tmp_path):
    client = translated_client(write_pseudo(tmp_path))
    plain = client.get("/setup").text
    assert '<option value="en" lang="en">English</option>' in plain
    assert f'<option value="{LANGUAGE}" lang="{LANGUAGE}">Esperanto</option>' in plain
    client.set_cookie(LANGUAGE_COOKIE, LANGUAGE)
    page = client.get("/setup")
    assert f'<html lang="{LANGUAGE}" dir="ltr">' in page.text
    assert f'<option value="{LANGUAGE}" lang="{LANGUAGE}" selected>' in page.text
    assert "Cookie" in page.headers["Vary"]
    assert client.get("/api/v1/collections/7").json["title"] == "⟦Please sign in⟧"
    client.set_cookie(LANGUAGE_COOKIE, "en")
    assert '<html lang="en"' in client.get("/setup", headers=ASKING).text


@pytest.mark.parametrize("value", ["tlh", "../de", "", "eo;q=1", "\x7f", "e" * 5000])
def test_a_language_that_is_not_offered_changes_nothing(translated_client, tmp_path, value):
    client = translated_client(write_pseudo(tmp_path))
    answer = client.get("/setup", headers={**ASKING, "Cookie": f"{LANGUAGE_COOKIE}={value}"})
    assert answer.status_code == 200
    assert f'<html lang="{LANGUAGE}"' in answer.text
    assert " selected>" not in answer.text


def test_no_language_is_offered_where_english_is_the_only_one(settings, services, monkeypatch, tmp_path):
    monkeypatch.setattr(i18n, "FOLDER", tmp_path)  # without the translations that come along
    client = create_app(services).test_client()
    assert 'id="theme"' in client.get("/setup").text
    assert 'id="language"' not in client.get("/setup").text


def test_translations_that_come_along_are_read_once_by_a_process(app, services, monkeypatch):
    monkeypatch.setattr(i18n, "read_po", lambda *_, **__: pytest.fail("a translation is read again"))
    with create_app(services).test_request_context():
        assert "de" in i18n.languages()


def test_values_stay_apart_from_the_sentence(translated_client, tmp_path):
    client = translated_client(german(tmp_path))
    client.post("/api/v1/setup", json={"name": "Ann", "password": "a long password"})
    token = csrf_token(client.get("/"))
    headers = {"Accept-Language": "de-AT", "X-CSRFToken": token}
    twice = client.post("/api/v1/users", json={"name": "Ann", "password": "a long password"}, headers=headers)
    assert twice.status_code == 409
    assert twice.json["detail"] == "Ann gibt es schon."
    assert twice.json["title"] == "That does not fit the present state", "what is not translated stays English"


def test_a_name_is_no_sentence(translated_client, tmp_path):
    client = translated_client(german(tmp_path))
    with client.application.test_request_context(headers={"Accept-Language": "de"}):
        called = Sentence("There is already a user called {name}. Choose another name.", name="Not found")
        assert translated(called) == "Not found gibt es schon."


@pytest.mark.parametrize(
    ("language", "words"), [("de", "1.234 von 5.678.901, 1,5 MB"), ("en", "1,234 of 5,678,901, 1.5 MB")]
)
def test_numbers_in_a_sentence_are_the_languages_own(translated_client, tmp_path, language, words):
    msgid = "{n:,} of {total:,}, {size:.1f} MB"
    header = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\n'
    (tmp_path / "de.po").write_text(
        f'{header}msgid "{msgid}"\nmsgstr "{msgid.replace("of", "von")}"\n', encoding="utf-8"
    )
    client = translated_client(tmp_path)
    with client.application.test_request_context(headers={"Accept-Language": language}):
        assert translated(Sentence(msgid, n=1234, total=5678901, size=1.5)) == words


def test_scripts_are_given_their_own_sentences_and_the_rule_of_plurals(tmp_path):
    translation = load_translations(german(tmp_path))["de"]
    assert translation.for_scripts["messages"] == {"{n} photo": ("{n} Foto", "{n} Fotos")}
    assert translation.for_scripts["pluralForms"][:3] == "101"


def test_right_to_left(translated_client, tmp_path):
    german(tmp_path, "ar.po")
    assert (
        '<html lang="ar" dir="rtl">'
        in translated_client(tmp_path).get("/setup", headers={"Accept-Language": "ar"}).text
    )


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("nonsense.po", GERMAN.format(user="x"), "named after no language"),
        ("de.po", 'msgid "a', "cannot be read as a translation"),
        ("de.po", GERMAN.format(user="{nmae} gibt es schon."), "asks for {nmae}"),
    ],
)
def test_what_is_no_translation_is_refused_by_name(tmp_path, name, content, reason):
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(ConfigurationError) as refused:
        load_translations(tmp_path)
    assert reason in refused.value.detail
    assert str(tmp_path / name) in refused.value.detail


def test_nested_sentences_are_translated_too(translated_client, tmp_path):
    client = translated_client(write_pseudo(tmp_path))
    with client.application.test_request_context(headers=ASKING):
        assert translated(not_an_image(b"%PDF-1.7")).startswith("⟦This file is ⟦a PDF document⟧.")
        assert translated(Sentence("Never seen by anybody")) == "Never seen by anybody"
