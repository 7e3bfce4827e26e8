"""The embedded photo index: Qdrant Edge, Qdrant's own engine inside this process.

What we found out about qdrant-edge-py 0.9 (measured in ``docs/decisions/0002-qdrant-edge.md``):

* ``update`` appends to a write-ahead log that ``load`` replays, so what it wrote survives ``kill -9``.
  We also ``flush`` after every write: a few milliseconds, and the log never grows long.
* ``load`` with a configuration finishes a shard whose creation was interrupted.
* The engine writes through memory maps: on a full disk it does not fail, the system kills the whole process
  (SIGBUS). So nothing is written, and no shard opened, unless ``ROOM_BYTES`` are free.
* No call releases Python's global lock. Calls take milliseconds, except ``optimize`` building an HNSW
  graph: the whole server would stand still for that long. So no graph is built here, and every search
  is an exact scan. ``optimize`` only compacts, and only while opening.
"""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import numpy as np
import qdrant_edge as engine

from mindreader.errors import IndexMismatchError, NotReadyError
from mindreader.locks import FolderLock
from mindreader.photo_index.checks import (
    DAY_FIELD,
    LABEL_FIELDS,
    PAGE,
    check_limit,
    checked_points,
    label_groups,
    pages,
    payload,
    possible_ids,
    restrictions,
    unit_vector,
    write_batches,
)
from mindreader.photo_index.protocol import EVERYTHING, IndexFilter, IndexHit, IndexPoint, PhotoLabels, Vector

NEVER_BUILD_HNSW_KB = 2**40
"""Indexing threshold no shard reaches; see the module's docstring."""

ROOM_BYTES = 64 * 2**20
"""Free disk below which an index is neither opened nor written: two segments of the write-ahead log."""


class EdgePhotoIndex:
    """A photo index in ``folder``, made when it is not there; the folder belongs to one process at a time.

    Opening compacts the shard when a fifth of its points has been deleted or replaced.

    Raises:
        ConflictError: the folder is open elsewhere.
        IndexMismatchError: the folder holds vectors of another dimension or distance.
        NotReadyError: the engine cannot read the folder, or the disk is full; nothing in it is touched.
    """

    def __init__(self, folder: Path, dimension: int) -> None:
        self.dimension = dimension
        self._folder = folder
        self._lock = _lock_of(folder)
        try:
            with _engine_errors(folder, "be opened"):
                _remove_dropped(folder)
            _check_fits(folder, dimension)
            self._shard = self._open()
        except BaseException:
            self._lock.release()
            raise

    def upsert(self, points: Sequence[IndexPoint]) -> None:
        """Write points durably; see :meth:`PhotoIndex.upsert`."""
        batches = write_batches(checked_points(points, self.dimension), self.dimension)
        self._write(engine.UpdateOperation.upsert_points([_point(p) for p in batch]) for batch in batches)

    def search(self, vector: Vector, limit: int, where: IndexFilter) -> list[IndexHit]:
        """Find the nearest photos by an exact scan; see :meth:`PhotoIndex.search`."""
        check_limit(limit)
        query = engine.Query.Nearest(unit_vector(vector, self.dimension).tolist())
        if where.matches_nothing:
            return []
        request = engine.QueryRequest(limit=limit, query=query, filter=_filter(where))
        with self._engine_errors("be searched"):
            found = self._shard.query(request)
        return [IndexHit(_photo_id(hit), hit.score) for hit in found]

    def delete(self, photo_ids: Iterable[int]) -> None:
        """Remove photos; see :meth:`PhotoIndex.delete`."""
        batches = pages(possible_ids(photo_ids))
        self._write(engine.UpdateOperation.delete_points(list(batch)) for batch in batches)

    def update_labels(self, labels: Sequence[PhotoLabels]) -> None:
        """Give photos new labels; see :meth:`PhotoIndex.update_labels`."""
        # By filter and not by id: setting the payload of a missing id is an error, a filter skips it.
        self._write(
            engine.UpdateOperation.set_payload_by_filter(_having_ids(batch), new)
            for new, photo_ids in label_groups(labels)
            for batch in pages(photo_ids)
        )

    def count(self, where: IndexFilter = EVERYTHING) -> int:
        """Count photos exactly; see :meth:`PhotoIndex.count`."""
        if where.matches_nothing:
            return 0
        with self._engine_errors("be counted"):
            return self._shard.count(engine.CountRequest(exact=True, filter=_filter(where)))

    def ids(self, after: int = 0) -> Iterator[int]:
        """Yield photo ids in ascending order; see :meth:`PhotoIndex.ids`."""
        offset: int | None = max(after, 0) + 1
        while offset is not None:
            request = engine.ScrollRequest(offset=offset, limit=PAGE, with_payload=False, with_vector=False)
            with self._engine_errors("be read"):
                records, following = self._shard.scroll(request)
            yield from (_photo_id(record) for record in records)
            offset = following if isinstance(following, int) else None

    def existing(self, photo_ids: Iterable[int]) -> set[int]:
        """Return the ids that are there; see :meth:`PhotoIndex.existing`."""
        return {_photo_id(record) for record in self._retrieve(photo_ids, with_vector=False)}

    def vectors(self, photo_ids: Iterable[int]) -> dict[int, Vector]:
        """Return stored vectors; see :meth:`PhotoIndex.vectors`."""
        records = self._retrieve(photo_ids, with_vector=True)
        return {_photo_id(record): np.asarray(record.vector, dtype=np.float32) for record in records}

    def close(self) -> None:
        """Close the shard and give the folder back; twice is fine."""
        try:
            self._shard.close()
        finally:
            self._lock.release()

    def _open(self) -> engine.EdgeShard:
        """Load the shard, or make it, or finish making it: to the engine these are one call."""
        with self._engine_errors("be opened"):
            self._folder.mkdir(parents=True, exist_ok=True)
            _check_room(self._folder)
            shard = engine.EdgeShard.load(str(self._folder), _config(self.dimension))
            for field in {*LABEL_FIELDS, DAY_FIELD} - set(shard.info().payload_schema):
                schema = engine.IntegerIndexParams(lookup=field != DAY_FIELD, range=field == DAY_FIELD)
                shard.update(engine.UpdateOperation.create_field_index(field, schema))
            if _free_bytes(self._folder) > ROOM_BYTES + _size(self._folder):  # it writes a second copy
                shard.optimize()
            shard.flush()
        return shard

    def _write(self, operations: Iterable[engine.UpdateOperation]) -> None:
        with self._engine_errors("be written"):
            for operation in operations:
                _check_room(self._folder)
                self._shard.update(operation)
            self._shard.flush()

    def _retrieve(self, photo_ids: Iterable[int], *, with_vector: bool) -> Iterator[engine.Record]:
        for batch in pages(possible_ids(photo_ids)):
            with self._engine_errors("be read"):
                records = self._shard.retrieve(list(batch), with_payload=False, with_vector=with_vector)
            yield from records

    def _engine_errors(self, what: str) -> AbstractContextManager[None]:
        return _engine_errors(self._folder, what)


def drop_edge_index(folder: Path) -> None:
    """Delete the photo index in ``folder``; one that is not there is fine.

    Raises:
        ConflictError: the folder is open.
        NotReadyError: it cannot be deleted; the next try goes on.
    """
    lock = _lock_of(folder)
    try:
        with _engine_errors(folder, "be dropped"):
            _remove_dropped(folder)
            if folder.exists():
                # Renamed first: whatever interrupts the removal, no half-deleted shard is ever opened.
                folder.rename(_dropped_name(folder))
                _remove_dropped(folder)
    finally:
        lock.release()


@contextmanager
def _engine_errors(folder: Path, what: str) -> Iterator[None]:
    """Turn the disk's errors, and the engine's, which are all bare ``Exception``, into a sentence."""
    try:
        yield
    except Exception as error:
        raise NotReadyError(
            f"The photo index in {folder} could not {what}: {error}. Nothing was deleted. If this "
            "stays after a restart, move that folder away and embed the photos again."
        ) from error


def _dropped_name(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.dropped")


def _remove_dropped(folder: Path) -> None:
    """Finish the removal of an index dropped earlier."""
    if _dropped_name(folder).exists():
        shutil.rmtree(_dropped_name(folder))


def _lock_of(folder: Path) -> FolderLock:
    return FolderLock(folder.with_name(f".{folder.name}.lock"), f"The photo index in {folder}")


def _check_room(folder: Path) -> None:
    if _free_bytes(folder) < ROOM_BYTES:
        raise OSError(errno.ENOSPC, f"less than {ROOM_BYTES // 2**20} MB are free on its disk")


def _free_bytes(folder: Path) -> int:
    return shutil.disk_usage(folder).free


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _config(dimension: int) -> engine.EdgeConfig:
    return engine.EdgeConfig(
        vectors=engine.EdgeVectorParams(size=dimension, distance=engine.Distance.Cosine),
        optimizers=engine.EdgeOptimizersConfig(indexing_threshold=NEVER_BUILD_HNSW_KB),
    )


def _check_fits(folder: Path, dimension: int) -> None:
    """Compare with what the shard says about itself; a file we cannot read is left for the engine to judge."""
    try:
        stored = json.loads((folder / "edge_config.json").read_text())["vectors"][""]
        size, distance = stored["size"], stored["distance"]
    except (OSError, ValueError, KeyError, TypeError):
        return
    if (size, distance) != (dimension, "Cosine"):
        raise IndexMismatchError(
            f"The photo index in {folder} holds {size}-dimensional vectors with {distance} distance, but this "
            f"embedding space has {dimension} dimensions with Cosine distance. Give the space its own index."
        )


def _point(point: IndexPoint) -> engine.Point:
    return engine.Point(point.photo_id, point.vector.tolist(), payload(point))


def _filter(where: IndexFilter) -> engine.Filter | None:
    conditions: list[engine.ConditionType] = [
        engine.FieldCondition(field, match=engine.MatchAny(values)) for field, values in restrictions(where)
    ]
    if where.first_day is not None or where.last_day is not None:
        days = engine.RangeFloat(gte=where.first_day, lte=where.last_day)
        conditions.append(engine.FieldCondition(DAY_FIELD, range=days))
    return engine.Filter(must=conditions) if conditions else None


def _having_ids(photo_ids: Sequence[int]) -> engine.Filter:
    return engine.Filter(must=[engine.HasIdCondition(set(photo_ids))])


def _photo_id(found: engine.Record | engine.ScoredPoint) -> int:
    assert isinstance(found.id, int), "photo indexes hold integer ids only"
    return found.id
