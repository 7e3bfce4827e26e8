"""Colours are right whatever space a file holds them in: compared with a chart, as a mean difference (CIE 1976)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageCms

from mindreader.imaging import decode_photo
from tests.support import colours
from tests.support.heics import coded_heic

Encode = Callable[..., bytes]
GOOD, TONED = 2, 6


def shown(data: bytes) -> Image.Image:
    return decode_photo(data, max_pixels=20_000_000).image


def picture(values: np.ndarray, mode: str | None = None) -> Image.Image:
    return Image.fromarray(np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8), mode)


PROFILES = {
    "Display P3": (colours.curved(colours.light_in(colours.P3)), colours.rgb_profile("Display P3", colours.P3, None)),
    "Adobe RGB": (colours.light_in(colours.ADOBE) ** (1 / 2.2), colours.rgb_profile("Adobe RGB", colours.ADOBE, 2.2)),
    "Linear sRGB": (colours.light_in(colours.SRGB), colours.rgb_profile("Linear sRGB", colours.SRGB, 1.0)),
    "sRGB by another name": (colours.chart(), colours.rgb_profile("Monitor", colours.SRGB, None)),
    "P3 called sRGB": (colours.curved(colours.light_in(colours.P3)), colours.rgb_profile("sRGB", colours.P3, None)),
}


@pytest.mark.parametrize("name", ["PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("profile", PROFILES)
def test_rgb_profiles_are_judged_by_what_they_are(encode: Encode, name: str, profile: str) -> None:
    values, icc = PROFILES[profile]
    options = {"lossless": True} if name == "WEBP" else {}
    assert colours.difference(shown(encode(picture(values), name, icc_profile=icc, **options))) <= GOOD


@pytest.mark.parametrize("name", ["JPEG", "TIFF"])
def test_cmyk_is_shown_by_its_profile(encode: Encode, name: str) -> None:
    inks = picture(colours.cmyk_of_chart(), "CMYK")
    options = {"quality": 95} if name == "JPEG" else {}
    assert colours.difference(shown(encode(inks, name, icc_profile=colours.cmyk_profile(), **options))) <= GOOD
    assert colours.difference(shown(encode(inks, name, **options))) > 10


@pytest.mark.parametrize("gamma", [1.0, 1.8, 2.6])
@pytest.mark.parametrize(("name", "alpha"), [("PNG", False), ("PNG", True), ("JPEG", False), ("TIFF", False)])
def test_grey_profiles_are_applied(encode: Encode, name: str, alpha: bool, gamma: float) -> None:
    grey = picture(colours.linear(colours.grey_chart()) ** (1 / gamma))
    if alpha:
        grey.putalpha(255)
    options = {"quality": 95} if name == "JPEG" else {}
    data = encode(grey, name, icc_profile=colours.grey_profile(gamma), **options)
    assert colours.difference(shown(data), np.dstack([colours.grey_chart()] * 3)) <= GOOD


def test_grey_with_an_rgb_profile_is_shown_by_it(encode: Encode) -> None:
    grey = picture(colours.linear(colours.grey_chart()))
    data = encode(grey, "PNG", icc_profile=colours.rgb_profile("Linear sRGB", colours.SRGB, 1.0))
    assert colours.difference(shown(data), np.dstack([colours.grey_chart()] * 3)) <= GOOD


def test_lab_is_shown(encode: Encode) -> None:
    srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    image = ImageCms.profileToProfile(picture(colours.chart()), srgb, lab, outputMode="LAB")
    assert image is not None
    assert colours.difference(shown(encode(image, "TIFF"))) <= GOOD


@pytest.mark.parametrize("icc", [colours.cmyk_profile(), colours.grey_profile(1.0)])
def test_a_profile_of_other_pixels_is_ignored(encode: Encode, icc: bytes) -> None:
    assert colours.difference(shown(encode(picture(colours.chart()), "PNG", icc_profile=icc))) < 0.01


def pq(light: np.ndarray) -> np.ndarray:
    """White paper, light of 1, at 203 nits (ITU-R BT.2100, BT.2408)."""
    power = (light * 203 / 10_000) ** (2610 / 16384)
    return ((3424 / 4096 + 2413 / 128 * power) / (1 + 2392 / 128 * power)) ** (2523 / 32)


def hlg(light: np.ndarray) -> np.ndarray:
    nits = light * 203 / 1000
    luminance = np.maximum(nits @ np.array([0.2627, 0.6780, 0.0593]), 1e-9)
    scene = nits * luminance[..., None] ** (1 / 1.2 - 1)
    bright = 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
    made: np.ndarray = np.where(scene <= 1 / 12, np.sqrt(3 * scene), bright)
    return made


CODED = {
    "sRGB": (colours.chart(), (1, 13), GOOD),
    "video": (colours.chart(), (1, 1), GOOD),
    "unspecified": (colours.chart(), (2, 2), GOOD),
    "P3": (colours.curved(colours.light_in(colours.P3)), (12, 13), GOOD),
    "linear": (colours.light_in(colours.SRGB), (1, 8), GOOD),
    "gamma 2.2 in BT.2020": (colours.light_in(colours.BT2020) ** (1 / 2.2), (9, 4), GOOD),
    "PQ": (pq(colours.light_in(colours.BT2020)), (9, 16), TONED),
    "PQ in P3": (pq(colours.light_in(colours.P3)), (12, 16), TONED),
    "HLG": (hlg(colours.light_in(colours.BT2020)), (9, 18), TONED),
}


def coded_png(values: np.ndarray, points: tuple[int, int], depth: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    pixels = np.rint(np.clip(values, 0, 1) * (2**depth - 1)).astype(">u2" if depth == 16 else "u1")
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", values.shape[1], values.shape[0], depth, 2, 0, 0, 0))
    coded = chunk(b"cICP", bytes([*points, 0, 1]))
    return b"\x89PNG\r\n\x1a\n" + head + coded + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("name", CODED)
def test_code_points_of_png_are_read(name: str, depth: int) -> None:
    values, points, most = CODED[name]
    assert colours.difference(shown(coded_png(values, points, depth))) <= most


@pytest.mark.parametrize("name", CODED)
def test_code_points_of_heic_are_read(name: str) -> None:
    values, points, most = CODED[name]
    pixels = np.rint(np.clip(values, 0, 1) * 65535).astype(np.uint16)
    assert colours.difference(shown(coded_heic(pixels, points))) <= most


@pytest.mark.parametrize("name", CODED)
def test_code_points_of_avif_are_read(encode: Encode, name: str) -> None:
    values, points, most = CODED[name]
    plain = encode(picture(values), "AVIF", quality=95, subsampling="4:4:4")
    at = plain.index(b"colrnclx") + 8
    assert colours.difference(shown(plain[:at] + struct.pack(">HH", *points) + plain[at + 4 :])) <= most


def test_highlights_keep_their_order() -> None:
    """Light of five times white paper is still told from twice."""
    steps = np.array([0.5, 1, 2, 5]).repeat(32)[None, :, None] * np.ones((32, 1, 3))
    row = np.asarray(shown(coded_png(pq(steps), (9, 16), 16)))[16, 16::32, 0].astype(int)
    assert row.max() < 256
    assert (np.diff(row) > 3).all()


def test_large_pictures_are_converted_like_small_ones() -> None:
    values = np.tile(colours.light_in(colours.SRGB), (14, 14, 1))
    icc = colours.rgb_profile("Linear sRGB", colours.SRGB, 1.0)
    out = BytesIO()
    picture(values).save(out, "PNG", icc_profile=icc, compress_level=1)
    large = np.asarray(shown(out.getvalue()))
    assert large.shape[:2] == (1344, 1792)
    assert (large == np.tile(large[:96, :128], (14, 14, 1))).all()
