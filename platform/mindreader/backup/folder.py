"""A backup on the disk: `backup.json`, `catalog.sqlite3` and, unless they are only referred to, `blobs/`."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import URL

from mindreader.blobs import BlobStore, sha256_of
from mindreader.blobs.atomic import atomic_file, make_folder
from mindreader.catalog import Catalog
from mindreader.errors import ConflictError, ErrorKind, MindReaderError
from mindreader.host.locks import FolderLock

SCHEMA_VERSION = 1
MANIFEST_FILE = "backup.json"
CATALOG_FILE = "catalog.sqlite3"
BLOBS_FOLDER = "blobs"
_NEW = ".new"
_LOCK_FILE = ".lock"
_TEMPORARY = ".temporary"
NOT_KEPT = frozenset({"browser_session"})
"""Tables a backup leaves empty: who is signed in at one place has no business at another, nor months later."""
_OWN_NAMES = re.compile(rf"{BLOBS_FOLDER}|{MANIFEST_FILE}({_NEW})?|{CATALOG_FILE}({_NEW}.*)?|\.lock|\.temporary")
_NAMED_BY_CONTENT = re.compile(r"(?:originals|sketches)/../../([0-9a-f]{64})(?:\.png)?")
_READ_BYTES = 2**20
_LONGEST_MANIFEST = 64 * 2**20

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class BackupError(MindReaderError):
    """A backup cannot be made in this place, or not be restored."""

    kind = ErrorKind("backup-rejected", 422, "This backup cannot be used")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BlobRecord(_Strict):
    """Where the blobs of a backup are."""

    kept: Literal["copy", "reference"]
    root: str
    """The blob store they came from, and still are in if they were not copied."""
    count: int
    bytes: int
    files: dict[str, Sha256]
    """Those whose names do not follow from their content (model bundles); thumbnails can be made again."""
    lost: tuple[str, ...]
    """Those that were missing or damaged already when the backup was made."""


class BackupManifest(_Strict):
    """`backup.json`."""

    schema_version: Literal[1] = 1
    mindreader: str
    """Version of MindReader that made it."""
    revision: str
    """Migration of the catalog."""
    created_at: datetime
    catalog_sha256: Sha256
    tables: dict[str, int]
    """Rows of each table."""
    blobs: BlobRecord


class BackupFolder:
    """The folder of one backup."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.catalog = path / CATALOG_FILE
        self.draft = path / f"{CATALOG_FILE}{_NEW}"
        """The catalog of the next backup, while it is being made."""
        self.blobs_root = path / BLOBS_FOLDER
        self.blobs = BlobStore(str(self.blobs_root))

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Keep a second backup out of the folder, and remove what a killed one left half done.

        Raises:
            BackupError: the folder holds something else.
            ConflictError: another backup is being made in it.
        """
        if self.path.exists() and not self.path.is_dir():
            raise BackupError(f"{self.path} is a file. Give a folder for the backup.")
        foreign = [entry.name for entry in self._entries() if not _OWN_NAMES.fullmatch(entry.name)]
        if foreign:
            raise BackupError(
                f"{self.path} holds something else ({min(foreign)}). Give an empty folder, or a backup's."
            )
        make_folder(self.path)
        try:
            lock = FolderLock(self.path / _LOCK_FILE, str(self.path))
        except ConflictError:
            raise ConflictError(f"Another backup into {self.path} is running. Wait until it is done.") from None
        try:
            for leftover in self.path.glob(f"{CATALOG_FILE}{_NEW}*"):
                leftover.unlink()
            self.blobs.sweep_temporary(0)
            yield
        finally:
            lock.release()

    def publish(self, manifest: BackupManifest) -> None:
        """Put the draft in the place of the catalog before.

        Killed at any moment, the folder holds the older backup or the new one: the new manifest lies beside the
        old one before the catalog is replaced, and `manifest` takes the one that names the catalog's checksum.
        """
        content = manifest.model_dump_json(indent=2).encode()
        with self.draft.open("rb+") as file:
            os.fsync(file.fileno())
        self._write(f"{MANIFEST_FILE}{_NEW}", content)
        self.draft.replace(self.catalog)
        self._write(MANIFEST_FILE, content)
        (self.path / f"{MANIFEST_FILE}{_NEW}").unlink()

    def manifest(self) -> BackupManifest:
        """What the backup says of itself; its catalog is the one it was made with.

        Raises:
            BackupError: there is no backup, a newer MindReader made it, or it is damaged.
        """
        found = [self.path / name for name in (MANIFEST_FILE, f"{MANIFEST_FILE}{_NEW}")]
        manifests = [_read_manifest(path) for path in found if path.is_file()]
        if not manifests:
            raise BackupError(f"{self.path} holds no backup: there is no {MANIFEST_FILE} in it.")
        if not self.catalog.is_file():
            raise BackupError(f"The backup in {self.path} is damaged: {CATALOG_FILE} is missing. Take another backup.")
        sha256 = sha256_of(self.catalog)
        for manifest in manifests:
            if manifest.catalog_sha256 == sha256:
                return manifest
        raise BackupError(
            f"The backup in {self.path} is damaged: {CATALOG_FILE} has changed since it was made. Take another backup."
        )

    def check_plain(self) -> None:
        """See that it holds plain files and folders only: a link leads elsewhere, and a pipe is waited for.

        Raises:
            BackupError: something else is in it; the message names it.
        """
        folders = [self.path]
        while folders:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(Path(entry.path))
                    elif not entry.is_file(follow_symlinks=False):
                        raise BackupError(
                            f"{entry.path} is a link, a pipe or a device; a backup holds plain files only. Remove it, "
                            "or take another backup."
                        )

    def copy_in(self, key: str, source: BlobStore) -> int:
        """Copy a blob into the backup, checked on the way; returns its bytes.

        Raises:
            NotFoundError: the store does not have it.
            DamagedBlobError: the store's copy is not what it was, or cannot be read; nothing is written then.
            OSError: the backup cannot be written.
        """
        digest, size = hashlib.sha256(), 0
        with atomic_file(self.blobs_root / key, self.blobs_root / _TEMPORARY) as copy:
            for piece in _pieces(source, key):
                digest.update(piece)
                size += copy.write(piece)
            if content_sha256(key) not in (None, digest.hexdigest()):
                raise DamagedBlobError(f"{key} has changed since it was written.")
        return size

    def _write(self, name: str, content: bytes) -> None:
        with atomic_file(self.path / name, self.path / _TEMPORARY) as file:
            file.write(content)

    def _entries(self) -> list[Path]:
        return list(self.path.iterdir()) if self.path.is_dir() else []


class DamagedBlobError(MindReaderError):
    """A blob does not hold the bytes it was written with."""


def content_sha256(key: str) -> str | None:
    """The SHA-256 that the bytes under a key must have; None where the name does not tell."""
    named = _NAMED_BY_CONTENT.fullmatch(key)
    return named.group(1) if named else None


def sqlite_catalog(path: Path) -> Catalog:
    """The catalog in this file."""
    return Catalog(URL.create("sqlite", database=str(path)).render_as_string())


def _read_manifest(path: Path) -> BackupManifest:
    if path.stat().st_size > _LONGEST_MANIFEST:
        raise BackupError(f"{path} is larger than the {_LONGEST_MANIFEST} bytes it may have. Take another backup.")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        version = content["schema_version"]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise BackupError(f"{path} is damaged. Take another backup.") from None
    if version != SCHEMA_VERSION:
        raise BackupError(
            f"{path} has version {version} of the backup format; this MindReader reads version {SCHEMA_VERSION}. "
            "Restore it with the MindReader that made it, or a newer one."
        )
    try:
        return BackupManifest.model_validate(content)
    except RecursionError:
        raise BackupError(f"{path} is damaged. Take another backup.") from None
    except ValidationError as error:
        wrong = ".".join(map(str, error.errors()[0]["loc"]))
        raise BackupError(f"{path} is damaged ({wrong} is wrong). Take another backup.") from None


def _pieces(source: BlobStore, key: str) -> Iterator[bytes]:
    try:
        with source.open(key) as file:
            while piece := file.read(_READ_BYTES):
                yield piece
    except OSError as error:
        raise DamagedBlobError(f"{key} cannot be read ({error.strerror or error}).") from error
