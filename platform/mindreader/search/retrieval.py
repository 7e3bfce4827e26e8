"""What the photo index holds for a sketch: its readings, and the photos that the sketch or the picked one finds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mindreader.inference.answerability import is_answerable
from mindreader.inference.readings import (
    LOOKED_AT,
    SketchReading,
    find_readings,
    further_readings,
    picked_reading,
    query_of_picked,
    with_picked,
)
from mindreader.messages import SearchRequest
from mindreader.photo_index import IndexFilter, IndexHit, PhotoIndex, Vector

_MOST_ROUNDS = 5
"""Further readings are looked for in so many times 40 photos; then only G's noise changes."""


class Nearest:
    """The photos nearest to one query; the index is asked again only for more than it gave before."""

    def __init__(self, index: PhotoIndex, query: Vector, where: IndexFilter) -> None:
        self._index, self._query, self._where = index, query, where
        self._asked, self._hits = 0, list[IndexHit]()

    def __call__(self, most: int) -> Sequence[IndexHit]:
        """As many of them, best first."""
        if most > self._asked:
            self._asked, self._hits = most, self._index.search(self._query, most, self._where)
        return self._hits[:most]


@dataclass(frozen=True, eq=False)
class Retrieved:
    """What the index holds for a sketch."""

    query: Vector
    """(K,), what searched: after the picked reading and relevance feedback."""
    nearest: Nearest
    """Gives the photos found by it."""
    readings: list[SketchReading]
    """One or more, the most likely first."""
    picked: SketchReading | None
    answerable: bool | None
    """Whether anything there seems to be what was drawn; None where nobody can tell, or a reading was picked."""


def retrieve(index: PhotoIndex, space_key: str, query: Vector, request: SearchRequest) -> Retrieved:
    """Ask a space's index for what a sketch's query (K,) means, with the reading and the photos its drawer chose."""
    nearest = Nearest(index, query, request.where)
    picked = _picked(index, query, request.reading)
    wanted = _refined_by_photos(index, query if picked is None else query_of_picked(picked, query), request)
    photo_ids, vectors = _photos(index, nearest, 0)
    first = find_readings(query, photo_ids, vectors, request.most_readings)
    return Retrieved(
        wanted,
        # Where nothing was chosen, the answer above serves once more.
        nearest if wanted is query else Nearest(index, wanted, request.where),
        _offered(index, nearest, query, request, first, picked),
        picked,
        None if picked else is_answerable(space_key, query, vectors, first),
    )


def _picked(index: PhotoIndex, query: Vector, photo_ids: Sequence[int]) -> SketchReading | None:
    """The reading a person picked; None if nobody did, or none of its photos is left."""
    left, vectors = _known(index, photo_ids)
    return picked_reading(query, left, vectors) if left else None


def _photos(index: PhotoIndex, nearest: Nearest, number: int) -> tuple[list[int], Vector]:
    """Ids and vectors (N, K) of the photos of one round: the nearest 40, the 40 after them, and so on."""
    hits = nearest(LOOKED_AT * (number + 1))[LOOKED_AT * number :]
    return _known(index, [hit.photo_id for hit in hits])


def _known(index: PhotoIndex, photo_ids: Sequence[int]) -> tuple[list[int], Vector]:
    """Those of the photos that the index holds, in their order, and their vectors (N, K)."""
    known = index.vectors(photo_ids) if photo_ids else {}
    ids = [photo_id for photo_id in photo_ids if photo_id in known]
    return ids, np.stack([known[i] for i in ids]) if ids else np.zeros((0, index.dimension), np.float32)


def _offered(
    index: PhotoIndex,
    nearest: Nearest,
    query: Vector,
    request: SearchRequest,
    first: list[SketchReading],
    picked: SketchReading | None,
) -> list[SketchReading]:
    """What a sketch may show in this round, the most likely first, the picked one in its place; one or more."""
    found, shown = first, list[SketchReading]()
    for number in range(1, min(request.round, _MOST_ROUNDS) + 1):
        shown += further_readings(found, shown)
        found = further_readings(find_readings(query, *_photos(index, nearest, number), request.most_readings), shown)
    found = found or first
    offered = found if picked is None else with_picked(found, picked)[: request.most_readings]
    # Where there are no photos, G is told what E1 reads.
    return offered or [SketchReading(query, (), 1.0)]


def _refined_by_photos(index: PhotoIndex, query: Vector, request: SearchRequest) -> Vector:
    """The query (K,) after relevance feedback: the photos the caller wants more and less of."""
    if not request.like and not request.unlike:
        return query
    known = index.vectors((*request.like, *request.unlike))
    liked, unliked = ([known[i] for i in ids if i in known] for ids in (request.like, request.unlike))
    return refined(query, liked, unliked)


def refined(query: Vector, liked: Sequence[Vector], unliked: Sequence[Vector]) -> Vector:
    """The query (K,) after a person chose photos: relevance feedback (Rocchio 1971), all vectors of length 1.

    The mean of the sketch's query and the liked photos, moved away from the mean of the others by as much: the formula
    of Qdrant's recommendations by average vector.
    """
    if not liked and not unliked:
        return query
    wanted = np.mean([query, *liked], axis=0)
    moved = wanted + (wanted - np.mean(unliked, axis=0)) if unliked else wanted
    length = float(np.linalg.norm(moved))
    return query if length == 0 else (moved / length).astype(np.float32)
