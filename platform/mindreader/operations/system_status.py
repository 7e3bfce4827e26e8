"""What an administrator wants to know of the whole: how much there is, where it lies, what waits."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mindreader.catalog import Collection, Embedding, EmbeddingState, Photo, User
from mindreader.errors import Sentence
from mindreader.originals import is_shown_in_place
from mindreader.photo_index.edge import ROOM_BYTES
from mindreader.settings import Settings


@dataclass(frozen=True)
class SystemStatus:
    """Sizes in bytes; None where a thing lies on another machine."""

    users: int
    collections: int
    photos: int
    trashed_photos: int
    """Deleted, and not removed for good yet."""
    original_bytes: int
    """Of photos that MindReader keeps itself; those in folders are elsewhere."""
    waiting: int
    """Photos to embed, over all spaces."""
    failed: int
    catalog_bytes: int | None
    index_bytes: int | None
    disk_free_bytes: int
    disk_bytes: int
    catalog: str
    broker: str
    photo_index: str
    blobs: str


def system_status(session: Session, settings: Settings) -> SystemStatus:
    """Count and measure."""
    living = Photo.deleted_at.is_(None)
    unfinished = Embedding.state.in_([EmbeddingState.PENDING, EmbeddingState.LEASED])
    file = Path(settings.data_dir / "catalog.sqlite3")
    disk = shutil.disk_usage(settings.data_dir)
    return SystemStatus(
        users=_count(session, select(func.count()).select_from(User)),
        collections=_count(session, select(func.count()).where(Collection.deleted_at.is_(None))),
        photos=_count(session, select(func.count()).where(living)),
        trashed_photos=_count(session, select(func.count()).where(~living)),
        original_bytes=_count(session, select(func.sum(Photo.size_bytes)).where(~is_shown_in_place())),
        waiting=_count(session, select(func.count()).select_from(Embedding).where(unfinished)),
        failed=_count(
            session, select(func.count()).select_from(Embedding).where(Embedding.state == EmbeddingState.FAILED)
        ),
        catalog_bytes=None if settings.database_url else _size(file),
        index_bytes=None if settings.qdrant_url else _folder_size(settings.index_dir),
        disk_free_bytes=disk.free,
        disk_bytes=disk.total,
        catalog="PostgreSQL" if settings.database_url.startswith("postgresql") else "SQLite",
        broker=Sentence("in this process") if settings.embedded_workers else "Redis",
        photo_index="Qdrant server" if settings.qdrant_url else "Qdrant Edge",
        blobs=Sentence("another store") if "://" in settings.blobs_url else Sentence("a folder"),
    )


def disk_is_full(settings: Settings) -> bool:
    """Whether so little is free where data is kept that neither photos nor the photo index can be written."""
    blobs = Path(settings.blobs_root) if "://" not in settings.blobs_root else settings.data_dir
    folders = [settings.data_dir, blobs, *([] if settings.qdrant_url else [settings.index_dir])]
    return any(shutil.disk_usage(folder).free < ROOM_BYTES for folder in folders if folder.is_dir())


def _count(session: Session, statement: object) -> int:
    return int(session.scalar(statement) or 0)  # type: ignore[call-overload]


def _folder_size(folder: Path) -> int:
    # What the disk really gives: the engine's files are sparse.
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())


def _size(path: Path) -> int:
    return sum(each.stat().st_size for each in path.parent.glob(f"{path.name}*"))
