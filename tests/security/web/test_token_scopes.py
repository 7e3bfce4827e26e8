"""What programs may do: an access token has a scope, and never more than its user."""

import io
import re

import pytest

from mindreader.catalog import TokenScope
from mindreader_webui.access import ANYONE
from tests.support.library import jpeg
from tests.support.web import access_of


def token(person, scope, name="a program"):
    made = person.post("/tokens", json={"name": name, "scope": scope})
    assert (made.status_code, made.json["scope"]) == (201, scope)
    return {"Authorization": f"Bearer {made.json['token']}"}


@pytest.fixture
def ask(app):
    client = app.test_client()
    return lambda headers, method, path, **more: client.open(f"/api/v1{path}", method=method, headers=headers, **more)


def endpoints(app):
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/api/v1"):
            path = re.sub("<[^>]*>", "1", rule.rule.removeprefix("/api/v1"))
            yield from ((rule.endpoint, method, path) for method in rule.methods - {"HEAD", "OPTIONS"})


def test_a_token_made_without_a_word_may_write_and_not_administer(ann):
    assert ann.post("/tokens", json={"name": "laptop"}).json["scope"] == "write"
    assert ann.post("/tokens", json={"name": "laptop", "scope": "root"}).status_code == 422


def test_a_reading_token_changes_nothing_anywhere(app, admin, ask):
    headers = token(admin, "read")
    asked = 0
    for endpoint, method, path in endpoints(app):
        rule = access_of(app, endpoint)
        if rule.caller is not ANYONE and rule.least_scope(method) != TokenScope.READ:
            answer = ask(headers, method, path)
            assert (answer.status_code, answer.content_type) == (403, "application/problem+json"), endpoint
            asked += 1
    assert asked > 30


def test_only_these_may_be_posted_by_a_reading_token(app):
    changing = {endpoint for endpoint, method, _ in endpoints(app) if method != "GET"}
    reading = {endpoint for endpoint in changing if access_of(app, endpoint).scope == "read"}
    assert reading == {
        "searches.search",
        "drawing_previews.preview_drawing",
        "bulk.existing",
        "origins.existing_origins",
    }


def test_a_reading_token_looks_and_searches(ann, ask, finder, sketch_png):
    headers = token(ann, "read")
    collection = ann.collection("Photos")
    photo = ann.photo(collection)
    assert ask(headers, "GET", f"/photos/{photo}").status_code == 200
    sent = {"sketch": (io.BytesIO(sketch_png), "sketch.png")}
    assert ask(headers, "POST", "/searches", data=sent).status_code == 200
    known = ask(headers, "POST", f"/collections/{collection}/existing", json={"sha256": ["0" * 64]})
    assert known.status_code == 200


def test_a_writing_token_uploads_and_deletes(ann, ask):
    headers = token(ann, "write")
    collection = ask(headers, "POST", "/collections", json={"name": "Mine"}).json["id"]
    sent = {"file": (io.BytesIO(jpeg(1)), "a.jpg")}
    made = ask(headers, "POST", f"/collections/{collection}/photos", data=sent)
    photo = made.json["outcomes"][0]["photo_id"]
    assert ask(headers, "DELETE", f"/photos/{photo}").status_code == 204


@pytest.mark.parametrize("scope", ["read", "write"])
def test_an_administrators_lesser_token_sees_what_a_member_sees(admin, ann, ask, finder, scope):
    private = ann.photo(ann.collection("Diary"))
    headers = token(admin, scope)
    assert admin.get(f"/photos/{private}").status_code == 200
    assert ask(headers, "GET", f"/photos/{private}").status_code == 404
    for path in ("/users", "/system", "/jobs", "/spaces", "/workers"):
        assert ask(headers, "GET", path).status_code == 403, path
    assert ask(headers, "GET", "/session").json["role"] == "member"
    assert admin.get("/session").json["role"] == "admin", "nothing was written"


@pytest.mark.parametrize("scope", ["read", "write"])
def test_a_lesser_token_makes_no_stronger_one(app, ann, ask, scope):
    headers = token(ann, scope)
    made = {"json": {"name": "stronger", "scope": "full"}}
    of_the_person = [each for each in endpoints(app) if access_of(app, each[0]).scope == TokenScope.FULL]
    about_tokens = ("list_tokens", "add_token", "remove_token")
    about_sessions = ("change_password", "list_sessions", "end_other_sessions", "end_one_session")
    expected = {f"accounts.{name}" for name in (*about_tokens, *about_sessions)}
    expected |= {f"identities.{name}_identit{end}" for name, end in (("add", "y"), ("list", "ies"), ("remove", "y"))}
    assert {endpoint for endpoint, _, _ in of_the_person} == expected
    for endpoint, method, path in of_the_person:
        assert ask(headers, method, path, **(made if method == "POST" else {})).status_code == 403, endpoint
    assert [each["name"] for each in ann.get("/tokens").json["tokens"]] == ["a program", "test"]


def test_a_full_token_is_the_person(admin, ask):
    headers = token(admin, "full")
    assert ask(headers, "GET", "/users").status_code == 200
    assert ask(headers, "POST", "/tokens", json={"name": "another"}).status_code == 201
