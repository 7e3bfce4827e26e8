"""Folders shown in place, for tests: a folder with photos, what is known of it, and what it is on the disk."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from mindreader.blobs import BlobStore
from mindreader.catalog import Catalog, Folder, FolderFile, Photo, User
from mindreader.folders.registry import FolderOptions, add_folder, the_folder
from mindreader.folders.scanning.reports import ScanReport
from mindreader.folders.scanning.scan import FolderScan
from mindreader.settings import Settings
from tests.support.library import jpeg

LONG_AGO = 1_500_000_000
"""Seconds since 1970: files of then are at rest."""


def put(path: Path, content: bytes, when: float = LONG_AGO) -> Path:
    """A file that was written long ago."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (when, when))
    return path


def put_photos(folder: Path, names: Iterable[str], first: int = 0) -> list[Path]:
    """A photo under each name, each another one."""
    return [put(folder / name, jpeg(first + number), LONG_AGO + first + number) for number, name in enumerate(names)]


def state_of(folder: Path) -> dict[str, tuple[str, int, int, int]]:
    """Bytes, sizes, times and modes of everything in a folder."""
    found = {}
    for path in sorted(folder.rglob("*")):
        status = path.stat()
        digest = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        found[str(path.relative_to(folder))] = (digest, status.st_size, status.st_mtime_ns, status.st_mode)
    return found


@dataclass
class Shown:
    """A folder that is shown in place."""

    catalog: Catalog
    blobs: BlobStore
    settings: Settings
    id: int

    @classmethod
    def add(
        cls,
        catalog: Catalog,
        blobs: BlobStore,
        settings: Settings,
        user: User,
        path: Path,
        name: str = "Disk",
        **options: object,
    ) -> Shown:
        with catalog.transaction() as session:
            made = add_folder(session, user, settings, str(path), name, FolderOptions(**options))  # type: ignore[arg-type]
        return cls(catalog, blobs, settings, made.id)

    @property
    def row(self) -> Folder:
        with self.catalog.snapshot() as session:
            return the_folder(session, self.id)

    def scan(self, settings: Settings | None = None) -> ScanReport:
        """Scan it whole, files at rest or not."""
        work = self.work(settings)
        work.whole()
        return work.report

    def work(self, settings: Settings | None = None) -> FolderScan:
        return FolderScan(self.catalog, self.blobs, settings or self.settings, self.row, "test")

    def files(self) -> dict[str, FolderFile]:
        """By their paths below the folder."""
        with self.catalog.snapshot() as session:
            rows = session.scalars(select(FolderFile).where(FolderFile.folder_id == self.id)).all()
        return {os.fsdecode((row.directory + b"/" if row.directory else b"") + row.name): row for row in rows}

    def photos(self) -> dict[str, Photo]:
        """Those that are not deleted, by their names. Categories are loaded."""
        with self.catalog.snapshot() as session:
            mine = select(Photo).where(Photo.collection_id == self.row.collection_id, Photo.deleted_at.is_(None))
            rows = session.scalars(mine).all()
            for row in rows:
                _ = row.category
        return {row.filename: row for row in rows}
