"""The protocol "scenes" as files: what is read, what is searched for, and what is refused."""

from __future__ import annotations

import pytest

from mindreader.boxes import Box
from mindreader.errors import InvalidInputError
from mindreader_training.data.scenes import SceneObject, read_scenes, scene_protocol
from tests.support.scenes import BALLS, HEAD, write_scenes


def test_every_photo_of_the_folder_is_a_scene_with_what_the_table_says_of_it(tmp_path):
    rows = ("1.png,ball,0,0.25,0.5,0.75", "1.png,box,0.5,0,1,1", "1.png,ball,0,0,1,1")
    nothing, something = read_scenes(write_scenes(tmp_path / "scenes", *rows, photos=2))
    assert (nothing.path.name, nothing.objects) == ("0.png", ())
    assert something.objects[0] == SceneObject("ball", Box(0, 0.25, 0.5, 0.75))
    assert (something.largest("ball"), something.largest("box"), something.largest("rose")) == (1.0, 0.5, 0.0)


@pytest.mark.parametrize(
    ("rows", "head", "said"),
    [
        ((), HEAD, "has no rows"),
        (("0.png,ball,0,0,1",), HEAD, r"line 2: the sides of a box are numbers"),
        (("0.png,ball,0,0,1,1", "0.png,ball,a,0,1,1"), HEAD, r"line 3: the sides of a box are numbers"),
        (("0.png,ball,0.5,0,0.5,1",), HEAD, "0 <= left < right <= 1"),
        (("0.png,ball,0,0,1,1.5",), HEAD, "0 <= top < bottom <= 1"),
        (("0.png,ball,0,0,nan,1",), HEAD, "0 <= left < right <= 1"),
        (("9.png,ball,0,0,1,1",), HEAD, "photos that are not there: 9.png"),
        (("0.png,0,0,1,1",), "file,left,top,right,bottom", "no column category"),
    ],
)
def test_a_malformed_table_is_refused(tmp_path, rows, head, said):
    with pytest.raises(InvalidInputError, match=said):
        read_scenes(write_scenes(tmp_path / "scenes", *rows, head=head))


def test_a_folder_without_a_table_is_refused(tmp_path):
    with pytest.raises(InvalidInputError, match=r"holds no scenes\.csv"):
        read_scenes(tmp_path)


def test_held_back_sketches_of_categories_with_enough_scenes_search(tmp_path, drawn_data):
    folder = write_scenes(tmp_path / "scenes", *BALLS, "0.png,box,0,0,1,1", "1.png,box,0,0,1,1")
    protocol = scene_protocol(folder, drawn_data)
    assert len(protocol.scenes) == 4
    assert {item.category for item in protocol.sketches} == {"ball"}
    assert len(protocol.sketches) == 2, "of ten, two are held back"
    assert protocol.dev is not None
    assert len(protocol.dev.photos) == 4


def test_sketches_in_folders_are_taken_as_they_are(tmp_path, drawn_data):
    folder = write_scenes(tmp_path / "scenes", *BALLS, "0.png,rose,0,0,1,1")
    protocol = scene_protocol(folder, drawn_data / "sketches")
    assert len(protocol.sketches) == 10
    assert protocol.dev is None


def test_a_category_the_data_set_does_not_have_is_refused(tmp_path, drawn_data):
    folder = write_scenes(tmp_path / "scenes", *BALLS, "0.png,bal,0,0,1,1")
    with pytest.raises(InvalidInputError, match=r"categories that the sketches do not have: bal\."):
        scene_protocol(folder, drawn_data)


def test_there_must_be_something_to_measure(tmp_path, drawn_data):
    folder = write_scenes(tmp_path / "scenes", *BALLS[:2])
    with pytest.raises(InvalidInputError, match="nothing to measure"):
        scene_protocol(folder, drawn_data)


def test_missing_sketches_are_said(tmp_path):
    folder = write_scenes(tmp_path / "scenes", *BALLS)
    with pytest.raises(InvalidInputError, match="is not a folder"):
        scene_protocol(folder, tmp_path / "nowhere")
