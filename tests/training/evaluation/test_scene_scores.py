"""What a search of scenes is worth: the best region counts, and what cannot be judged is left out."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from mindreader.boxes import WHOLE, Box
from mindreader.errors import InvalidInputError
from mindreader.inference.regions import PhotoRegions
from mindreader.inference.sketches.readings import EXPANSION_SHARE
from mindreader_training.commands import evaluate
from mindreader_training.evaluation.scenes import Gallery, scaled_array, scene_scores, similarity
from tests.support.scenes import BALLS, write_scenes


def test_a_photo_counts_by_its_best_region():
    corner = Box(0.0, 0.0, 0.5, 0.5)
    vectors = np.eye(3, dtype=np.float32)
    plain = np.full((1, 3), 0.5, np.float32)
    one = Gallery(plain, (PhotoRegions((WHOLE, corner), vectors[[0, 1]]),))
    gallery = one + Gallery(2 * plain, (PhotoRegions((WHOLE,), vectors[[2]]),))
    assert gallery.most_vectors == 2
    expected = {
        "whole": [[0.5, 1]] * 3,
        "whole_of_regions": [[1, 0], [0, 0], [0, 1]],
        "regions": [[1, 0], [1, 0], [0, 1]],
    }
    for rows, best in expected.items():
        np.testing.assert_array_equal(similarity(vectors, gallery.vectors(rows), None, expands=False), best)


def test_queries_are_expanded_by_the_best_regions_of_photos_that_are_not_ignored():
    corner = Box(0.0, 0.0, 0.5, 0.5)
    axes = np.eye(3, dtype=np.float32)
    photos = [PhotoRegions((WHOLE, corner), axes[[2, 1]]).vectors, axes[[0]]]
    query = np.array([0.55, 0.6, 0.58], np.float32) / np.linalg.norm([0.55, 0.6, 0.58])
    ignored = np.array([[False, True]])
    alone = similarity(query[None], photos, ignored, expands=True)
    expected = query + EXPANSION_SHARE * axes[1]
    expected /= np.linalg.norm(expected)
    assert alone == pytest.approx(np.array([[expected[1], expected[0]]]), abs=1e-5), "to the corner, not to the whole"
    both = similarity(query[None], photos, None, expands=True)
    assert both[0, 1] > alone[0, 1], "the other photo counts a little"


def test_ignored_photos_neither_help_nor_harm():
    similarity = np.array([[0.9, 0.8, 0.7, 0.6]], np.float32)
    relevant = np.array([[False, True, False, True]])
    scores = scene_scores(similarity, relevant)
    assert scores.values["map"] == pytest.approx([(1 / 2 + 2 / 4) / 2])
    assert scores.values["p@5"] == pytest.approx([2 / 5])
    without = scene_scores(similarity, relevant, np.array([[True, False, False, False]]))
    assert without.values["map"] == pytest.approx([(1 + 2 / 3) / 2])


def test_queries_without_a_relevant_photo_do_not_count():
    similarity = np.array([[0.9, 0.1], [0.9, 0.1]], np.float32)
    scores = scene_scores(similarity, np.array([[True, False], [False, False]]))
    assert scores.values["map"].tolist() == [1.0]


def test_photos_keep_their_proportions_and_are_never_enlarged():
    assert scaled_array(Image.new("RGB", (640, 320)), 160).shape == (160, 320, 3)
    assert scaled_array(Image.new("L", (100, 50)), 160).shape == (50, 100, 3)


def run(trained, *arguments):
    return CliRunner().invoke(evaluate, [str(trained / "bundle"), *map(str, arguments)])


def test_the_command_has_a_row_for_each_gallery(trained, drawn_data, tmp_path):
    folder = write_scenes(tmp_path / "scenes", *BALLS, "3.png,ball,0,0,0.1,0.1")
    options = ("--scenes", folder, "--sketches", drawn_data, "--device", "cpu")
    result = run(trained, *options, "--regions", "grid6", "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.output)
    assert found["protocol"]["queries"] == 2
    assert found["protocol"]["gallery"] == 4
    assert found["protocol"]["distractors"] == 4
    names = {"whole", "whole_of_regions", "regions"}
    assert set(found["rows"]) == names | {f"{name}_one_look" for name in names}
    assert set(found["by_size"]) == {"small", "large"}
    for rows in (found["rows"], found["with_distractors"], found["dev"], *found["by_size"].values()):
        low, high = rows["regions"]["interval"]["map"]
        assert low <= rows["regions"]["map"] <= high
    printed = run(trained, *options, "--regions", "none")
    assert "| scenes, small: whole |" in printed.output
    assert "regions none, at most 1 vectors" in printed.output


def test_the_command_says_what_is_wrong(trained, drawn_data, tmp_path):
    folder = write_scenes(tmp_path / "scenes", *BALLS)
    assert "--scenes goes with --sketches" in run(trained, "--scenes", folder).output
    assert run(trained, "--scenes", folder, "--data", drawn_data).exit_code == 2
    unknown = run(trained, "--scenes", folder, "--sketches", drawn_data, "--regions", "grid7")
    assert isinstance(unknown.exception, InvalidInputError)
