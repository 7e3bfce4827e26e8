"""The sheet of paper in a photo is found and straightened, on whatever table; where there is none, none is found."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageDraw

from mindreader.errors import SketchRejectedError
from mindreader.imaging import Reading, read_drawing
from mindreader.imaging.paper_sketches.sheet import find_sheet, straightened
from tests.support.paper_photos import SIZE, TABLES, PaperPhoto, photo_of_paper
from tests.support.sketches import house_png
from tests.support.strokes import agreement, squared

HOUSE = Image.open(BytesIO(house_png()))


def jpeg(image):
    out = BytesIO()
    image.save(out, "JPEG", quality=88)
    return out.getvalue()


def read(photo: PaperPhoto, **options):
    return read_drawing(jpeg(photo.image), max_bytes=10**7, **options)


def pixels_off(corners, photo: PaperPhoto) -> float:
    return float(np.abs((corners - photo.corners) * SIZE).max())


@pytest.mark.parametrize(
    ("table", "share"),
    [
        # Each table once, the sheet small on one and large on the next; `make test-all` has the others.
        pytest.param(table, share, marks=() if (number + large) % 2 else pytest.mark.slow)
        for large, share in enumerate((0.25, 0.6))
        for number, table in enumerate(TABLES)
    ],
)
def test_the_sheet_is_found_on_every_table(table, share):
    photo = photo_of_paper(HOUSE, 11, table=table, share=share)
    read_of = read(photo)
    assert read_of.corners is not None
    assert pixels_off(read_of.corners, photo) < 25
    assert min(agreement(read_of.strokes, squared(photo.sheet))) > 0.9


def test_ruled_paper_leaves_no_rules():
    photo = photo_of_paper(HOUSE, 3, table="dark wood", ruled=True)
    assert min(agreement(read(photo).strokes, squared(photo.sheet))) > 0.9


@pytest.mark.slow
@pytest.mark.data
def test_drawings_of_many_hands_come_out_of_their_photos(real_data):
    """Of 120 such photos 115 are found (`bench/paper.py`); of these 12, one may be missed."""
    sketches = sorted((real_data / "sketches").glob("*/sk_*.png"))[::227][:12]
    assert len(sketches) == 12
    good = 0
    for seed, path in enumerate(sketches):
        photo = photo_of_paper(
            Image.open(path).convert("L"), seed, table=TABLES[seed % len(TABLES)], ruled=seed % 4 == 0, share=0.5
        )
        good += min(agreement(read(photo).strokes, squared(photo.sheet))) > 0.8
    assert good >= 11


def inside(photo: PaperPhoto) -> Image.Image:
    """The photo without the table."""
    corners = photo.corners * SIZE
    low, high = np.sort(corners, axis=0)[1] + 8, np.sort(corners, axis=0)[2] - 8
    return photo.image.crop((int(low[0]), int(low[1]), int(high[0]), int(high[1])))


@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 6))])
def test_paper_that_fills_the_picture_is_no_sheet_on_anything(seed):
    """Not even with a house of straight walls on it, and a shadow."""
    assert find_sheet(inside(photo_of_paper(HOUSE, seed, table="grey", tilt=15, share=0.6))) is None


def test_a_frame_drawn_on_paper_is_no_sheet():
    frame = Image.new("L", (256, 256), 255)
    ImageDraw.Draw(frame).rectangle((40, 60, 215, 195), outline=0, width=4)
    assert find_sheet(inside(photo_of_paper(frame, 2, table="grey", tilt=15, share=0.6))) is None


def test_a_person_may_take_the_whole_picture_or_say_where_the_sheet_lies():
    photo = photo_of_paper(HOUSE, 5, table="cloth")
    assert read(photo, reading=Reading.PICTURE).corners is None
    told = read(photo, reading=Reading.SHEET, corners=photo.corners)
    assert np.array_equal(told.corners, photo.corners)
    assert min(agreement(told.strokes, squared(photo.sheet))) > 0.95


@pytest.mark.parametrize("seeds", [range(3), pytest.param(range(3, 8), marks=pytest.mark.slow)], ids=str)
def test_the_straightened_sheet_has_the_proportions_of_paper(seeds):
    for seed in seeds:
        photo = photo_of_paper(HOUSE, seed, table="black", share=0.4)
        sheet = straightened(photo.image, photo.corners)
        assert sheet.width / sheet.height == pytest.approx(photo.sheet.width / photo.sheet.height, rel=0.1)


def test_a_sheet_without_a_drawing_asks_for_one():
    blank = photo_of_paper(Image.new("L", (256, 256), 255), 4, table="dark wood")
    with pytest.raises(SketchRejectedError, match="Draw something first"):
        read(blank)


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (17, 9), (64, 64)])
def test_tiny_pictures_are_no_trouble(size):
    noise = np.random.default_rng(0).integers(0, 255, (size[1], size[0], 3), np.uint8)
    assert find_sheet(Image.fromarray(noise)) is None
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], float)
    assert min(straightened(Image.fromarray(noise), corners).size) >= 1
