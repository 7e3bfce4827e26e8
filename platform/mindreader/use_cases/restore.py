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

from sqlalchemy import Connection, delete, func, inspect, select, text, update

from mindreader.blobs import BlobStore, original_key, sha256_of
from mindreader.catalog import Catalog, Embedding, EmbeddingSpace, EmbeddingState, Photo, WorkerProcess
from mindreader.catalog.copying import copy_rows, frozen, is_known_revision, revision_of
from mindreader.errors import ConflictError
from mindreader.photo_index.folder_lock import data_folder_to_oneself
from mindreader.photo_index.open import drop_photo_index
from mindreader.settings import Settings
from mindreader.use_cases.backup_blobs import belonging, is_listed
from mindreader.use_cases.backup_folder import (
    CATALOG_FILE,
    BackupError,
    BackupFolder,
    BackupManifest,
    Progress,
    content_sha256,
    in_parallel,
    no_progress,
    sqlite_catalog,
)

_WORKPLACE = "restoring"
_NEVER_EMPTY = ("user_account", "photo")
_INDEX_HOLDS = (EmbeddingState.INDEXED, EmbeddingState.LEASED)


@dataclass(frozen=True)
class RestoreReport:
    """What a restore did."""

    photos: int
    blobs: int
    to_embed: int
    """Photos the workers embed again, counted once for each embedding space."""
    lost: tuple[str, ...]
    """Originals the backup does not have."""

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
        despite_damage: leave out blobs of the backup that are missing or damaged, instead of refusing it.

    Raises:
        BackupError: this is no backup, a newer MindReader made it, or it is damaged.
        ConflictError: a server runs in the data folder, or its catalog holds users or photos.
        OSError: something cannot be read or written.
    """
    folder = BackupFolder(path)
    manifest = folder.manifest()
    if not is_known_revision(manifest.revision):
        raise BackupError(
            f"MindReader {manifest.mindreader} made the backup in {path}, and this one is older. Upgrade MindReader first."
        )
    with data_folder_to_oneself(settings):
        _check_target(settings)
        with _migrated_copy(folder, settings) as prepared:
            return _restore(folder, manifest, prepared, settings, despite_damage, progress)


def _restore(
    folder: BackupFolder,
    manifest: BackupManifest,
    prepared: Catalog,
    settings: Settings,
    despite_damage: bool,
    progress: Progress,
) -> RestoreReport:
    blobs = BlobStore(settings.blobs_root)
    with prepared.snapshot() as session:
        sizes = dict(session.execute(select(Photo.sha256, Photo.size_bytes)).tuples().all())
        spaces = session.scalars(select(EmbeddingSpace.key)).all()
    if manifest.blobs.kept == "copy":
        faults = _faults(folder, manifest, sizes)
        refusal = f"The backup in {folder.path} lacks %d files, or they are damaged (for example %s). Take another one."
    else:
        faults = _absent(blobs, manifest, sizes)
        refusal = (
            f"This backup refers to files in {manifest.blobs.root}, and %d of them are not in {settings.blobs_root} (for "
            "example %s). Set MINDREADER_BLOBS_URL to where they are."
        )
    if faults and not despite_damage:
        raise BackupError(f"{refusal % (len(faults), faults[0])} With --despite-damage you get the rest.")
    if not settings.qdrant_url:  # the catalog is empty: whatever lies there belongs to a catalog that is gone
        for key in spaces:
            drop_photo_index(settings, key)
    copied = 0
    if manifest.blobs.kept == "copy":
        copied = _copy_blobs(folder, manifest, blobs, sizes, set(faults), progress)
    tables = _load(prepared, settings)
    lost = {*faults, *manifest.blobs.lost} & {original_key(sha256) for sha256 in sizes}
    return RestoreReport(tables["photo"], copied, _waiting(prepared), tuple(sorted(lost)))


@contextmanager
def _migrated_copy(folder: BackupFolder, settings: Settings) -> Iterator[Catalog]:
    """A copy of the backup's catalog as it is to become: with today's tables, and nothing indexed.

    Migrated here and not in its new place, so that a migration that fails has changed nothing there.
    """
    workplace = settings.data_dir / _WORKPLACE
    shutil.rmtree(workplace, ignore_errors=True)  # of a restore that was killed
    workplace.mkdir(parents=True)
    prepared = sqlite_catalog(workplace / CATALOG_FILE)
    try:
        shutil.copyfile(folder.catalog, workplace / CATALOG_FILE)
        prepared.migrate()
        _queue_again(prepared)
        yield prepared
    finally:
        prepared.close()
        shutil.rmtree(workplace, ignore_errors=True)


def _queue_again(prepared: Catalog) -> None:
    """There is no index yet, and none of the workers that the catalog knew."""
    with prepared.transaction() as session:
        session.execute(
            update(Embedding)
            .where(Embedding.state.in_(_INDEX_HOLDS))
            .values(state=EmbeddingState.PENDING, attempts=0, error=None, lease_owner=None, lease_until=None)
        )
        session.execute(delete(WorkerProcess))


def _waiting(prepared: Catalog) -> int:
    with prepared.snapshot() as session:
        pending = select(func.count()).select_from(Embedding).where(Embedding.state == EmbeddingState.PENDING)
        return session.scalar(pending) or 0


def _check_target(settings: Settings) -> None:
    catalog = Catalog(settings.catalog_url)
    database = catalog.engine.url.database
    is_new = catalog.engine.dialect.name == "sqlite" and not Path(database or "").exists()
    try:
        if not is_new:  # looking into it would make the file
            with frozen(catalog) as connection:
                _refuse_unless_empty(connection)
    finally:
        catalog.close()


def _refuse_unless_empty(connection: Connection) -> None:
    revision = revision_of(connection)
    if revision is not None and not is_known_revision(revision):
        raise ConflictError("A newer MindReader has used this catalog. Restore with that one, or elsewhere.")
    present = set(inspect(connection).get_table_names())
    for name in _NEVER_EMPTY:
        if name in present and connection.scalar(text(f"SELECT 1 FROM {name} LIMIT 1")):  # noqa: S608  # a constant
            raise ConflictError(
                "There are users or photos in this MindReader already. Restore into an empty one: set MINDREADER_DATA_DIR "
                "to a new folder (and MINDREADER_DATABASE_URL to a new database, if you use one)."
            )


def _faults(folder: BackupFolder, manifest: BackupManifest, sizes: dict[str, int]) -> list[str]:
    """Keys of the backup's blobs that are missing or damaged and were not when it was made."""
    wanted: dict[str, str | None] = {original_key(sha256): sha256 for sha256 in sizes}
    wanted |= {key: content_sha256(key) for key in folder.blobs.keys("sketches")}
    wanted |= manifest.blobs.files
    known = set(manifest.blobs.lost)
    checked = in_parallel(
        lambda blob: None if _is_sound(folder.blobs_root / blob[0], blob[1]) else blob[0],
        ((key, sha256) for key, sha256 in sorted(wanted.items()) if key not in known),
    )
    return [key for key in checked if key is not None]


def _is_sound(path: Path, sha256: str | None) -> bool:
    try:
        return sha256 in (None, sha256_of(path))
    except OSError:
        return False


def _absent(blobs: BlobStore, manifest: BackupManifest, sizes: dict[str, int]) -> list[str]:
    """Keys of the blobs a backup refers to that the blob store does not have."""
    wanted = [*map(original_key, sizes), *manifest.blobs.files]
    known = set(manifest.blobs.lost)
    there = in_parallel(lambda key: (key, blobs.exists(key)), (key for key in sorted(wanted) if key not in known))
    return [key for key, is_there in there if not is_there]


def _copy_blobs(
    folder: BackupFolder,
    manifest: BackupManifest,
    blobs: BlobStore,
    sizes: dict[str, int],
    faults: set[str],
    progress: Progress,
) -> int:
    absent = faults | set(manifest.blobs.lost)
    others = belonging(folder.blobs.keys(), sizes)
    keys = [*map(original_key, sizes), *(k for k in others if not is_listed(k) or k in manifest.blobs.files)]
    keys = [key for key in keys if key not in absent]

    def put(key: str) -> None:
        path = folder.blobs_root / key
        if blobs.exists(key) and blobs.size(key) != path.stat().st_size:
            blobs.delete(key)
        blobs.put_file(key, path)

    for done, _ in enumerate(in_parallel(put, keys), 1):
        progress(done, len(keys))
    return len(keys)


def _load(prepared: Catalog, settings: Settings) -> dict[str, int]:
    """The catalog's rows, all of them or none."""
    catalog = Catalog(settings.catalog_url)
    try:
        catalog.migrate()
        with frozen(prepared) as source, catalog.engine.begin() as target:
            if target.dialect.name == "postgresql":  # SQLite has one writer anyway
                target.execute(text("LOCK TABLE user_account, photo IN EXCLUSIVE MODE"))
            _refuse_unless_empty(target)
            return copy_rows(source, target)
    finally:
        catalog.close()
