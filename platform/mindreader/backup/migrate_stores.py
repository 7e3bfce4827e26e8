"""Move a whole MindReader to other stores: catalog, blobs and photo indexes; the old ones stay as they are.

Blobs first, then points, the catalog last in one transaction: a move that is killed is simply started again, and until
it is over the new place holds no MindReader. What is there already from a try before is compared, and not sent again.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass, field

from sqlalchemy import Connection, delete, select, update
from sqlalchemy.orm import Session

from mindreader.backup.blobs import stored_sha256
from mindreader.backup.empty_catalog import check_empty, empty_target_transaction
from mindreader.backup.folder import content_sha256
from mindreader.blobs import BlobStore, original_key
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
from mindreader.catalog.copying import copy_rows, count_rows, latest_revision, read_snapshot, revision_of
from mindreader.catalog.models import now
from mindreader.embedding import queue
from mindreader.embedding.spaces import is_open
from mindreader.errors import ConflictError, NotFoundError
from mindreader.host.locks import exclusive_lock
from mindreader.operations.worker_status import is_alive, workers
from mindreader.originals import stored_originals
from mindreader.photo_index import IndexPoint, PhotoIndex
from mindreader.photo_index.open import open_photo_index
from mindreader.settings import Settings

_PAGE = 1000
_SESSION_KEY = "session_key"


@dataclass
class MoveReport:
    """What a move did."""

    photos: int = 0
    blobs: int = 0
    """Blobs that lie in the new place now, each compared by its SHA-256."""
    sent: int = 0
    """How many of them were not there from a try before."""
    points: int = 0
    to_embed: int = 0
    """Photos whose point was missing: the workers embed them again, counted once for each embedding space."""
    problems: list[str] = field(default_factory=list)
    """Blobs that are missing or damaged in the old place too."""

    def as_json(self) -> dict[str, object]:
        """As `mindreader migrate-to --json` prints it."""
        return asdict(self)


def move(source: Settings, target: Settings, *, progress: Progress = no_progress) -> MoveReport:
    """Copy everything of one MindReader into the empty stores of other settings; compare what was copied.

    Raises:
        ConflictError: the MindReader still runs, both have the same catalog, the source was made by another version, or
            the target holds users or photos.
        NotReadyError: a photo index cannot be opened.
        OSError: something cannot be read or written.
    """
    if source.catalog_url == target.catalog_url:
        raise ConflictError("The new catalog is the old one. Name another database, or another data folder.")
    report = MoveReport()
    with ExitStack() as held:
        for settings in {each.data_dir: each for each in (source, target)}.values():
            held.enter_context(exclusive_lock(settings))
        catalog = held.enter_context(closing(Catalog(source.catalog_url)))
        _check_source(catalog, source)
        check_empty(target)
        _move_blobs(catalog, source, target, report, progress)
        lost = _move_points(catalog, source, target, report)
        with read_snapshot(catalog) as rows, empty_target_transaction(target) as filled:
            copied = copy_rows(rows, filled)
            if copied != count_rows(rows):
                raise ConflictError("The copy of the catalog is not complete. Nothing was changed; start again.")
            _settle(filled, lost)
        report.photos = copied["photo"]
        _take_session_key(source, target)
    return report


def _check_source(catalog: Catalog, source: Settings) -> None:
    with read_snapshot(catalog) as connection:
        if revision_of(connection) != latest_revision():
            raise ConflictError(
                "Another version of MindReader made this catalog. Start the server once, stop it, retry."
            )
    with catalog.snapshot() as session:
        busy = [worker.name for worker in workers(session) if is_alive(worker)]
        # The lock of the data folder tells of an embedded server; of separate workers only their word does.
        if busy and not source.embedded_workers:
            raise ConflictError(
                f"{', '.join(busy)} worked a moment ago. Stop server and workers, wait two minutes, retry."
            )


def _move_blobs(catalog: Catalog, source: Settings, target: Settings, report: MoveReport, progress: Progress) -> None:
    old, new = BlobStore(source.blobs_root), BlobStore(target.blobs_root)
    with catalog.snapshot() as session:
        originals = {original_key(sha256) for sha256 in stored_originals(session)}
    keys = sorted(old.keys())
    report.problems += [f"{key} is missing." for key in sorted(originals - {*keys})]
    if source.blobs_root == target.blobs_root:
        return
    for done, (key, sent, is_damaged) in enumerate(in_parallel(lambda key: _move_blob(key, old, new), keys), 1):
        report.blobs += 1
        report.sent += sent
        if is_damaged:
            report.problems.append(f"{key} is damaged: its bytes are not those it was named by.")
        progress(done, len(keys))


def _move_blob(key: str, old: BlobStore, new: BlobStore) -> tuple[str, bool, bool]:
    """Returns the key, whether the blob was sent, and whether it is damaged in the old place."""
    sha256 = stored_sha256(old, key)
    named = content_sha256(key)
    is_damaged = named is not None and named != sha256
    if _holds(new, key, sha256):
        return key, False, is_damaged
    new.delete(key)  # half of it, from a store that shows such
    path = old.local_path(key)
    if path is not None:
        new.put_file(key, path)
    else:
        new.put(key, old.get(key))
    if not _holds(new, key, sha256):
        raise OSError(f"{key} came out different in the new blob store. Start again; if it stays, check that store.")
    return key, True, is_damaged


def _holds(store: BlobStore, key: str, sha256: str) -> bool:
    try:
        return stored_sha256(store, key) == sha256
    except NotFoundError:
        return False


def _move_points(catalog: Catalog, source: Settings, target: Settings, report: MoveReport) -> dict[int, list[int]]:
    """Copy the points of every open space; returns, by space id, the photos whose point is missing."""
    if (source.qdrant_url, source.index_dir) == (target.qdrant_url, target.index_dir):
        return {}
    lost: dict[int, list[int]] = {}
    with catalog.snapshot() as session:
        spaces = [space for space in session.scalars(select(EmbeddingSpace)) if is_open(space)]
        for space in spaces:
            with _opened(source, space) as old, _opened(target, space) as new:
                lost[space.id] = _move_space(session, space.id, old, new, report)
    report.to_embed = sum(map(len, lost.values()))
    return lost


def _move_space(session: Session, space_id: int, old: PhotoIndex, new: PhotoIndex, report: MoveReport) -> list[int]:
    missing: list[int] = []
    moved: set[int] = set()
    for photos in _indexed(session, space_id):
        points = _points(old, photos)
        # Also those that are there: they may be of another MindReader that used the same place.
        new.upsert(points)
        found = {point.photo_id for point in points}
        moved |= found
        missing += [photo.id for photo in photos if photo.id not in found]
    new.delete([photo_id for photo_id in new.ids() if photo_id not in moved])
    if new.count() != len(moved):
        raise OSError(f"The new photo index holds {new.count()} points in place of {len(moved)}. Start again.")
    report.points += len(moved)
    return missing


def _points(index: PhotoIndex, photos: Sequence[Photo]) -> list[IndexPoint]:
    """What the index holds of these photos, with the labels of the catalog."""
    stored = index.regions([photo.id for photo in photos])
    return [
        IndexPoint(
            photo.id,
            stored[photo.id].vectors[0],
            photo.collection_id,
            photo.category_id,
            photo.day,
            stored[photo.id] if index.has_regions else None,
        )
        for photo in photos
        if photo.id in stored
    ]


def _indexed(session: Session, space_id: int) -> Iterator[Sequence[Photo]]:
    """Photos the space's index should hold, page by page."""
    last = 0
    wanted = select(Photo).join(Embedding, Embedding.photo_id == Photo.id)
    wanted = wanted.where(Embedding.space_id == space_id, Embedding.state == EmbeddingState.INDEXED)
    while photos := session.scalars(wanted.where(Photo.id > last).order_by(Photo.id).limit(_PAGE)).all():
        yield photos
        last = photos[-1].id
        session.expunge_all()


@contextmanager
def _opened(settings: Settings, space: EmbeddingSpace) -> Iterator[PhotoIndex]:
    index = open_photo_index(settings, space.key, space.dimension, regions=space.has_regions)
    try:
        yield index
    finally:
        index.close()


def _settle(connection: Connection, lost: dict[int, list[int]]) -> None:
    """Leases, workers, the command line's token are of the old place; a photo without its point is embedded again."""
    session = Session(connection)
    session.execute(delete(WorkerProcess))
    session.execute(delete(ApiToken).where(ApiToken.is_local))
    session.execute(update(Folder).values(lease_owner=None, lease_until=None, scan_requested_at=now()))
    queue.requeue_all(session, [EmbeddingState.LEASED])
    for space_id, photos in lost.items():
        queue.requeue(session, photos, [EmbeddingState.INDEXED], space_id=space_id)


def _take_session_key(source: Settings, target: Settings) -> None:
    """So that people stay signed in."""
    key = source.secrets_dir / _SESSION_KEY
    if key.exists() and not (target.secrets_dir / _SESSION_KEY).exists():
        target.secrets_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.copy2(key, target.secrets_dir / _SESSION_KEY)
