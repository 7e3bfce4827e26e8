"""Copies of one picture are one entry of what a search finds: equal bytes, or one shot resized or recompressed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from mindreader.catalog import Photo, PhotoFingerprint
from mindreader.imaging.fingerprints import Pictures
from mindreader.messages import SearchHit
from mindreader.photo_index import IndexHit

MOST_HITS = 10_000
"""Asked of the index at most, however many copies stand before other photos."""
_ALLOWANCE = 16
"""Hits asked for beyond the limit at first: few photos of a library are copies."""
_GROWTH = 4
_MOST_COPIES = 50
"""Named for an entry; copies of equal bytes follow from the catalog, all of them."""
_AT_ONCE = 128
_IN_ONE_QUESTION = 1000

# Asked by every search: put together once.
_LOOKS = (
    select(Photo.id, Photo.sha256, Photo.width, Photo.height, Photo.size_bytes, PhotoFingerprint.picture)
    .outerjoin(PhotoFingerprint, PhotoFingerprint.photo_id == Photo.id)
    .where(Photo.id.in_(bindparam("photo_ids", expanding=True)), Photo.deleted_at.is_(None))
)

Ask = Callable[[int], Sequence[IndexHit]]


@dataclass(frozen=True)
class _Found:
    """A hit, with what tells whether it is a copy, and which copy is the best."""

    hit: IndexHit
    sha256: str
    size: tuple[int, int]
    size_bytes: int
    fingerprint: bytes | None

    @property
    def rank(self) -> tuple[int, int, float, int]:
        """Copies in order, the best first: the most pixels, then bytes, the nearest, the first."""
        width, height = self.size
        return -width * height, -self.size_bytes, -self.hit.score, self.hit.photo_id


_Group = list[_Found]


def distinct_hits(session: Session, ask: Ask, limit: int) -> tuple[SearchHit, ...]:
    """The first `limit` pictures of what the index finds, each with its copies; the nearest first.

    Args:
        session: reads which photos found are still there, and their fingerprints.
        ask: gives the nearest hits, as many as it is asked for if there are so many. It is asked again, for more, until
            `limit` pictures are found, all were or `MOST_HITS` have been looked at.
        limit: entries wanted.
    """
    wanted = min(limit + limit // 4 + _ALLOWANCE, MOST_HITS)
    known: dict[int, _Found] = {}
    while True:
        hits = ask(wanted)
        known |= _looked_up(session, [hit for hit in hits if hit.photo_id not in known])
        groups = _groups([known[hit.photo_id] for hit in hits if hit.photo_id in known], limit)
        if len(groups) >= limit or len(hits) < wanted or wanted >= MOST_HITS:
            return tuple(sorted(map(_entry, groups), key=lambda entry: -entry.score))
        wanted = min(wanted * _GROWTH, MOST_HITS)


def _looked_up(session: Session, hits: Sequence[IndexHit]) -> dict[int, _Found]:
    """Those that are still there: the index may know a photo a moment longer than the catalog."""
    by_id = {hit.photo_id: hit for hit in hits}
    found: dict[int, _Found] = {}
    for start in range(0, len(hits), _IN_ONE_QUESTION):
        photo_ids = [hit.photo_id for hit in hits[start : start + _IN_ONE_QUESTION]]
        for photo_id, sha256, width, height, size_bytes, picture in session.execute(_LOOKS, {"photo_ids": photo_ids}):
            found[photo_id] = _Found(by_id[photo_id], sha256, (width, height), size_bytes, picture)
    return found


def _groups(found: Sequence[_Found], most: int) -> list[_Group]:
    """The first `most` pictures, each with its copies among all that was found.

    A photo is a copy of the first of its group, never only of another copy: similarity does not wander.
    """
    same_bytes: dict[str, _Group] = {}
    for each in found:
        same_bytes.setdefault(each.sha256, []).append(each)
    singles = list(same_bytes.values())
    pictures = Pictures.of([group[0].fingerprint for group in singles], [group[0].size for group in singles])
    groups: list[_Group] = []
    leaders: list[int] = []
    for start in range(0, len(singles), _AT_ONCE):
        block = np.arange(start, min(start + _AT_ONCE, len(singles)))
        candidates = np.concatenate([np.array(leaders, np.intp), block])
        copies = pictures[block].copies(pictures[candidates])
        places = {int(number): place for place, number in enumerate(candidates)}
        for row, number in enumerate(block):
            of = next((n for n, leader in enumerate(leaders) if copies[row, places[leader]]), None)
            if of is not None:
                groups[of] += singles[number]
            elif len(groups) < most:
                leaders.append(int(number))
                groups.append(list(singles[number]))
    return groups


def _entry(group: _Group) -> SearchHit:
    best, *copies = sorted(group, key=lambda each: each.rank)
    return SearchHit(
        photo_id=best.hit.photo_id,
        score=best.hit.score,
        copies=tuple(copy.hit.photo_id for copy in copies[:_MOST_COPIES]),
    )
