"""Names with line ends, markup, quotes, turned reading direction and NUL: in every page, header, answer and zip file.

They come in two ways: sent by somebody, and lying in the catalog already (an older version, a backup from a stranger).
"""

from __future__ import annotations

import io
import re
import zipfile
from http.cookies import SimpleCookie
from pathlib import PurePosixPath, PureWindowsPath
from urllib.parse import unquote

import pytest
from sqlalchemy import update

from mindreader.catalog import (
    ApiToken,
    BenchmarkSketch,
    Category,
    Collection,
    ModelVersion,
    Photo,
    User,
    UserSketch,
)
from tests.support.endpoints import MATRIX, arguments
from tests.support.library import jpeg
from tests.support.web import given

MARKUP = "<script>alert(1)</script><img src=x onerror=alert(1)>"
NAMES = {
    "line ends": "a\r\nSet-Cookie: stolen=1\r\n\r\n<html>.jpg",
    "a lone line end": "a\nX-Evil: 1.jpg",
    "markup": f"{MARKUP}.jpg",
    "quotes": 'a"; filename="evil.exe";\'`${x}.jpg',
    "turned": "a\u202egpj.exe",
    "NUL": "a\0.exe.jpg",
    "escapes": "\x1b[31mred\x07.jpg",
    "a surrogate": "a\ud800.jpg",
    "a path": "../../../../etc/cron.d/evil.jpg",
    "a path of Windows": "..\\..\\C:\\Windows\\evil.jpg",
    "a device": "CON.jpg",
    "percent": "%0d%0aSet-Cookie: stolen=1%00.jpg",
    "template": "{{ 7*7 }}{% raw %}{name}%(name)s.jpg",
    "emoji": "🖼️ für Ömer — façade.jpg",
    "long": "x" * 250 + ".jpg",
}
# The others are like one of these, and looked at everywhere by `make test-all`.
LOOKED_AT = ("line ends", "markup", "quotes", "turned", "a surrogate", "percent", "template")
HIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
PAGES = (
    "/",
    "/upload",
    "/library",
    "/library/{c}",
    "/trash",
    "/account",
    "/quality",
    "/admin/users",
    "/admin/jobs/{j}",
)
LOOKED = [path for method, path in MATRIX if method == "GET"]
OF_ROWS = ((Collection, "name"), (Photo, "filename"), (Category, "name"), (ApiToken, "name"), (User, "name"))
ALSO_OF_ROWS = ((UserSketch, "name"), (BenchmarkSketch, "name"), (ModelVersion, "name"))


def storable(name: str) -> str:
    """As a row of SQLite can hold it."""
    return name.encode("utf-8", "ignore").decode()


def give_to_everything(world, name: str) -> None:
    with world.catalog.transaction() as session:
        for kind, column in (*OF_ROWS, *ALSO_OF_ROWS):
            for (row,) in session.execute(kind.__table__.select().with_only_columns(kind.id)).all():
                session.execute(update(kind).where(kind.id == row).values({column: f"{row} {storable(name)}"}))


def check_headers(answer) -> None:
    for header, value in answer.headers:
        assert not HIDDEN.search(value), (header, value)
        assert header != "X-Evil"
        assert header != "Set-Cookie" or "stolen" not in SimpleCookie(value)


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, id=kind, marks=() if kind in LOOKED_AT else pytest.mark.slow) for kind, name in NAMES.items()],
)
def test_what_lies_in_the_catalog_already_breaks_no_answer_and_no_page(world, name):
    world.ann.ask("PATCH", f"/photos/{world.ids['p']}", json={"category": "dog"})
    give_to_everything(world, name)
    for person in (world.ann, world.admin):
        for path in LOOKED:
            answer = person.get(path.format(**world.ids), **arguments("GET", path, world.ids))
            if MATRIX["GET", path][1 if person is world.ann else 4] == 200:
                assert answer.status_code == 200, (path, answer.text[:500])
            check_headers(answer)
            assert answer.mimetype != "text/html"
    for page in PAGES:
        answer = world.browser(world.admin).get(page.format(**world.ids))
        assert answer.status_code == 200, (page, answer.text[:500])
        check_headers(answer)
        assert "<script>alert" not in answer.text, page
        assert "<img src=x" not in answer.text, page
        assert "49" not in re.findall(r"<h1>\d+ (\d+)", answer.text), page


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_an_uploaded_file_keeps_no_part_of_its_name_that_hides_or_leads_elsewhere(world, name):
    boundary, collection = "sep", world.ids["c"]
    escaped = "".join(f"%{byte:02X}" for byte in name.encode("utf-8", "surrogatepass"))
    for disposition in (f"filename*=UTF-8''{escaped}", f'filename="{storable(name)}"'):
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; {disposition}\r\n\r\n'
        body = head.encode() + jpeg(hash(disposition) % 1000) + f"\r\n--{boundary}--\r\n".encode()
        kind = f"multipart/form-data; boundary={boundary}"
        answer = world.ann.post(f"/collections/{collection}/photos", data=body, content_type=kind)
        assert answer.status_code in (200, 422), answer.text
        check_headers(answer)
        for outcome in given(answer).get("outcomes", ()):
            assert not HIDDEN.search(outcome["file"])
            assert PurePosixPath(outcome["file"]).name == PureWindowsPath(outcome["file"]).name == outcome["file"]


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_originals_are_offered_under_a_name_no_program_takes_for_something_else(world, name):
    give_to_everything(world, name)
    for path in ("original", "thumbnail"):
        answer = world.ann.get(f"/photos/{world.ids['p']}/{path}")
        offered = answer.headers["Content-Disposition"]
        assert offered.startswith("inline; filename=")
        check_headers(answer)
        assert not HIDDEN.search(unquote(offered)) or name.startswith("%")  # percent signs of its own
        assert answer.mimetype.startswith("image/")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_names_in_a_zip_lead_nowhere(world):
    photos = [world.ann.photo(world.ids["c"], seed=100 + number) for number in range(2 * len(NAMES))]
    with world.catalog.transaction() as session:
        for photo, name in zip(photos, [*NAMES.values()] * 2, strict=True):
            session.execute(update(Photo).where(Photo.id == photo).values(filename=storable(name)))
    answer = world.ann.get("/photos/archive", query_string={"ids": f"{photos[0]}-{photos[-1]}"})
    check_headers(answer)
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        names = archive.namelist()
        assert archive.testzip() is None
    assert len({each.casefold() for each in names}) == len(photos)
    for each in names:
        assert PurePosixPath(each).name == PureWindowsPath(each).name == each
        assert not HIDDEN.search(each)
        assert not each.startswith(".")
        assert PureWindowsPath(each).stem.upper() not in {"CON", "NUL", "AUX", "PRN", "COM1", "LPT1"}


NAMED = [
    ("/collections", lambda name: {"name": name}),
    ("/tokens", lambda name: {"name": name}),
    ("/user-sketches", lambda name: {"name": name, "strokes": [{"tool": "pen", "width": 1, "points": [[0, 0]]}]}),
    ("/users", lambda name: {"name": name, "password": "correct horse battery"}),
]
NEVER = {name: value for name, value in NAMES.items() if HIDDEN.search(value)}


@pytest.mark.parametrize("name", NEVER.values(), ids=NEVER)
def test_no_thing_gets_a_name_that_hides_something(world, name):
    for path, body in NAMED:
        answer = world.admin.post(path, json=body(name))
        assert (answer.status_code, answer.content_type) == (422, "application/problem+json"), path
        check_headers(answer)


IDS = ["a\r\nX-Evil: 1", "12345678\r\nSet-Cookie: stolen=1", "<script>alert(1)</script>", "x" * 10_000]


@pytest.mark.parametrize("given_id", IDS, ids=["line end", "cookie", "markup", "long"])
def test_a_request_id_forges_no_header(world, given_id):
    answer = world.app.test_client().get("/api/v1/session", environ_overrides={"HTTP_X_REQUEST_ID": given_id})
    check_headers(answer)
    assert answer.headers["X-Request-ID"] != given_id
    assert given_id not in answer.text
