"""Copies of one shot have fingerprints that lie together; other shots and other pictures have not."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw

from mindreader.imaging import decoders
from mindreader.imaging.fingerprints import FINGERPRINT_BYTES, Pictures, fingerprint
from tests.support.photos import write_photos


@pytest.fixture(scope="module")
def shots(tmp_path_factory) -> list[Image.Image]:
    """Drawn scenes, each one different."""
    paths = write_photos(tmp_path_factory.mktemp("shots"), 6, side=480)
    return [Image.open(path).convert("RGB") for path in paths]


def are_copies(one: Image.Image, other: Image.Image) -> bool:
    pictures = Pictures.of([fingerprint(one), fingerprint(other)], [one.size, other.size])
    return bool(pictures.copies(pictures)[0, 1])


def coded(image: Image.Image, kind: str, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, kind, quality=quality)
    return Image.open(buffer).convert("RGB")


def resized(image: Image.Image, share: float) -> Image.Image:
    return image.resize((round(image.width * share), round(image.height * share)), Image.Resampling.LANCZOS)


@pytest.mark.parametrize("share", [0.25, 0.4, 0.5, 0.83, 1.5])
def test_a_resized_copy_is_one(shots, share):
    assert all(are_copies(shot, resized(shot, share)) for shot in shots)


@pytest.mark.parametrize(("kind", "quality"), [("JPEG", 30), ("JPEG", 75), ("WEBP", 30), ("WEBP", 80), ("AVIF", 50)])
def test_a_recompressed_copy_is_one(shots, kind, quality):
    assert all(are_copies(shot, coded(shot, kind, quality)) for shot in shots)


def test_resized_and_recompressed_copies_are_copies_of_each_other(shots):
    for shot in shots:
        assert are_copies(coded(resized(shot, 0.4), "WEBP", 80), coded(shot, "JPEG", 60))


@pytest.mark.parametrize(
    "another",
    [
        lambda shot: shot.crop((8, 5, shot.width, shot.height)),  # held a little differently
        lambda shot: shot.rotate(1, Image.Resampling.BICUBIC).crop((9, 9, shot.width - 9, shot.height - 9)),
        lambda shot: shot.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        lambda shot: shot.transpose(Image.Transpose.ROTATE_90),
        lambda shot: shot.point(lambda value: value * 0.9),
        lambda shot: shot.convert("L").convert("RGB"),
        lambda shot: shot.resize((shot.width, round(shot.height * 1.1))),
    ],
)
def test_another_shot_or_an_edited_one_is_no_copy(shots, another):
    assert not any(are_copies(shot, another(shot)) for shot in shots)


def test_where_something_small_moved_it_is_another_shot(shots):
    for shot in shots:
        here, there = shot.copy(), shot.copy()
        for image, left in ((here, 100), (there, 160)):
            ImageDraw.Draw(image).ellipse((left, 100, left + 40, 160), fill="black", outline="white", width=6)
        assert not are_copies(here, there)


def test_no_two_of_the_shots_are_copies(shots):
    pictures = Pictures.of([fingerprint(shot) for shot in shots], [shot.size for shot in shots])
    assert np.array_equal(pictures.copies(pictures), np.eye(len(shots), dtype=bool))


@pytest.mark.parametrize("colour", ["white", "black", (90, 120, 200)])
def test_pictures_that_show_nothing_are_no_copies(colour):
    sheet = Image.new("RGB", (300, 200), colour)
    assert not are_copies(sheet, sheet)


def test_pages_of_text_are_told_apart():
    one, other = page(0), page(1)
    assert not are_copies(one, other)
    assert are_copies(one, coded(resized(one, 0.5), "JPEG", 75))


def page(seed: int) -> Image.Image:
    """Dark words on white, of lengths of their own."""
    random, sheet = np.random.default_rng(seed), Image.new("RGB", (840, 1188), "white")
    draw = ImageDraw.Draw(sheet)
    for y in range(80, 1100, 26):
        x = 70
        while (end := x + int(random.integers(15, 90))) < 770:
            draw.rectangle((x, y, end, y + 11), fill=(40, 40, 40))
            x = end + 12
    return sheet


def test_without_a_fingerprint_nothing_is_a_copy(shots):
    made, size = fingerprint(shots[0]), shots[0].size
    for strange in (None, b"", b"x" * (FINGERPRINT_BYTES - 1), b"x" * 4096):
        pictures = Pictures.of([made, strange], [size, size])
        assert pictures.copies(pictures).tolist() == [[True, False], [False, False]]


def test_a_photo_and_its_thumbnail_have_one_fingerprint(shots, settings):
    buffer = io.BytesIO()
    shots[0].save(buffer, "JPEG", quality=95)
    photo = decoders(settings).photo_file(buffer.getvalue(), 512)
    again = decoders(settings).fingerprint(photo.thumbnail)
    pictures = Pictures.of([photo.fingerprint, again], [shots[0].size] * 2)
    assert pictures.copies(pictures).all()
