"""What both adapters check and convert before anything reaches the engine."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from mindreader.errors import IndexMismatchError, InvalidInputError
from mindreader.photo_index.protocol import IndexFilter, IndexPoint, PhotoLabels, Vector

COLLECTION_FIELD = "collection_id"
CATEGORY_FIELD = "category_id"
LABEL_FIELDS = (COLLECTION_FIELD, CATEGORY_FIELD)
DAY_FIELD = "day"

PAGE = 1000
"""Ids read or named in one request to the engine."""

FLOATS_PER_WRITE = 400_000
"""Numbers in one write: about 8 MB as JSON, well under a Qdrant server's 32 MB and Edge's WAL segment."""

Payload = dict[str, int | None]
T = TypeVar("T")


def unit_vector(vector: Vector, dimension: int) -> Vector:
    """Check one vector and return it as float32 ``(D,)`` of length 1.

    We normalise in float64 ourselves: the engines square in float32, so they would take a very long
    vector for infinite and a very short one for zero.

    Raises:
        IndexMismatchError: not ``(D,)``.
        InvalidInputError: zero or not finite.
    """
    values = np.asarray(vector, dtype=np.float64)
    if values.shape != (dimension,):
        raise IndexMismatchError(
            f"The photo index holds vectors of shape ({dimension},), but this one has shape {values.shape}. "
            "It comes from another photo encoder; use the index of that encoder's embedding space."
        )
    if not np.isfinite(values).all():
        raise InvalidInputError("An embedding holds NaN or infinite numbers; embed the image again.")
    largest = np.abs(values).max()
    if largest == 0:
        raise InvalidInputError("An embedding is all zeros and points nowhere; embed the image again.")
    scaled = values / largest
    unit: Vector = (scaled / np.linalg.norm(scaled)).astype(np.float32)
    return unit


def checked_points(points: Sequence[IndexPoint], dimension: int) -> list[IndexPoint]:
    """Check a whole batch; return unit-length points, of one photo id given twice only the last.

    Raises:
        IndexMismatchError: a vector is not ``(D,)``.
        InvalidInputError: a vector is zero or not finite, or a photo id is below 1.
    """
    checked: dict[int, IndexPoint] = {}
    for point in points:
        if point.photo_id < 1:
            raise InvalidInputError(f"Photo ids start at 1; {point.photo_id} cannot be indexed.")
        vector = unit_vector(point.vector, dimension)
        checked[point.photo_id] = replace(point, photo_id=int(point.photo_id), vector=vector)
    return list(checked.values())


def check_limit(limit: int) -> None:
    """Refuse a search for fewer than one photo.

    Raises:
        InvalidInputError: ``limit`` is below 1.
    """
    if limit < 1:
        raise InvalidInputError(f"A search returns at least 1 photo; {limit} were asked for.")


def possible_ids(photo_ids: Iterable[int]) -> list[int]:
    """Return the ids an index can hold, ascending and each once; the engines refuse negative ones."""
    return sorted({int(photo_id) for photo_id in photo_ids if photo_id >= 1})


def payload(point: IndexPoint) -> Payload:
    """Return the payload a point carries."""
    return _labels(point.collection_id, point.category_id, point.day)


def _labels(collection_id: int, category_id: int | None, day: int | None) -> Payload:
    """All of them always, so that new labels replace old ones."""
    return {
        COLLECTION_FIELD: int(collection_id),
        CATEGORY_FIELD: _integer(category_id),
        DAY_FIELD: _integer(day),
    }


def _integer(value: int | None) -> int | None:
    return None if value is None else int(value)


def label_groups(labels: Sequence[PhotoLabels]) -> Iterator[tuple[Payload, list[int]]]:
    """Yield each distinct payload with the photos that get it: one write each instead of one a photo."""
    last = {label.photo_id: (label.collection_id, label.category_id, label.day) for label in labels}
    groups: dict[tuple[int, int | None, int | None], list[int]] = defaultdict(list)
    for photo_id, said in last.items():
        groups[said].append(photo_id)
    for said, photo_ids in groups.items():
        yield _labels(*said), possible_ids(photo_ids)


def restrictions(where: IndexFilter) -> list[tuple[str, list[int]]]:
    """Return ``(payload field, allowed values)`` for every restriction to labels; all of them must hold."""
    pairs = zip(LABEL_FIELDS, (where.collection_ids, where.category_ids), strict=True)
    return [(field, [int(value) for value in values]) for field, values in pairs if values is not None]


def write_batches(points: Sequence[IndexPoint], dimension: int) -> Iterator[Sequence[IndexPoint]]:
    """Cut a batch into writes of at most ``FLOATS_PER_WRITE`` numbers."""
    return pages(points, max(1, FLOATS_PER_WRITE // dimension))


def pages(items: Sequence[T], size: int = PAGE) -> Iterator[Sequence[T]]:
    """Cut a sequence into pieces of at most ``size``."""
    return (items[start : start + size] for start in range(0, len(items), size))
