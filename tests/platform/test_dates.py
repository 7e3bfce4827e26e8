"""When a photo was taken: every form dates are written in, and whom to believe."""

from __future__ import annotations

import json
import time
from datetime import datetime, timedelta

import pytest

from mindreader.dates import DateSource, Taken, in_name, in_takeout, in_xmp, of_file, text_of, written

SOON = f"{datetime.now() + timedelta(days=400):%Y:%m:%d} 00:00:00"


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("2015:08:22 10:08:19", datetime(2015, 8, 22, 10, 8, 19)),
        (b"2015:08:22 10:08:19\0", datetime(2015, 8, 22, 10, 8, 19)),
        ("2015:08:22 24:08:19", datetime(2015, 8, 22, 0, 8, 19)),  # a phone after midnight (immich #5714)
        ("2023-07-21 21:06:26", datetime(2023, 7, 21, 21, 6, 26)),
        ("2018-05-06T07:08:09", datetime(2018, 5, 6, 7, 8, 9)),
        ("2018/05/06 07:08:09", datetime(2018, 5, 6, 7, 8, 9)),
        ("2018.05.06 07.08.09", datetime(2018, 5, 6, 7, 8, 9)),
        ("2018:05:06:07:08:09", datetime(2018, 5, 6, 7, 8, 9)),
        ("2018: 5: 6  7:08:09", datetime(2018, 5, 6, 7, 8, 9)),
        ("2012:03:04 05:06", datetime(2012, 3, 4, 5, 6)),
        ("2012:03:04", datetime(2012, 3, 4)),
        ("2012:03:04   :  :  ", datetime(2012, 3, 4)),
        ("2012:03:04 25:61:61", datetime(2012, 3, 4)),
        ("2016:12:31 23:59:60", datetime(2016, 12, 31, 23, 59, 59)),
        ("2018:05:06 07:08:09.123", datetime(2018, 5, 6, 7, 8, 9)),
        ("2018-05-06T07:08:09.123+02:00", datetime(2018, 5, 6, 7, 8, 9)),
        ("2018-05-06T07:08:09Z", datetime(2018, 5, 6, 7, 8, 9)),
        ("2018/05/06 3:15:46 PM", datetime(2018, 5, 6, 15, 15, 46)),
        ("2018/05/06 12:15:46 a.m.", datetime(2018, 5, 6, 0, 15, 46)),
        ("20030909", datetime(2003, 9, 9)),
        ("20030909T070809+0200", datetime(2003, 9, 9, 7, 8, 9)),
        ("1950:06:07 08:09:10", datetime(1950, 6, 7, 8, 9, 10)),
        ("1826:01:01 00:00:00", datetime(1826, 1, 1)),
        ("1985:00:00 00:00:00", None),
        ("0000:00:00 00:00:00", None),
        ("    :  :     :  :  ", None),
        ("                   ", None),
        ("", None),
        ("\0" * 19, None),
        ("1800:01:01 00:00:00", None),
        ("0001:01:01 00:00:00", None),
        ("2099:01:01 00:00:00", None),
        (SOON, None),
        ("2019:02:31 10:00:00", None),
        ("24:08:19", None),
        ("2012", None),
        ("2012-03", None),
        ("01.02.2019", None),
        ("yesterday", None),
        (None, None),
        (1234, None),
        ((2018, 5, 6), None),
    ],
)
def test_every_form_a_date_is_written_in(value, moment):
    assert written(value) == moment


@pytest.mark.parametrize(
    ("name", "moment"),
    [
        ("IMG-20190321-WA0001.jpg", datetime(2019, 3, 21)),
        ("WhatsApp Image 2019-03-21 at 10.11.12.jpeg", datetime(2019, 3, 21, 10, 11, 12)),
        ("PXL_20210714_101112000.jpg", datetime(2021, 7, 14, 10, 11, 12)),
        ("PXL_20210714_101112000.PORTRAIT-01.COVER.jpg", datetime(2021, 7, 14, 10, 11, 12)),
        ("signal-2021-05-06-070809.jpg", datetime(2021, 5, 6, 7, 8, 9)),
        ("signal-2021-05-06-07-08-09-123.jpg", datetime(2021, 5, 6, 7, 8, 9)),
        ("Screenshot_20190201-212530_Fennec.png", datetime(2019, 2, 1, 21, 25, 30)),
        ("Screenshot_2019-02-01-21-25-30-123_com.app.jpg", datetime(2019, 2, 1, 21, 25, 30)),
        ("Screenshot 2019-02-01 at 21.25.30.png", datetime(2019, 2, 1, 21, 25, 30)),
        ("Screen Shot 2019-02-01 at 9.25.30 PM.png", datetime(2019, 2, 1, 21, 25, 30)),
        ("Screen Shot 2019-02-01 at 9.25.30\u202fPM.png", datetime(2019, 2, 1, 21, 25, 30)),
        ("Bildschirmfoto 2019-02-01 um 21.25.30.png", datetime(2019, 2, 1, 21, 25, 30)),
        ("IMG_20190101_121212.jpg", datetime(2019, 1, 1, 12, 12, 12)),
        ("IMG_20190101_241212.jpg", datetime(2019, 1, 1, 0, 12, 12)),
        ("IMG20190101121212.jpg", datetime(2019, 1, 1, 12, 12, 12)),
        ("VID_20190101_121212.mp4", datetime(2019, 1, 1, 12, 12, 12)),
        ("2019-01-01 12.12.12.jpg", datetime(2019, 1, 1, 12, 12, 12)),
        ("photo_2019-01-01_12-12-12.jpg", datetime(2019, 1, 1, 12, 12, 12)),
        ("20190101_121212(1).jpg", datetime(2019, 1, 1, 12, 12, 12)),
        ("WIN_20190101_12_12_12_Pro.jpg", datetime(2019, 1, 1, 12, 12, 12)),
        ("00000IMG_00000_BURST20190101121212000_COVER.jpg", datetime(2019, 1, 1, 12, 12, 12)),
        ("1999-12-31 party.jpg", datetime(1999, 12, 31)),
        ("IMG_1234.jpg", None),
        ("DSC_20190231.jpg", None),
        ("20191301.jpg", None),
        ("IMG_20990101_000000.jpg", None),
        ("123420190101.jpg", None),
        ("2019010.jpg", None),
        ("01-02-2019.jpg", None),
        ("a3f20190101bcdef99.jpg", None),
        ("20190101-1234-1234-1234-123456789abc.jpg", None),
        ("", None),
    ],
)
def test_the_date_in_a_name(name, moment):
    assert in_name(name) == moment


@pytest.mark.parametrize(
    ("xmp", "moment"),
    [
        ('<r exif:DateTimeOriginal="1998-07-08T09:10:11"/>', datetime(1998, 7, 8, 9, 10, 11)),
        ("<exif:DateTimeOriginal>1998-07-08T09:10:11+01:00</exif:DateTimeOriginal>", datetime(1998, 7, 8, 9, 10, 11)),
        ("<r photoshop:DateCreated = ' 1998-07-08 '/>", datetime(1998, 7, 8)),
        ('<r xmp:CreateDate="1998-07-08T09:10Z"/>', datetime(1998, 7, 8, 9, 10)),
        ('<r xap:CreateDate="1998-07-08"/>', datetime(1998, 7, 8)),
        ('<r xmp:CreateDate="2024-01-01" exif:DateTimeOriginal="1998-07-08"/>', datetime(1998, 7, 8)),
        ('<r exif:DateTimeOriginal="0000-00-00" photoshop:DateCreated="1998-07-08"/>', datetime(1998, 7, 8)),
        ('<r exif:DateTimeOriginal="1998-07-08" more="cut here', datetime(1998, 7, 8)),
        ('<r xmp:ModifyDate="2024-01-01" xmp:MetadataDate="2024-01-01"/>', None),
        ("<exif:DateTimeOriginal>", None),
        ("<x/>", None),
        ("", None),
    ],
)
def test_the_date_in_xmp(xmp, moment):
    assert in_xmp(xmp) == moment


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_xmp_is_read_in_every_encoding(encoding):
    assert in_xmp(text_of('<ü exif:DateTimeOriginal="1998-07-08"/>'.encode(encoding))) == datetime(1998, 7, 8)


@pytest.mark.parametrize(
    ("timestamp", "moment"),
    [
        ("1060699034", datetime(2003, 8, 12, 14, 37, 14)),
        (1060699034, datetime(2003, 8, 12, 14, 37, 14)),
        ("-617043000", datetime(1950, 6, 13, 7, 10)),
        ("0", None),
        ("9" * 5000, None),
        ("9999999999", None),
        ("soon", None),
        (None, None),
    ],
)
def test_the_date_google_takeout_says(timestamp, moment):
    assert in_takeout(json.dumps({"title": "a.jpg", "photoTakenTime": {"timestamp": timestamp}})) == moment


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '{"photoTakenTime": 7}', '{"photoTakenTime": {}}', "[" * 100_000])
def test_other_json_says_no_date(text):
    assert in_takeout(text) is None


@pytest.mark.parametrize("moment", [datetime(1970, 1, 1), datetime(1980, 1, 1), datetime(2099, 1, 1), None])
def test_the_first_moments_of_file_systems_say_nothing(moment):
    assert of_file(moment) is None


def test_the_first_in_order_is_believed():
    order = ["person", "exif", "digitized", "xmp", "iptc", "sidecar", "takeout", "name", "modified", "file"]
    dates = {DateSource(source): datetime(2000 + number, 1, 1) for number, source in enumerate(order)}
    for number, source in enumerate(order):
        assert Taken.best(dates) == Taken(datetime(2000 + number, 1, 1), DateSource(source))
        del dates[DateSource(source)]
    assert Taken.best({}) == Taken(None, DateSource.NONE)


LONG = [
    "2018:05:06" + " " * 10**6,
    "(" * 10**6,
    "9" * 10**6,
    "exif:DateTimeOriginal=" * 10**5,
    "exif:DateTimeOriginal>" * 10**5,
    "exif:DateTimeOriginal>" + " " * 10**6,
    "exif:DateTimeOriginal=' " * 10**5,
    '{"photoTakenTime": ' * 10**5,
]


@pytest.mark.parametrize("text", LONG, ids=range(len(LONG)))
def test_long_nonsense_takes_no_time(text):
    began = time.process_time()
    for read in (written, in_xmp, in_takeout):
        read(text)
    in_name(text[:255])
    assert time.process_time() - began < 10
