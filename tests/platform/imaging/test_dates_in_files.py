"""The dates a picture carries, in every format and in every place they are written."""

from __future__ import annotations

import struct
from datetime import datetime
from io import BytesIO

import pytest
from PIL import Image, PngImagePlugin

from mindreader.dates import DateSource
from mindreader.imaging.decode import decode_photo

ORIGINAL, DIGITIZED, MODIFIED = 0x9003, 0x9004, 0x0132
MOMENT = datetime(1998, 7, 8, 9, 10, 11)
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description xmlns:exif="http://ns.adobe.com/exif/1.0/" exif:DateTimeOriginal="1998-07-08T09:10:11"/>'
    b"</rdf:RDF></x:xmpmeta>"
)
FORMATS = ["JPEG", "PNG", "WEBP", "AVIF", "TIFF", "HEIF"]


def exif_with(original=None, digitized=None, modified=None) -> Image.Exif:
    exif = Image.Exif()
    if modified is not None:
        exif[MODIFIED] = modified
    inner = exif.get_ifd(0x8769)
    for tag, value in ((ORIGINAL, original), (DIGITIZED, digitized)):
        if value is not None:
            inner[tag] = value
    return exif


def taken(data: bytes):
    photo = decode_photo(data, max_pixels=10**6)
    return photo.taken_at, next((source.value for source in DateSource if source in photo.dates), None)


def segment(marker: int, content: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content


def with_segment(jpeg: bytes, marker: int, content: bytes) -> bytes:
    return jpeg[:2] + segment(marker, content) + jpeg[2:]


def iptc(*datasets: tuple[int, bytes]) -> bytes:
    """An APP13 segment with data sets of record 2."""
    records = b"".join(b"\x1c\x02" + struct.pack(">BH", kind, len(value)) + value for kind, value in datasets)
    return b"Photoshop 3.0\x008BIM\x04\x04\0\0" + struct.pack(">I", len(records)) + records + b"\0" * (len(records) % 2)


@pytest.mark.parametrize("name", FORMATS)
def test_exif_says_it_in_every_format(encode, photo, name):
    exif = exif_with("2011:01:02 03:04:05", modified="2024:01:01 00:00:00")
    assert taken(encode(photo, name, exif=exif.tobytes())) == (datetime(2011, 1, 2, 3, 4, 5), "exif")


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "PNG"])
def test_xmp_says_it_in_every_format(encode, photo, name):
    options = {"tiffinfo": {700: XMP}} if name == "TIFF" else {"xmp": XMP}
    assert taken(encode(photo, name, **options)) == (MOMENT, "xmp")


def test_xmp_says_it_in_png(encode, photo):
    info = PngImagePlugin.PngInfo()
    info.add_itxt("XML:com.adobe.xmp", XMP.decode())
    assert taken(encode(photo, "PNG", pnginfo=info)) == (MOMENT, "xmp")


@pytest.mark.parametrize(
    ("datasets", "moment"),
    [
        ([(55, b"19980708"), (60, b"091011+0000")], MOMENT),
        ([(55, b"19980708")], datetime(1998, 7, 8)),
        ([(62, b"19980708"), (63, b"091011")], MOMENT),
        ([(55, b"00000000"), (62, b"19980708")], datetime(1998, 7, 8)),
        ([(55, b"1998")], None),
        ([(60, b"091011")], None),
    ],
)
def test_iptc_says_it(encode, photo, datasets, moment):
    data = with_segment(encode(photo, "JPEG"), 0xED, iptc(*datasets))
    assert taken(data) == (moment, "iptc" if moment else None)


@pytest.mark.parametrize(
    ("tags", "moment", "source"),
    [
        ({"original": "2012:03:04"}, datetime(2012, 3, 4), "exif"),
        ({"original": "2015:08:22 24:08:19"}, datetime(2015, 8, 22, 0, 8, 19), "exif"),
        ({"digitized": "2003:09:09 09:09:09"}, datetime(2003, 9, 9, 9, 9, 9), "digitized"),
        (
            {"digitized": "2003:09:09 09:09:09", "modified": "2024:12:19 12:17:32"},
            datetime(2003, 9, 9, 9, 9, 9),
            "digitized",
        ),
        (
            {"original": "0000:00:00 00:00:00", "modified": "2014:04:02 12:56:32"},
            datetime(2014, 4, 2, 12, 56, 32),
            "modified",
        ),
        ({"original": "1985:00:00 00:00:00"}, None, None),
        ({"original": "    :  :     :  :  "}, None, None),
        ({"original": "1800:01:01 00:00:00"}, None, None),
        ({"original": "2099:01:01 00:00:00"}, None, None),
    ],
)
def test_the_best_of_exif_is_believed(encode, photo, tags, moment, source):
    assert taken(encode(photo, "JPEG", exif=exif_with(**tags).tobytes())) == (moment, source)


def test_exif_in_the_main_directory_is_found(encode, photo):
    exif = Image.Exif()
    exif[ORIGINAL] = "2011:01:02 03:04:05"
    assert taken(encode(photo, "JPEG", exif=exif.tobytes())) == (datetime(2011, 1, 2, 3, 4, 5), "exif")


def test_what_all_of_them_say_comes_in_order(encode, photo):
    exif = exif_with(digitized="2003:09:09 09:09:09", modified="2024:12:19 12:17:32")
    data = with_segment(encode(photo, "JPEG", exif=exif.tobytes(), xmp=XMP), 0xED, iptc((55, b"19990101")))
    dates = decode_photo(data, max_pixels=10**6).dates
    assert set(dates) == {DateSource.DIGITIZED, DateSource.XMP, DateSource.IPTC, DateSource.MODIFIED}
    assert dates[DateSource.IPTC] == datetime(1999, 1, 1)


@pytest.mark.parametrize("content", [b"Photoshop 3.0\x008BIM\x04\x04\0\0\xff\xff\xff\xff", b"Photoshop 3.0\0\x1c\x02"])
def test_broken_iptc_is_no_reason_to_refuse_a_photo(encode, photo, content):
    assert taken(with_segment(encode(photo, "JPEG"), 0xED, content)) == (None, None)


def test_broken_exif_says_what_it_can(encode, photo):
    out = BytesIO()
    photo.save(out, "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff", xmp=XMP)
    assert taken(out.getvalue()) == (MOMENT, "xmp")
