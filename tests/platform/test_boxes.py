"""A box is a part of a picture, or none at all."""

import math

import pytest

from mindreader.boxes import WHOLE, Box
from mindreader.errors import InvalidInputError


@pytest.mark.parametrize("sides", [(0, 0, 1, 1), (0.25, 0.5, 0.75, 0.625), (0, 0, 1e-9, 1)])
def test_a_part_of_a_picture_is_taken(sides):
    assert Box(*sides).sides == sides


@pytest.mark.parametrize(
    "sides",
    [
        (0.5, 0, 0.5, 1),
        (0, 0.5, 1, 0.5),
        (0.6, 0, 0.4, 1),
        (0, 0.6, 1, 0.4),
        (-0.1, 0, 1, 1),
        (0, -0.1, 1, 1),
        (0, 0, 1.1, 1),
        (0, 0, 1, 1.1),
        (math.nan, 0, 1, 1),
        (0, 0, math.inf, 1),
    ],
)
def test_what_is_no_part_of_a_picture_is_refused(sides):
    with pytest.raises(InvalidInputError, match="shares of the picture"):
        Box(*sides)


def test_equal_boxes_are_one():
    assert {Box(0, 0, 1, 1), WHOLE} == {WHOLE}
