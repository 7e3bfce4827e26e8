"""Back up catalog and blobs while MindReader runs.

The catalog first, as it is at one moment; then the blobs its rows name. Blobs are never changed, only added and
removed, so all that can happen meanwhile is that a photo is deleted for good: then the backup forgets it too.
Photo indexes follow from the photos and are not in a backup (see `mindreader.backup.restore`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from sqlalchemy import delete, func, select

from mindreader.backup.blobs import BUNDLES, ORIGINALS, BlobCopier, CopyResult, belonging, is_listed, stored_sha256
from mindreader.backup.folder import (
    NOT_KEPT,
    BackupError,
    BackupFolder,
    BackupManifest,
    BlobRecord,
    sqlite_catalog,
)
from mindreader.blobs import BlobStore, original_key, sha256_of
from mindreader.blobs.parallel import Progress, in_parallel, no_progress
from mindreader.catalog import Catalog, Embedding, EmbeddingState, Photo
from mindreader.catalog.copying import copy_rows, count_rows, is_known_revision, read_snapshot, revision_of
from mindreader.originals import is_shown_in_place, knows_folders, stored_originals
from mindreader.settings import Settings

_IN_ONE_QUESTION = 500
_EMBEDDED_AGAIN = (EmbeddingState.PENDING, EmbeddingState.LEASED, EmbeddingState.INDEXED)


@dataclass(frozen=True)
class Problem:
    """A blob that is not in the backup as it should be."""

    key: str
    sentence: str


@dataclass(frozen=True)
class BackupReport:
    """What a backup did."""

    photos: int
    blobs: int
    bytes: int
    new_blobs: int
    new_bytes: int
    purged: int
    """Photos deleted for good while the backup ran, and left out."""
    pruned: int
    """Blobs removed from the backup because it does not need them any more."""
    to_embed: int
    """Photos a restored MindReader embeds, counted once for each embedding space."""
    in_folders: int
    """Photos whose originals lie in folders of the server, and are not in the backup."""
    problems: tuple[Problem, ...]

    def as_json(self) -> dict[str, object]:
        """As `mindreader backup --json` prints it."""
        return asdict(self)


@dataclass(frozen=True)
class _Contents:
    """What the backup's catalog, and the blobs it names, come to."""

    tables: dict[str, int]
    to_embed: int
    purged: int
    in_folders: int
    problems: tuple[Problem, ...]


def back_up(
    catalog: Catalog,
    blobs: BlobStore,
    settings: Settings,
    path: Path,
    *,
    reference: bool = False,
    prune: bool = False,
    progress: Progress = no_progress,
) -> BackupReport:
    """Make a backup, or bring the one that is there up to date: only new blobs are copied.

    Args:
        path: its folder.
        reference: leave the blobs where they are, and only see that they are there.
        prune: remove blobs from the backup that it does not need any more, unless there were problems.

    Raises:
        BackupError: there is nothing to back up, or the folder cannot take a backup.
        ConflictError: another backup into it is running.
        OSError: the backup cannot be written.
    """
    _check_apart(path, settings)
    folder = BackupFolder(path)
    copier = BlobCopier(blobs, folder, reference=reference)
    with folder.exclusive():
        # Before the catalog too: a bundle may be removed together with its row while the photos are copied.
        for key in blobs.keys(BUNDLES):
            copier.copy(key)
        revision = _copy_catalog(catalog, folder)
        with _draft(folder) as draft:
            contents = _copy_blobs(catalog, draft, blobs, copier, progress)
        folder.publish(
            BackupManifest(
                mindreader=version("mindreader"),
                revision=revision,
                created_at=datetime.now(UTC),
                catalog_sha256=sha256_of(folder.draft),
                tables=contents.tables,
                blobs=_record(copier, blobs if reference else folder.blobs, settings, contents, reference),
            )
        )
        pruned = _prune(folder, copier) if prune and not reference and not contents.problems else 0
    return BackupReport(
        photos=contents.tables["photo"],
        blobs=len(copier.kept),
        bytes=sum(copier.kept.values()),
        new_blobs=len(copier.new),
        new_bytes=sum(copier.new.values()),
        purged=contents.purged,
        pruned=pruned,
        to_embed=contents.to_embed,
        in_folders=contents.in_folders,
        problems=contents.problems,
    )


def _check_apart(path: Path, settings: Settings) -> None:
    """A backup within what it backs up would become part of itself."""
    here, root = path.resolve(), settings.blobs_root.removeprefix("file://")
    for used in (settings.data_dir, *([] if "://" in root else [Path(root)])):
        if here.is_relative_to(used.resolve()) or used.resolve().is_relative_to(here):
            raise BackupError(f"{path} and {used}, where MindReader keeps its data, overlap. Give a folder elsewhere.")


def _copy_catalog(catalog: Catalog, folder: BackupFolder) -> str:
    """Write the draft with the tables of the catalog's own revision; returns that."""
    with read_snapshot(catalog) as source:
        revision = revision_of(source)
        if revision is None:
            raise BackupError("There is nothing to back up: this MindReader has never been started.")
        if not is_known_revision(revision):
            raise BackupError("A newer MindReader has used this catalog. Back it up with that one.")
        with _draft(folder) as draft:
            draft.migrate(revision)
            with draft.engine.begin() as target:
                copy_rows(source, target, without=NOT_KEPT)
    return revision


@contextmanager
def _draft(folder: BackupFolder) -> Iterator[Catalog]:
    """The draft's catalog; afterwards it is one file, which a disk that nobody may write to can hold."""
    draft = sqlite_catalog(folder.draft)
    try:
        yield draft
        with draft.engine.connect() as connection:
            cursor = connection.connection.cursor()  # outside a transaction, where the journal can be changed
            cursor.execute("PRAGMA journal_mode=DELETE")
            cursor.close()
    finally:
        draft.close()


def _copy_blobs(
    catalog: Catalog, draft: Catalog, blobs: BlobStore, copier: BlobCopier, progress: Progress
) -> _Contents:
    """Take what the draft refers to; the draft forgets what was purged meanwhile."""
    with draft.snapshot() as session:
        sizes, photos = stored_originals(session), set(session.scalars(select(Photo.sha256)))
    todo: list[tuple[str, int | None]] = [(original_key(sha256), size) for sha256, size in sizes.items()]
    todo += [(key, None) for key in belonging(blobs.keys(), photos)]
    troubled: list[CopyResult] = []
    for done, taken in enumerate(in_parallel(lambda blob: copier.copy(*blob), todo), 1):
        if taken.problem or (taken.is_missing and taken.key.startswith(ORIGINALS)):
            troubled.append(taken)
        progress(done, len(todo))
    purged, living = _forget_purged(catalog, draft, [_digest(t.key) for t in troubled if t.is_missing])
    # Of the missing ones, some were purged and uploaded again in between; the others are lost.
    again = [copier.copy(original_key(sha256), sizes[sha256]) for sha256 in living]
    problems = [t for t in troubled if not t.is_missing] + [t for t in again if t.problem or t.is_missing]
    with draft.engine.connect() as connection:
        tables = count_rows(connection)
    named = tuple(_named(draft, taken) for taken in problems)
    return _Contents(tables, _to_embed(draft), purged, _in_folders(draft), named)


def _forget_purged(catalog: Catalog, draft: Catalog, digests: list[str]) -> tuple[int, list[str]]:
    """Remove photos with these bytes from the draft if they are deleted by now.

    Returns:
        How many it removed, and the SHA-256s of those that still are in the catalog.
    """
    removed, living = 0, list[str]()
    for start in range(0, len(digests), _IN_ONE_QUESTION):
        some = digests[start : start + _IN_ONE_QUESTION]
        with catalog.snapshot() as session:
            known = select(Photo.id).where(Photo.sha256.in_(some), Photo.deleted_at.is_(None))
            still = set(session.scalars(known))
        with draft.transaction() as session:
            gone = delete(Photo).where(Photo.sha256.in_(some), Photo.id.not_in(still)).returning(Photo.id)
            removed += len(session.scalars(gone).all())
            living += session.scalars(select(Photo.sha256).where(Photo.sha256.in_(some)).distinct()).all()
    return removed, living


def _to_embed(draft: Catalog) -> int:
    with draft.snapshot() as session:
        waiting = select(func.count()).select_from(Embedding).where(Embedding.state.in_(_EMBEDDED_AGAIN))
        return session.scalar(waiting) or 0


def _in_folders(draft: Catalog) -> int:
    with draft.snapshot() as session:
        in_folders = select(func.count()).select_from(Photo).where(is_shown_in_place())
        return session.scalar(in_folders) or 0 if knows_folders(session) else 0


def _named(draft: Catalog, taken: CopyResult) -> Problem:
    """The problem in words that name the photo."""
    with draft.snapshot() as session:
        photo = session.execute(
            select(Photo.filename, Photo.id).where(Photo.sha256 == _digest(taken.key)).limit(1)
        ).first()
    what = f"{photo.filename} (photo {photo.id})" if photo else "A sketch"
    return Problem(taken.key, f"{what}: {taken.problem or f'{taken.key} is missing.'}")


def _digest(key: str) -> str:
    return key.rpartition("/")[2].partition(".")[0]


def _record(
    copier: BlobCopier, store: BlobStore, settings: Settings, contents: _Contents, reference: bool
) -> BlobRecord:
    return BlobRecord(
        kept="reference" if reference else "copy",
        root=_without_password(settings.blobs_root),
        count=len(copier.kept),
        bytes=sum(copier.kept.values()),
        files={key: stored_sha256(store, key) for key in sorted(filter(is_listed, copier.kept))},
        lost=tuple(sorted(problem.key for problem in contents.problems)),
    )


def _without_password(root: str) -> str:
    parts = urlsplit(root)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])) if parts.netloc else root


def _prune(folder: BackupFolder, copier: BlobCopier) -> int:
    needless = [key for key in folder.blobs.keys() if key not in copier.kept]  # noqa: SIM118  # a method, not a dict
    for key in needless:
        folder.blobs.delete(key)
    return len(needless)
