"""Searches somebody made: look at them again, or forget them. Nobody sees another person's."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import bindparam, delete, func, select, union
from sqlalchemy.orm import Session, joinedload

from mindreader.catalog import BenchmarkSketch, PublicLink, Search, User
from mindreader.errors import NotFoundError
from mindreader.paging import Page, read_newest

# Asked by every search: put together once.
_LIVE = delete(Search).where(Search.user_id == bindparam("user"), Search.live).returning(Search.sketch_sha256)
_LIVE_OF_SKETCH = _LIVE.where(Search.sketch_sha256 == bindparam("sha256"))


def remember_search(session: Session, search: Search) -> list[str]:
    """Keep a search; returns the SHA-256 of the sketches that nothing refers to any more.

    While somebody draws, every pause makes a live search. Of these only the last is kept, so that the history holds
    what was drawn and not how it came about: another live one takes its place, and a search that is not live, for the
    same sketch, keeps it for good.
    """
    outdated = _LIVE if search.live else _LIVE_OF_SKETCH
    replaced = set(session.scalars(outdated, {"user": search.user_id, "sha256": search.sketch_sha256}))
    session.add(search)
    session.flush()
    return unused_sketches(session, replaced)


def search_page(session: Session, user: User, after: int | None, limit: int) -> Page[Search]:
    """The next `limit` searches of a user below the id `after`, the newest first; of the same sketch only the last.

    Their model versions are loaded.
    """
    last_of_each = (
        select(func.max(Search.id)).where(Search.user_id == user.id).group_by(Search.sketch_sha256).scalar_subquery()
    )
    query = select(Search).where(Search.id.in_(last_of_each)).options(joinedload(Search.model_version))
    return read_newest(session, query, Search.id, after, limit)


def own_search(session: Session, user: User, search_id: int) -> Search:
    """One of a user's own searches.

    Raises:
        NotFoundError: there is none of that id, or it is another person's.
    """
    search = session.get(Search, search_id)
    if search is None or search.user_id != user.id:
        raise NotFoundError("There is no such search among yours.")
    return search


def forget_searches(session: Session, user: User) -> list[str]:
    """Forget all searches of a user; returns the SHA-256 of the sketches that nothing refers to any more."""
    forgotten = set(session.scalars(delete(Search).where(Search.user_id == user.id).returning(Search.sketch_sha256)))
    return unused_sketches(session, forgotten)


def unused_sketches(session: Session, digests: Collection[str]) -> list[str]:
    """Those of the sketches, by their SHA-256, that nothing refers to any more."""
    if not digests:
        return []
    columns = (Search.sketch_sha256, BenchmarkSketch.sketch_sha256, PublicLink.sketch_sha256)
    kept = session.scalars(union(*(select(column).where(column.in_(digests)) for column in columns)))
    return sorted(set(digests) - set(kept))
