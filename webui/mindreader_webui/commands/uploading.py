"""Files on their way to a collection: what is known is not sent, and one that cannot be sent stops no other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any

from mindreader.blobs import sha256_of
from mindreader.library.files.system_folders import SYSTEM_FOLDERS
from mindreader_webui.commands.client import ApiClient, RemoteError
from mindreader_webui.commands.files import FoundFile, unreadable
from mindreader_webui.commands.import_report import Report
from mindreader_webui.commands.upload_form import BYTES_AROUND_A_FILE, bytes_of, origin_json, said_of, sent_name

_FILES_PER_QUESTION = 200
FILES_PER_REQUEST = 16
_PHOTOS_PER_COPY = 1000
BYTES_PER_REQUEST = 32 * 2**20
_TOO_LARGE = 413


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
        alone = None if self.request_bytes is None else max(0, self.request_bytes - BYTES_AROUND_A_FILE)
        return min((limit for limit in (self.file_bytes, alone) if limit is not None), default=float("inf"))

    @property
    def bytes_together(self) -> float:
        """Bytes of the files of one request."""
        return min(BYTES_PER_REQUEST, self.request_bytes or BYTES_PER_REQUEST)


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
    is_album: bool = False
    """The collection is to have all of the files: those in other collections of the user's are copied into it."""
    in_albums: set[str] = field(default_factory=set)
    """SHA-256 of the files of every album so far; what is in no album is what is not among them."""

    def into(self, collection_id: int, *, is_album: bool) -> Uploader:
        """The same for another collection of the same import."""
        return replace(self, collection_id=collection_id, is_album=is_album)

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
        if self.is_album:
            self.in_albums.update(digests.values())
        known = self._existing(sorted(set(digests.values())))
        self._note_origins(digests, known)
        copied = self._copied(known) if self.is_album else set()
        for digest in digests.values():
            if digest in copied:
                copied.remove(digest)  # should these bytes come twice, the second is a duplicate
            elif digest in known:
                self._note_known(known[digest])
        return [file for file, digest in digests.items() if digest not in known]

    def copy(self, photo_ids: Sequence[int]) -> None:
        """Let the collection have photos, too, that are in other ones."""
        for start in range(0, len(photo_ids), _PHOTOS_PER_COPY):
            asked = {"photo_ids": photo_ids[start : start + _PHOTOS_PER_COPY], "collection_id": self.collection_id}
            self.report.copied += len(self.api.post("/photos/copy", json=asked)["photo_ids"])

    def _copied(self, known: dict[str, dict[str, Any]]) -> set[str]:
        """Put photos of other collections into this one, too, where they count as its own; returns their SHA-256."""
        elsewhere = {digest: photo for digest, photo in known.items() if not self._is_here(photo)}
        self.copy([photo["photo_id"] for photo in elsewhere.values()])
        known.update({digest: photo | {"collection_id": self.collection_id} for digest, photo in elsewhere.items()})
        return set(elsewhere)

    def _note_origins(self, digests: Mapping[FoundFile, str], known: Mapping[str, dict[str, Any]]) -> None:
        """What is here already need not be fetched again the next time."""
        for file, digest in digests.items():
            if file.origin is not None and digest in known:
                self.api.post(f"/photos/{known[digest]['photo_id']}/origins", json=origin_json(file.origin))

    def _fits(self, file: FoundFile) -> bool:
        if file.size <= self.rules.largest_file:
            return True
        limit = self.rules.largest_file / 2**20
        self.report.reject(file.name, f"This file is larger than {limit:.4g} MB. Send a smaller copy.")
        return False

    def _sha256(self, file: FoundFile) -> str | None:
        try:
            with file.path.open("rb") as stream:
                return sha256_of(stream)
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
        wanted_here = self.everywhere and not self.is_album and photo["sha256"] not in self.in_albums
        return self._is_here(photo) or (photo["mine"] and not wanted_here)

    def _is_here(self, photo: dict[str, Any]) -> bool:
        return bool(photo["collection_id"] == self.collection_id)

    def _note_known(self, photo: dict[str, Any]) -> None:
        self.report.duplicate += 1
        if not self._is_here(photo) and photo["sha256"] not in self.in_albums:
            self.report.count("elsewhere", photo["collection"])

    def _batches(self, files: Sequence[FoundFile]) -> Iterator[list[FoundFile]]:
        batch: list[FoundFile] = []
        size = 0
        for file in files:
            more = bytes_of(file)
            if batch and (len(batch) == FILES_PER_REQUEST or size + more > self.rules.bytes_together):
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
                files=[("file", (sent_name(name), stream, "application/octet-stream")) for name, stream in streams],
                data=self._said_of(batch),
            )
        for file, outcome in zip(batch, answer["outcomes"], strict=True):
            self._note(file, outcome)

    def _said_of(self, batch: Sequence[FoundFile]) -> dict[str, list[str]]:
        limit = self.rules.request_bytes
        fits = limit is None or sum(map(bytes_of, batch)) <= limit
        return said_of(batch, with_categories=self.with_categories, with_texts=fits)

    def _note(self, file: FoundFile, outcome: dict[str, Any]) -> None:
        if outcome["status"] == "rejected":
            self.report.reject(file.name, outcome["reason"])
        elif outcome["status"] == "duplicate":
            self.report.duplicate += 1
        else:
            self.report.created += 1


def _groups(files: Sequence[FoundFile]) -> Iterator[Sequence[FoundFile]]:
    for start in range(0, len(files), _FILES_PER_QUESTION):
        yield files[start : start + _FILES_PER_QUESTION]


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
