"""More like a photo, or like something in it; and where in photos what was drawn was found."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import select

from mindreader.boxes import Box
from mindreader.catalog import Search
from mindreader.messages import SearchHit
from tests.support.library import jpeg

SIDE = 224  # what the encoder of the tests' space takes
LEFT_HALF = {"left": 0, "top": 0, "right": 0.5, "bottom": 1}


def two_halves(size=(1200, 800)):
    """Red on the left, blue on the right."""
    picture = Image.new("RGB", size, "red")
    picture.paste("blue", (size[0] // 2, 0, *size))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def photo(ann, finder):
    return ann.upload(ann.collection("Photos"), two_halves())[0]["photo_id"]


def similar(person, photo, **query):
    return person.get(f"/photos/{photo}/similar", query_string=query)


def colours(pixels):
    return [tuple(int(value) for value in pixels[SIDE // 2, column]) for column in (5, SIDE - 6)]


def test_photos_like_a_photo_best_first_and_nothing_is_remembered(ann, finder, photo, catalog):
    other = ann.photo(ann.collection("Others"), seed=5)
    finder.hits = [SearchHit(photo_id=other, score=0.7, boxes=(Box(0.25, 0.5, 0.75, 1),))]
    finder.score_threshold = 0.6
    answer = similar(ann, photo).json
    assert answer["model_version"] == {"id": finder.version.id, "name": "first"}
    (result,) = answer["results"]
    assert (result["photo_id"], result["score"]) == (other, 0.7)
    assert result["boxes"] == [{"left": 0.25, "top": 0.5, "right": 0.75, "bottom": 1.0}]
    assert answer["score_threshold"] == 0.6
    (asked,) = finder.asked_similar
    assert (asked.photo_id, asked.frame, asked.limit) == (photo, None, 40)
    with catalog.snapshot() as session:
        assert session.scalars(select(Search)).all() == []


@pytest.mark.parametrize("size", [(1200, 800), (300, 200)], ids=["preview", "thumbnail"])
@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (LEFT_HALF, ["red", "red"]),
        ({"left": 0.5, "top": 0.5, "right": 1, "bottom": 1}, ["blue", "blue"]),
        ({"left": 0.25, "top": 0, "right": 0.75, "bottom": 1}, ["red", "blue"]),
    ],
)
def test_the_worker_sees_what_lies_in_the_frame(ann, finder, size, frame, expected):
    photo = ann.upload(ann.collection("Halves"), two_halves(size))[0]["photo_id"]
    assert similar(ann, photo, **frame).status_code == 200
    pixels = finder.asked_similar[0].frame.array
    assert pixels.shape == (SIDE, SIDE, 3)
    seen = [
        "red" if red > 200 and blue < 60 else "blue" if blue > 200 and red < 60 else "?"
        for red, _, blue in colours(pixels)
    ]
    assert seen == expected


def test_it_looks_only_where_the_caller_may_and_wants_to(ann, bob, finder, photo):
    theirs = bob.collection("Bob's")
    mine = ann.collection("Shared", "shared")
    shared = ann.photo(mine, seed=7, category="dog")
    similar(bob, shared, limit=5)
    similar(ann, shared, collection_id=[mine, theirs], category=["dog"], taken_from="2020-01-01")
    first, second = finder.asked_similar
    assert (set(first.where.collection_ids), first.limit) == ({mine, theirs}, 5)
    assert second.where.collection_ids == (mine,)
    assert len(second.where.category_ids) == 1
    assert second.where.first_day == 18262


def test_a_photo_of_somebody_else_is_not_there(ann, bob, finder, photo):
    assert similar(bob, photo).status_code == 404
    assert similar(ann, 999_999).status_code == 404
    assert finder.asked_similar == []


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"left": 0.1}, "four sides"),
        ({"left": 0.1, "top": 0.1, "right": 0.5}, "four sides"),
        ({**LEFT_HALF, "right": 0.005}, "hundredth"),
        ({**LEFT_HALF, "left": 0.5, "right": 0.1}, "hundredth"),
        ({**LEFT_HALF, "right": 1.2}, "less than or equal to 1"),
        ({**LEFT_HALF, "top": "nan"}, ""),
        ({"limit": 0}, "greater than or equal to 1"),
        ({"colour": "red"}, "not permitted"),
    ],
)
def test_a_frame_that_is_none_is_refused(ann, finder, photo, query, said):
    answer = similar(ann, photo, **query)
    assert answer.status_code == 422
    assert said in answer.text
    assert finder.asked_similar == []


def test_what_the_worker_says_reaches_the_person(ann, finder, photo):
    finder.error = {"kind": "not-found", "detail": "This photo cannot be searched with yet."}
    answer = similar(ann, photo)
    assert (answer.status_code, answer.json["detail"]) == (404, "This photo cannot be searched with yet.")


def search(person, sketch, **form):
    return person.post("/searches", data={"sketch": (io.BytesIO(sketch), "sketch.png"), **form})


def test_a_search_says_where_what_was_drawn_was_found(ann, finder, photo, sketch_png):
    finder.hits = [SearchHit(photo_id=photo, score=0.9, boxes=(Box(0, 0, 0.5, 0.5), Box(0.5, 0.5, 1, 1)))]
    finder.parts = (Box(0, 0.1, 0.3, 0.4), Box(0.6, 0.1, 0.9, 0.4))
    for how in ("group", "all"):
        answer = search(ann, sketch_png, duplicates=how).json
        assert [list(box.values()) for box in answer["results"][0]["boxes"]] == [[0, 0, 0.5, 0.5], [0.5, 0.5, 1, 1]]
        assert [box["left"] for box in answer["parts"]] == [0, 0.6]


def test_place_and_frames_reach_the_worker(ann, bob, finder, photo, sketch_png):
    hidden = bob.photo(bob.collection("Private"), seed=9)
    frames = [f"{photo}:0,0,0.5,1", f"{hidden}:0,0,1,1"]
    assert search(ann, sketch_png, place="true", frame=frames).status_code == 200
    (asked,) = finder.asked
    assert asked.place is True
    (frame,) = asked.frames  # what the caller may not see is left out
    assert np.abs(frame.array.astype(int) - (255, 0, 0)).mean() < 10


@pytest.mark.parametrize(
    "frame", ["1", "1:0,0,1", "x:0,0,1,1", "1:0,0,2,1", "1:0.5,0,0.4,1", "0:0,0,1,1", "1:a,0,1,1", "1:.,0,1,1"]
)
def test_a_frame_in_a_search_that_is_none_is_refused(ann, finder, frame, sketch_png):
    answer = search(ann, sketch_png, frame=[frame])
    assert answer.status_code == 422
    assert finder.asked == []


def test_at_most_five_frames(ann, finder, photo, sketch_png):
    answer = search(ann, sketch_png, frame=[f"{photo}:0,0,1,1"] * 6)
    assert answer.status_code == 422


def test_a_frame_in_a_photo_whose_original_is_damaged_says_so(ann, finder, blobs, sketch_png):
    photo = ann.upload(ann.collection("Large"), two_halves((2000, 1000)))[0]["photo_id"]
    for key in blobs.keys("originals"):
        blobs.local_path(key).write_bytes(jpeg(1)[:100])
    answer = similar(ann, photo, **LEFT_HALF)
    assert answer.status_code == 422
    assert finder.asked_similar == []
