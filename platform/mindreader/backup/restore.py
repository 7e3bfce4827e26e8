"""Bring a backup back into an empty MindReader.

Everything is checked first, then the blobs are copied, and the catalog comes last in one transaction: a restore that
is refused changes nothing, and one that is killed can simply be started again.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

from sqlalchemy import delete, func, select, update

from mindreader.backup.blobs import SKETCHES, belonging, is_listed
from mindreader.backup.empty_catalog import check_empty, empty_target_transaction
from mindreader.backup.folder import (
    CATALOG_FILE,
    NOT_KEPT,
    BackupError,
    BackupFolder,
    BackupManifest,
    content_sha256,
    sqlite_catalog,
)
from mindreader.blobs import BlobStore, original_key, sha256_of
from mindreader.blobs.parallel import Progress, in_parallel, no_progress
from mindreader.catalog import (
    ApiToken,
    Catalog,
    Embedding,
    EmbeddingSpace,
    EmbeddingState,
    Folder,
    Photo,
    WorkerProcess,
)
from mindreader.catalog.copying import copy_rows, is_known_revision, read_snapshot
from mindreader.catalog.models import now
from mindreader.embedding import queue
from mindreader.host.locks import exclusive_lock
from mindreader.originals import stored_originals
from mindreader.photo_index.open import drop_photo_index
from mindreader.settings import Settings

_WORKPLACE = "restoring"
_INDEX_HOLDS = (EmbeddingState.INDEXED, EmbeddingState.LEASED)


@dataclass(frozen=True)
class RestoreReport:
    """What a restore did."""

    photos: int
    blobs: int
    """How many were copied."""
    to_embed: int
    """Photos the workers embed again, counted once for each embedding space."""
    lost: tuple[str, ...]
    """Keys of blobs that are missing or damaged in the backup, most of them originals."""
    folders: tuple[str, ...]
    """Folders of the server that photos stayed in: what the backup does not hold."""

    def as_json(self) -> dict[str, object]:
        """As `mindreader restore --json` prints it."""
        return asdict(self)


def restore(
    settings: Settings, path: Path, *, despite_damage: bool = False, progress: Progress = no_progress
) -> RestoreReport:
    """Fill the catalog and the blob store of these settings from a backup, migrated to this MindReader's tables.

    Photos that were in an index are queued again: indexes are not in a backup.

    Args:
        path: folder of the backup.
        despite_damage: do without blobs that are missing or damaged, instead of refusing the backup.

    Raises:
        BackupError: this is no backup, a newer MindReader made it, or it is damaged.
        ConflictError: a server runs in the data folder, or its catalog holds users or photos.
        OSError: something cannot be read or written.
    """
    folder = BackupFolder(path)
    folder.check_plain()
    manifest = folder.manifest()
    if not is_known_revision(manifest.revision):
        raise BackupError(
            f"A newer MindReader ({manifest.mindreader}) made the backup in {path}. Upgrade this one, then restore."
        )
    with exclusive_lock(settings):
        check_empty(settings)
        with _migrated_copy(folder, settings) as prepared:
            blobs = _blobs_of(folder, manifest, settings, _photo_sizes(prepared), _photos(prepared))
            faults = blobs.faults()
            if faults and not despite_damage:
                raise BackupError(f"{blobs.refusal(faults)} With --despite-damage you get the rest.")
            _drop_indexes(prepared, settings)
            copied = blobs.copy(faults, progress)
            rows = _load(prepared, settings)
            lost = tuple(sorted({*faults, *manifest.blobs.lost}))
            return RestoreReport(rows["photo"], copied, _waiting(prepared), lost, _folders(prepared))


class _Blobs(Protocol):
    def faults(self) -> list[str]:
        """Keys of blobs that are missing or damaged, and were not when the backup was made."""

    def refusal(self, faults: list[str]) -> str:
        """What is wrong, and what to do."""

    def copy(self, faults: list[str], progress: Progress) -> int:
        """Copy all but the faulty ones into the blob store; returns how many."""


def _blobs_of(
    folder: BackupFolder, manifest: BackupManifest, settings: Settings, sizes: dict[str, int], photos: set[str]
) -> _Blobs:
    if manifest.blobs.kept == "copy":
        return _CopiedBlobs(folder, manifest, settings, sizes, photos)
    return _ReferredBlobs(folder, manifest, settings, sizes)


class _CopiedBlobs:
    """Those in the backup's folder."""

    def __init__(
        self,
        folder: BackupFolder,
        manifest: BackupManifest,
        settings: Settings,
        sizes: dict[str, int],
        photos: set[str],
    ) -> None:
        self._folder, self._record, self._photos = folder, manifest.blobs, photos
        self._store = BlobStore(settings.blobs_root)
        self._originals = [original_key(sha256) for sha256 in sizes]

    def faults(self) -> list[str]:
        """Read every original, sketch and bundle, and compare its checksum."""
        wanted = {key: content_sha256(key) for key in (*self._originals, *self._folder.blobs.keys(SKETCHES))}
        todo = {**wanted, **self._record.files}
        checked = in_parallel(self._is_sound, ((key, todo[key]) for key in sorted(todo.keys() - {*self._record.lost})))
        return [key for key, is_sound in checked if not is_sound]

    def _is_sound(self, blob: tuple[str, str | None]) -> tuple[str, bool]:
        key, sha256 = blob
        try:
            return key, sha256_of(self._folder.blobs_root / key) == sha256
        except OSError:
            return key, False

    def refusal(self, faults: list[str]) -> str:
        """Name one of them."""
        return (
            f"The backup in {self._folder.path} is damaged: {len(faults)} of its files are missing or have changed, "
            f"for example {faults[0]}. Restore another backup."
        )

    def copy(self, faults: list[str], progress: Progress) -> int:
        """Copy what belongs to the backup; blobs that only an older one needed stay where they are."""
        others = belonging(self._folder.blobs.keys(), self._photos)
        keys = {*self._originals, *(key for key in others if not is_listed(key) or key in self._record.files)}
        keys -= {*faults, *self._record.lost}
        for done, _ in enumerate(in_parallel(self._put, keys), 1):
            progress(done, len(keys))
        return len(keys)

    def _put(self, key: str) -> None:
        path = self._folder.blobs_root / key
        if self._store.exists(key) and self._store.size(key) != path.stat().st_size:
            self._store.delete(key)
        self._store.put_file(key, path)


class _ReferredBlobs:
    """Those the backup left in their blob store, which is to be the one of the settings again."""

    def __init__(
        self, folder: BackupFolder, manifest: BackupManifest, settings: Settings, sizes: dict[str, int]
    ) -> None:
        self._record, self._root = manifest.blobs, settings.blobs_root
        self._store = BlobStore(settings.blobs_root)
        self._originals = {original_key(sha256): size for sha256, size in sizes.items()}

    def faults(self) -> list[str]:
        """Look for every original and bundle."""
        todo = sorted({*self._originals, *self._record.files} - {*self._record.lost})
        return [key for key, is_there in in_parallel(self._look, todo) if not is_there]

    def _look(self, key: str) -> tuple[str, bool]:
        return key, self._store.exists(key) and self._originals.get(key, (size := self._store.size(key))) == size

    def refusal(self, faults: list[str]) -> str:
        """Name one of them, and where they were."""
        return (
            f"This backup refers to files in {self._record.root}, and {len(faults)} of them are not in {self._root}, "
            f"for example {faults[0]}. Set MINDREADER_BLOBS_URL to where they are."
        )

    def copy(self, faults: list[str], progress: Progress) -> int:
        """Nothing: they are there."""
        return 0


@contextmanager
def _migrated_copy(folder: BackupFolder, settings: Settings) -> Iterator[Catalog]:
    """The backup's catalog as it is to become: with today's tables, and nothing indexed.

    It is migrated here and not in its new place, so that a migration that fails changes nothing there.
    """
    workplace = settings.data_dir / _WORKPLACE
    shutil.rmtree(workplace, ignore_errors=True)  # of a restore that was killed
    workplace.mkdir(parents=True)
    prepared = sqlite_catalog(workplace / CATALOG_FILE)
    try:
        shutil.copyfile(folder.catalog, workplace / CATALOG_FILE)
        prepared.migrate()
        _requeue(prepared)
        yield prepared
    finally:
        prepared.close()
        shutil.rmtree(workplace, ignore_errors=True)


def _requeue(prepared: Catalog) -> None:
    """No index has the photos; the workers the catalog knew, and its own machine's command line, are not here."""
    with prepared.transaction() as session:
        queue.requeue_all(session, _INDEX_HOLDS)
        session.execute(delete(WorkerProcess))
        session.execute(delete(ApiToken).where(ApiToken.is_local))
        # At another machine the folders may be away, or others: a scan sees to that first.
        session.execute(update(Folder).values(lease_owner=None, lease_until=None, scan_requested_at=now()))


def _photo_sizes(prepared: Catalog) -> dict[str, int]:
    with prepared.snapshot() as session:
        return stored_originals(session)


def _photos(prepared: Catalog) -> set[str]:
    with prepared.snapshot() as session:
        return set(session.scalars(select(Photo.sha256)))


def _folders(prepared: Catalog) -> tuple[str, ...]:
    with prepared.snapshot() as session:
        return tuple(session.scalars(select(Folder.path).order_by(Folder.path)))


def _waiting(prepared: Catalog) -> int:
    with prepared.snapshot() as session:
        pending = select(func.count()).select_from(Embedding).where(Embedding.state == EmbeddingState.PENDING)
        return session.scalar(pending) or 0


def _drop_indexes(prepared: Catalog, settings: Settings) -> None:
    """The new catalog has no photos: what lies in the data folder under the same names is of one that is gone."""
    if settings.qdrant_url:
        return  # others may use that server; workers mend what differs (see `mindreader.operations.doctor`)
    with prepared.snapshot() as session:
        keys = session.scalars(select(EmbeddingSpace.key)).all()
    for key in keys:
        drop_photo_index(settings, key)


def _load(prepared: Catalog, settings: Settings) -> dict[str, int]:
    """Write the catalog's rows, all of them or none; returns how many each table has."""
    with read_snapshot(prepared) as source, empty_target_transaction(settings) as target:
        return copy_rows(source, target, without=NOT_KEPT)
