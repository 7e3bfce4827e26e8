"""Outlines of the thing in the middle of a photo."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from mindreader_training.data.outlines import foreground, outline_sketch

SIZE = 128


@pytest.fixture
def photo():
    """A red disk before a blotchy green wall."""
    coarse = np.random.default_rng(0).integers(0, 60, (8, 8, 3), dtype=np.uint8) + np.array([0, 120, 40], np.uint8)
    image = Image.fromarray(coarse).resize((SIZE, SIZE), Image.Resampling.BICUBIC)
    ImageDraw.Draw(image).ellipse((34, 34, 94, 94), fill=(220, 30, 40))
    return np.array(image)


def test_the_thing_is_told_from_its_surroundings(photo):
    thing = foreground(photo)
    assert thing is not None
    rows, columns = np.mgrid[:SIZE, :SIZE]
    disk = (rows - 64) ** 2 + (columns - 64) ** 2 <= 30**2
    overlap = (disk & (thing > 0)).sum() / (disk | (thing > 0)).sum()
    assert overlap > 0.9
    again = foreground(photo)
    assert again is not None
    assert (again == thing).all(), "the same photo has the same outline"


@pytest.mark.parametrize("colour", [0, 255])
def test_where_nothing_stands_out_there_is_no_outline(colour):
    assert foreground(np.full((SIZE, SIZE, 3), colour, np.uint8)) is None


def test_the_outline_is_drawn_and_the_wall_is_not(photo):
    thing = foreground(photo)
    assert thing is not None
    for seed in range(8):
        sketch = outline_sketch(photo, thing, np.random.default_rng(seed))
        assert sketch.shape == (SIZE, SIZE)
        ink = sketch < 128
        assert 60 < ink.sum() < 2000
        rows, columns = np.nonzero(ink)
        distance = np.hypot(rows - 64, columns - 64)
        assert distance.max() < 40, "nothing of the wall"
        assert np.median(np.abs(distance - 30)) < 4, "most of it is the outline"
    first, second = (outline_sketch(photo, thing, np.random.default_rng(seed)) for seed in (1, 2))
    assert (first != second).any()
