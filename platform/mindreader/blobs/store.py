"""Where the bytes lie: a folder, or any store fsspec knows (``s3://…``, ``memory://…``)."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from mindreader.blobs.atomic import atomic_file, sweep
from mindreader.blobs.keys import check_key, original_key, preview_key, sha256_of, sketch_key, thumbnail_key
from mindreader.errors import ConfigurationError, NotFoundError

__all__ = ["BlobStore", "original_key", "preview_key", "sha256_of", "sketch_key", "thumbnail_key"]

_TEMPORARY = ".temporary"  # no key starts with a dot, so nothing in here is ever a blob
_COPY_BYTES = 2**20
# Blobs are named by their SHA-256; the newer checksums of Amazon's library are unknown to many S3-compatible servers.
_WHERE_REQUIRED = {"request_checksum_calculation": "when_required", "response_checksum_validation": "when_required"}
# A client of its own: the shared ones of fsspec go on with the server and keys they began with.
_S3_OPTIONS: dict[str, Any] = {"config_kwargs": _WHERE_REQUIRED, "skip_instance_cache": True}
_OBJECT_STORES = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "az"})
"""Kinds of store where nothing has to be made before a blob can lie in it."""


class BlobStore:
    """Blobs by key, each written once and whole.

    Args:
        root: a folder (made when first needed) or an fsspec URL.

    Whatever a method does, it raises `OSError` with a sentence when the store is out of reach, and leaves no half blob.

    Raises:
        ConfigurationError: fsspec does not know the kind of URL, or the package for it is missing.
    """

    def __init__(self, root: str) -> None:
        # Listings are never cached: other processes write to and delete from the same store.
        try:
            options = _S3_OPTIONS if root.startswith("s3") else {}
            self._fs, self._root = url_to_fs(root, use_listings_cache=False, **options)
        except (ImportError, ValueError) as error:
            raise ConfigurationError(f"The blob store {root!r} cannot be used: {error}") from error
        self._root = self._root.rstrip("/")
        self._is_local = isinstance(self._fs, LocalFileSystem)
        self._has_folders = not _OBJECT_STORES & {*([p] if isinstance(p := self._fs.protocol, str) else p)}
        self._trouble = _trouble_of(self._fs)

    def put(self, key: str, data: bytes) -> None:
        """Write a blob; does nothing when the key is there already.

        Raises:
            OSError: the disk is full, or the store is out of reach; nothing lies under the key then.
        """
        path = self._path(key)
        if self.exists(key):
            return
        if self._is_local:
            with self._atomic(path) as file:
                file.write(data)
        else:
            with self._reached():
                self._make_parent(path)
                self._fs.pipe_file(path, data)  # object stores show an object only once it is whole

    def put_file(self, key: str, path: Path) -> None:
        """Copy a file into the store without holding it in memory; otherwise as :meth:`put`."""
        target = self._path(key)
        if self.exists(key):
            return
        if self._is_local:
            with path.open("rb") as source, self._atomic(target) as file:
                shutil.copyfileobj(source, file, _COPY_BYTES)
        else:
            with self._reached():
                self._make_parent(target)
                self._fs.put_file(str(path), target)

    def get(self, key: str) -> bytes:
        """All bytes of a blob.

        Raises:
            NotFoundError: nothing lies under the key.
        """
        with _missing_as_not_found(key), self._reached():
            return cast(bytes, self._fs.cat_file(self._path(key)))

    def open(self, key: str) -> BinaryIO:
        """A blob as a readable, seekable file that the caller closes.

        Raises:
            NotFoundError: nothing lies under the key.
        """
        with _missing_as_not_found(key), self._reached():
            if self._is_local and not Path(self._path(key)).is_file():  # a pipe would be waited for
                raise FileNotFoundError(key)
            file = self._fs.open(self._path(key), "rb")
            if getattr(file, "details", {}).get("type") == "directory":  # what object stores show as a folder
                raise FileNotFoundError(key)
            return cast(BinaryIO, file)

    def local_path(self, key: str) -> Path | None:
        """Path of a blob on this machine's disk; none when the store is elsewhere.

        Raises:
            NotFoundError: the store is local and nothing lies under the key.
        """
        path = Path(self._path(key))
        if not self._is_local:
            return None
        if not path.is_file():
            raise _not_found(key)
        return path

    def exists(self, key: str) -> bool:
        """Whether a blob lies under the key."""
        path = self._path(key)
        with self._reached():
            # Not isfile, which takes every error for "not there": a store that is away would seem empty.
            return bool(self._fs.isfile(path)) if self._is_local else self._is_there(path)

    def size(self, key: str) -> int:
        """Bytes of a blob.

        Raises:
            NotFoundError: nothing lies under the key.
        """
        with _missing_as_not_found(key), self._reached():
            info = self._fs.info(self._path(key))
            if info["type"] != "file":
                raise FileNotFoundError(key)
            return int(info["size"])

    def delete(self, key: str) -> None:
        """Remove a blob; a missing one is fine."""
        path = self._path(key)
        try:
            with self._reached():
                self._fs.rm_file(path)
        except FileNotFoundError:
            return

    def keys(self, prefix: str = "") -> Iterator[str]:
        """Every key below the folder ``prefix`` (``originals``, ``originals/ab``; empty for all), in no order.

        Raises:
            OSError: a folder cannot be read. It is never left out in silence, or the reconciler
                would take its blobs for lost.
        """
        yield from self._walk(self._path(prefix) if prefix else self._root)

    def check_reachable(self) -> None:
        """See that the store as a whole answers, whatever one blob does.

        Raises:
            OSError: it does not: the disk is gone, the server is away.
        """
        if self._is_local:
            with os.scandir(self._root) as entries:
                next(entries, None)
        else:
            with self._reached():
                self._fs.ls(self._root, detail=False)

    def sweep_temporary(self, older_than_seconds: float) -> int:
        """Remove what killed writers left behind; returns how many files.

        Choose more seconds than the slowest write takes, or that write fails.
        """
        return sweep(Path(self._root, _TEMPORARY), older_than_seconds) if self._is_local else 0

    def _is_there(self, path: str) -> bool:
        try:
            return bool(self._fs.info(path)["type"] == "file")
        except FileNotFoundError:
            return False

    def _make_parent(self, path: str) -> None:
        if self._has_folders:
            self._fs.makedirs(self._fs._parent(path), exist_ok=True)

    @contextmanager
    def _reached(self) -> Iterator[None]:
        """Turn what the libraries of object stores raise into the errors of a disk."""
        try:
            yield
        except self._trouble as error:
            raise OSError(f"The blob store {self._root} cannot be reached: {error}") from error

    def _path(self, key: str) -> str:
        return f"{self._root}/{check_key(key)}"

    @contextmanager
    def _atomic(self, path: str) -> Iterator[BinaryIO]:
        with atomic_file(Path(path), Path(self._root, _TEMPORARY)) as file:
            yield file

    def _walk(self, folder: str) -> Iterator[str]:
        # Not fsspec's walk: below the first level it passes over folders it cannot read.
        for entry in self._entries(folder):
            name = entry["name"].rstrip("/")
            key = name.removeprefix(f"{self._root}/")
            if entry["type"] == "directory" and name != folder:
                if key != _TEMPORARY:
                    yield from self._walk(name)
            elif entry["type"] == "file" and _is_key(key):
                yield key

    def _entries(self, folder: str) -> list[dict[str, Any]]:
        try:
            with self._reached():
                return cast(list[dict[str, Any]], self._fs.ls(folder, detail=True))
        except FileNotFoundError:  # nothing was ever written there, or it has just been deleted
            return []


def _trouble_of(fs: Any) -> tuple[type[Exception], ...]:
    """What a store's library raises beside `OSError` when it gets no answer, or may not ask."""
    if "s3" not in fs.protocol:
        return ()
    from aiohttp import ClientError
    from botocore.exceptions import BotoCoreError  # type: ignore[import-untyped]
    from botocore.exceptions import ClientError as Refused

    return ClientError, BotoCoreError, Refused


def _is_key(name: str) -> bool:
    return not any(part.startswith(".") for part in name.split("/"))


def _not_found(key: str) -> NotFoundError:
    return NotFoundError(f"There is no blob {key}. Run `mindreader doctor` to see what is missing.")


@contextmanager
def _missing_as_not_found(key: str) -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, IsADirectoryError):
        raise _not_found(key) from None
