"""What a source of photos holds: files to send, and what is not sent and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Literal, Protocol

from mindreader.errors import MindReaderError
from mindreader.library.files.origins import Origin


class SourceError(MindReaderError):
    """What photos are imported from cannot be read; the sentence says what to do."""


class FileRefusedError(SourceError):
    """One file of it cannot be had; the others can."""


class Readable(Protocol):
    """A file that can be opened as often as wanted, as `pathlib.Path` is."""

    @property
    def name(self) -> str:
        """The last part of its path."""

    def open(self, mode: Literal["rb"], /) -> BinaryIO:
        """Its bytes, from the beginning.

        Raises:
            OSError: it cannot be read; reading it later may raise this, too.
        """


@dataclass(frozen=True)
class FoundFile:
    """A file that can be sent."""

    path: Readable
    name: str
    """Its path below what is imported, fit to be encoded."""
    folder: str
    """Name of the folder it lies in, also of the one that is walked; empty for a file that was named itself."""
    size: int
    """Bytes."""
    modified: float | None
    """When it was last written, in seconds since 1970 (UTC); None where that says nothing of the photo."""
    xmp: Readable | None = None
    """The XMP file beside it."""
    takeout: Readable | None = None
    """The JSON file beside it, by Google Takeout."""
    origin: Origin | None = None
    """What it is in the photo library it is taken over from."""
    taken_at: datetime | None = None
    """When it was taken, as that library says, by the camera's own clock."""
    lies_in: str = ""
    """Path of its folder, from the name of the one that is walked on; empty for a file that was named itself."""


@dataclass(frozen=True)
class Companion:
    """A file that only goes with photos, or that a system left: it is not sent as one."""

    name: str
    path: Readable


@dataclass(frozen=True)
class RefusedFile:
    """What cannot be a photo, or cannot be read."""

    name: str
    reason: str


@dataclass(frozen=True)
class SkippedFolder:
    """A hidden folder, or one of a system; nobody looks into it."""

    name: str


Found = FoundFile | Companion | RefusedFile | SkippedFolder


def unreadable(error: OSError) -> str:
    """Why a file is refused that could not be read."""
    return f"This file cannot be read ({error.strerror or error})."
