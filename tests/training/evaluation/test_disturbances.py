"""Disturbed sketches are what their names say, and still sketches."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from mindreader_training.evaluation.disturbances import DISTURBANCES, disturbed

SIDE = 256


@pytest.fixture
def sketch():
    """Ten strokes of width 4, over most of the sheet."""
    sheet = Image.new("L", (SIDE, SIDE), 255)
    for number in range(10):
        ImageDraw.Draw(sheet).line((20 + 20 * number, 30, 35 + 20 * number, 220), fill=0, width=4)
    return sheet


def ink(image):
    return (255 - np.asarray(image, np.int64)).sum() / 255


def box(image):
    rows, columns = np.nonzero(np.asarray(image) < 128)
    return columns.min(), rows.min(), columns.max(), rows.max()


@pytest.fixture(params=range(3))
def random(request):
    return np.random.default_rng(request.param)


def test_a_small_one_lies_in_a_corner(sketch, random):
    left, top, right, bottom = box(disturbed(sketch, "small_in_a_corner", random))
    assert max(right - left, bottom - top) == pytest.approx(0.4 * 195, abs=4)
    assert right < SIDE / 2 or left > SIDE / 2
    assert bottom < SIDE / 2 or top > SIDE / 2


def test_half_of_the_strokes_are_left_whole(sketch, random):
    half = disturbed(sketch, "half_of_the_strokes", random)
    assert 0.35 <= ink(half) / ink(sketch) <= 0.5
    drawn = np.asarray(half) < 128
    assert ((np.asarray(sketch) < 128) | ~drawn).all()  # nothing new
    assert box(half)[1] == 30  # of those that are left nothing is cut off
    assert box(half)[3] == box(sketch)[3]


def test_of_a_single_stroke_half_is_left(random):
    sheet = Image.new("L", (SIDE, SIDE), 255)
    ImageDraw.Draw(sheet).ellipse((30, 30, 220, 220), outline=0, width=4)
    half = disturbed(sheet, "half_of_the_strokes", random)
    assert 0.3 <= ink(half) / ink(sheet) <= 0.5


def test_strokes_are_twice_as_wide(sketch, random):
    assert ink(disturbed(sketch, "double_width", random)) / ink(sketch) == pytest.approx(2, abs=0.5)


def test_a_shifted_one_is_off_the_middle_and_whole(sketch, random):
    left, top, right, bottom = box(disturbed(sketch, "shifted", random))
    assert abs((left + right) / 2 - SIDE / 2) > 0.15 * SIDE
    assert abs((top + bottom) / 2 - SIDE / 2) > 0.15 * SIDE
    assert right - left == pytest.approx(0.6 * 199, abs=4)


@pytest.mark.parametrize("name", DISTURBANCES)
def test_the_same_generator_draws_the_same_and_the_sketch_stays(sketch, name):
    before = np.asarray(sketch).copy()
    one, other = (np.asarray(disturbed(sketch, name, np.random.default_rng(5))) for _ in range(2))
    assert (one == other).all()
    assert (np.asarray(sketch) == before).all()
    assert one.shape == before.shape
