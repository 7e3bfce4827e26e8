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
"""UTF-16 units of a name that Takeout leaves before its number and `.json`."""
LONGEST_PHOTO = 51
"""Of a photo's name, with the suffix."""
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
    yield f"{cut(photo, _LONGEST)}.json"
    yield from _numbered(path.stem, path.suffix)
    is_cut = _length(_NUMBER.sub("", path.stem) + path.suffix) == LONGEST_PHOTO
    edited = _CUT_EDITED if is_cut else _EDITED
    if (original := edited.sub("", path.stem)) != path.stem:
        yield from takeout_names(original + path.suffix)


def cut(name: str, length: int) -> str:
    """The beginning of a name, at most so many UTF-16 units of it, as Takeout counts."""
    return name.encode("utf-16-le", "surrogatepass")[: 2 * length].decode("utf-16-le", "ignore")


def _length(name: str) -> int:
    return len(name.encode("utf-16-le", "surrogatepass")) // 2


def _numbered(stem: str, suffix: str) -> Iterator[str]:
    number = found[0] if (found := _NUMBER.search(stem)) else ""
    whole = stem.removesuffix(number) + suffix
    for length in range(len(_TAIL), -1, -1):
        yield f"{whole}{_TAIL[:length]}{number}.json"
    yield f"{cut(whole, _LONGEST)}{number}.json"
    if number and _length(whole) > _LONGEST:
        yield f"{cut(whole, _LONGEST)}.json"  # files of one name may share what is said of them
