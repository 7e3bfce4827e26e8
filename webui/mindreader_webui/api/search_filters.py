"""Where a search may look: in what the caller may see, and what they chose of it."""

from collections.abc import Sequence
from datetime import date
from typing import Protocol

from sqlalchemy.orm import Session

from mindreader.catalog import User
from mindreader.catalog.models import day_number
from mindreader.library.categories import category_ids
from mindreader.library.collections import visible_collection_ids
from mindreader.photo_index import IndexFilter


class NarrowsSearch(Protocol):
    """What a request says of where to look."""

    collection_id: list[int]
    category: list[str]
    taken_from: date | None
    taken_until: date | None


def index_filter(session: Session, user: User, asked: NarrowsSearch) -> IndexFilter:
    """What of the photos the caller may see is to be searched."""
    chosen = set(asked.collection_id)
    collections: Sequence[int] = tuple(
        each for each in visible_collection_ids(session, user) if not chosen or each in chosen
    )
    return IndexFilter(
        tuple(collections),
        category_ids(session, collections, asked.category) if asked.category else None,
        None if asked.taken_from is None else day_number(asked.taken_from),
        None if asked.taken_until is None else day_number(asked.taken_until),
    )
