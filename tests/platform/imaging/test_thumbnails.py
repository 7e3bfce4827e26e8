from collections.abc import Callable
from io import BytesIO

import numpy as np
import pytest
from PIL import ExifTags, Image

from mindreader.imaging import THUMBNAIL_MEDIA_TYPE, decode_photo, make_thumbnail

Encode = Callable[..., bytes]


def opened(data: bytes) -> Image.Image:
    return Image.open(BytesIO(data))


@pytest.mark.parametrize(
    ("size", "expected"),
    [((800, 600), (512, 384)), ((600, 800), (384, 512)), ((100, 50), (100, 50)), ((2000, 10), (512, 3))],
)
def test_thumbnails_keep_proportions_and_never_enlarge(size: tuple[int, int], expected: tuple[int, int]) -> None:
    small = opened(make_thumbnail(Image.new("RGB", size), 512))
    assert small.size == expected
    assert Image.MIME[small.format or ""] == THUMBNAIL_MEDIA_TYPE


def test_the_thinnest_photo_keeps_a_pixel() -> None:
    assert opened(make_thumbnail(Image.new("RGB", (200, 1)), 64)).size == (64, 1)


def test_the_photo_itself_is_left_alone(photo: Image.Image) -> None:
    make_thumbnail(photo, 10)
    assert photo.size == (60, 40)


def test_thumbnails_look_like_their_photo(photo: Image.Image) -> None:
    small = np.asarray(opened(make_thumbnail(photo.resize((600, 400)), 60)).convert("RGB")).astype(int)
    assert np.abs(small - np.asarray(photo).astype(int)).mean() < 8


def test_thumbnails_tell_neither_place_nor_camera(encode: Encode, photo: Image.Image) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Camera"
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] = "N"
    decoded = decode_photo(encode(photo, "JPEG", exif=exif.tobytes()), max_pixels=10_000)
    small = opened(make_thumbnail(decoded.image, 30))
    assert not {"exif", "xmp", "icc_profile"} & set(small.info)
