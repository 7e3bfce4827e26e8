"""Every error a person may see: one kind each, one HTTP status, one sentence that says what to do.

Raise :class:`MindReaderError` (or a subclass) with a sentence; the web UI turns it into an RFC 9457
problem document, the command line prints it, and a worker stores it beside the photo. Members read it: folders of the
server go into `inside`.

A sentence keeps its template and its values apart, so that the web UI can say it in the visitor's language:
``ConflictError("There is already a user called {name}.", name=name)``. `make messages` collects the templates.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self


class Sentence(str):
    """An English sentence that remembers what it was made of: `{name}` in the template, a value for each name."""

    template: str
    values: dict[str, str | int | float]

    __slots__ = ("template", "values")

    def __new__(cls, template: str, **values: str | int | float) -> Self:
        """Fill the template in as `str.format` does; without values it stands as it is, braces and all."""
        made = super().__new__(cls, template.format(**values) if values else template)
        made.template, made.values = str(template), values
        return made

    def packed(self) -> dict[str, Any]:
        """This sentence as JSON: its `template` and its `values`, the sentences among these packed as well."""
        values = {name: each.packed() if isinstance(each, Sentence) else each for name, each in self.values.items()}
        return {"template": self.template, "values": values}

    @classmethod
    def unpacked(cls, packed: Mapping[str, Any]) -> Self:
        """The sentence that was packed."""
        pairs = packed["values"].items()
        values = {name: cls.unpacked(value) if isinstance(value, dict) else value for name, value in pairs}
        return cls(packed["template"], **values)


@dataclass(frozen=True)
class ErrorKind:
    """What all errors of one kind share."""

    slug: str
    """Stable name, the last part of the problem document's ``type``."""
    status: int
    """HTTP status."""
    title: str


class MindReaderError(Exception):
    """Base of all errors with a sentence for the person; ``detail`` says what happened and what to do."""

    kind = ErrorKind("internal", 500, "Something went wrong inside MindReader")
    inside = ""
    """What only administrators and the log are told besides: folders of the server, what an engine or a disk said."""

    def __init__(self, detail: str, **values: str | int | float) -> None:
        """An error with a sentence.

        Args:
            detail: the sentence, or with `values` its template.
        """
        self.detail = detail if isinstance(detail, Sentence) and not values else Sentence(detail, **values)
        super().__init__(self.detail)

    def with_inside(self, inside: str) -> Self:
        """This error, with what only administrators are told."""
        self.inside = inside
        return self

    @property
    def for_administrators(self) -> str:
        """The sentence, and what is told to nobody else."""
        return f"{self.detail} [{self.inside}]" if self.inside else self.detail


class InvalidInputError(MindReaderError):
    """A value a person or program sent cannot be used."""

    kind = ErrorKind("invalid-input", 422, "That cannot be used")


class PhotoRejectedError(InvalidInputError):
    """A file cannot become a photo (not an image, broken, too large, …)."""

    kind = ErrorKind("photo-rejected", 422, "This file cannot be used as a photo")


class SketchRejectedError(InvalidInputError):
    """A file cannot be used as a sketch (not an image, empty, too large, …)."""

    kind = ErrorKind("sketch-rejected", 422, "This file cannot be used as a sketch")


class NotFoundError(MindReaderError):
    """The thing named does not exist, or the caller may not know that it does."""

    kind = ErrorKind("not-found", 404, "Not found")


class ForbiddenError(MindReaderError):
    """The caller is known but not allowed."""

    kind = ErrorKind("forbidden", 403, "Not allowed")


class NotSignedInError(MindReaderError):
    """The caller is not known."""

    kind = ErrorKind("not-signed-in", 401, "Please sign in")


class ConflictError(MindReaderError):
    """The request does not fit the present state (a name is taken, a version is already active, …)."""

    kind = ErrorKind("conflict", 409, "That does not fit the present state")


class NotReadyError(MindReaderError):
    """A part MindReader needs is not there yet: no worker, no active model version, no weights."""

    kind = ErrorKind("not-ready", 503, "MindReader is not ready for this yet")


class OriginalAwayError(MindReaderError):
    """An original lies in a folder and cannot be read there now: its disk is away, or the file is another one now."""

    kind = ErrorKind("original-away", 503, "The original is not there now")


class UnusableIndexError(NotReadyError):
    """The system or the disk keeps the engine from the files of a photo index, whatever is in them."""

    sentence = Sentence(
        "The photo index cannot be used now. Try again in a minute; if this stays, tell an administrator. Nothing was "
        "deleted."
    )

    def __init__(self) -> None:
        """An error whose sentence is always the same; `inside` says which index, and why."""
        super().__init__(self.sentence)


class FullDiskError(UnusableIndexError):
    """There is no room for what the engine would write."""

    sentence = Sentence(
        "The server's disk is full: the photo index waits for room. Tell an administrator; nothing is lost."
    )


class IndexFailedError(UnusableIndexError):
    """An open photo index was closed, or its engine failed in it: whoever asks for the index again gets another one."""


class DamagedIndexError(UnusableIndexError):
    """What lies in the folder of a photo index is none: a worker sets it aside and fills a new one."""

    sentence = Sentence(
        "The photo index is damaged. It is set aside and built anew from the photos; try again in a minute."
    )


class BundleError(MindReaderError):
    """A model bundle cannot be used."""

    kind = ErrorKind("bundle-rejected", 422, "This model bundle cannot be used")


class IndexMismatchError(MindReaderError):
    """A photo index does not fit the embedding space it is used for (dimension or distance)."""

    kind = ErrorKind("index-mismatch", 500, "The photo index does not fit the embedding space")


class ConfigurationError(MindReaderError):
    """A setting is unknown or has an impossible value."""

    kind = ErrorKind("configuration", 500, "A setting is wrong")
