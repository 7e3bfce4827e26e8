"""TIFF as scanners and image programs leave it: shown right, or refused by name; never taken for what it is not."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from PIL import Image

from mindreader.errors import PhotoRejectedError
from mindreader.imaging import decode_photo


def page(
    pixels: np.ndarray, photometric: int, at: int, *, planar: bool = False, kind: int = 0, last: bool = True
) -> bytes:
    """An uncompressed page of a file, to lie at this place in it: a directory of tags, and what it points at."""
    height, width, channels = pixels.shape
    stored = np.moveaxis(pixels, -1, 0) if planar else pixels
    strips = channels if planar else 1
    bits, form = 8 * pixels.dtype.itemsize, 3 if pixels.dtype.kind == "f" else 1
    tables = at + 2 + 12 * 12 + 4
    data = tables + 4 * channels + 8 * strips
    size = stored.nbytes // strips
    few = lambda values, start: start if len(values) > 2 else sum(v << 16 * i for i, v in enumerate(values))  # noqa: E731
    counts, offsets = [size] * strips, [data + size * i for i in range(strips)]
    tables_of_strips = tables + 4 * channels
    tags = [
        (254, 4, 1, kind),
        (256, 4, 1, width),
        (257, 4, 1, height),
        (258, 3, channels, few([bits] * channels, tables)),
        (259, 3, 1, 1),
        (262, 3, 1, photometric),
        (273, 4, strips, tables_of_strips if strips > 1 else offsets[0]),
        (277, 3, 1, channels),
        (278, 4, 1, height),
        (279, 4, strips, tables_of_strips + 4 * strips if strips > 1 else counts[0]),
        (284, 3, 1, 2 if planar else 1),
        (339, 3, channels, few([form] * channels, tables + 2 * channels)),
    ]
    body = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags)
    body += struct.pack("<I", 0 if last else data + stored.nbytes)
    body += struct.pack(f"<{channels}H", *[bits] * channels) + struct.pack(f"<{channels}H", *[form] * channels)
    return body + struct.pack(f"<{2 * strips}I", *offsets, *counts) + stored.tobytes()


def tiff(pixels: np.ndarray, photometric: int, **options: bool) -> bytes:
    return b"II*\0" + struct.pack("<I", 8) + page(pixels, photometric, 8, **options)


def pages(*each: tuple[np.ndarray, int]) -> bytes:
    data = b"II*\0" + struct.pack("<I", 8)
    for number, (pixels, kind) in enumerate(each):
        data += page(pixels, 2, len(data), kind=kind, last=number == len(each) - 1)
    return data


def shown(data: bytes) -> np.ndarray:
    return np.asarray(decode_photo(data, max_pixels=1_000_000).image)


RAMP = np.linspace(0, 65535, 256 * 4).round().astype(np.uint16).reshape(4, 256, 1)


@pytest.mark.parametrize("depth", [8, 16])
def test_grey_whose_white_is_zero_is_no_negative(depth: int) -> None:
    ramp = RAMP if depth == 16 else (RAMP >> 8).astype(np.uint8)
    assert np.abs(shown(tiff(~ramp, 0))[..., 0].astype(int) - (RAMP[..., 0] >> 8)).max() <= 1
    assert np.abs(shown(tiff(ramp, 1))[..., 0].astype(int) - (RAMP[..., 0] >> 8)).max() <= 1


def test_floating_grey_whose_white_is_zero_is_no_negative() -> None:
    ramp = (RAMP / 65535).astype(np.float32)
    assert np.abs(shown(tiff(1 - ramp, 0))[..., 0].astype(int) - (RAMP[..., 0] >> 8)).max() <= 1


COLOURS = np.random.default_rng(0).integers(0, 255, (30, 40, 3), np.uint8)


def test_colours_are_shown_in_planes_and_interleaved() -> None:
    assert (shown(tiff(COLOURS, 2)) == COLOURS).all()
    assert (shown(tiff(COLOURS, 2, planar=True)) == COLOURS).all()
    assert (shown(tiff(COLOURS.astype(np.uint16) * 257, 2)) == COLOURS).all()


@pytest.mark.parametrize(
    ("pixels", "planar", "words"),
    [
        (COLOURS.astype(np.uint16) * 257, True, "separate planes of 16 bits"),
        ((COLOURS / 255).astype(np.float32), False, "floating-point numbers"),
        ((COLOURS / 255).astype(np.float32), True, "floating-point numbers"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(pixels: np.ndarray, planar: bool, words: str) -> None:
    with pytest.raises(PhotoRejectedError, match=words):
        shown(tiff(pixels, 2, planar=planar))


def test_a_preview_before_the_picture_is_passed_over() -> None:
    preview = np.asarray(Image.fromarray(COLOURS).resize((20, 15)))
    assert (shown(pages((preview, 1), (COLOURS, 0))) == COLOURS).all()
    assert (shown(pages((preview, 1), (preview, 1), (COLOURS, 0))) == COLOURS).all()
    assert (shown(pages((COLOURS, 0), (preview, 1))) == COLOURS).all()
    assert (shown(pages((COLOURS, 2), (preview, 2))) == COLOURS).all()


def test_a_preview_alone_is_a_picture() -> None:
    assert (shown(pages((COLOURS, 1))) == COLOURS).all()


def test_a_large_picture_behind_a_preview_is_measured() -> None:
    preview = np.asarray(Image.fromarray(COLOURS).resize((20, 15)))
    with pytest.raises(PhotoRejectedError, match="40 × 30 pixels"):
        decode_photo(pages((preview, 1), (COLOURS, 0)), max_pixels=1000)
