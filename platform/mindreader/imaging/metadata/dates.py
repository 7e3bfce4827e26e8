"""The dates that a picture carries in itself: EXIF, XMP, IPTC, whatever format it is of."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

from PIL import ExifTags, Image, ImageFile, IptcImagePlugin

from mindreader.dates import DateSource, in_xmp, known, text_of, written

# IPTC-IIM 2:55 and 2:60, when the subject was created, then 2:62 and 2:63, when it was digitized.
_IPTC = (((2, 55), (2, 60)), ((2, 62), (2, 63)))


def dates_of(image: Image.Image, exif: Image.Exif) -> dict[DateSource, datetime]:
    """Every date that a loaded picture and its EXIF say; what is broken says none."""
    return exif_dates(exif) | known(xmp=_xmp_date(image), iptc=_iptc_date(image))


def exif_dates(exif: Image.Exif) -> dict[DateSource, datetime]:
    """The dates that EXIF says, by which of its tags."""
    return known(
        exif=written(_tag(exif, ExifTags.Base.DateTimeOriginal)),
        digitized=written(_tag(exif, ExifTags.Base.DateTimeDigitized)),
        modified=written(_tag(exif, ExifTags.Base.DateTime)),
    )


def _tag(exif: Image.Exif, tag: int) -> object:
    """From the EXIF directory, or the main one, where some programs put it."""
    with suppress(Exception):
        found = exif.get_ifd(ExifTags.IFD.Exif).get(tag)
        return exif.get(tag) if found is None else found
    return None


def _xmp_date(image: Image.Image) -> datetime | None:
    xmp = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp")
    if xmp is None:
        return None
    return in_xmp(text_of(xmp) if isinstance(xmp, bytes) else str(xmp))


def _iptc_date(image: Image.Image) -> datetime | None:
    if not isinstance(image, ImageFile.ImageFile):
        return None
    with suppress(Exception):
        told = IptcImagePlugin.getiptcinfo(image) or {}
        for day, time in _IPTC:
            if (moment := written(_one(told.get(day)) + b"T" + _one(told.get(time)))) is not None:
                return moment
    return None


def _one(value: object) -> bytes:
    """The last of several, as Pillow lists them."""
    last = value[-1] if isinstance(value, list) else value
    return last if isinstance(last, bytes) else b""
