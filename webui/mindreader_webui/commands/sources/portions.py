"""What every source of photos gives: files in portions, each for one collection."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from mindreader.errors import InvalidInputError
from mindreader.text import checked_name, visible_text
from mindreader_webui.commands.files import FoundFile

_LONGEST_NAME = 200


@dataclass(frozen=True)
class Portion:
    """Files for one collection. They can be read until the next portion is asked for."""

    collection: str
    files: Sequence[FoundFile]
    is_album: bool = False
    """The collection is to have all of them, also those that another collection of the user's has."""
    passed_over: int = 0
    """How many of the source's files were dealt with besides, since the portion before."""
    copies: Sequence[int] = ()
    """Photos that are here already, and that the collection is to have as well."""


class Source(Protocol):
    """A place photos are imported from."""

    @property
    def total(self) -> int | None:
        """Files that its portions hold and pass over; None where that is not known yet."""

    def portions(self) -> Iterator[Portion]:
        """Everything there is to import."""


def collection_named(album: str, default: str) -> str:
    """What the collection of an album is called: like the album, or the default where nobody could read that."""
    try:
        return checked_name(visible_text(album).strip()[:_LONGEST_NAME], _LONGEST_NAME)
    except InvalidInputError:
        return default
