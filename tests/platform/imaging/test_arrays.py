import numpy as np
import pytest
from PIL import Image

from mindreader.imaging import photo_array


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
