"""Whether originals, thumbnails and previews are there, and what they were when they were written."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import TypeVar

from sqlalchemy import ColumnElement, func, select

from mindreader.blobs import BlobStore, original_key, sha256_of, thumbnail_key
from mindreader.blobs.parallel import Progress, in_parallel, no_progress
from mindreader.catalog import Catalog, Photo
from mindreader.errors import MindReaderError, NotFoundError
from mindreader.imaging import decoders
from mindreader.operations.finding import Finding, reason_of
from mindreader.originals import Originals, is_shown_in_place
from mindreader.settings import Settings

_IN_ONE_QUESTION = 500
_WEBP_HEADER_BYTES = 12
T = TypeVar("T")
R = TypeVar("R")


class StoredFiles:
    """The files of all photos that are not deleted.

    Whether they are there and as long as they were is seen at once, in a store elsewhere only the former. Whether every
    byte is as it was takes reading them all (`content`).
    """

    def __init__(
        self, catalog: Catalog, blobs: BlobStore, settings: Settings, *, content: bool, progress: Progress = no_progress
    ) -> None:
        self._catalog, self._blobs, self._settings = catalog, blobs, settings
        self._content, self._progress = content, progress

    def originals(self) -> Iterator[Finding]:
        """Originals that are gone, and those that are no longer what was uploaded; those in folders are elsewhere."""
        sizes, stored = self._sizes(~is_shown_in_place()), self._stored("originals")
        if lost := sorted(sizes.keys() - stored):
            names = self._names(dict.fromkeys(lost, "is gone"))
            yield Finding(
                "lost-original", len(lost), f"{len(lost)} originals are gone: restore a backup.", False, names
            )
        present = sorted(sizes.keys() & stored)
        checked = self._each(lambda digest: (digest, self._fault(digest, sizes[digest])), present)
        if faults := {digest: fault for digest, fault in checked if fault}:
            sentence = f"{len(faults)} originals are damaged: restore a backup."
            yield Finding("damaged-original", len(faults), sentence, False, self._names(faults))

    def thumbnails(self, *, repair: bool) -> Iterator[Finding]:
        """Thumbnails that are missing or cannot be shown; they are made again from their originals."""
        digests = (self._sizes(~is_shown_in_place()).keys() & self._stored("originals")) | self._in_folders()
        wanted = {thumbnail_key(digest, self._settings.thumbnail_pixels): digest for digest in digests}
        stored = set(self._blobs.keys("thumbnails"))
        missing = wanted.keys() - stored
        checked = self._each(lambda key: (key, self._can_be_shown(key)), sorted(wanted.keys() & stored))
        broken = {key for key, is_fine in checked if not is_fine}
        for kind, keys, state in (
            ("missing-thumbnail", missing, "are missing"),
            ("broken-thumbnail", broken, "cannot be shown"),
        ):
            yield from self._thumbnail_findings(kind, {key: wanted[key] for key in keys}, state, repair)

    def previews(self, *, repair: bool) -> Iterator[Finding]:
        """Previews that cannot be shown, and those of no photo; removed, for they are made when somebody looks."""
        stored = sorted(self._blobs.keys("previews"))  # before the photos: one made meanwhile has its photo
        digests = self._digests()
        orphans = [key for key in stored if _digest_in(key) not in digests]
        checked = self._each(lambda key: (key, self._can_be_shown(key)), sorted({*stored} - {*orphans}))
        broken = [key for key, is_fine in checked if not is_fine]
        for kind, keys, state in (
            ("orphan-preview", orphans, "belong to no photo"),
            ("broken-preview", broken, "cannot be shown"),
        ):
            if keys:
                yield self._removed(kind, keys, f"{len(keys)} previews {state}.", repair)

    def _removed(self, kind: str, keys: list[str], sentence: str, repair: bool) -> Finding:
        if not repair:
            return Finding(kind, len(keys), f"{sentence} `mindreader doctor --repair` removes them.", False)
        for key in keys:
            self._blobs.delete(key)
        return Finding(kind, len(keys), f"{sentence} Removed.", True)

    def _thumbnail_findings(self, kind: str, found: dict[str, str], state: str, repair: bool) -> Iterator[Finding]:
        if not found:
            return
        if not repair:
            advice = "`mindreader doctor --repair` mends that."
            yield Finding(kind, len(found), f"{len(found)} thumbnails {state}. {advice}", False)
            return
        faults = {digest: fault for key, digest in found.items() if (fault := self._make_again(key, digest))}
        if mended := len(found) - len(faults):
            yield Finding(kind, mended, f"{mended} thumbnails {state}. Mended.", True)
        if faults:
            sentence = f"{len(faults)} thumbnails {state} and cannot be made again from their originals."
            yield Finding(kind, len(faults), sentence, False, self._names(faults))

    def _make_again(self, key: str, digest: str) -> str:
        """Why it could not be made; empty when it was."""
        try:
            original = Originals(self._catalog, self._blobs, self._settings).source(digest)
            photo = decoders(self._settings).photo_file(original, self._settings.thumbnail_pixels)
            self._blobs.delete(key)
            self._blobs.put(key, photo.thumbnail)
        except (MindReaderError, OSError) as error:
            return reason_of(error)
        return ""

    def _fault(self, digest: str, size: int) -> str:
        """What is wrong with an original; empty when nothing is."""
        key = original_key(digest)
        try:
            path = self._blobs.local_path(key)
            if path is not None and (found := path.stat().st_size) != size:
                return "is empty" if found == 0 else f"has {found:,} bytes instead of {size:,}"
            if self._content:
                with self._blobs.open(key) as file:
                    return "" if sha256_of(file) == digest else "is not what was uploaded"
        except NotFoundError:
            return "is gone or no file"
        except OSError as error:
            return f"cannot be read ({error.strerror or error})"
        return ""

    def _can_be_shown(self, key: str) -> bool:
        try:
            path = self._blobs.local_path(key)
            if path is not None and not _is_whole_webp(path):
                return False
            if self._content:
                decoders(self._settings).photo_file(self._blobs.get(key), self._settings.thumbnail_pixels)
        except (MindReaderError, OSError):
            return False
        return True

    def _each(self, work: Callable[[T], R], items: Collection[T]) -> Iterator[R]:
        for done, result in enumerate(in_parallel(work, items), 1):
            yield result
            self._progress(done, len(items))

    def _in_folders(self) -> set[str]:
        return set(self._sizes(is_shown_in_place()))

    def _sizes(self, only: ColumnElement[bool]) -> dict[str, int]:
        """Bytes of each original, by its SHA-256."""
        with self._catalog.snapshot() as session:
            photos = select(Photo.sha256, func.max(Photo.size_bytes)).where(Photo.deleted_at.is_(None), only)
            return dict(session.execute(photos.group_by(Photo.sha256)).all())

    def _digests(self) -> set[str]:
        """Of every photo, those in the trash too."""
        with self._catalog.snapshot() as session:
            return set(session.scalars(select(Photo.sha256)))

    def _names(self, faults: dict[str, str]) -> tuple[str, ...]:
        """Each photo with these bytes, and what is wrong with it."""
        named, digests = list[str](), list(faults)
        for start in range(0, len(digests), _IN_ONE_QUESTION):
            with self._catalog.snapshot() as session:
                photos = session.execute(
                    select(Photo.filename, Photo.id, Photo.sha256)
                    .where(Photo.sha256.in_(digests[start : start + _IN_ONE_QUESTION]), Photo.deleted_at.is_(None))
                    .order_by(Photo.id)
                ).all()
            named += [f"{name} (photo {number}): {faults[digest]}" for name, number, digest in photos]
        return tuple(named)

    def _stored(self, folder: str) -> set[str]:
        return {key.rsplit("/", 1)[-1] for key in self._blobs.keys(folder)}  # a method, not a dict


def _digest_in(key: str) -> str:
    """The original's SHA-256 in the key of a copy of it."""
    return key.rpartition("/")[2].partition("-")[0]


def _is_whole_webp(path: Path) -> bool:
    """Whether a file begins as WebP does and is as long as it says there (RIFF: 8 bytes, and what follows them)."""
    with path.open("rb") as file:
        header = file.read(_WEBP_HEADER_BYTES)
    length = int.from_bytes(header[4:8], "little") + 8
    return header[:4] == b"RIFF" and header[8:] == b"WEBP" and path.stat().st_size == length
