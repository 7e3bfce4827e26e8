"""Sketches a person keeps under a name."""

import pytest

from mindreader.catalog import UserSketch

STROKES = [
    {"tool": "pen", "width": 1.6, "points": [[0.1, 0.2], [0.3, 0.4, 0.5]]},
    {"tool": "eraser", "width": 4.8, "points": [[0.2, 0.2]]},
]


def keep(person, name="House", strokes=STROKES):
    return person.post("/user-sketches", json={"name": name, "strokes": strokes})


def test_a_kept_sketch_comes_back_stroke_by_stroke(ann):
    made = keep(ann, "  House by the sea ")
    assert (made.status_code, made.json["name"]) == (201, "House by the sea")
    (kept,) = ann.get("/user-sketches").json["sketches"]
    assert kept == made.json
    assert kept["strokes"] == STROKES


def test_the_newest_come_first_page_by_page(ann):
    ids = [keep(ann, f"Sketch {number}").json["id"] for number in range(5)]
    first = ann.get("/user-sketches", query_string={"limit": 2}).json
    second = ann.get("/user-sketches", query_string={"limit": 3, "after": first["next"]}).json
    assert [each["id"] for page in (first, second) for each in page["sketches"]] == ids[::-1]
    assert second["next"] is None


def test_nobody_sees_or_deletes_another_persons(ann, bob, admin):
    kept = keep(ann).json["id"]
    assert keep(bob).status_code == 201, "two people may use one name"
    for other in (bob, admin):
        assert kept not in {each["id"] for each in other.get("/user-sketches").json["sketches"]}
        assert other.ask("DELETE", f"/user-sketches/{kept}").status_code == 404
    assert ann.ask("DELETE", f"/user-sketches/{kept}").status_code == 204
    assert ann.get("/user-sketches").json["sketches"] == []


def test_a_name_is_used_once(ann):
    keep(ann)
    again = keep(ann, strokes=STROKES[:1])
    assert (again.status_code, again.json["detail"]) == (
        409,
        "You have already saved a sketch called House. Choose another name.",
    )
    assert [each["strokes"] for each in ann.get("/user-sketches").json["sketches"]] == [STROKES]


def test_there_is_an_end_to_keeping(ann, monkeypatch):
    monkeypatch.setattr("mindreader.search.user_sketches.MOST_SKETCHES", 1)
    keep(ann)
    refused = keep(ann, "Another")
    assert (refused.status_code, "Delete one first" in refused.json["detail"]) == (409, True)


@pytest.mark.parametrize(
    "strokes",
    [
        [],
        [{"tool": "brush", "width": 1, "points": [[0, 0]]}],
        [{"tool": "pen", "width": 0, "points": [[0, 0]]}],
        [{"tool": "pen", "width": 1, "points": []}],
        [{"tool": "pen", "width": 1, "points": [[0]]}],
        [{"tool": "pen", "width": 1, "points": [[0, 0, 1, 1]]}],
        [{"tool": "pen", "width": 1, "points": [[0, 1e9]]}],
        [{"tool": "pen", "width": 1, "points": [[0, "<script>"]]}],
        [{"tool": "pen", "width": 1, "points": [[0, 0]], "colour": "red"}],
        [{"tool": "pen", "width": 1, "points": [[0, 0]] * 15_000}] * 2,
    ],
    ids=["none", "tool", "width", "no point", "one number", "four", "far away", "text", "unknown", "too many points"],
)
def test_what_is_no_sketch_is_refused(ann, strokes):
    answer = keep(ann, strokes=strokes)
    assert answer.status_code == 422
    assert answer.json["errors"][0]["field"].startswith("strokes") or "at most 20000 points" in answer.text
    assert ann.get("/user-sketches").json["sketches"] == []


@pytest.mark.parametrize("name", ["", "  ", "x" * 201])
def test_a_name_that_cannot_be_used_is_refused(ann, name):
    assert keep(ann, name).status_code == 422


def test_they_go_with_the_person(ann, admin, catalog):
    keep(ann)
    assert admin.ask("DELETE", f"/users/{ann.user_id}").status_code == 204
    with catalog.snapshot() as session:
        assert session.query(UserSketch).count() == 0
