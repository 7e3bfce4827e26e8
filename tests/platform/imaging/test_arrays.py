import numpy as np
import pytest
from PIL import Image

from mindreader.imaging import MOST_ELONGATED, photo_array, photo_pixels


@pytest.mark.parametrize("size", [(60, 40), (40, 60), (8, 8)])
def test_arrays_are_square_bytes(size: tuple[int, int]) -> None:
    array = photo_array(Image.new("RGB", size, (1, 2, 3)), 16)
    assert array.shape == (16, 16, 3)
    assert array.dtype == np.uint8
    assert (array == (1, 2, 3)).all()


def test_the_whole_picture_is_kept(photo: Image.Image) -> None:
    array = photo_array(photo, 20).astype(int)
    seen = [array[y, x].tolist() for y in (2, -3) for x in (2, -3)]
    wanted = [(250, 10, 10), (10, 250, 10), (10, 10, 250), (250, 250, 250)]
    assert np.abs(np.array(seen) - wanted).max() <= 5


def test_shrinking_is_antialiased() -> None:
    stripes = np.zeros((400, 400, 3), np.uint8)
    stripes[:, ::2] = 255
    middle = photo_array(Image.fromarray(stripes), 40)[5:-5, 5:-5]
    assert middle.min() > 110
    assert middle.max() < 145


def test_arrays_belong_to_the_caller(photo: Image.Image) -> None:
    photo_array(photo, 8)[:] = 0  # torch takes only arrays it may write to


@pytest.mark.parametrize(
    ("size", "shape"),
    [
        ((600, 400), (200, 300, 3)),
        ((400, 600), (300, 200, 3)),
        ((201, 200), (200, 201, 3)),
        ((120, 80), (80, 120, 3)),
        ((4000, 400), (200, 1600, 3)),
        ((3, 4000), (1600, 3, 3)),
        ((1, 1), (1, 1, 3)),
    ],
    ids=["landscape", "portrait", "nearly there", "smaller", "panorama", "strip", "a pixel"],
)
def test_proportions_are_kept_up_to_a_size_known_before(size: tuple[int, int], shape: tuple[int, int, int]) -> None:
    array = photo_pixels(Image.new("L", size, 7), 200)
    assert array.shape == shape
    assert array.dtype == np.uint8
    assert max(array.shape[:2]) <= 200 * MOST_ELONGATED
    assert (array == 7).all()


def test_all_of_a_panorama_is_kept(photo: Image.Image) -> None:
    array = photo_pixels(photo.resize((3000, 100)), 20).astype(int)
    seen = [array[y, x].tolist() for y in (2, -3) for x in (2, -3)]
    wanted = [(250, 10, 10), (10, 250, 10), (10, 10, 250), (250, 250, 250)]
    assert np.abs(np.array(seen) - wanted).max() <= 5


def test_arrays_with_proportions_belong_to_the_caller(photo: Image.Image) -> None:
    photo_pixels(photo, 10_000)[:] = 0
