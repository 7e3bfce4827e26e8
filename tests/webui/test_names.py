"""No name that nobody can see: every field of the OpenAPI document that names something is tried."""

from __future__ import annotations

import io

import pytest

from tests.support.library import jpeg

PASSWORD = "correct horse battery"
INVISIBLE = {"zero width": "\u200b\u200d\ufeff", "fillers": "\u3164\u2800", "tags": "\U000e0041 \ufe0f"}
NAMING = ("name", "category")
# What a good request holds besides the name.
GOOD = {
    ("POST", "/users", "name"): {"password": PASSWORD},
    ("POST", "/tokens", "name"): {},
    ("POST", "/collections", "name"): {},
    ("PATCH", "/collections/{collection_id}", "name"): {},
    ("POST", "/collections/{collection_id}/photos", "category"): {"file": "a photo"},
    ("PATCH", "/photos/{photo_id}", "category"): {},
    ("POST", "/photos/category", "category"): {"photo_ids": "photos"},
    ("POST", "/user-sketches", "name"): {"strokes": [{"tool": "pen", "width": 1, "points": [[0, 0]]}]},
    ("POST", "/benchmark-sketches", "name"): {"sketch": "a sketch"},
    ("POST", "/benchmark-sketches", "category"): {"sketch": "a sketch", "name": "dog"},
}
# An upload is answered file by file.
BY_FILE = {("POST", "/collections/{collection_id}/photos", "category")}
SETTING_UP = {("POST", "/setup", "name")}
# These look for somebody of that name, and find nobody.
LOOKED_UP = {
    ("POST", "/session", "name"): ({"password": PASSWORD}, 401),
    ("POST", "/collections/{collection_id}/people", "name"): ({}, 404),
}
# This one narrows a search to a category.
NARROWING = {("POST", "/searches", "category")}


def naming_fields(document):
    """Method, path and field of everything with a name in its body."""
    schemas = document["components"]["schemas"]
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            for content in operation.get("requestBody", {}).get("content", {}).values():
                schema = content["schema"]
                schema = schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
                for field in schema.get("properties", {}):
                    if field in NAMING:
                        yield method.upper(), path.removeprefix("/api/v1"), field


def test_every_field_that_names_something_is_known_here(app):
    assert set(naming_fields(app.api_doc)) == GOOD.keys() | LOOKED_UP.keys() | SETTING_UP | NARROWING


def ask(person, sketch_png, key, name, besides):
    method, path, field = key
    collection = person.collection()
    photo = person.photo(collection)
    filled = {
        "a photo": (io.BytesIO(jpeg(2)), "a.jpg"),
        "a sketch": (io.BytesIO(sketch_png), "sketch.png"),
        "photos": [photo],
    }
    body = {each: filled.get(value, value) if isinstance(value, str) else value for each, value in besides.items()}
    kind = "data" if any(isinstance(value, tuple) for value in body.values()) else "json"
    return person.ask(method, path.format(collection_id=collection, photo_id=photo), **{kind: body | {field: name}})


@pytest.mark.parametrize("name", INVISIBLE.values(), ids=INVISIBLE)
@pytest.mark.parametrize("key", GOOD, ids=" ".join)
def test_a_name_nobody_can_see_is_refused(admin, sketch_png, key, name):
    answer = ask(admin, sketch_png, key, name, GOOD[key])
    if key in BY_FILE:
        (outcome,) = answer.json["outcomes"]
        assert (outcome["status"], outcome["photo_id"]) == ("rejected", None)
    else:
        assert answer.status_code == 422, answer.text
    assert "can be seen" in answer.text


@pytest.mark.parametrize("name", INVISIBLE.values(), ids=INVISIBLE)
def test_nor_may_the_first_administrator_have_one(nobody, name):
    answer = nobody.post("/setup", json={"name": name, "password": PASSWORD})
    assert (answer.status_code, "can be seen" in answer.text) == (422, True)


@pytest.mark.parametrize("key", GOOD, ids=" ".join)
def test_the_same_request_with_a_name_is_taken(admin, sketch_png, key):
    answer = ask(admin, sketch_png, key, "Häuser", GOOD[key])
    assert answer.status_code in (200, 201), answer.text


@pytest.mark.parametrize("key", LOOKED_UP, ids=" ".join)
def test_nobody_has_such_a_name(admin, sketch_png, key):
    besides, status = LOOKED_UP[key]
    assert ask(admin, sketch_png, key, INVISIBLE["zero width"], besides).status_code == status
