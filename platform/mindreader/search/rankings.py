"""Photos ranked for a query: as the photo index finds them, or by their regions, where what was drawn says more."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mindreader.boxes import WHOLE, Box
from mindreader.inference.sketches.place import PLACE_WEIGHT, place_agreement
from mindreader.photo_index import IndexFilter, IndexHit, PhotoIndex, Regions, Vector

_CANDIDATES = 150
"""Photos compared by all of their regions, for each thing drawn: reading them takes a tenth of a millisecond each."""
_HELD = 0.5
"""A photo holds a thing where its best region is at least so near to it, of the nearest region there is."""
_SPARE = 2
"""So many times the photos that are asked for, where those are many."""


class Ranking(Protocol):
    """Photos in order, the best first."""

    def __call__(self, most: int) -> Sequence[IndexHit]:
        """As many of them, if there are so many; where they are is for `boxes` to say."""

    def boxes(self, photo_ids: Iterable[int]) -> dict[int, tuple[Box, ...]]:
        """Where it is in photos found: one box, or one for each part of the sketch; none for the photo as a whole."""


class Nearest:
    """The photos nearest to one query; the index is asked again only for what it did not give before."""

    def __init__(self, index: PhotoIndex, query: Vector, where: IndexFilter) -> None:
        self.query = query
        self._index, self._where = index, where
        self._asked, self._hits = 0, list[IndexHit]()
        self._regions: dict[int, Regions] = {}

    def __call__(self, most: int) -> Sequence[IndexHit]:
        """As many of them, best first."""
        if most > self._asked:
            self._asked = most
            self._hits = self._index.search(self.query, most, self._where)
        return self._hits[:most]

    def boxes(self, photo_ids: Iterable[int]) -> dict[int, tuple[Box, ...]]:
        """Where the region nearest to the query is; see `Ranking.boxes`."""
        if not self._index.has_regions:
            return {}
        thing = DrawnThing(self.query)
        return {
            photo_id: _shown((_Fits.of(thing, [regions]).box(0),))
            for photo_id, regions in self.regions(photo_ids).items()
        }

    def regions(self, photo_ids: Iterable[int]) -> dict[int, Regions]:
        """The regions of photos that the index holds, in the order of the ids."""
        wanted = list(photo_ids)
        missing = [photo_id for photo_id in wanted if photo_id not in self._regions]
        if missing:
            self._regions |= self._index.regions(missing)
        return {photo_id: self._regions[photo_id] for photo_id in wanted if photo_id in self._regions}


@dataclass(frozen=True, eq=False)
class DrawnThing:
    """What searches: a whole sketch, or a part of it that was read apart."""

    query: Vector
    """(K,), of length 1."""
    place: Box | None = None
    """Where on the sheet it is drawn, where that counts."""


class ByRegions:
    """The photos that hold everything drawn, where it was drawn; only for spaces with regions.

    A photo is as good as its best regions for the sketch as a whole and for each part of it, in the mean. Why so:
    docs/quality.md, "Scenes".
    """

    def __init__(self, index: PhotoIndex, whole: DrawnThing, parts: Sequence[DrawnThing], where: IndexFilter) -> None:
        self._index, self._whole, self._parts, self._where = index, whole, parts, where
        self._asked, self._hits = 0, list[IndexHit]()
        self._boxes: dict[int, tuple[Box, ...]] = {}

    def __call__(self, most: int) -> Sequence[IndexHit]:
        """As many of them, best first."""
        if most > self._asked:
            self._asked, self._hits = most, self._ranked(max(_CANDIDATES, _SPARE * most))
        return self._hits[:most]

    def boxes(self, photo_ids: Iterable[int]) -> dict[int, tuple[Box, ...]]:
        """Where the regions are that fit best; see `Ranking.boxes`."""
        return {photo_id: self._boxes[photo_id] for photo_id in photo_ids if photo_id in self._boxes}

    def _ranked(self, candidates: int) -> list[IndexHit]:
        things = (self._whole, *self._parts)
        near = {hit.photo_id for thing in things for hit in self._index.search(thing.query, candidates, self._where)}
        regions = self._index.regions(near)
        if not regions:
            return []
        fits = [_Fits.of(thing, list(regions.values())) for thing in things]
        scores = np.mean([each.best for each in fits], axis=0)
        photo_ids = np.array(list(regions))
        self._boxes = {int(photo_id): _found_at(fits, number) for number, photo_id in enumerate(photo_ids)}
        ordered = np.lexsort((photo_ids, -scores))
        return [IndexHit(int(photo_ids[number]), float(scores[number])) for number in ordered]


class _Fits:
    """How well the regions of N photos fit one thing."""

    def __init__(self, regions: Sequence[Regions], scores: NDArray[np.float32]) -> None:
        """Take the scores of all regions, photo by photo."""
        self._regions, self._scores = regions, scores
        self._starts = np.cumsum([0, *(len(each.boxes) for each in regions)])
        self.best: NDArray[np.float32] = np.maximum.reduceat(scores, self._starts[:-1])
        """(N,), of each photo's best region."""

    @classmethod
    def of(cls, thing: DrawnThing, regions: Sequence[Regions]) -> _Fits:
        """How well the regions of photos, one or more, fit a thing."""
        scores = np.concatenate([each.vectors for each in regions]) @ thing.query
        if thing.place is not None:
            boxes = [box for each in regions for box in each.boxes]
            scores = scores + np.float32(PLACE_WEIGHT) * place_agreement(thing.place, boxes)
        return cls(regions, scores)

    def box(self, number: int) -> Box:
        """A photo's best region."""
        own = self._scores[self._starts[number] : self._starts[number + 1]]
        best: Box = self._regions[number].boxes[int(own.argmax())]
        return best


def _found_at(fits: Sequence[_Fits], number: int) -> tuple[Box, ...]:
    """Where in a photo the parts are, if it holds all of them; else where the sketch as a whole is.

    Args:
        fits: of the sketch as a whole, then of each part.
    """
    whole, *parts = fits
    holds_all = bool(parts) and all(each.best[number] >= _HELD * each.best.max() for each in parts)
    return _shown(tuple(each.box(number) for each in (parts if holds_all else [whole])))


def _shown(boxes: tuple[Box, ...]) -> tuple[Box, ...]:
    """Nothing where the whole photo is meant throughout."""
    return () if all(box == WHOLE for box in boxes) else boxes
