"""Odd but real files, as cameras, phones, programs and web pages leave them: shown right, or refused by their name."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms, PngImagePlugin

from mindreader.errors import PhotoRejectedError
from mindreader.imaging import DecodedPhoto, decode_photo, make_thumbnail
from tests.support import colours
from tests.support.tiffs import Page, tiff

Encode = Callable[..., bytes]
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description rdf:about="" xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/>'
    b"</rdf:RDF></x:xmpmeta>"
)
GOOD = 2
NOISE = np.random.default_rng(0).bytes(30_000)
FILM = b"\0\0\0\x18ftypmp42\0\0\0\0isommp42" + NOISE


def decoded(source: bytes | Path, min_side: int | None = None) -> DecodedPhoto:
    return decode_photo(source, max_pixels=200_000_000, min_side=min_side)


def chart(mode: str = "RGB") -> Image.Image:
    return Image.fromarray(np.rint(colours.chart() * 255).astype(np.uint8)).convert(mode)


def refusal(data: bytes) -> str:
    with pytest.raises(PhotoRejectedError) as caught:
        decoded(data)
    return caught.value.detail


@pytest.mark.parametrize("with_exif", [False, True])
@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_an_orientation_in_xmp_alone_turns_nothing(encode: Encode, name: str, with_exif: bool) -> None:
    """No browser turns by it, and whoever opens the original would see it otherwise."""
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Camera"
    told = {"exif": exif.tobytes()} if with_exif else {}
    if name == "TIFF":
        data = tiff(Page(np.asarray(chart()), extra=((700, XMP),)))
    else:
        data = encode(chart(), name, **told, **with_xmp(name))
    assert XMP in data
    photo = decoded(data)
    assert photo.image.size == (photo.width, photo.height) == (128, 96)
    assert colours.difference(photo.image) <= GOOD


def with_xmp(name: str) -> dict[str, Any]:
    if name != "PNG":
        return {"xmp": XMP}
    chunks = PngImagePlugin.PngInfo()
    chunks.add_itxt("XML:com.adobe.xmp", XMP.decode())
    return {"pnginfo": chunks}


@pytest.mark.parametrize("behind", [NOISE, FILM, b"\0" * 5000], ids=["noise", "film", "zeros"])
@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "GIF", "HEIF"])
def test_what_lies_behind_a_picture_is_passed_over(encode: Encode, name: str, behind: bytes) -> None:
    """As phones put a short film there, and broken disks anything."""
    data = encode(chart(), name)
    assert decoded(data + behind).image == decoded(data).image


@pytest.mark.parametrize("before", [b"\n\n", b"\r\n", b"\xef\xbb\xbf", b" \t\0\n" * 8])
@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "GIF"])
def test_blanks_before_a_picture_are_passed_over(encode: Encode, name: str, before: bytes) -> None:
    """As programs of web pages print them before it."""
    data = encode(chart(), name)
    for min_side in (None, 48):
        photo = decoded(before + data, min_side)
        assert photo.image == decoded(data, min_side).image
    assert "ends too early" in refusal(before + encode(chart(), "JPEG")[:-400])
    assert decoded(before + encode(chart(), "JPEG")[:-2]).width == 128


def test_blanks_before_anything_else_leave_it_what_it_is() -> None:
    assert "a text" in refusal(b"\n\nDear diary")
    assert "a web page" in refusal(b"\n\n<!doctype html><html></html>")
    assert refusal(b" " * 5000)


def test_a_bit_that_flipped_in_the_middle_is_no_reason_to_refuse(encode: Encode) -> None:
    data = bytearray(encode(chart().resize((1600, 1200)), "JPEG", quality=92))
    data[len(data) // 2] ^= 0x40
    assert decoded(bytes(data)).image.size == (1600, 1200)


@pytest.mark.parametrize(("name", "media_type"), [("PNG", "image/png"), ("HEIF", "image/heif"), ("WEBP", "image/webp")])
def test_a_wrong_ending_of_the_name_means_nothing(encode: Encode, tmp_path: Path, name: str, media_type: str) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(encode(chart(), name))
    photo = decoded(path)
    assert photo.media_type == media_type
    assert colours.difference(photo.image) <= 2 * GOOD


def test_the_first_picture_stands_for_those_of_two_lenses(encode: Encode) -> None:
    data = encode(chart(), "MPO", save_all=True, append_images=[Image.new("RGB", (128, 96))], quality=95)
    photo = decoded(data)
    assert photo.media_type == "image/jpeg"
    assert colours.difference(photo.image) <= GOOD


@pytest.mark.parametrize("name", ["JPEG", "HEIF", "AVIF"])
@pytest.mark.parametrize("primaries", [colours.P3, colours.ADOBE])
def test_profiles_are_applied_where_colours_are_compressed(encode: Encode, name: str, primaries: tuple) -> None:
    light = colours.light_in(primaries) ** (1 / 2.2)
    full_colour: dict[str, dict[str, Any]] = {
        "JPEG": {"subsampling": 0},
        "HEIF": {"chroma": 444},
        "AVIF": {"subsampling": "4:4:4"},
    }
    image = Image.fromarray(np.rint(light * 255).astype(np.uint8))
    data = encode(image, name, quality=95, icc_profile=colours.rgb_profile("Wide", primaries, 2.2), **full_colour[name])
    assert colours.difference(decoded(data).image) <= GOOD


@pytest.mark.parametrize(
    ("size", "name"),
    [
        ((1, 1), "PNG"),
        ((3, 3), "GIF"),
        ((790, 36_861), "JPEG"),
        ((20_000, 600), "JPEG"),
        ((17_000, 100), "PNG"),
    ],
)
def test_pictures_of_any_proportions_keep_them(encode: Encode, size: tuple[int, int], name: str) -> None:
    photo = decoded(encode(Image.linear_gradient("L").resize(size), name), 512)
    assert (photo.width, photo.height) == size
    with Image.open(BytesIO(make_thumbnail(photo.image, 512))) as thumbnail:
        assert max(thumbnail.size) == min(512, max(size))
        assert min(thumbnail.size) == max(1, round(max(thumbnail.size) * min(size) / max(size)))


def test_a_mere_line_is_refused(encode: Encode) -> None:
    assert "too narrow to be shown (1 × 500 pixels)" in refusal(encode(Image.new("RGB", (1, 500)), "PNG"))


def test_grey_over_transparency_is_mixed_with_white(encode: Encode) -> None:
    slope = Image.linear_gradient("L").resize((64, 256))
    grey = Image.merge("LA", (Image.new("L", slope.size, 0), slope))
    column = np.asarray(decoded(encode(grey, "PNG")).image)[:, 32, 0].astype(int)
    assert np.abs(column - (255 - np.asarray(slope)[:, 32].astype(int))).max() <= 1


@pytest.mark.parametrize("compression", ["group3", "group4", "raw", "packbits", "tiff_lzw"])
def test_black_stays_black_in_scans_of_one_bit(encode: Encode, compression: str) -> None:
    scan = Image.new("1", (64, 48), 1)
    scan.paste(0, (0, 0, 32, 48))
    pixels = np.asarray(decoded(encode(scan, "TIFF", compression=compression)).image)
    assert (pixels[:, :32].max(), pixels[:, 32:].min()) == (0, 255)


@pytest.mark.parametrize("name", ["PNG", "GIF", "BMP", "TIFF"])
def test_palettes_keep_their_colours(encode: Encode, name: str) -> None:
    assert colours.difference(decoded(encode(chart().quantize(16), name)).image) <= GOOD


@pytest.mark.parametrize(
    ("mode", "options"),
    [
        ("RGB", {"compression": "jpeg", "quality": 95}),
        ("YCbCr", {"compression": "jpeg", "quality": 95}),
        ("RGB", {"compression": "tiff_adobe_deflate", "tiffinfo": {317: 2}}),
        ("RGB", {"compression": "tiff_lzw", "tiffinfo": {317: 2}}),
        ("RGB", {"big_tiff": True}),
        ("LAB", {"compression": "tiff_lzw"}),
    ],
)
def test_tiffs_of_all_kinds_keep_their_colours(encode: Encode, mode: str, options: dict) -> None:
    image = chart() if mode != "LAB" else lab_chart()
    data = encode(image.convert(mode) if mode == "YCbCr" else image, "TIFF", **options)
    assert colours.difference(decoded(data).image) <= GOOD


def lab_chart() -> Image.Image:
    srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    made = ImageCms.profileToProfile(chart(), srgb, lab, outputMode="LAB")
    assert made is not None
    return made


@pytest.mark.parametrize(("colour_type", "channels"), [(0, 1), (2, 3), (4, 2), (6, 4)])
def test_png_of_sixteen_bits_keeps_its_colours(colour_type: int, channels: int) -> None:
    grey = colours.grey_chart()
    seen = np.dstack([grey] * 3) if channels <= 2 else colours.chart()
    values = grey[..., None] if channels <= 2 else seen
    if channels in (2, 4):
        values = np.dstack([values, np.ones(grey.shape)])
    assert colours.difference(decoded(deep_png(values, colour_type)).image, seen) <= GOOD


def deep_png(values: np.ndarray, colour_type: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + row.tobytes() for row in np.rint(values * 65535).astype(">u2"))
    head = struct.pack(">IIBBBBB", values.shape[1], values.shape[0], 16, colour_type, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


BESIDE_PHOTOS = {
    "MOV": (b"\0\0\0\x14ftypqt  \0\0\2\0qt  " + NOISE, "a video"),
    "MP4": (b"\0\0\0\x18ftypmp42\0\0\0\0isommp42" + NOISE, "a video"),
    "MP4 of a camera": (b"\0\0\0\x18ftypavc1\0\0\0\0isommp42" + NOISE, "a video"),
    "3GP": (b"\0\0\0\x18ftyp3gp5\0\0\0\0isom3gp5" + NOISE, "a video"),
    "MPEG": (b"\0\0\1\xba" + NOISE, "a video"),
    "XMP": (b'<x:xmpmeta xmlns:x="adobe:ns:meta/"></x:xmpmeta>', "a text"),
    "JSON": (b'{"title":"IMG_1.jpg"}', "a text"),
    "AAE": (b'<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE plist PUBLIC "x">', "a text"),
    "Picasa": (b"[IMG_1.jpg]\nrotate=rotate(1)\n", "a text"),
    "Thumbs.db": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + NOISE, "a Microsoft Office document or a cache of previews"),
    "AppleDouble": (b"\0\x05\x16\x07\0\x02\0\0Mac OS X        " + bytes(200), "what a Mac keeps about another file"),
    "DS_Store": (b"\0\0\0\1Bud1" + bytes(200), "what a Mac keeps about a folder"),
    "SVG": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "an SVG drawing"),
    "web page": (b"<!DOCTYPE html><html><body>404 Not Found</body></html>", "a web page"),
    "nothing": (b"", "empty"),
}


@pytest.mark.parametrize("kind", BESIDE_PHOTOS)
def test_what_lies_beside_photos_is_refused_by_its_name(kind: str) -> None:
    data, words = BESIDE_PHOTOS[kind]
    assert words in refusal(data)
