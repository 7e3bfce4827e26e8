"""The history holds finished sketches, not every pause: a live search gives way to the next one."""

from __future__ import annotations

import io

import pytest
from PIL import Image
from sqlalchemy import select

from mindreader.catalog import Search


def sketch(line: int) -> bytes:
    image = Image.new("L", (128, 128), 255)
    image.paste(0, (20, line, 100, line + 6))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


CAT, CAT_WITH_EARS, DOG = sketch(20), sketch(50), sketch(80)


def search(person, drawn: bytes, **form) -> int:
    answer = person.post("/searches", data={"sketch": (io.BytesIO(drawn), "s.png"), **form})
    assert answer.status_code == 200, answer.text
    return int(answer.json["id"])


def history(person) -> list[int]:
    return [past["id"] for past in person.get("/searches").json["searches"]]


def test_a_search_as_one_draws_gives_way_to_the_next_and_leaves_no_sketch(ann, finder, blobs):
    search(ann, CAT, live="true")
    last = search(ann, CAT_WITH_EARS, live="true")
    assert history(ann) == [last]
    assert len(list(blobs.keys("sketches"))) == 1


def test_a_finished_sketch_stays(ann, finder, catalog, blobs):
    search(ann, CAT, live="true")
    search(ann, CAT_WITH_EARS, live="true")
    cat = search(ann, CAT_WITH_EARS)
    dog = search(ann, DOG, live="true")
    assert history(ann) == [dog, cat]
    with catalog.snapshot() as session:
        assert len(session.scalars(select(Search)).all()) == 2
    assert len(list(blobs.keys("sketches"))) == 2


def test_a_finished_sketch_outlives_that_it_is_searched_live_again(ann, finder):
    cat = search(ann, CAT)
    again = search(ann, CAT, live="true")
    assert history(ann) == [again]
    dog = search(ann, DOG, live="true")
    assert history(ann) == [dog, cat]


def test_a_finished_search_for_another_sketch_leaves_the_live_one(ann, finder):
    cat = search(ann, CAT, live="true")
    dog = search(ann, DOG)
    assert history(ann) == [dog, cat]


def test_the_live_searches_of_others_stay(ann, bob, finder, blobs):
    hers, his = search(ann, CAT, live="true"), search(bob, CAT, live="true")
    search(ann, DOG, live="true")
    assert history(bob) == [his]
    path = f"/searches/{his}/sketch"
    assert bob.get(path).mimetype == "image/png"
    assert ann.get(f"/searches/{hers}/sketch").status_code == 404


@pytest.mark.parametrize("value", ["perhaps", ""])
def test_what_is_neither_live_nor_not_is_refused(ann, finder, value):
    answer = ann.post("/searches", data={"sketch": (io.BytesIO(CAT), "s.png"), "live": value})
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "live")
