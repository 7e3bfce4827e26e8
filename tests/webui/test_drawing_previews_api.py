"""What is made of a picture of a drawing is shown before anything is searched, and can be corrected."""

import io
from base64 import b64decode

import numpy as np
import pytest
from PIL import Image

from tests.support.paper_photos import SIZE, photo_of_paper
from tests.support.sketches import house_png


def preview(person, data, **form):
    return person.post("/drawing-previews", data={"sketch": (io.BytesIO(data), "blob"), **form})


def shown(url):
    return Image.open(io.BytesIO(b64decode(url.split(",", 1)[1])))


@pytest.fixture(scope="module")
def paper():
    return photo_of_paper(Image.open(io.BytesIO(house_png())), 1, table="dark wood", share=0.4)


@pytest.fixture(scope="module")
def photo(paper) -> bytes:
    out = io.BytesIO()
    paper.image.save(out, "JPEG", quality=90)
    return out.getvalue()


def strokes(answer):
    return (np.asarray(shown(answer["sketch_url"])) < 128).mean()


def test_a_photo_of_paper_is_shown_with_its_corners(ann, photo, paper):
    answer = preview(ann, photo).json
    assert np.abs(np.array(answer["corners"]) - paper.corners).max() * max(SIZE) < 25
    assert shown(answer["picture_url"]).size == (1024, 768)
    assert shown(answer["sketch_url"]).size == (512, 512)
    assert 0.005 < strokes(answer) < 0.1


def test_what_is_made_of_it_can_be_searched_with_as_it_is(ann, finder, photo):
    answer = preview(ann, photo).json
    sketch = b64decode(answer["sketch_url"].split(",", 1)[1])
    assert ann.post("/searches", data={"sketch": (io.BytesIO(sketch), "s.png")}).status_code == 200
    (asked,) = finder.asked
    assert np.array_equal(np.asarray(asked.sketch.image), np.asarray(shown(answer["sketch_url"])))


def test_a_person_knows_better(ann, photo, paper):
    whole = preview(ann, photo, reading="picture").json
    assert whole["corners"] is None
    x, y = paper.corners.T
    upper_half = [x[0], y[0], x[1], y[1], *(paper.corners[1:3].mean(axis=0)), *(paper.corners[[0, 3]].mean(axis=0))]
    corrected = preview(ann, photo, corner=[str(each) for each in upper_half]).json
    assert np.allclose(np.ravel(corrected["corners"]), upper_half)
    assert corrected["sketch_url"] != preview(ann, photo).json["sketch_url"]


@pytest.mark.parametrize(
    ("corner", "words"),
    [
        (["0.1"] * 7, "eight numbers"),
        (["0.1", "0.1", "0.9", "0.1", "0.9", "0.9", "0.1", "1.5"], "eight numbers"),
        (["0.1", "0.1", "0.1", "0.9", "0.9", "0.9", "0.9", "0.1"], "clockwise"),  # the other way round
        (["0.5"] * 8, "clockwise"),
        (["nan"] * 8, "eight numbers"),
    ],
)
def test_corners_that_are_none_are_refused(ann, photo, corner, words):
    answer = preview(ann, photo, corner=corner)
    assert answer.status_code == 422
    assert words in answer.json["errors"][0]["message"]


def test_what_cannot_be_a_drawing_is_refused_with_its_sentence(ann):
    assert "a text" in preview(ann, b"Dear diary").json["detail"]
    assert "only text or pictures" in preview(ann, b'<svg xmlns="http://www.w3.org/2000/svg"><text>a</text></svg>').text
