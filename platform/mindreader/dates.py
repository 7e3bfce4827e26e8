"""When a photo was taken: who says so, whom to believe first, and how dates are written.

Moments have no zone: they are what the camera's own clock showed. What is told in UTC (Google Takeout, Pixel's names)
stays in UTC, for nothing says where the camera was.
"""

from __future__ import annotations

import enum
import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta


class DateSource(enum.StrEnum):
    """Who says when a photo was taken; of several, the first of these is believed."""

    PERSON = "person"
    EXIF = "exif"
    """EXIF DateTimeOriginal."""
    DIGITIZED = "digitized"
    """EXIF DateTimeDigitized: of scans, and of cameras that write nothing else."""
    XMP = "xmp"
    IPTC = "iptc"
    SIDECAR = "sidecar"
    """An XMP file beside it."""
    TAKEOUT = "takeout"
    """The JSON file that Google Takeout puts beside it."""
    LIBRARY = "library"
    """The photo library it was taken over from."""
    NAME = "name"
    MODIFIED = "modified"
    """EXIF DateTime: when a camera or a program last wrote the picture."""
    FILE = "file"
    """When the file was last written, which a copy or a download may have been."""
    NONE = "none"
    """Nobody does."""


Dates = Mapping[DateSource, datetime]

EARLIEST = datetime(1826, 1, 1)  # the first photograph; none of these moments has a zone
_ZONES = timedelta(days=2)
"""How far ahead of this machine's a right clock may be: other zones, and clocks that are a little off."""
_EARLIEST_FILE = datetime(1980, 1, 2)
"""File systems and archives write their first moment (1970, 1980) where they know none."""
_EPOCH = datetime(1970, 1, 1)
_MOST_CHARACTERS = 2**20

_WRITTEN = re.compile(
    r"\s*(\d{4})([-:/. ])\s?(\d{1,2})\2\s?(\d{1,2})(?!\d)(.*)|\s*(\d{4})(\d\d)(\d\d)(?!\d)(.*)", re.DOTALL
)
_CLOCK = re.compile(r"[\sT:_-]*(\d{1,2})[:.](\d{1,2})(?:[:.](\d{1,2}))?[\d.]*\s*([AP]\.?M)?", re.IGNORECASE)
_COMPACT_CLOCK = re.compile(r"[\sT]*(\d\d)(\d\d)(\d\d)?()", re.IGNORECASE)

_NAMED = re.compile(
    r"(?<!\d)((?:19|20)\d\d)([-_. ]?)(0[1-9]|1[0-2])\2(0[1-9]|[12]\d|3[01])"
    r"(?:\D{0,8}(?:([01]\d|2[0-4])([-_.: h]?)([0-5]\d)\6([0-6]\d)(?:\d{3})?|(\d{1,2})[.:](\d\d)[.:](\d\d))(?!\d)"
    r"(?:\s?([AP]M))?|(?!\d))",
    re.IGNORECASE,
)
_HASHES = re.compile(r"(?=\d*[a-f])[0-9a-f]{16,}|[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_XMP = tuple(
    re.compile(rf"\b{name}(?:\s{{0,8}}=\s{{0,8}}[\"']([^\"'<]{{1,64}})|>([^<]{{1,64}}))")  # bounded: strangers wrote it
    for name in ("exif:DateTimeOriginal", "photoshop:DateCreated", "(?:xmp|xap):CreateDate", "exif:DateTimeDigitized")
)


@dataclass(frozen=True)
class Taken:
    """When a photo was taken, and who says so."""

    moment: datetime | None
    source: DateSource

    @classmethod
    def best(cls, dates: Dates) -> Taken:
        """The one to believe of all that are known."""
        first = next((source for source in DateSource if source in dates), None)
        return cls(None, DateSource.NONE) if first is None else cls(dates[first], first)


def known(**dates: datetime | None) -> dict[DateSource, datetime]:
    """Those that are there, by the names of their sources in small letters."""
    return {DateSource[name.upper()]: moment for name, moment in dates.items() if moment is not None}


def is_plausible(moment: datetime) -> bool:
    """Whether a photo can have been taken then: from 1826 on, and not in the future."""
    return EARLIEST <= moment <= datetime.now() + _ZONES  # whatever zone the camera was in


def written(value: object) -> datetime | None:
    """The moment somebody wrote as EXIF, XMP and IPTC do, or nearly so; None where it is none a photo can have.

    Taken are `2024:05:31 18:22:03`, other signs between the numbers, a `T`, no seconds, no time at all (midnight).
    Fractions of seconds and zones are left out. The hour 24 is the first of its day, the second 60 the last of its
    minute: so phones wrote them.
    """
    text = value.decode("ascii", "replace") if isinstance(value, bytes) else str(value)
    found = _WRITTEN.match(text.partition("\0")[0])
    if found is None:
        return None
    year, _, month, day, rest = found.groups()[:5] if found[1] else (found[6], "", *found.groups()[6:])
    clock = _CLOCK.match(rest) or _COMPACT_CLOCK.match(rest)
    return _moment((year, month, day), clock.groups() if clock else ())


def in_name(filename: str) -> datetime | None:
    """The moment a file's name says, as phones, messengers and programs for screenshots write it; else None.

    Only years first: nobody can tell `01-02-2019` from its opposite.
    """
    for found in _NAMED.finditer(_HASHES.sub(" ", filename)):
        year, _, month, day, hour, _, minute, second, *loose, half = found.groups()
        clock = (hour, minute, second, half) if hour else (*loose, half) if loose[0] else ()
        moment = _moment((year, month, day), clock)
        if moment is not None:
            return moment
    return None


def in_xmp(text: str) -> datetime | None:
    """The moment that XMP says the picture was taken, or made: whole files, or a part of one that was cut."""
    for pattern in _XMP:
        for found in pattern.finditer(text[:_MOST_CHARACTERS]):
            if (moment := written(found[1] or found[2])) is not None:
                return moment
    return None


def in_takeout(text: str) -> datetime | None:
    """The moment that the JSON file beside a photo says, as Google Takeout writes it; in UTC."""
    try:
        seconds = int(json.loads(text)["photoTakenTime"]["timestamp"])
        moment = _EPOCH + timedelta(seconds=seconds)
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None
    return moment if seconds and is_plausible(moment) else None


def of_file(moment: datetime | None) -> datetime | None:
    """When a file was last written, unless that is what is written where nobody knows."""
    return moment if moment and moment >= _EARLIEST_FILE and is_plausible(moment) else None


def text_of(data: bytes) -> str:
    """A file's text in whichever Unicode it is written."""
    wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    return data.decode("utf-16" if wide else "utf-8-sig", "replace").replace("\0", "")


def _moment(day: tuple[str, str, str], clock: tuple[str | None, ...]) -> datetime | None:
    """None where there is no such day; at midnight where there is no such time."""
    try:
        year, month, number = map(int, day)
        midnight = datetime(year, month, number)
    except ValueError:
        return None
    moment = midnight
    if clock:
        hour, minute, second, half = clock
        with suppress(ValueError):
            moment = midnight.replace(hour=_hour(int(hour or 0), half), minute=int(minute or 0), second=_second(second))
    return moment if is_plausible(moment) else None


def _hour(hour: int, half: str | None) -> int:
    if half:
        return hour % 12 + (12 if half.upper().startswith("P") else 0)
    return 0 if hour == 24 else hour


def _second(second: str | None) -> int:
    return 59 if second == "60" else int(second or 0)
