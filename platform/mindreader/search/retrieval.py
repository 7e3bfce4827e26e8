"""What the photo index holds for a sketch: its readings, and the photos that the sketch or the picked one finds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mindreader.boxes import Box
from mindreader.inference.answerability import is_answerable
from mindreader.inference.sketches.readings import (
    LOOKED_AT,
    SketchReading,
    expanded_query,
    find_readings,
    further_readings,
    picked_reading,
    query_of_picked,
    with_picked,
)
from mindreader.messages import SearchRequest
from mindreader.photo_index import IndexFilter, PhotoIndex, Vector
from mindreader.search.rankings import ByRegions, DrawnThing, Nearest, Ranking

_MOST_ROUNDS = 5
"""Further readings are looked for in so many times 40 photos; then only G's noise changes."""


@dataclass(frozen=True, eq=False)
class SketchQuery:
    """What a sketch searches with."""

    whole: DrawnThing
    parts: tuple[DrawnThing, ...] = ()
    """Two or three things that were read apart; none where it was read as one."""
    part_boxes: tuple[Box, ...] = ()
    """Where on the sheet they are."""


@dataclass(frozen=True, eq=False)
class Retrieved:
    """What the index holds for a sketch."""

    query: Vector
    """(K,), what searched: after the picked reading and relevance feedback, or expanded by what the sketch found."""
    nearest: Ranking
    """Gives the photos found by it."""
    parts: tuple[Box, ...]
    """Where on the sheet the things are that searched apart."""
    readings: list[SketchReading]
    """One or more, the most likely first."""
    picked: SketchReading | None
    answerable: bool | None
    """Whether anything there seems to be what was drawn; None where nobody can tell, or a reading was picked."""


def retrieve(
    index: PhotoIndex, space_key: str, sketch: SketchQuery, request: SearchRequest, wanted_things: Sequence[Vector] = ()
) -> Retrieved:
    """Ask a space's index for what a sketch means, with the reading, photos and things that its drawer chose.

    Args:
        wanted_things: vectors (K,) of things in photos that are wanted too.
    """
    query = sketch.whole.query
    nearest = Nearest(index, query, request.where)
    picked = _picked(nearest, query, request.reading)
    chosen = query if picked is None else query_of_picked(picked, query)
    wanted = _refined_by_photos(index, chosen, request, wanted_things)
    photo_ids, vectors = _photos(nearest, query, 0)
    first = find_readings(query, photo_ids, vectors, request.most_readings)
    # What was chosen is one thing, whatever else was drawn.
    parts = sketch.parts if wanted is query else ()
    # Regions that shall hold each part, or lie where it was drawn, are compared with what was drawn.
    if wanted is query and not parts and sketch.whole.place is None:
        wanted = expanded_query(query, vectors)
    return Retrieved(
        wanted,
        _ranking(index, nearest, DrawnThing(wanted, sketch.whole.place), parts, request.where),
        sketch.part_boxes if parts else (),
        _offered(nearest, query, request, first, picked),
        picked,
        None if picked else is_answerable(space_key, query, vectors, first),
    )


def _ranking(
    index: PhotoIndex, nearest: Nearest, whole: DrawnThing, parts: Sequence[DrawnThing], where: IndexFilter
) -> Ranking:
    if whole.place is not None or parts:
        return ByRegions(index, whole, parts, where)
    # Where nothing was chosen, the first answer serves once more.
    return nearest if nearest.query is whole.query else Nearest(index, whole.query, where)


def _picked(nearest: Nearest, query: Vector, photo_ids: Sequence[int]) -> SketchReading | None:
    """The reading a person picked; None if nobody did, or none of its photos is left."""
    left, vectors = _known(nearest, query, photo_ids)
    return picked_reading(query, left, vectors) if left else None


def _photos(nearest: Nearest, query: Vector, number: int) -> tuple[list[int], Vector]:
    """Ids and vectors (N, K) of the photos of one round: the nearest 40, the 40 after them, and so on."""
    hits = nearest(LOOKED_AT * (number + 1))[LOOKED_AT * number :]
    return _known(nearest, query, [hit.photo_id for hit in hits])


def _known(nearest: Nearest, query: Vector, photo_ids: Sequence[int]) -> tuple[list[int], Vector]:
    """Those of the photos that the index holds, in their order, and of each the vector nearest to a query; (N, K)."""
    known = nearest.regions(photo_ids)
    best = [each.vectors[(each.vectors @ query).argmax()] for each in known.values()]
    return list(known), np.stack(best) if best else np.zeros((0, len(query)), np.float32)


def _offered(
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
        found = further_readings(find_readings(query, *_photos(nearest, query, number), request.most_readings), shown)
    found = found or first
    offered = found if picked is None else with_picked(found, picked)[: request.most_readings]
    # Where there are no photos, G is told what E1 reads.
    return offered or [SketchReading(query, (), 1.0)]


def _refined_by_photos(
    index: PhotoIndex, query: Vector, request: SearchRequest, wanted_things: Sequence[Vector]
) -> Vector:
    """The query (K,) after relevance feedback: the photos and things the caller wants more and less of."""
    if not request.like and not request.unlike and not wanted_things:
        return query
    known = index.vectors((*request.like, *request.unlike))
    liked, unliked = ([known[i] for i in ids if i in known] for ids in (request.like, request.unlike))
    return refined(query, [*liked, *wanted_things], unliked)


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
