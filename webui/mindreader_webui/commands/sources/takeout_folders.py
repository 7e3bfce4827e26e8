"""A folder of Google Photos as Takeout leaves it: which JSON file goes with which photo, and whether it is an album.

Takeout translates every name, so nothing goes by the names of folders, nor by that of `metadata.json`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePath
from typing import Any

from mindreader.dates import text_of
from mindreader.library.files.sidecars import LONGEST_PHOTO, cut, goes_with_photos, takeout_names, xmp_names
from mindreader_webui.commands.files import Readable

_JSON_BYTES = 2**16
_VIDEO_SUFFIXES = frozenset(
    {".mp4", ".m4v", ".mov", ".3gp", ".3g2", ".avi", ".mkv", ".webm", ".wmv", ".asf", ".flv"}
    | {".mpg", ".mpeg", ".mod", ".mts", ".m2ts", ".m2t", ".ts", ".divx", ".vob"}
    | {".mp", ".mv"}  # of Pixel's motion photos
)
_PART = re.compile(r"~\d+$")
_NUMBER = re.compile(r"\(\d+\)(?=$|\.)")
_REPLACED = re.compile(r"[%<>=:?¿*#&{}\\@!+|\"'/\x00-\x1f]")
"""Characters that Takeout writes as underscores."""
_OF_A_PHOTO = frozenset({"photoTakenTime", "creationTime", "googlePhotosOrigin", "imageViews"})
_DAY = re.compile(r"\d{4}-\d\d-\d\d(-\d\d)?( #\d+)?$")
"""What older exports called the folders of days, which have an album's file as well."""
_YEAR = re.compile(
    r"(photos from|fotos von|photos de|fotos del?|fotos? d[ae]l|foto['’]s uit|zdjęcia z|bilder fr[aå]n?|foton från"
    r"|billeder fra|фото за) \d{4}\b|\d{4} ?年(の写真|的照片|的相片)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class TakeoutFile:
    """A file of an export, wherever it lies."""

    folder: str
    """Name of its folder."""
    name: str
    path: Readable
    size: int
    """Bytes."""
    shown: str
    """What reports call it."""


@dataclass
class TakeoutFolder:
    """The files of one folder, also where they lie in several parts of an export."""

    name: str
    files: list[TakeoutFile] = field(default_factory=list)
    beside: dict[str, TakeoutFile] = field(default_factory=dict)
    """Files that go with others, by their names in small letters."""

    def add(self, file: TakeoutFile) -> None:
        """Take a file in."""
        if goes_with_photos(file.name):
            self.beside.setdefault(file.name.lower(), file)
        else:
            self.files.append(file)

    @property
    def is_of_google_photos(self) -> bool:
        """Whether any file has a JSON file, as only Google Photos writes them."""
        return bool(self._named_json)

    @property
    def photos(self) -> Iterator[TakeoutFile]:
        """What may be photos."""
        return (file for file in self.files if not is_video(file.name))

    @cached_property
    def album(self) -> str:
        """Its title, if it is an album's folder; else empty."""
        if _YEAR.match(self.name):
            return ""
        titles = (_album_title(said) for _, said in self._other_json)
        return next((title for title in titles if title and not _DAY.match(title)), "")

    def json_of(self, file: TakeoutFile) -> TakeoutFile | None:
        """What Takeout says of a photo: found by its name, else by the name it had before Takeout cut it."""
        return self._named_json.get(file.name) or self._json_by_title.get(_comparable(file.name))

    def xmp_of(self, file: TakeoutFile) -> TakeoutFile | None:
        """The XMP file beside a photo."""
        return self._first(xmp_names(file.name))

    @cached_property
    def _named_json(self) -> dict[str, TakeoutFile]:
        if not any(name.endswith(".json") for name in self.beside):
            return {}
        found = {file.name: self._first(takeout_names(file.name)) for file in self.files}
        return {name: file for name, file in found.items() if file is not None}

    @cached_property
    def _other_json(self) -> list[tuple[TakeoutFile, Mapping[str, Any]]]:
        """What the JSON files say that go with no file by their names."""
        named = {file.name for file in self._named_json.values()}
        others = [file for name, file in self.beside.items() if name.endswith(".json") and file.name not in named]
        return [(file, read_json(file)) for file in others]

    @cached_property
    def _json_by_title(self) -> dict[str, TakeoutFile]:
        return {
            _comparable(_with_number(_cut(str(said["title"])), file.name)): file
            for file, said in self._other_json
            if said.get("title") and not _OF_A_PHOTO.isdisjoint(said)
        }

    def _first(self, names: Iterable[str]) -> TakeoutFile | None:
        return next((self.beside[name.lower()] for name in names if name.lower() in self.beside), None)


def is_video(name: str) -> bool:
    """Whether a file is a video by its name, also the moving part of a motion photo (`IMG_1.MP~2`)."""
    return PurePath(_PART.sub("", name)).suffix.lower() in _VIDEO_SUFFIXES


def read_json(file: TakeoutFile) -> Mapping[str, Any]:
    """What a JSON file says; empty where it cannot be read, or is none Takeout writes."""
    try:
        with file.path.open("rb") as stream:
            said = json.loads(text_of(stream.read(_JSON_BYTES)))
    except (OSError, ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _album_title(said: Mapping[str, Any]) -> str:
    """The title of an album; empty where the file says something of a photo, or nothing."""
    album = said.get("albumData", said)
    if not isinstance(album, dict) or not _OF_A_PHOTO.isdisjoint(album):
        return ""
    title = album.get("title")
    return title.strip() if isinstance(title, str) else ""


def _cut(title: str) -> str:
    """A name as Takeout writes it."""
    name = PurePath(_REPLACED.sub("_", title))
    return cut(name.stem, LONGEST_PHOTO - len(name.suffix)) + name.suffix


def _with_number(name: str, json_name: str) -> str:
    """With the number that tells files of one name apart: it stands at the end of the JSON file's name."""
    number = found[0] if (found := _NUMBER.search(json_name.removesuffix(".json"))) else ""
    path = PurePath(name)
    return name if number in path.stem else f"{path.stem}{number}{path.suffix}"


def _comparable(name: str) -> str:
    return name.lower()
