"""Looks at a sketch: its place, its size and its direction cost nothing."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from mindreader.inference.sketches.looks import fitted_to_sheet, looks_at

SIDE = 128


@pytest.fixture
def house():
    sheet = Image.new("L", (400, 400), 255)
    draw = ImageDraw.Draw(sheet)
    draw.rectangle((60, 180, 340, 360), outline=0, width=10)
    draw.line((60, 180, 120, 50, 340, 180), fill=0, width=10)
    return sheet


def placed(drawing, side, left, top):
    sheet = Image.new("L", drawing.size, 255)
    sheet.paste(drawing.resize((side, side), Image.Resampling.BICUBIC), (left, top))
    return sheet


def box_of(pixels):
    rows, columns = np.nonzero(pixels < 128)
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


def test_the_first_look_is_as_drawn_and_the_second_mirrored_and_fitted(house):
    drawn, mirrored = looks_at(house, SIDE)
    assert drawn.shape == (SIDE, SIDE)
    assert (drawn == np.asarray(house.resize((SIDE, SIDE), Image.Resampling.BICUBIC))).all()
    fitted = np.asarray(fitted_to_sheet(house).resize((SIDE, SIDE), Image.Resampling.BICUBIC))
    assert np.abs(mirrored[:, ::-1].astype(int) - fitted).mean() < 2


@pytest.mark.parametrize(("side", "left", "top"), [(160, 0, 0), (160, 240, 240), (120, 3, 270), (60, 170, 20)])
def test_a_small_drawing_anywhere_looks_as_a_large_one_in_the_middle(house, side, left, top):
    small, whole = (looks_at(sketch, SIDE) for sketch in (placed(house, side, left, top), fitted_to_sheet(house)))
    for look, expected in zip(small, whole, strict=True):
        assert box_of(look) == pytest.approx(box_of(expected), abs=4)


@pytest.mark.parametrize("side", [60, 160, 390])
def test_a_fitted_drawing_has_a_margin_of_a_tenth_and_is_in_the_middle(house, side):
    left, top, right, bottom = box_of(np.asarray(fitted_to_sheet(placed(house, side, 5, 0))))
    assert max(right - left, bottom - top) == pytest.approx(0.8 * house.width, rel=0.03)
    assert (left + right) / 2 == pytest.approx(house.width / 2, abs=8)
    assert (top + bottom) / 2 == pytest.approx(house.height / 2, abs=8)


def test_where_place_counts_nothing_is_moved(house):
    small = placed(house, 160, 10, 20)
    drawn, mirrored = looks_at(small, SIDE, fit=False)
    assert (drawn == np.asarray(small.resize((SIDE, SIDE), Image.Resampling.BICUBIC))).all()
    assert np.abs(mirrored[:, ::-1].astype(int) - drawn).mean() < 1


@pytest.mark.parametrize("shape", [(200, 200, 200, 200), (0, 200, 399, 200), (200, 0, 200, 399), (0, 0, 399, 399)])
def test_a_dot_a_line_and_strokes_at_the_very_edge_are_fitted_too(shape):
    sheet = Image.new("L", (400, 400), 255)
    ImageDraw.Draw(sheet).line(shape, fill=0, width=3)
    looks = looks_at(sheet, SIDE)
    assert looks.shape == (2, SIDE, SIDE)
    assert (looks.min(axis=(1, 2)) < 200).all()


def test_faint_strokes_are_strokes(house):
    faint = house.point(lambda value: 225 + value * 30 // 255)
    assert box_of(np.asarray(fitted_to_sheet(faint).point(lambda v: 0 if v < 240 else 255))) == pytest.approx(
        box_of(np.asarray(fitted_to_sheet(house))), abs=3
    )


def test_a_blank_sheet_stays_one():
    blank = Image.new("L", (64, 64), 255)
    assert (looks_at(blank, 32) == 255).all()
