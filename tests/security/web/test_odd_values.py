"""Values no form has a field for: each is refused or answered, none is a fault of the server."""

from __future__ import annotations

import json

import pytest

DEEP = "[" * 100_000 + "]" * 100_000


@pytest.mark.parametrize("path", ["/session", "/setup"])
def test_deep_json_from_anybody(nobody, path):
    body = '{"name": ' + DEEP[:30_000] + DEEP[-30_000:] + ', "password": "x"}'
    answer = nobody.post(path, data=body, content_type="application/json")
    assert 400 <= answer.status_code < 500


def test_deep_json_from_a_user(ann):
    answer = ann.post(
        "/collections", data='{"name": ' + DEEP[:30_000] + DEEP[-30_000:] + "}", content_type="application/json"
    )
    assert 400 <= answer.status_code < 500


@pytest.mark.parametrize("before", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00Z"])
def test_moments_beyond_the_calendar(ann, before):
    collection = ann.collection()
    answer = ann.get(f"/collections/{collection}/photos", query_string={"before": before})
    assert answer.status_code == 200


SURROGATE = json.dumps("\ud800")  # as JSON can carry it


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/collections", '{"name": %s}'),
        ("/tokens", '{"name": %s}'),
        ("/session", '{"name": %s, "password": "x"}'),
        ("/session", '{"name": "Ann", "password": %s}'),
        ("/user-sketches", '{"name": %s, "strokes": [{"tool": "pen", "width": 1, "points": [[0, 0]]}]}'),
    ],
)
@pytest.mark.parametrize("value", [SURROGATE, json.dumps("a\0b")], ids=["surrogate", "NUL"])
def test_characters_no_database_stores(ann, path, body, value):
    answer = ann.post(path, data=body % value, content_type="application/json")
    assert 400 <= answer.status_code < 500, answer.text


@pytest.mark.parametrize("value", ["a\0b", "\udcff"], ids=["NUL", "surrogate"])
def test_categories_no_database_stores(ann, finder, sketch_png, value):
    photo = ann.photo(ann.collection())
    answer = ann.ask("PATCH", f"/photos/{photo}", data=json.dumps({"category": value}), content_type="application/json")
    assert 400 <= answer.status_code < 500
