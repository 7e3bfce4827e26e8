"""TIFF as scanners and image programs leave it: shown right, or refused by name; never taken for what it is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import pytest
from PIL import Image

from mindreader.errors import PhotoRejectedError
from mindreader.imaging import decode_photo
from tests.support import colours
from tests.support.tiffs import Page, tiff


def shown(data: bytes) -> np.ndarray:
    return np.asarray(decode_photo(data, max_pixels=1_000_000).image)


RAMP = np.linspace(0, 65535, 256 * 4).round().astype(np.uint16).reshape(4, 256, 1)


@pytest.mark.parametrize("depth", [8, 16])
def test_grey_whose_white_is_zero_is_no_negative(depth: int) -> None:
    ramp = RAMP if depth == 16 else (RAMP >> 8).astype(np.uint8)
    assert np.abs(shown(tiff(Page(~ramp, 0)))[..., 0].astype(int) - (RAMP[..., 0] >> 8)).max() <= 1
    assert np.abs(shown(tiff(Page(ramp, 1)))[..., 0].astype(int) - (RAMP[..., 0] >> 8)).max() <= 1


def test_floating_grey_whose_white_is_zero_is_no_negative() -> None:
    ramp = (RAMP / 65535).astype(np.float32)
    assert np.abs(shown(tiff(Page(1 - ramp, 0)))[..., 0].astype(int) - (RAMP[..., 0] >> 8)).max() <= 1


COLOURS = np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8)
LAYERED = np.dstack([COLOURS, np.full((30, 40), 255, np.uint8)])
WAYS: dict[str, dict[str, Any]] = {
    "plain": {},
    "in strips": {"rows": 7},
    "compressed": {"deflate": True, "rows": 7},
    "other byte order": {"order": ">"},
    "compressed in the other byte order": {"order": ">", "deflate": True},
}
DEPTHS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "8 bits": lambda pixels: pixels,
    "16 bits": lambda pixels: pixels.astype(np.uint16) * 257,
    "floats": lambda pixels: (pixels / 255).astype(np.float32),
    "floats up to 255": lambda pixels: pixels.astype(np.float32),
    "floats up to 65535": lambda pixels: (pixels * 257.0).astype(np.float32),
}


@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("depth", DEPTHS)
def test_colours_are_shown_in_planes_and_interleaved(depth: str, way: str, planar: bool) -> None:
    page = Page(DEPTHS[depth](COLOURS), planar=planar, **WAYS[way])
    assert (shown(tiff(page)) == COLOURS).all()
    if page.order == "<":  # Pillow reads BigTIFF in this byte order only
        assert (shown(tiff(page, big=True)) == COLOURS).all()


@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("depth", ["16 bits", "floats"])
def test_a_fourth_channel_leaves_deep_colours_alone(depth: str, planar: bool) -> None:
    assert (shown(tiff(Page(DEPTHS[depth](LAYERED), planar=planar, extra=((338, 2),)))) == COLOURS).all()


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("deflate", [False, True])
@pytest.mark.parametrize("ramp", [(RAMP / 65535).astype(np.float32), RAMP.astype(np.int32), RAMP])
def test_deep_grey_is_shown_in_either_byte_order(ramp: np.ndarray, order: Literal["<", ">"], deflate: bool) -> None:
    assert np.abs(shown(tiff(Page(ramp, 1, order=order, deflate=deflate)))[..., 0] - RAMP[..., 0] / 257).max() <= 1


def test_lights_beyond_white_and_what_is_no_number_leave_the_rest_as_it_is() -> None:
    values = (COLOURS / 255).astype(np.float32)
    values[0, :4, 0] = (40.0, np.inf, np.nan, -1.0)
    pixels = shown(tiff(Page(values)))
    assert (pixels[1:] == COLOURS[1:]).all()
    assert pixels[0, :4, 0].tolist() == [255, 255, 0, 0]


def test_deep_colours_are_turned_upright_and_shown_by_their_profile() -> None:
    profile = colours.rgb_profile("Linear sRGB", colours.SRGB, 1.0)
    light = np.rot90(colours.light_in(colours.SRGB)).astype(np.float32)
    photo = decode_photo(tiff(Page(light, extra=((274, 6), (34675, profile)))), max_pixels=1_000_000)
    assert photo.image.size == (photo.width, photo.height) == (128, 96)
    assert colours.difference(photo.image) <= 2


@pytest.mark.parametrize(
    ("page", "words"),
    [
        (Page((COLOURS / 255).astype(np.float16)), "floating-point numbers"),
        (Page(COLOURS / 255, planar=True), "floating-point numbers"),
        (Page((COLOURS / 255).astype(np.float32), deflate=True, extra=((317, 3),)), "floating-point numbers"),
        (Page((LAYERED / 255).astype(np.float32), 5), "floating-point numbers"),
        (Page(LAYERED.astype(np.uint16) * 257, 5, planar=True), "separate planes"),
        (Page(COLOURS.astype(np.uint32), planar=True), "separate planes"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(page: Page, words: str) -> None:
    with pytest.raises(PhotoRejectedError, match=words):
        shown(tiff(page))


@pytest.mark.parametrize("depth", ["8 bits", "16 bits", "floats"])
@pytest.mark.parametrize("planar", [False, True])
def test_a_preview_before_the_picture_is_passed_over(depth: str, planar: bool) -> None:
    small = np.asarray(Image.fromarray(COLOURS).resize((20, 15)))
    preview, picture = Page(small, kind=1), Page(DEPTHS[depth](COLOURS), planar=planar)
    assert (shown(tiff(preview, picture)) == COLOURS).all()
    assert (shown(tiff(preview, preview, picture)) == COLOURS).all()
    assert (shown(tiff(picture, preview)) == COLOURS).all()


def test_a_preview_alone_is_a_picture() -> None:
    small = np.asarray(Image.fromarray(COLOURS).resize((20, 15)))
    assert (shown(tiff(Page(COLOURS, kind=1))) == COLOURS).all()
    assert (shown(tiff(Page(COLOURS, kind=2), Page(small, kind=2))) == COLOURS).all()


@pytest.mark.parametrize("depth", ["8 bits", "16 bits", "floats"])
def test_a_large_picture_behind_a_preview_is_measured(depth: str) -> None:
    preview = Page(np.asarray(Image.fromarray(COLOURS).resize((20, 15))), kind=1)
    with pytest.raises(PhotoRejectedError, match="40 × 30 pixels"):
        decode_photo(tiff(preview, Page(DEPTHS[depth](COLOURS), planar=True)), max_pixels=1000)
