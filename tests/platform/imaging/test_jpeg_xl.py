"""JPEG XL: in its colours, upright, by what its header says; animations and damage refused by name."""

from __future__ import annotations

import struct
from collections.abc import Callable
from datetime import datetime
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mindreader.errors import PhotoRejectedError
from mindreader.imaging import DecodedPhoto, decode_photo
from mindreader.imaging.formats import jpeg_xl
from mindreader.imaging.formats.jpeg_xl import Header
from tests.support import colours
from tests.support import jpeg_xl as files
from tests.support.raw_files import jpeg, quarters

Encode = Callable[..., bytes]
TURNS = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 255, (120, 160, 3), np.uint8))


def shown(data: bytes) -> DecodedPhoto:
    return decode_photo(data, max_pixels=1_000_000)


def rejection(data: bytes) -> str:
    with pytest.raises(PhotoRejectedError) as caught:
        shown(data)
    return str(caught.value.detail)


@pytest.mark.parametrize("container", [False, True])
@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_every_mode_is_shown(encode: Encode, photo: Image.Image, mode: str, container: bool) -> None:
    decoded = shown(encode(photo.convert(mode), "JXL", lossless=True, use_container=container))
    assert (decoded.media_type, decoded.width, decoded.height) == ("image/jxl", 60, 40)
    assert (np.asarray(decoded.image) == np.asarray(photo.convert(mode).convert("RGB"))).all()


def test_deep_grey_is_shown(encode: Encode, photo: Image.Image) -> None:
    """The encoder calls values of 16 bits light."""
    grey = photo.convert("L").point(lambda value: 100 + value // 2)
    light = Image.fromarray((colours.linear(np.asarray(grey) / 255) * 65535).astype(np.uint16))
    decoded = shown(encode(light, "JXL", lossless=True))
    assert np.abs(np.asarray(decoded.image)[..., 0].astype(int) - np.asarray(grey)).max() <= 2


def test_transparency_is_laid_over_white(encode: Encode) -> None:
    clear = Image.new("RGBA", (32, 32), (255, 0, 0, 0))
    assert shown(encode(clear, "JXL", lossless=True)).image.getpixel((5, 5)) == (255, 255, 255)


@pytest.mark.parametrize("orientation", TURNS)
def test_it_is_upright_by_its_header_alone(orientation: int) -> None:
    picture, turn = quarters(120, 80), TURNS[orientation]
    upright = picture if turn is None else picture.transpose(turn)
    decoded = shown(files.written(picture, orientation=orientation))
    assert (decoded.width, decoded.height) == upright.size
    assert (np.asarray(decoded.image) == np.asarray(upright)).all()


def test_the_orientation_of_exif_is_passed_over_and_its_date_is_read(encode: Encode) -> None:
    """ISO/IEC 18181-2: what the codestream says holds."""
    exif = Image.Exif()
    exif[274], exif[306] = 6, "2024:05:31 18:22:03"
    data = encode(quarters(120, 80), "JXL", lossless=True, use_container=True, exif=exif.tobytes())
    at = data.index(b"Exif")
    size = int.from_bytes(data[at - 4 : at], "big")
    for said in (data, data[: at - 4] + struct.pack(">I", size + 4) + b"Exif" + bytes(4) + data[at + 4 :]):
        decoded = shown(said)
        assert (decoded.width, decoded.height, decoded.taken_at) == (120, 80, datetime(2024, 5, 31, 18, 22, 3))


@pytest.mark.parametrize("orientation", [1, 6])
def test_what_was_a_jpeg_is_shown_as_that(tmp_path: Path, orientation: int) -> None:
    (tmp_path / "photo.jpg").write_bytes(jpeg(quarters(120, 80), orientation, "2024:05:31 18:22:03"))
    out = BytesIO()
    with Image.open(tmp_path / "photo.jpg") as image:
        image.save(out, "JXL", lossless_jpeg=True)
    decoded, original = shown(out.getvalue()), shown((tmp_path / "photo.jpg").read_bytes())
    assert (decoded.media_type, decoded.taken_at) == ("image/jxl", original.taken_at)
    assert (decoded.width, decoded.height) == (original.width, original.height)
    assert (np.asarray(decoded.image) == np.asarray(original.image)).all()


def values(chart: np.ndarray) -> Image.Image:
    return Image.fromarray(np.rint(np.clip(chart, 0, 1) * 255).astype(np.uint8))


def test_wide_colours_are_shown() -> None:
    wide = values(colours.curved(colours.light_in(colours.P3)))
    assert colours.difference(shown(files.written(wide, primaries=files.P3)).image) <= 2


def pq(light: np.ndarray) -> np.ndarray:
    power = (light * 203 / 10_000) ** (2610 / 16384)
    return np.asarray(((3424 / 4096 + 2413 / 128 * power) / (1 + 2392 / 128 * power)) ** (2523 / 32))


@pytest.mark.parametrize(("primaries", "lights"), [(files.P3, colours.P3), (files.BT2020, colours.BT2020)])
def test_high_dynamic_range_is_mapped(primaries: int, lights: tuple[tuple[float, float], ...]) -> None:
    bright = values(pq(colours.light_in(lights)))
    assert colours.difference(shown(files.written(bright, primaries=primaries, transfer=files.PQ)).image) <= 6


def test_light_of_hlg_is_mapped() -> None:
    light = colours.light_in(colours.BT2020) * 203 / 1000
    luminance = np.maximum(light @ np.array([0.2627, 0.6780, 0.0593]), 1e-9)
    scene = light * luminance[..., None] ** (1 / 1.2 - 1)
    bright = 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
    coded = values(np.where(scene <= 1 / 12, np.sqrt(3 * scene), bright))
    assert colours.difference(shown(files.written(coded, primaries=files.BT2020, transfer=files.HLG)).image) <= 6


def test_an_animation_is_refused_by_name() -> None:
    assert "an animated JPEG XL" in rejection(files.ANIMATION)


@pytest.mark.parametrize("fraction", [0.02, 0.1, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("options", [{}, {"lossless": True}, {"use_container": True}])
def test_cut_files_are_refused_by_name(encode: Encode, fraction: float, options: dict[str, bool]) -> None:
    data = encode(NOISE, "JXL", **options)
    assert "JPEG XL image ends too early" in rejection(data[: max(12, int(len(data) * fraction))])


@pytest.mark.parametrize("size", [(8, 8), (256, 256), (60, 40), (321, 123), (1000, 20), (20, 1000), (513, 513)])
@pytest.mark.parametrize("container", [False, True])
def test_the_size_is_read_from_the_header(encode: Encode, size: tuple[int, int], container: bool) -> None:
    data = encode(Image.new("RGB", size), "JXL", lossless=True, use_container=container)
    assert jpeg_xl.header(BytesIO(data)) == Header(size)
    deep = encode(Image.new("RGBA", size), "JXL", lossless=True, use_container=container)
    assert jpeg_xl.header(BytesIO(deep)) == Header(size, extra_channels=1)


def test_more_pixels_than_are_taken_are_refused_from_the_header() -> None:
    assert "40000 × 30000 pixels" in rejection(files.written(quarters(64, 64), size=(40_000, 30_000)))


@pytest.mark.parametrize("is_float", [False, True])
def test_deep_grey_with_transparency_is_brought_to_eight_bits(is_float: bool) -> None:
    """The library hands out its values as they are, and calls them eight bits."""
    deep = np.array([[[0, 65535], [32896, 65535], [65535, 65535]]], np.uint16)
    data = (deep / 65535).astype(np.float32).tobytes() if is_float else deep.tobytes()
    image = jpeg_xl._image("LA", (3, 1), data)
    assert np.abs(np.asarray(image)[0, :, 0].astype(int) - [0, 128, 255]).max() <= 1
