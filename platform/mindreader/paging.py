"""Long lists, page by page: the next page continues after the last row of this one, whatever was added meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import Select
from sqlalchemy.orm import InstrumentedAttribute, Session

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Page(Generic[T]):
    """Some rows of a longer list."""

    items: tuple[T, ...]
    next: int | None
    """Ask for `after` this to go on; None at the end."""

    def map(self, change: Callable[[T], R]) -> Page[R]:
        """The same page of other things."""
        return Page(tuple(map(change, self.items)), self.next)


def read_page(session: Session, query: Select[*tuple[Any, ...]], limit: int, key: Callable[[Any], int]) -> Page[Any]:
    """The first `limit` rows of a query.

    Args:
        key: of a row, where the next page continues.
    """
    # One more than is shown: that there is one says that another page follows.
    rows = session.execute(query.limit(limit + 1)).all()
    shown = tuple(rows[:limit])
    return Page(shown, key(shown[-1]) if len(rows) > limit else None)


def read_newest(
    session: Session, query: Select[T], key: InstrumentedAttribute[int], after: int | None, limit: int
) -> Page[T]:
    """The next `limit` entities of a query below the id `after`, the newest first.

    Args:
        key: the entity's id.
    """
    if after is not None:
        query = query.where(key < after)
    page: Page[Any] = read_page(session, query.order_by(key.desc()), limit, lambda row: row[0].id)
    return page.map(lambda row: row[0])
