"""Things in one sketch: what lies apart is read apart, what belongs together is not."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from mindreader.inference.sketches.sketch_parts import parts_of

SIDE = 400


def sheet(*circles):
    """Circles by their middle and radius, in shares of the sheet."""
    drawing = Image.new("L", (SIDE, SIDE), 255)
    for x, y, radius in circles:
        around = tuple(SIDE * value for value in (x - radius, y - radius, x + radius, y + radius))
        ImageDraw.Draw(drawing).ellipse(around, outline=0, width=6)
    return drawing


def sides(box):
    return (box.left, box.top, box.right, box.bottom)


@pytest.mark.parametrize(
    "circles", [[(0.5, 0.5, 0.3)], [(0.4, 0.5, 0.2), (0.6, 0.5, 0.2)], [(0.3, 0.5, 0.15), (0.63, 0.5, 0.15)]]
)
def test_strokes_that_touch_or_nearly_do_are_one_thing(circles):
    assert parts_of(sheet(*circles)) == []


def test_two_things_are_given_from_left_to_right_each_alone_on_the_sheet():
    drawing = sheet((0.75, 0.25, 0.15), (0.25, 0.7, 0.2))
    left, right = parts_of(drawing)
    assert sides(left.box) == pytest.approx((0.05, 0.5, 0.45, 0.9), abs=0.02)
    assert sides(right.box) == pytest.approx((0.6, 0.1, 0.9, 0.4), abs=0.02)
    assert left.sketch.size == right.sketch.size == drawing.size
    darkest = np.minimum(np.asarray(left.sketch), np.asarray(right.sketch))
    assert (darkest == np.asarray(drawing)).all()  # nothing is lost, and nothing comes to it
    assert (np.asarray(left.sketch)[:, SIDE // 2 :] == 255).all()
    assert (np.asarray(right.sketch)[:, : SIDE // 2] == 255).all()


def test_a_dot_belongs_to_what_it_is_nearest_to():
    left, right = parts_of(sheet((0.2, 0.5, 0.15), (0.75, 0.5, 0.15), (0.55, 0.1, 0.02)))
    assert sides(left.box) == pytest.approx((0.05, 0.35, 0.35, 0.65), abs=0.02)
    assert right.box.top < 0.1


def test_one_thing_with_a_dot_is_one_thing():
    assert parts_of(sheet((0.3, 0.5, 0.2), (0.8, 0.2, 0.03))) == []


def test_of_many_groups_the_smallest_join_until_three_are_left():
    many = [(x, y, 0.07) for x in (0.1, 0.5, 0.9) for y in (0.1, 0.5, 0.9)]
    found = parts_of(sheet(*many))
    assert len(found) == 3


def test_a_blank_sheet_has_no_parts():
    assert parts_of(Image.new("L", (SIDE, SIDE), 255)) == []


@pytest.mark.parametrize("side", [128, 1024])
def test_thin_strokes_count_at_every_size(side):
    drawing = Image.new("L", (side, side), 255)
    for left in (0.1, 0.6):
        ImageDraw.Draw(drawing).rectangle(
            [side * v for v in (left, 0.3, left + 0.3, 0.7)], outline=90, width=1 + side // 400
        )
    assert len(parts_of(drawing)) == 2
