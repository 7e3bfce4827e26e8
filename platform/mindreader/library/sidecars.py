"""Files that lie beside photos: what programs, phones and Google Takeout say of them, and what systems leave there.

None of them is a photo. `static/upload/sidecars.js` is the same for browsers; a test holds both to one table.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePath

_SUFFIXES = frozenset({".xmp", ".json", ".aae", ".pp3", ".dop", ".thm", ".vrd", ".nksc"})
_NAMES = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini", "picasa.ini", "zbthumbnail.info"})
_APPLE_DOUBLE = "._"
_TAIL = ".supplemental-metadata"
_LONGEST = 46
"""Characters of a name that Takeout leaves before its number and `.json`."""
_CUT = 51
"""Characters of a photo's name that it leaves, with the suffix."""
_EDITED = re.compile(
    r"-(edited|effects|smile|mix|bearbeitet|modifi[ée]|editado|ha editado|editat|modificato|bewerkt|edytowane"
    r"|redigert|redigeret|redigerad|編集済み)(?=(\(\d+\))?$)",
    re.IGNORECASE,
)
_CUT_EDITED = re.compile(r"-[^\W\d]{0,9}(?=(\(\d+\))?$)")
"""What is left of such an ending where the name was too long for it."""
_NUMBER = re.compile(r"\(\d+\)$")


def goes_with_photos(name: str) -> bool:
    """Whether a file of this name only goes with photos: hidden ones, those of systems, what says something of them."""
    return name.startswith(".") or name.lower() in _NAMES or PurePath(name).suffix.lower() in _SUFFIXES


def kind_of(name: str) -> str:
    """What to call such a file where many are counted."""
    if name.startswith(_APPLE_DOUBLE):
        return f"{_APPLE_DOUBLE}*"
    suffix = PurePath(name).suffix.lower()
    return name if name.startswith(".") or suffix not in _SUFFIXES else suffix


def xmp_names(photo: str) -> Iterator[str]:
    """Names of the XMP file beside a photo, the surest first."""
    yield f"{photo}.xmp"
    yield f"{PurePath(photo).stem}.xmp"


def takeout_names(photo: str) -> Iterator[str]:
    """Names that Takeout may have given the JSON file beside a photo, the surest first.

    It cuts what is before the number and the end: `long name.jpg.supplemental-me(1).json`.
    """
    path = PurePath(photo)
    yield f"{photo}.json"
    yield f"{photo[:_LONGEST]}.json"
    yield from _numbered(path.stem, path.suffix)
    edited = _CUT_EDITED if len(_NUMBER.sub("", path.stem) + path.suffix) == _CUT else _EDITED
    if (original := edited.sub("", path.stem)) != path.stem:
        yield from takeout_names(original + path.suffix)


def _numbered(stem: str, suffix: str) -> Iterator[str]:
    number = found[0] if (found := _NUMBER.search(stem)) else ""
    whole = stem.removesuffix(number) + suffix
    for length in range(len(_TAIL), -1, -1):
        yield f"{whole}{_TAIL[:length]}{number}.json"
    yield f"{whole[:_LONGEST]}{number}.json"
