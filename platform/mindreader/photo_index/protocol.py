"""What a photo index is: the records that go in and out, and the one protocol both adapters keep."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mindreader.boxes import Box
from mindreader.region_schemes import MOST_VECTORS

Vector = NDArray[np.float32]

MOST_REGIONS = MOST_VECTORS
"""Vectors of one photo at most, the whole photo's included."""


@dataclass(frozen=True, eq=False)
class Regions:
    """What is known of a photo region by region."""

    boxes: tuple[Box, ...]
    """Where each region lies; the first is the whole photo. At most `MOST_REGIONS`."""
    vectors: Vector
    """Embedding of each by the space's E2, ``(R, D)``."""


@dataclass(frozen=True, eq=False)
class IndexPoint:
    """One photo's embedding, with the labels a search can filter by."""

    photo_id: int
    """The photo's id in the catalog, 1 or more."""
    vector: Vector
    """Embedding by the space's E2, ``(D,)``; any length but zero, the index keeps its direction."""
    collection_id: int
    category_id: int | None = None
    day: int | None = None
    """When it was taken, in days since 1970-01-01; None where nobody knows."""
    regions: Regions | None = None
    """For an index with regions; None there means that the whole photo is the only one."""


@dataclass(frozen=True)
class PhotoLabels:
    """New labels for a photo that may already be in the index."""

    photo_id: int
    collection_id: int
    category_id: int | None = None
    day: int | None = None
    """When it was taken, in days since 1970-01-01; None where nobody knows."""


@dataclass(frozen=True)
class IndexHit:
    """One photo found; ``score`` is the cosine similarity in [-1, 1] of its best region, higher is nearer."""

    photo_id: int
    score: float


@dataclass(frozen=True)
class IndexFilter:
    """Which photos may be found; this is how the index enforces who may see what.

    ``None`` restricts nothing. An **empty tuple matches nothing**: a caller who may see no collection
    finds no photo. A photo matches when every restriction that is given holds; a photo without a
    category never matches a restriction by category, nor one without a day a restriction by days.
    """

    collection_ids: tuple[int, ...] | None = None
    category_ids: tuple[int, ...] | None = None
    first_day: int | None = None
    """Taken on this day or later, in days since 1970-01-01."""
    last_day: int | None = None

    @property
    def by_day(self) -> bool:
        """Whether only photos with a day can pass."""
        return self.first_day is not None or self.last_day is not None

    @property
    def matches_nothing(self) -> bool:
        """Whether no photo can pass, whatever the index holds."""
        return self.collection_ids == () or self.category_ids == ()


EVERYTHING = IndexFilter()


class PhotoIndex(Protocol):
    """Embeddings of one embedding space. Every method may be called from any thread.

    All methods raise ``NotReadyError`` when the index is closed or its server does not answer; ``IndexFailedError``
    where :meth:`PhotoIndexes.get` gives a better one.
    """

    @property
    def dimension(self) -> int:
        """Length D of every vector in this index."""

    @property
    def has_regions(self) -> bool:
        """Whether photos are found by their regions, too."""

    @property
    def failure(self) -> str | None:
        """What the engine said when it failed in this open index, whose files may be damaged; None if it never did."""

    def upsert(self, points: Sequence[IndexPoint]) -> None:
        """Write points; a photo already there is replaced, and of one id given twice the last counts.

        Durable when it returns: the points survive a killed process. The whole batch is checked
        before anything is written; a large one is written in parts, so after ``NotReadyError`` some
        points may be there already and the call can simply be repeated.

        Raises:
            IndexMismatchError: a vector is not ``(D,)``, or a photo has regions and this index has none.
            InvalidInputError: a vector is zero or not finite, a photo id is below 1, or regions are too many, do not
                begin with the whole photo and its vector, or have not one box for each vector.
        """

    def search(self, vector: Vector, limit: int, where: IndexFilter) -> list[IndexHit]:
        """Find the photos nearest to ``vector`` ``(D,)`` among those ``where`` lets through, best first.

        One hit a photo: the best of its regions counts. Which one it is, :meth:`regions` tells.

        Raises:
            IndexMismatchError: the vector is not ``(D,)``.
            InvalidInputError: the vector is zero or not finite, or ``limit`` is below 1.
        """

    def delete(self, photo_ids: Iterable[int]) -> None:
        """Remove photos; ids that are not there are no error."""

    def update_labels(self, labels: Sequence[PhotoLabels]) -> None:
        """Give photos new labels without embedding them again; photos not in the index are skipped."""

    def count(self, where: IndexFilter = EVERYTHING) -> int:
        """Count the photos that ``where`` lets through, exactly."""

    def ids(self, after: int = 0) -> Iterator[int]:
        """Yield every photo id greater than ``after``, ascending.

        Reads page by page: photos written or deleted meanwhile may or may not appear.
        """

    def existing(self, photo_ids: Iterable[int]) -> set[int]:
        """Return those of ``photo_ids`` that are in the index."""

    def vectors(self, photo_ids: Iterable[int]) -> dict[int, Vector]:
        """Return the whole photos' vectors ``(D,)``, of length 1, by id; ids that are not there are left out."""

    def regions(self, photo_ids: Iterable[int]) -> dict[int, Regions]:
        """Return all regions by photo id, vectors of length 1; ids that are not there are left out.

        Of an index without regions, the whole photo as the only one. Seven regions take a seventh of a millisecond a
        photo (decision 15).
        """

    def close(self) -> None:
        """Release files and connections; closing twice is fine."""
