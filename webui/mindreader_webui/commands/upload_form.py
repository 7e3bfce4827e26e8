"""The form that files are sent in, with what is known of each besides its bytes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from mindreader.dates import text_of
from mindreader.library.categories import category_of_folder
from mindreader.library.files.origins import Origin
from mindreader.text import repaired, visible_text
from mindreader_webui.commands.files import FoundFile, Readable

BYTES_AROUND_A_FILE = 8192
"""Of the form it is sent in, at most: its name, its folder, its category, where it comes from, what stands between."""
_BYTES_BESIDE = 2**15
"""Of a file beside it; the date stands at the beginning."""


def said_of(batch: Sequence[FoundFile], *, with_categories: bool, with_texts: bool) -> dict[str, list[str]]:
    """What is known of each file besides its bytes.

    Args:
        with_categories: a photo's category is the name of its folder.
        with_texts: the files beside it are sent, too.
    """
    return {
        "category": [(category_of_folder(file.folder) or "") if with_categories else "" for file in batch],
        "modified": [_modified(file) for file in batch],
        "xmp": [_beginning(file.xmp) if with_texts else "" for file in batch],
        "takeout": [_beginning(file.takeout) if with_texts else "" for file in batch],
        "origin": [_sent_origin(file) for file in batch],
        "folder": [visible_text(file.lies_in) for file in batch],
    }


def bytes_of(file: FoundFile) -> int:
    """That it takes in a request, at most."""
    return file.size + BYTES_AROUND_A_FILE + _BYTES_BESIDE * sum(path is not None for path in (file.xmp, file.takeout))


def origin_json(origin: Origin) -> dict[str, str]:
    """Where a photo comes from, as the API takes it."""
    return {"kind": origin.kind, "id": origin.external_id, "url": origin.url}


def _sent_origin(file: FoundFile) -> str:
    if file.origin is None:
        return ""
    taken_at = file.taken_at.isoformat(timespec="seconds") if file.taken_at else None
    return json.dumps({**origin_json(file.origin), "taken_at": taken_at})


def _modified(file: FoundFile) -> str:
    """By the clock of this machine, as cameras write it."""
    if file.modified is None:
        return ""
    try:
        return datetime.fromtimestamp(file.modified).isoformat(timespec="seconds")
    except (OverflowError, ValueError, OSError):
        return ""


def _beginning(path: Readable | None) -> str:
    if path is None:
        return ""
    try:
        with path.open("rb") as file:
            return text_of(file.read(_BYTES_BESIDE))
    except OSError:
        return ""  # the photo is imported all the same


def sent_name(name: str) -> str:
    """Without control characters: forms carry them as `%0A`, which nobody turns back."""
    return visible_text(repaired(name)) or "photo"
