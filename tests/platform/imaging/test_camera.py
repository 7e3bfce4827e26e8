"""How a photo was taken: read from its EXIF in every format, in a decoder, and nothing unsound is passed on."""

from __future__ import annotations

import io

import pytest
from PIL import Image, TiffImagePlugin

from mindreader.imaging import Camera, Decoders
from mindreader.imaging.decode import decode_photo
from mindreader.imaging.metadata.camera import camera_of
from tests.support import raw_files

MAKE, MODEL, LENS, EXPOSURE, F_NUMBER, ISO, FOCAL = 0x010F, 0x0110, 0xA434, 0x829A, 0x829D, 0x8827, 0x920A
FORMATS = ["JPEG", "PNG", "WEBP", "AVIF", "TIFF", "HEIF"]
TOLD = Camera("Canon EOS R5", "RF 50mm F1.8", 0.005, 2.8, 400, 50)


def exif_of(main, inner=None) -> Image.Exif:
    exif = Image.Exif()
    for tag, value in main.items():
        exif[tag] = value
    directory = exif.get_ifd(0x8769)
    for tag, value in (inner or {}).items():
        directory[tag] = value
    return exif


def fraction(numerator, denominator):
    return TiffImagePlugin.IFDRational(numerator, denominator)


def full_exif() -> bytes:
    exposed = {EXPOSURE: fraction(1, 200), F_NUMBER: fraction(28, 10), ISO: 400, FOCAL: fraction(50, 1)}
    return exif_of({MAKE: "Canon", MODEL: "Canon EOS R5"}, {LENS: "RF 50mm F1.8", **exposed}).tobytes()


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_says_it(encode, photo, name):
    assert decode_photo(encode(photo, name, exif=full_exif()), max_pixels=10**6).camera == TOLD


def test_of_a_raw_file_the_file_says_it():
    picture = io.BytesIO()
    Image.new("RGB", (1700, 1200)).save(picture, "JPEG")
    data = raw_files.raw_tiff(raw_files.quarters(300, 200), date="2020:01:02 03:04:05", preview=picture.getvalue())
    assert decode_photo(data, max_pixels=10**8).camera.name == "NIKON D7200"


def test_a_decoder_reads_it(encode, photo):
    decoders = Decoders(memory=2**28, seconds=20, processes=1, max_pixels=10**6)
    try:
        assert decoders.camera(encode(photo, "JPEG", exif=full_exif())) == TOLD
        assert decoders.camera(encode(photo, "JPEG")) == Camera()
    finally:
        decoders.close()


@pytest.mark.parametrize(
    ("maker", "model", "name"),
    [
        ("NIKON CORPORATION", "NIKON D90", "NIKON D90"),
        ("Google", "Pixel 8", "Google Pixel 8"),
        ("Apple", "", "Apple"),
        ("", "iPhone 15", "iPhone 15"),
        ("", "", None),
        ("  ", "\0\0", None),
        ("FUJIFILM\0old", "X-T5\n\u202ekcirt", "FUJIFILM X-T5kcirt"),
        ("A" * 500, "", "A" * 100),
    ],
)
def test_the_name_is_maker_and_model_once(maker, model, name):
    assert camera_of(exif_of({MAKE: maker, MODEL: model})).name == name


@pytest.mark.parametrize(
    "value", [fraction(0, 1), fraction(1, 0), -1, float("inf"), float("nan"), 1e300, "fast", b"\xff", None, (), [1]]
)
def test_what_is_no_number_is_not_said(value):
    fields = ("exposure_seconds", "f_number", "iso", "focal_length_mm")
    assert Camera.of(dict.fromkeys(fields, value)) == Camera()


@pytest.mark.parametrize("told", [{}, {"name": 7, "lens": ["x"], "iso": {}}, {"unknown": 1}])
def test_a_decoder_that_was_taken_over_is_not_believed(told):
    assert Camera.of(told) == Camera()


def test_broken_exif_says_nothing(encode, photo):
    exif = exif_of({MAKE: "Canon"}).tobytes()[:30]
    assert decode_photo(encode(photo, "JPEG", exif=exif), max_pixels=10**6).camera == Camera()


def test_of_several_sensitivities_the_first_counts():
    assert camera_of(exif_of({}, {ISO: (200, 400)})).iso == 200
