"""Files on their way to a collection: what is known is not sent, and one that cannot be sent stops no other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from mindreader.blobs import sha256_of
from mindreader.dates import text_of
from mindreader.library.categories import category_of_folder
from mindreader.library.system_folders import SYSTEM_FOLDERS
from mindreader.text import repaired, visible_text
from mindreader_webui.commands.client import ApiClient, RemoteError
from mindreader_webui.commands.folder_walk import FoundFile, unreadable

_FILES_PER_QUESTION = 200
_FILES_PER_REQUEST = 16
_BYTES_PER_REQUEST = 32 * 2**20
_BYTES_AROUND_A_FILE = 4096
"""Of the form it is sent in, at most: its name, its category, what stands between."""
_BYTES_BESIDE = 2**15
"""Of a file beside it; the date stands at the beginning."""
_TOO_LARGE = 413


@dataclass
class Report:
    """What became of the files."""

    created: int = 0
    duplicate: int = 0
    elsewhere: dict[str, int] = field(default_factory=dict)
    """Of the duplicates, those in other collections of the user's, by the names of these."""
    rejected: list[dict[str, str]] = field(default_factory=list)
    skipped_folders: list[str] = field(default_factory=list)
    companions: dict[str, int] = field(default_factory=dict)
    """Files that only go with photos, by their kinds."""
    indexed: int = 0
    failed: int = 0
    waited: bool = False
    """Whether `indexed` and `failed`, those of the collection, were asked for."""

    @property
    def is_empty(self) -> bool:
        """Whether there was no file at all."""
        return not (self.created or self.duplicate or self.rejected)

    def as_json(self) -> dict[str, object]:
        """For programs."""
        return {name: value for name, value in asdict(self).items() if name != "waited"}

    def reject(self, name: str, reason: str) -> None:
        """Note a file that is refused."""
        self.rejected.append({"file": name, "reason": reason})


@dataclass(frozen=True)
class Rules:
    """What the server takes: sizes in bytes (None: it does not say), and the names of folders that are passed over."""

    file_bytes: int | None = None
    request_bytes: int | None = None
    skipped_folders: Sequence[str] = SYSTEM_FOLDERS

    @classmethod
    def of(cls, api: ApiClient) -> Rules:
        """As the server says; one that is not upgraded yet says nothing."""
        said = api.get("/status").get("uploads")
        return cls(said["file_max_bytes"], said["request_max_bytes"], said["skipped_folders"]) if said else cls()

    @property
    def largest_file(self) -> float:
        """Bytes of the largest file that need be sent."""
        alone = None if self.request_bytes is None else max(0, self.request_bytes - _BYTES_AROUND_A_FILE)
        return min((limit for limit in (self.file_bytes, alone) if limit is not None), default=float("inf"))

    @property
    def bytes_together(self) -> float:
        """Bytes of the files of one request."""
        return min(_BYTES_PER_REQUEST, self.request_bytes or _BYTES_PER_REQUEST)


@dataclass(frozen=True)
class Uploader:
    """Sends files to a collection."""

    api: ApiClient
    collection_id: int
    rules: Rules
    report: Report
    everywhere: bool = False
    """Also what another collection of the user's has."""
    with_categories: bool = False
    """A photo's category is the name of its folder."""

    def upload(self, files: Sequence[FoundFile], advance: Callable[[int], object]) -> None:
        """Send what is missing; `advance` is told how many files were dealt with."""
        fitting = list(filter(self._fits, files))
        advance(len(files) - len(fitting))
        for asked in _groups(fitting):
            missing = self.missing(asked)
            advance(len(asked) - len(missing))
            for batch in self._batches(missing):
                self._send(batch)
                advance(len(batch))

    def missing(self, files: Sequence[FoundFile]) -> list[FoundFile]:
        """Those the server does not have yet; the others are told by their SHA-256 and not sent."""
        digests = {file: digest for file in files if (digest := self._sha256(file))}
        known = self._existing(sorted(set(digests.values())))
        for digest in digests.values():
            if digest in known:
                self._note_known(known[digest])
        return [file for file, digest in digests.items() if digest not in known]

    def _fits(self, file: FoundFile) -> bool:
        if file.size <= self.rules.largest_file:
            return True
        limit = self.rules.largest_file / 2**20
        self.report.reject(file.name, f"This file is larger than {limit:.4g} MB. Send a smaller copy.")
        return False

    def _sha256(self, file: FoundFile) -> str | None:
        try:
            return sha256_of(file.path)
        except OSError as error:
            self.report.reject(file.name, unreadable(error))
            return None

    def _existing(self, digests: list[str]) -> dict[str, dict[str, Any]]:
        """Photos that need not be sent, by their SHA-256."""
        if not digests:
            return {}
        answer = self.api.post(f"/collections/{self.collection_id}/existing", json={"sha256": digests})
        return {photo["sha256"]: photo for photo in answer["existing"] if self._counts(photo)}

    def _counts(self, photo: dict[str, Any]) -> bool:
        return self._is_here(photo) or (photo["mine"] and not self.everywhere)

    def _is_here(self, photo: dict[str, Any]) -> bool:
        return bool(photo["collection_id"] == self.collection_id)

    def _note_known(self, photo: dict[str, Any]) -> None:
        self.report.duplicate += 1
        if not self._is_here(photo):
            self.report.elsewhere = dict(Counter(self.report.elsewhere) + Counter([photo["collection"]]))

    def _batches(self, files: Sequence[FoundFile]) -> Iterator[list[FoundFile]]:
        batch: list[FoundFile] = []
        size = 0
        for file in files:
            more = _bytes_of(file)
            if batch and (len(batch) == _FILES_PER_REQUEST or size + more > self.rules.bytes_together):
                yield batch
                batch, size = [], 0
            batch.append(file)
            size += more
        if batch:
            yield batch

    def _send(self, batch: list[FoundFile]) -> None:
        try:
            self._post(batch)
        except (RemoteError, OSError) as error:
            if not _is_of_files(error):
                raise
            for file in batch:
                self._send_alone(file)

    def _send_alone(self, file: FoundFile) -> None:
        try:
            self._post([file])
        except (RemoteError, OSError) as error:
            if not _is_of_files(error):
                raise
            self.api.get("/status")  # a server that is away ends it all
            self.report.reject(file.name, _reason(error))

    def _post(self, batch: list[FoundFile]) -> None:
        with ExitStack() as opened:
            streams = [(file.path.name, opened.enter_context(file.path.open("rb"))) for file in batch]
            answer = self.api.post(
                f"/collections/{self.collection_id}/photos",
                files=[("file", (_sent_name(name), stream, "application/octet-stream")) for name, stream in streams],
                data=self._said_of(batch),
            )
        for file, outcome in zip(batch, answer["outcomes"], strict=True):
            self._note(file, outcome)

    def _said_of(self, batch: Sequence[FoundFile]) -> dict[str, list[str]]:
        """What is known of each file besides its bytes."""
        limit = self.rules.request_bytes
        fits = limit is None or sum(map(_bytes_of, batch)) <= limit
        return {
            "category": [self._category(file) if self.with_categories else "" for file in batch],
            "modified": [_modified(file) for file in batch],
            "xmp": [_beginning(file.xmp) if fits else "" for file in batch],
            "takeout": [_beginning(file.takeout) if fits else "" for file in batch],
        }

    def _note(self, file: FoundFile, outcome: dict[str, Any]) -> None:
        if outcome["status"] == "rejected":
            self.report.reject(file.name, outcome["reason"])
        elif outcome["status"] == "duplicate":
            self.report.duplicate += 1
        else:
            self.report.created += 1

    def _category(self, file: FoundFile) -> str:
        """Empty where the folder's name cannot be one."""
        return category_of_folder(file.folder) or ""


def _bytes_of(file: FoundFile) -> int:
    """That it takes in a request, at most."""
    return file.size + _BYTES_AROUND_A_FILE + _BYTES_BESIDE * sum(path is not None for path in (file.xmp, file.takeout))


def _modified(file: FoundFile) -> str:
    """By the clock of this machine, as cameras write it."""
    try:
        return datetime.fromtimestamp(file.modified).isoformat(timespec="seconds")
    except (OverflowError, ValueError, OSError):
        return ""


def _beginning(path: Path | None) -> str:
    if path is None:
        return ""
    try:
        with path.open("rb") as file:
            return text_of(file.read(_BYTES_BESIDE))
    except OSError:
        return ""  # the photo is imported all the same


def _groups(files: Sequence[FoundFile]) -> Iterator[Sequence[FoundFile]]:
    for start in range(0, len(files), _FILES_PER_QUESTION):
        yield files[start : start + _FILES_PER_QUESTION]


def _sent_name(name: str) -> str:
    """Without control characters: forms carry them as `%0A`, which nobody turns back."""
    return visible_text(repaired(name)) or "photo"


def _is_of_files(error: RemoteError | OSError) -> bool:
    """Whether one file may be to blame: it is too large for the server or a proxy before it, which may also hang up
    instead of saying so, or it cannot be read.
    """
    return isinstance(error, OSError) or error.status in (None, _TOO_LARGE)


def _reason(error: RemoteError | OSError) -> str:
    if isinstance(error, OSError):
        return unreadable(error)
    if error.status is None:
        return "The connection was closed while this file was sent. Try a smaller copy."
    return "This file is larger than the server, or a proxy before it, takes. Send a smaller copy."
