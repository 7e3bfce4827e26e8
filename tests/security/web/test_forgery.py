"""Pages of other sites can make a browser ask with its cookie; they change nothing by it, and lead nobody away."""

from __future__ import annotations

import json

import pytest

from mindreader_webui.access import ANYONE, UNSAFE_METHODS
from tests.support.endpoints import MATRIX, PASSWORD, arguments, routes
from tests.support.web import Person, access_of, csrf_token

UNSAFE = [key for key in MATRIX if key[0] in UNSAFE_METHODS]
FORGED = "IjAwMDAi.aAAAAA.AAAAAAAAAAAAAAAAAAAAAAAAAAA"


def page_token(world, person) -> str:
    return csrf_token(world.browser(person).get("/account"))


@pytest.mark.parametrize("kind", ["none", "empty", "forged", "of another session", "in the form", "in the query"])
def test_a_cookie_alone_changes_nothing(world, kind):
    """For every endpoint that changes anything, asked as the owner and as an administrator."""
    tokens = {"empty": "", "forged": FORGED, "of another session": page_token(world, world.bob)}
    headers = {"X-CSRFToken": tokens[kind]} if kind in tokens else {}
    before, wrong = world.rows(), {}
    for person in (world.ann, world.admin):
        browser = Person(world.browser(person), person.account, headers)
        for method, path in UNSAFE:
            sent = arguments(method, path, world.ids)
            if kind == "in the form":
                sent = {"data": {"csrf_token": page_token(world, person)}}
            if kind == "in the query":
                sent |= {"query_string": {"csrf_token": page_token(world, person)}}
            answer = browser.ask(method, path.format(**world.ids), **sent)
            if answer.status_code != 403 or "X-CSRFToken" not in answer.text:
                wrong[method, path] = answer.status_code
    assert wrong == {}
    assert world.rows() == before


def test_every_endpoint_that_changes_anything_was_asked(app):
    changing = {
        (method, path)
        for endpoint, method, path in routes(app)
        if method in UNSAFE_METHODS and access_of(app, endpoint).caller is not ANYONE
    }
    assert changing == set(UNSAFE)


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_no_form_of_another_site_signs_anybody_in(world, kind):
    """A form can send these types without asking first; a visitor would draw into the account of somebody else."""
    sent = json.dumps({"name": "Ann", "password": PASSWORD})
    for path in ("/api/v1/session", "/api/v1/setup"):
        answer = world.app.test_client().post(path, data=sent, content_type=kind)
        assert (answer.status_code, "Set-Cookie" in answer.headers) == (422, False), answer.text


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
@pytest.mark.parametrize(
    "headers", [{}, {"X-HTTP-Method-Override": "DELETE"}, {"X-HTTP-Method": "DELETE"}, {"X-Method-Override": "DELETE"}]
)
def test_looking_changes_nothing_whatever_else_is_said(world, method, headers):
    before, browser = world.rows(), world.browser(world.admin)
    for path in {path for _, path in MATRIX}:
        query = {"_method": "DELETE", "ids": world.ids["p"]}
        browser.open(f"/api/v1{path.format(**world.ids)}", method=method, headers=headers, query_string=query)
    assert world.rows() == before


LEADING_AWAY = [
    "https://evil.example",
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "/\\/evil.example",
    "\\\\evil.example",
    "/\tevil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "/\r/evil.example",
    "\t//evil.example",
    " //evil.example",
    "/\x00/evil.example",
    "/\u200b/\u202eevil.example",
    "javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "https:evil.example",
    "https:/evil.example",
    "@evil.example",
    ".evil.example",
    "/" * 5000,
]


@pytest.mark.parametrize("target", LEADING_AWAY)
def test_signing_in_leads_to_no_other_site(world, target):
    signed_in = world.browser(world.ann).get("/sign-in", query_string={"next": target})
    assert (signed_in.status_code, signed_in.location) == (302, "/")
    form = world.app.test_client().get("/sign-in", query_string={"next": target})
    assert 'data-next="/"' in form.text


@pytest.mark.parametrize(
    "target", ["/a\"onfocus='x'", "/<script>alert(1)</script>", "/'\"><img src=x onerror=alert(1)>"]
)
def test_where_signing_in_leads_cannot_become_markup(world, target):
    text = world.app.test_client().get("/sign-in", query_string={"next": target}).text
    assert target not in text
    assert "<script>alert" not in text
    assert "<img" not in text.partition("<main")[2]


@pytest.mark.parametrize(
    "path",
    [
        "//evil.example/library",
        "//evil.example//",
        "/library//1",
        "/\\evil.example",
        "/%5cevil.example/..",
        "/%0d%0aX: y",
    ],
)
def test_no_address_leads_to_another_host(world, path):
    for client in (world.app.test_client(), world.browser(world.ann)):
        answer = client.open(environ_overrides={"PATH_INFO": path, "REQUEST_URI": path})
        location = answer.headers.get("Location", "/")
        assert location.startswith(("http://localhost/", "/")), location
        assert not location.startswith(("//", "/\\")), location
        assert "\n" not in location
