"""What both adapters check and convert before anything reaches the engine."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from mindreader.boxes import WHOLE, Box
from mindreader.errors import IndexMismatchError, InvalidInputError
from mindreader.photo_index.protocol import (
    MOST_REGIONS,
    IndexFilter,
    IndexPoint,
    PhotoLabels,
    Regions,
    Vector,
)

COLLECTION_FIELD = "collection_id"
CATEGORY_FIELD = "category_id"
LABEL_FIELDS = (COLLECTION_FIELD, CATEGORY_FIELD)
DAY_FIELD = "day"
BOXES_FIELD = "boxes"

WHOLE_VECTOR = "photo"
"""In an index with regions, the vector of the whole photo: read alone, as often as without regions."""
REGION_VECTORS = "regions"
"""In an index with regions, the multivector that is searched: the whole photo and each region."""

PAGE = 1000
"""Ids read or named in one request to the engine."""

FLOATS_PER_WRITE = 400_000
"""Numbers in one write: about 8 MB as JSON, well under a Qdrant server's 32 MB and Edge's WAL segment."""

READ_AT_ONCE = 50
"""Photos whose regions are read in one call of the engine, which keeps other threads waiting that long."""
_SAME_DIRECTION = 1e-4

Labels = dict[str, int | None]
Payload = dict[str, Any]
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


def checked_points(points: Sequence[IndexPoint], dimension: int, *, with_regions: bool) -> list[IndexPoint]:
    """Check a whole batch; return unit-length points, of one photo id given twice only the last.

    With regions every point has some: of a photo that came without, the whole is the only one.

    Raises:
        IndexMismatchError: a vector is not ``(D,)``, or a photo has regions in an index without them.
        InvalidInputError: a vector is zero or not finite, a photo id is below 1, or regions are malformed.
    """
    checked: dict[int, IndexPoint] = {}
    for point in points:
        if point.photo_id < 1:
            raise InvalidInputError(f"Photo ids start at 1; {point.photo_id} cannot be indexed.")
        vector = unit_vector(point.vector, dimension)
        if not with_regions and point.regions is not None:
            raise IndexMismatchError(
                "This photo index holds one vector for each photo, but a photo came with regions. Use the index of an "
                "embedding space with regions."
            )
        regions = _checked_regions(point.regions, vector, dimension) if with_regions else None
        checked[point.photo_id] = replace(point, photo_id=int(point.photo_id), vector=vector, regions=regions)
    return list(checked.values())


def _checked_regions(regions: Regions | None, whole: Vector, dimension: int) -> Regions:
    if regions is None:
        return Regions((WHOLE,), whole[np.newaxis])
    count = len(regions.boxes)
    if not 1 <= count <= MOST_REGIONS or len(regions.vectors) != count:
        raise InvalidInputError(
            f"A photo has 1 to {MOST_REGIONS} regions with a vector each; {count} boxes and {len(regions.vectors)} "
            "vectors came."
        )
    vectors = np.stack([unit_vector(vector, dimension) for vector in regions.vectors])
    if regions.boxes[0] != WHOLE or float(vectors[0] @ whole) < 1 - _SAME_DIRECTION:
        raise InvalidInputError("The first region of a photo is the whole photo, with the photo's own vector.")
    return Regions(regions.boxes, vectors)


def boxes_of(stored: Payload | None) -> tuple[Box, ...]:
    """Return the boxes a payload names."""
    return tuple(Box(*map(float, sides)) for sides in (stored or {})[BOXES_FIELD])


def check_limit(limit: int) -> None:
    """Refuse a search for fewer than one photo.

    Raises:
        InvalidInputError: ``limit`` is below 1.
    """
    if limit < 1:
        raise InvalidInputError(f"A search returns at least 1 photo; {limit} were asked for.")


def check_regions(stored: bool, wanted: bool, where: str) -> None:
    """Refuse an index whose photos have regions where none are wanted, or the other way round.

    Raises:
        IndexMismatchError: so it is.
    """
    if stored != wanted:
        holds, has = ("regions of each photo", "none") if stored else ("one vector for each photo", "regions")
        raise IndexMismatchError(
            f"The photo index holds {holds}, but this embedding space has {has}. Give the space its own index."
        ).with_inside(where)


def possible_ids(photo_ids: Iterable[int]) -> list[int]:
    """Return the ids an index can hold, ascending and each once; the engines refuse negative ones."""
    return sorted({int(photo_id) for photo_id in photo_ids if photo_id >= 1})


def payload(point: IndexPoint) -> Payload:
    """Return the payload a point carries."""
    labels: Payload = {**_labels(point.collection_id, point.category_id, point.day)}
    if point.regions is not None:
        labels[BOXES_FIELD] = [[float(side) for side in box.sides] for box in point.regions.boxes]
    return labels


def _labels(collection_id: int, category_id: int | None, day: int | None) -> Labels:
    """All of them always, so that new labels replace old ones."""
    return {
        COLLECTION_FIELD: int(collection_id),
        CATEGORY_FIELD: _integer(category_id),
        DAY_FIELD: _integer(day),
    }


def _integer(value: int | None) -> int | None:
    return None if value is None else int(value)


def label_groups(labels: Sequence[PhotoLabels]) -> Iterator[tuple[Labels, list[int]]]:
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
    vectors = max((1 + len(point.regions.boxes) for point in points if point.regions is not None), default=1)
    return pages(points, max(1, FLOATS_PER_WRITE // (dimension * vectors)))


def pages(items: Sequence[T], size: int = PAGE) -> Iterator[Sequence[T]]:
    """Cut a sequence into pieces of at most ``size``."""
    return (items[start : start + size] for start in range(0, len(items), size))
