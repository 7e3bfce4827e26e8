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
* Where a file is damaged the engine raises ``Exception``, or panics: ``pyo3_runtime.PanicException``, a
  ``BaseException``, which passes every ``except Exception`` and would end the thread. Some damage it does not see at
  all and answers with zeros, so that opening looks at a sample of the points (:func:`_examine`).
"""

from __future__ import annotations

import errno
import json
import logging
import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import numpy as np
import qdrant_edge as engine
from numpy.typing import NDArray

from mindreader.boxes import WHOLE
from mindreader.errors import (
    DamagedIndexError,
    FullDiskError,
    IndexFailedError,
    IndexMismatchError,
    MindReaderError,
    UnusableIndexError,
)
from mindreader.host.locks import FolderLock
from mindreader.photo_index.checks import (
    BOXES_FIELD,
    COLLECTION_FIELD,
    DAY_FIELD,
    LABEL_FIELDS,
    PAGE,
    READ_AT_ONCE,
    REGION_VECTORS,
    WHOLE_VECTOR,
    boxes_of,
    check_limit,
    check_regions,
    checked_points,
    label_groups,
    pages,
    payload,
    possible_ids,
    restrictions,
    unit_vector,
    write_batches,
)
from mindreader.photo_index.protocol import (
    EVERYTHING,
    IndexFilter,
    IndexHit,
    IndexPoint,
    PhotoLabels,
    Regions,
    Vector,
)

log = logging.getLogger(__name__)

NEVER_BUILD_HNSW_KB = 2**40
"""Indexing threshold no shard reaches; see the module's docstring."""

ROOM_BYTES = 64 * 2**20
"""Free disk below which an index is neither opened nor written: two segments of the write-ahead log."""

_Point = engine.Record | engine.ScoredPoint

_PANICS = "pyo3_runtime"
_ENVIRONMENT = {
    errno.EACCES,
    errno.EMFILE,
    errno.ENFILE,
    errno.ENOMEM,
    errno.EPERM,
    errno.EROFS,
}
"""What the system refuses the engine, whatever is in the files."""
_SAMPLE = 1000
_REGIONAL_SAMPLE = 200
"""Of photos with regions: each has several times the numbers to look at."""
_UNIT_TOLERANCE = 1e-3
_QUANTIZED_TOLERANCE = 0.3
_OVERSAMPLING = 2.0
"""Photos looked at for each one wanted; with it the nearest 20 are the exact ones (decision 15)."""
_ASIDE = "%Y%m%dT%H%M%SZ"


class EdgePhotoIndex:
    """A photo index in ``folder``, made when it is not there; the folder belongs to one process at a time.

    Opening compacts the shard when a fifth of its points has been deleted or replaced.

    Raises:
        ConflictError: the folder is open elsewhere.
        IndexMismatchError: the folder holds vectors of another dimension or distance, or with regions where none are
            asked for, or the other way round.
        DamagedIndexError: the engine cannot read the folder, or reads nonsense; nothing in it is deleted.
        NotReadyError: the disk is full, or the system keeps the engine from reading; nothing in the folder is touched.
    """

    def __init__(self, folder: Path, dimension: int, *, regions: bool = False) -> None:
        self.dimension, self.has_regions = dimension, regions
        self.failure: str | None = None
        self._folder = folder
        self._closed = False
        self._lock = _lock_of(folder)
        try:
            with _opening_errors(folder):
                _remove_dropped(folder)
                _check_fits(folder, dimension, regions)
                self._shard = self._open()
        except BaseException:
            self._lock.release()
            raise

    def upsert(self, points: Sequence[IndexPoint]) -> None:
        """Write points durably; see :meth:`PhotoIndex.upsert`."""
        checked = checked_points(points, self.dimension, with_regions=self.has_regions)
        batches = write_batches(checked, self.dimension)
        self._write(engine.UpdateOperation.upsert_points([_point(p) for p in batch]) for batch in batches)

    def search(self, vector: Vector, limit: int, where: IndexFilter) -> list[IndexHit]:
        """Find the nearest photos by a scan, without regions an exact one; see :meth:`PhotoIndex.search`."""
        check_limit(limit)
        unit = unit_vector(vector, self.dimension)
        if where.matches_nothing:
            return []
        with self._engine_errors("be searched"):
            found = self._shard.query(_request(unit, limit, _filter(where), self.has_regions))
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
        return {_photo_id(record) for record in self._retrieve(photo_ids)}

    def vectors(self, photo_ids: Iterable[int]) -> dict[int, Vector]:
        """Return stored vectors; see :meth:`PhotoIndex.vectors`."""
        records = self._retrieve(photo_ids, vectors=[WHOLE_VECTOR] if self.has_regions else True)
        return {_photo_id(record): np.asarray(_whole(record), dtype=np.float32) for record in records}

    def regions(self, photo_ids: Iterable[int]) -> dict[int, Regions]:
        """Return all regions; see :meth:`PhotoIndex.regions`."""
        if not self.has_regions:
            return {photo_id: Regions((WHOLE,), one[np.newaxis]) for photo_id, one in self.vectors(photo_ids).items()}
        return dict(self._stored_regions(photo_ids))

    def close(self) -> None:
        """Close the shard and give the folder back; twice is fine."""
        self._closed = True
        try:
            _close(self._shard, self._folder)
        finally:
            self._lock.release()

    def _open(self) -> engine.EdgeShard:
        """Load the shard, or make it, or finish making it: to the engine these are one call."""
        self._folder.mkdir(parents=True, exist_ok=True)
        _check_room(self._folder)
        shard = engine.EdgeShard.load(str(self._folder), _config(self.dimension, self.has_regions))
        try:
            self._prepare(shard)
        except BaseException:
            _close(shard, self._folder)
            raise
        return shard

    def _prepare(self, shard: engine.EdgeShard) -> None:
        for field in {*LABEL_FIELDS, DAY_FIELD} - set(shard.info().payload_schema):
            schema = engine.IntegerIndexParams(lookup=field != DAY_FIELD, range=field == DAY_FIELD)
            shard.update(engine.UpdateOperation.create_field_index(field, schema))
        _examine(shard, self.dimension, self.has_regions)
        if _free_bytes(self._folder) > ROOM_BYTES + _size(self._folder):  # it writes a second copy
            shard.optimize()
        shard.flush()

    def _write(self, operations: Iterable[engine.UpdateOperation]) -> None:
        with self._engine_errors("be written"):
            for operation in operations:
                _check_room(self._folder)
                self._shard.update(operation)
            self._shard.flush()

    def _stored_regions(self, photo_ids: Iterable[int]) -> Iterator[tuple[int, Regions]]:
        for record in self._retrieve(photo_ids, vectors=[REGION_VECTORS], payload=[BOXES_FIELD], at_once=READ_AT_ONCE):
            vectors = np.asarray(_regions(record), dtype=np.float32)
            yield _photo_id(record), Regions(boxes_of(record.payload), vectors)

    def _retrieve(
        self,
        photo_ids: Iterable[int],
        *,
        vectors: bool | list[str] = False,
        payload: bool | list[str] = False,
        at_once: int = PAGE,
    ) -> Iterator[engine.Record]:
        for batch in pages(possible_ids(photo_ids), at_once):
            with self._engine_errors("be read"):
                records = self._shard.retrieve(list(batch), with_payload=payload, with_vector=vectors)
            yield from records

    @contextmanager
    def _engine_errors(self, what: str) -> Iterator[None]:
        """Turn what the engine raises into an error of ours, and remember it: the index may be of no use any more."""
        try:
            with _our_errors(self._folder, what, IndexFailedError):
                yield
        except IndexFailedError as error:
            if not self._closed:
                self.failure = error.inside
            raise


def drop_edge_index(folder: Path) -> None:
    """Delete the photo index in ``folder``; one that is not there is fine.

    Raises:
        ConflictError: the folder is open.
        NotReadyError: it cannot be deleted; the next try goes on.
    """
    lock = _lock_of(folder)
    try:
        with _our_errors(folder, "be dropped"):
            _remove_dropped(folder)
            if folder.exists():
                # Renamed first: whatever interrupts the removal, no half-deleted shard is ever opened.
                folder.rename(_dropped_name(folder))
                _remove_dropped(folder)
    finally:
        lock.release()


def set_edge_index_aside(folder: Path, dimension: int) -> Path | None:
    """Rename the damaged index in ``folder`` and return its new name; None where there is nothing to rename.

    Another index is made and read beside it first: where that fails too, the disk or the system is at fault, and the
    folder stays what it is.

    Raises:
        ConflictError: the folder is open.
        NotReadyError: no index can be made here now, or the folder cannot be renamed.
    """
    lock = _lock_of(folder)
    try:
        with _our_errors(folder, "be set aside"):
            if not folder.exists():
                return None
            _prove_that_indexes_can_be_made(folder.with_name(f".{folder.name}.proof"), dimension)
            return folder.rename(_free_name(folder))
    finally:
        lock.release()


def set_aside(folder: Path) -> list[datetime]:
    """When indexes that had been in ``folder`` were set aside (UTC, without a zone, in full seconds), ascending."""
    beside = folder.parent.glob(f"{folder.name}.damaged-*") if folder.parent.is_dir() else ()
    moments = (_moment(path) for path in beside)
    return sorted(moment for moment in moments if moment is not None)


def name_aside(name: str, moment: datetime) -> str:
    """What the folder ``name`` is called once it was set aside at ``moment``."""
    return f"{name}.damaged-{moment.strftime(_ASIDE)}"


def _free_name(folder: Path) -> Path:
    moment = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
    while (aside := folder.with_name(name_aside(folder.name, moment))).exists():
        moment += timedelta(seconds=1)
    return aside


def _moment(aside: Path) -> datetime | None:
    try:
        return datetime.strptime(aside.name.rpartition("-")[2], _ASIDE)  # as the catalog keeps moments
    except ValueError:
        return None


def _prove_that_indexes_can_be_made(folder: Path, dimension: int) -> None:
    try:
        index = EdgePhotoIndex(folder, dimension)
        index.upsert([IndexPoint(1, np.ones(dimension, np.float32), 1)])
        index.close()
        EdgePhotoIndex(folder, dimension).close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _examine(shard: engine.EdgeShard, dimension: int, regions: bool) -> None:
    """Look at some points as searches and writes do; damage the engine does not see gives zeros, gaps or nonsense.

    Raises:
        ValueError: saying what is wrong.
    """
    if not (count := shard.count(engine.CountRequest(exact=True))):
        return
    expected = min(count, _REGIONAL_SAMPLE if regions else _SAMPLE)
    first, _ = shard.scroll(engine.ScrollRequest(limit=expected, with_payload=True, with_vector=True))
    drawn = shard.query(
        engine.QueryRequest(limit=expected, query=engine.Sample.Random, with_vector=True, with_payload=True)
    )
    for what, points in (("listed", first), ("drawn", drawn)):
        if len(points) != expected:
            raise ValueError(f"{len(points)} of {expected} points could be {what}")
    sample: list[_Point] = [*first, *drawn]
    _examine_vectors(sample, dimension)
    _examine_labels(shard, sample)
    if regions:
        _examine_regions(shard, sample, dimension)
    nearest = shard.query(_request(np.array(_whole(first[0]), np.float32), expected, None, regions))
    if len(nearest) != expected or not all(abs(hit.score) <= 1 + _UNIT_TOLERANCE for hit in nearest):
        raise ValueError(f"{len(nearest)} of {expected} points were found, or not with cosine similarities")


def _examine_vectors(points: Sequence[_Point], dimension: int) -> None:
    """Every one was written with length 1."""
    vectors = [_whole(point) for point in points]
    if not all(len(vector) == dimension for vector in vectors):
        raise ValueError("a point has no vector")
    _examine_lengths(np.array(vectors, np.float64))


def _examine_regions(shard: engine.EdgeShard, points: Sequence[_Point], dimension: int) -> None:
    """Each has its box, the whole photo is the first, and what is scanned says about the same as the vectors."""
    boxes = {_photo_id(point): boxes_of(point.payload) for point in points}
    vectors = {_photo_id(point): np.array(_regions(point), np.float64) for point in points}
    for photo_id, each in vectors.items():
        if each.shape != (len(boxes[photo_id]), dimension):
            raise ValueError("a point has not one vector for each region")
    _examine_lengths(np.concatenate(list(vectors.values())))
    wholes = np.array([_whole(point) for point in points])
    firsts = np.array([vectors[_photo_id(point)][0] for point in points])
    if np.abs(wholes - firsts).max() > _UNIT_TOLERANCE:
        raise ValueError("the first region of a point is not the whole photo")
    ids = engine.Filter(must=[engine.HasIdCondition(set(vectors))])
    scanned = shard.query(_request(firsts[0].astype(np.float32), len(vectors), ids, True, rescore=False))
    wrong = [abs(float((vectors[_photo_id(hit)] @ firsts[0]).max()) - hit.score) for hit in scanned]
    if len(wrong) != len(vectors) or not max(wrong) <= _QUANTIZED_TOLERANCE:
        raise ValueError(f"{len(wrong)} of {len(vectors)} points were scanned, or not with about their similarities")


def _examine_lengths(vectors: NDArray[np.float64]) -> None:
    if not np.all(np.abs(np.linalg.norm(vectors, axis=1) - 1) <= _UNIT_TOLERANCE):
        raise ValueError("a vector is not of length 1")


def _whole(point: _Point) -> list[float]:
    """The whole photo's vector; empty where it has none, which the engine says by an empty dictionary."""
    found = point.vector.get(WHOLE_VECTOR, []) if isinstance(point.vector, dict) else point.vector
    return cast(list[float], found or [])


def _regions(point: _Point) -> list[list[float]]:
    """The vectors of all its regions; empty where it has none."""
    found = point.vector.get(REGION_VECTORS, []) if isinstance(point.vector, dict) else []
    return cast(list[list[float]], found)


def _examine_labels(shard: engine.EdgeShard, points: Sequence[_Point]) -> None:
    """The indexes of the labels know what the points say of themselves."""
    payloads = {_photo_id(point): point.payload or {} for point in points}
    for field in (COLLECTION_FIELD, DAY_FIELD):
        labelled = {photo_id: each[field] for photo_id, each in payloads.items() if each.get(field) is not None}
        if field == COLLECTION_FIELD and len(labelled) != len(payloads):
            raise ValueError("a point does not say its collection")
        conditions: list[engine.ConditionType] = [
            engine.HasIdCondition(set(labelled)),
            _among(field, sorted(set(labelled.values()))),
        ]
        known = shard.count(engine.CountRequest(exact=True, filter=engine.Filter(must=conditions)))
        if known != len(labelled):
            raise ValueError(f"{known} of {len(labelled)} points are found by their {field}")


def _among(field: str, values: list[int]) -> engine.FieldCondition:
    if field == DAY_FIELD:
        within = engine.RangeFloat(gte=min(values, default=0), lte=max(values, default=0))
        return engine.FieldCondition(field, range=within)
    return engine.FieldCondition(field, match=engine.MatchAny(values))


def _opening_errors(folder: Path) -> AbstractContextManager[None]:
    return _our_errors(folder, "be opened", DamagedIndexError)


@contextmanager
def _our_errors(folder: Path, what: str, otherwise: type[UnusableIndexError] = UnusableIndexError) -> Iterator[None]:
    """Turn errors of the disk, and of the engine, which are bare ``Exception`` or panics, into ours.

    Args:
        otherwise: the error where neither disk nor system is at fault.
    """
    try:
        yield
    except MindReaderError:
        raise
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__module__ != _PANICS:
            raise
        kind = _refusal(error) or otherwise
        raise kind().with_inside(f"{folder} could not {what}: {type(error).__name__}: {error}") from error


def _refusal(error: BaseException) -> type[UnusableIndexError] | None:
    """What it is where the disk or the system said no; the engine passes that on as words."""
    said = re.search(r"os error (\d+)", str(error))
    number = error.errno if isinstance(error, OSError) else int(said[1]) if said else None
    if number in (errno.ENOSPC, errno.EDQUOT):
        return FullDiskError
    return UnusableIndexError if isinstance(error, OSError) or number in _ENVIRONMENT else None


def _close(shard: engine.EdgeShard, folder: Path) -> None:
    """Close a shard that may be in any state."""
    try:
        with _our_errors(folder, "be closed"):
            shard.close()
    except UnusableIndexError as error:
        log.warning("%s", error.for_administrators)


def _dropped_name(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.dropped")


def _remove_dropped(folder: Path) -> None:
    """Finish the removal of an index dropped earlier."""
    if _dropped_name(folder).exists():
        shutil.rmtree(_dropped_name(folder))


def _lock_of(folder: Path) -> FolderLock:
    return FolderLock(folder.with_name(f".{folder.name}.lock"), "The photo index")


def _check_room(folder: Path) -> None:
    if _free_bytes(folder) < ROOM_BYTES:
        raise OSError(errno.ENOSPC, f"less than {ROOM_BYTES // 2**20} MB are free on its disk")


def _free_bytes(folder: Path) -> int:
    return shutil.disk_usage(folder).free


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _config(dimension: int, regions: bool = False) -> engine.EdgeConfig:
    one = engine.EdgeVectorParams(size=dimension, distance=engine.Distance.Cosine)
    never_a_graph = engine.EdgeOptimizersConfig(indexing_threshold=NEVER_BUILD_HNSW_KB)
    if not regions:
        return engine.EdgeConfig(vectors=one, optimizers=never_a_graph)
    searched = engine.EdgeVectorParams(
        size=dimension,
        distance=engine.Distance.Cosine,
        multivector_config=engine.MultiVectorConfig(engine.MultiVectorComparator.MaxSim),
        quantization_config=engine.TurboQuantQuantizationConfig(),
        memory=engine.Memory.Cold,
    )
    read = engine.EdgeVectorParams(size=dimension, distance=engine.Distance.Cosine, memory=engine.Memory.Cold)
    return engine.EdgeConfig(vectors={WHOLE_VECTOR: read, REGION_VECTORS: searched}, optimizers=never_a_graph)


def _check_fits(folder: Path, dimension: int, regions: bool) -> None:
    """Compare with what the shard says about itself; a file we cannot read is left for the engine to judge."""
    try:
        vectors = json.loads((folder / "edge_config.json").read_text())["vectors"]
        has_regions = REGION_VECTORS in vectors
        stored = vectors[REGION_VECTORS if has_regions else ""]
        size, distance = stored["size"], stored["distance"]
    except (OSError, ValueError, KeyError, TypeError):
        return
    if (size, distance) != (dimension, "Cosine"):
        raise IndexMismatchError(
            f"The photo index holds {size}-dimensional vectors with {distance} distance, but this "
            f"embedding space has {dimension} dimensions with Cosine distance. Give the space its own index."
        ).with_inside(str(folder))
    check_regions(has_regions, regions, str(folder))


def _point(point: IndexPoint) -> engine.Point:
    vector: engine.Vector = point.vector.tolist()
    if point.regions is not None:
        vector = {WHOLE_VECTOR: point.vector.tolist(), REGION_VECTORS: point.regions.vectors.tolist()}
    return engine.Point(point.photo_id, vector, payload(point))


def _request(
    unit: Vector, limit: int, where: engine.Filter | None, regions: bool, *, rescore: bool = True
) -> engine.QueryRequest:
    """Ask for the nearest; of photos with regions more are looked at by few bits, and those compared in full."""
    if not regions:
        return engine.QueryRequest(limit=limit, query=engine.Query.Nearest(unit.tolist()), filter=where)
    quantization = engine.QuantizationSearchParams(rescore=rescore, oversampling=_OVERSAMPLING if rescore else None)
    return engine.QueryRequest(
        limit=limit,
        query=engine.Query.Nearest([unit.tolist()], using=REGION_VECTORS),
        filter=where,
        params=engine.SearchParams(quantization=quantization),
    )


def _filter(where: IndexFilter) -> engine.Filter | None:
    conditions: list[engine.ConditionType] = [
        engine.FieldCondition(field, match=engine.MatchAny(values)) for field, values in restrictions(where)
    ]
    if where.by_day:
        days = engine.RangeFloat(gte=where.first_day, lte=where.last_day)
        conditions.append(engine.FieldCondition(DAY_FIELD, range=days))
    return engine.Filter(must=conditions) if conditions else None


def _having_ids(photo_ids: Sequence[int]) -> engine.Filter:
    return engine.Filter(must=[engine.HasIdCondition(set(photo_ids))])


def _photo_id(found: engine.Record | engine.ScoredPoint) -> int:
    assert isinstance(found.id, int), "photo indexes hold integer ids only"
    return found.id
