"""The photo index on a Qdrant server: one Qdrant collection per embedding space."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Literal, cast

import grpc
import numpy as np
from qdrant_client import QdrantClient, models
from qdrant_client.common.client_exceptions import QdrantException
from qdrant_client.http.exceptions import ApiException, ResponseHandlingException, UnexpectedResponse

from mindreader.boxes import WHOLE
from mindreader.errors import IndexFailedError, IndexMismatchError, NotReadyError
from mindreader.photo_index.checks import (
    BOXES_FIELD,
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

_Quantized = models.ScalarQuantization | models.BinaryQuantization
_NO_ANSWER = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)


@dataclass(frozen=True)
class ServerStorage:
    """How a server is to keep a new index; one that is there keeps its own way."""

    quantization: Literal["none", "int8", "binary"] = "none"
    """What is searched in memory; the nearest are compared again by their full vectors."""
    on_disk: bool = False
    """Whether full vectors lie on disk."""
    shards: int = 1
    replicas: int = 1

    @property
    def quantized(self) -> _Quantized | None:
        """As the server wants it said."""
        if self.quantization == "int8":
            int8 = models.ScalarQuantizationConfig(type=models.ScalarType.INT8, quantile=0.99, always_ram=True)
            return models.ScalarQuantization(scalar=int8)
        if self.quantization == "binary":
            return models.BinaryQuantization(binary=models.BinaryQuantizationConfig(always_ram=True))
        return None

    @property
    def search_params(self) -> models.SearchParams | None:
        """Look at more than are wanted, and compare those in full; a bit says less than a byte (docs/scaling.md)."""
        if self.quantization == "none":
            return None
        more = 4.0 if self.quantization == "int8" else 16.0
        return models.SearchParams(quantization=models.QuantizationSearchParams(rescore=True, oversampling=more))


class ServerPhotoIndex:
    """The photo index ``name`` on the server behind ``client``, made when it is not there.

    Takes ``client`` over: :meth:`close` closes it. Every write waits until the server has applied it.

    Raises:
        IndexMismatchError: the Qdrant collection has another dimension or distance, or regions where none are asked
            for, or the other way round.
        NotReadyError: the server does not answer, or refuses.
    """

    failure: str | None = None
    """Its files are the server's: opening it anew would mend nothing."""

    def __init__(
        self,
        client: QdrantClient,
        name: str,
        dimension: int,
        storage: ServerStorage | None = None,
        *,
        regions: bool = False,
    ) -> None:
        self.dimension, self.has_regions = dimension, regions
        self._storage = storage or ServerStorage()
        self._client = client
        self._name = name
        with _server_errors(name):
            self._make_if_missing()
            _check_fits(client.get_collection(name), name, dimension, regions)
            self._make_payload_indexes()

    def upsert(self, points: Sequence[IndexPoint]) -> None:
        """Write points durably; see :meth:`PhotoIndex.upsert`."""
        checked = checked_points(points, self.dimension, with_regions=self.has_regions)
        for batch in write_batches(checked, self.dimension):
            with _server_errors(self._name):
                self._client.upsert(self._name, [_point(point) for point in batch], wait=True)

    def search(self, vector: Vector, limit: int, where: IndexFilter) -> list[IndexHit]:
        """Find the nearest photos; see :meth:`PhotoIndex.search`. Approximate once the server built HNSW."""
        check_limit(limit)
        unit = unit_vector(vector, self.dimension)
        if where.matches_nothing:
            return []
        with _server_errors(self._name):
            found = self._client.query_points(
                self._name,
                query=[unit.tolist()] if self.has_regions else unit.tolist(),
                using=REGION_VECTORS if self.has_regions else None,
                limit=limit,
                query_filter=_filter(where),
                search_params=self._storage.search_params,
                with_payload=False,
            ).points
        return [IndexHit(_photo_id(hit), hit.score) for hit in found]

    def delete(self, photo_ids: Iterable[int]) -> None:
        """Remove photos; see :meth:`PhotoIndex.delete`."""
        for batch in pages(possible_ids(photo_ids)):
            with _server_errors(self._name):
                self._client.delete(self._name, models.PointIdsList(points=list(batch)), wait=True)

    def update_labels(self, labels: Sequence[PhotoLabels]) -> None:
        """Give photos new labels; see :meth:`PhotoIndex.update_labels`."""
        for new, photo_ids in label_groups(labels):
            for batch in pages(photo_ids):
                with _server_errors(self._name):
                    # By filter and not by id: setting the payload of a missing id is an error, a filter skips it.
                    self._client.set_payload(self._name, dict(new), points=_having_ids(batch), wait=True)

    def count(self, where: IndexFilter = EVERYTHING) -> int:
        """Count photos exactly; see :meth:`PhotoIndex.count`."""
        if where.matches_nothing:
            return 0
        with _server_errors(self._name):
            return self._client.count(self._name, count_filter=_filter(where), exact=True).count

    def ids(self, after: int = 0) -> Iterator[int]:
        """Yield photo ids in ascending order; see :meth:`PhotoIndex.ids`."""
        offset: models.ExtendedPointId | None = max(after, 0) + 1
        while offset is not None:
            with _server_errors(self._name):
                records, offset = self._client.scroll(
                    self._name, offset=offset, limit=PAGE, with_payload=False, with_vectors=False
                )
            yield from (_photo_id(record) for record in records)

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
        """Close the client; twice is fine."""
        self._client.close()

    def _make_if_missing(self) -> None:
        if self._client.collection_exists(self._name):
            return
        kept = self._storage
        one = models.VectorParams(size=self.dimension, distance=models.Distance.COSINE, on_disk=kept.on_disk or None)
        vectors: models.VectorParams | dict[str, models.VectorParams] = one
        quantized = kept.quantized
        if self.has_regions:
            vectors, quantized = {WHOLE_VECTOR: _read(one), REGION_VECTORS: _searched(one, kept.quantized)}, None
        try:
            self._client.create_collection(
                self._name,
                vectors_config=vectors,
                quantization_config=quantized,
                shard_number=kept.shards,
                replication_factor=kept.replicas,
            )
        except (UnexpectedResponse, grpc.RpcError) as error:
            if not _exists_already(error):  # another worker was quicker, which is fine
                raise

    def _make_payload_indexes(self) -> None:
        for field in (*LABEL_FIELDS, DAY_FIELD):  # one that is there already stays as it is
            days = field == DAY_FIELD
            schema = models.IntegerIndexParams(
                type=models.IntegerIndexType.INTEGER,
                lookup=not days,
                range=days,
            )
            self._client.create_payload_index(self._name, field, field_schema=schema, wait=True)

    def _stored_regions(self, photo_ids: Iterable[int]) -> Iterator[tuple[int, Regions]]:
        for record in self._retrieve(photo_ids, vectors=[REGION_VECTORS], payload=[BOXES_FIELD], at_once=READ_AT_ONCE):
            stored = cast(dict[str, list[list[float]]], record.vector)[REGION_VECTORS]
            yield _photo_id(record), Regions(boxes_of(record.payload), np.asarray(stored, dtype=np.float32))

    def _retrieve(
        self,
        photo_ids: Iterable[int],
        *,
        vectors: bool | list[str] = False,
        payload: bool | list[str] = False,
        at_once: int = PAGE,
    ) -> Iterator[models.Record]:
        for batch in pages(possible_ids(photo_ids), at_once):
            with _server_errors(self._name):
                records = self._client.retrieve(self._name, list(batch), with_payload=payload, with_vectors=vectors)
            yield from records


def _read(one: models.VectorParams) -> models.VectorParams:
    """Whole photos' vectors in an index with regions are only read by id: no graph, no copy in memory."""
    return one.model_copy(update={"on_disk": True, "hnsw_config": models.HnswConfigDiff(m=0)})


def _searched(one: models.VectorParams, quantized: _Quantized | None) -> models.VectorParams:
    best_region = models.MultiVectorConfig(comparator=models.MultiVectorComparator.MAX_SIM)
    return one.model_copy(update={"multivector_config": best_region, "quantization_config": quantized})


def _whole(record: models.Record) -> list[float]:
    found = record.vector[WHOLE_VECTOR] if isinstance(record.vector, dict) else record.vector
    return cast(list[float], found)


def _exists_already(error: UnexpectedResponse | grpc.RpcError) -> bool:
    if isinstance(error, UnexpectedResponse):
        return error.status_code == HTTPStatus.CONFLICT
    return bool(error.code() == grpc.StatusCode.ALREADY_EXISTS)


def drop_server_index(client: QdrantClient, name: str) -> None:
    """Delete the Qdrant collection ``name``; one that is not there is fine.

    Raises:
        NotReadyError: the server does not answer, or refuses.
    """
    with _server_errors(name):
        client.delete_collection(name)


@contextmanager
def _server_errors(name: str) -> Iterator[None]:
    """Turn what can go wrong between here and the server into a sentence."""
    try:
        yield
    except UnexpectedResponse as error:
        raise _refusal(name, f"HTTP {error.status_code} {error.reason_phrase}") from error
    except (ApiException, QdrantException, ResponseHandlingException) as error:
        raise _silence(name, error) from error
    except grpc.RpcError as error:
        if error.code() in _NO_ANSWER:
            raise _silence(name, error.details()) from error
        raise _refusal(name, f"gRPC {error.code().name}").with_inside(str(error.details())) from error
    except (RuntimeError, ValueError) as error:
        if "closed" not in str(error):  # what a client that has been closed answers
            raise
        raise IndexFailedError().with_inside(f"{name}: {error}") from error


def _refusal(name: str, answer: str) -> NotReadyError:
    return NotReadyError(
        f"The Qdrant server refused a request for the photo index {name} with {answer}. "
        "Check MINDREADER_QDRANT_API_KEY and the server's log."
    )


def _silence(name: str, reason: object) -> NotReadyError:
    return NotReadyError(
        f"The Qdrant server with the photo index {name} does not answer. Start it, or check "
        "MINDREADER_QDRANT_URL; nothing is lost, the work is taken up again."
    ).with_inside(str(reason))


def _check_fits(info: models.CollectionInfo, name: str, dimension: int, regions: bool) -> None:
    vectors = info.config.params.vectors
    has_regions = isinstance(vectors, dict) and set(vectors) == {WHOLE_VECTOR, REGION_VECTORS}
    one = vectors[REGION_VECTORS] if has_regions and isinstance(vectors, dict) else vectors
    found = (
        f"{one.size} dimensions with {one.distance.value} distance"
        if isinstance(one, models.VectorParams)
        else "several named vectors"
    )
    wanted = f"{dimension} dimensions with {models.Distance.COSINE.value} distance"
    if found != wanted:
        raise IndexMismatchError(
            f"The Qdrant collection {name} has {found}, but this embedding space has {wanted}. "
            "Give the space its own Qdrant collection, or remove that one."
        )
    check_regions(has_regions, regions, name)


def _point(point: IndexPoint) -> models.PointStruct:
    vector: models.VectorStruct = point.vector.tolist()
    if point.regions is not None:
        vector = {WHOLE_VECTOR: point.vector.tolist(), REGION_VECTORS: point.regions.vectors.tolist()}
    return models.PointStruct(id=point.photo_id, vector=vector, payload=payload(point))


def _filter(where: IndexFilter) -> models.Filter | None:
    conditions: list[models.Condition] = [
        models.FieldCondition(key=field, match=models.MatchAny(any=values)) for field, values in restrictions(where)
    ]
    if where.by_day:
        days = models.Range(gte=where.first_day, lte=where.last_day)
        conditions.append(models.FieldCondition(key=DAY_FIELD, range=days))
    return models.Filter(must=conditions) if conditions else None


def _having_ids(photo_ids: Sequence[int]) -> models.Filter:
    return models.Filter(must=[models.HasIdCondition(has_id=list(photo_ids))])


def _photo_id(found: models.Record | models.ScoredPoint) -> int:
    assert isinstance(found.id, int), "photo indexes hold integer ids only"
    return found.id
