"""Whether folders that are shown in place are there, and their files what they were."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import select

from mindreader.blobs import sha256_of
from mindreader.blobs.parallel import Progress, in_parallel
from mindreader.catalog import Catalog, Folder, FolderFile, FolderFileState
from mindreader.folders.registry import folders
from mindreader.folders.roots import absence_of
from mindreader.operations.finding import Finding
from mindreader.originals import path_of
from mindreader.settings import Settings


def shown_folders(catalog: Catalog, settings: Settings, *, content: bool, progress: Progress) -> Iterator[Finding]:
    """Folders that are away, and files in the others that are missing or have changed since they were read.

    None of it is mended here: a disk is connected, or a scan takes the files as they are now.

    Args:
        content: read every file, too.
    """
    with catalog.snapshot() as session:
        found = folders(session)
    for folder in found:
        if absence_of(Path(folder.path), settings, had_files=True) is not None:
            sentence = f"The folder {folder.path} is not there. Its photos stay; connect its disk."
            yield Finding("folder-away", 1, sentence, False)
        else:
            yield from _files(catalog, folder, content=content, progress=progress)


def _files(catalog: Catalog, folder: Folder, *, content: bool, progress: Progress) -> Iterator[Finding]:
    there = (
        FolderFile.folder_id == folder.id,
        FolderFile.state == FolderFileState.PHOTO,
        FolderFile.missing_since.is_(None),
    )
    columns = (
        FolderFile.directory,
        FolderFile.name,
        FolderFile.size_bytes,
        FolderFile.mtime_ns,
        FolderFile.sha256,
    )
    with catalog.snapshot() as session:
        rows = session.execute(select(*columns).where(*there).order_by(FolderFile.id)).all()
    names = []
    checked = in_parallel(lambda row: _fault(folder, content, *row), rows)
    for done, fault in enumerate(checked, 1):
        names += [fault] if fault else []
        progress(done, len(rows))
    if names:
        sentence = (
            f"{len(names)} files in {folder.path} are not what they were when they were read: scan the folder, or "
            f"verify it (`mindreader folders verify {folder.id}`)."
        )
        yield Finding("changed-in-folder", len(names), sentence, False, tuple(sorted(names)))


def _fault(
    folder: Folder, content: bool, directory: bytes, name: bytes, size: int, mtime_ns: int, sha256: str | None
) -> str:
    path = path_of(folder.path, directory, name)
    shown = os.fsdecode(os.fsencode(path)).encode("utf-8", "replace").decode()
    try:
        status = path.stat()
        if (status.st_size, status.st_mtime_ns) != (size, mtime_ns):
            return f"{shown} has changed"
        if content and sha256_of(path) != sha256:
            return f"{shown} holds other bytes"
    except FileNotFoundError:
        return f"{shown} is gone"
    except OSError as error:
        return f"{shown} cannot be read ({error.strerror or error})"
    return ""
