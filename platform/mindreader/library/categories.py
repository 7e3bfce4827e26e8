"""Categories: labels of photos within one collection."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from mindreader.catalog import Category
from mindreader.text import checked_name, normalised

LONGEST_CATEGORY = 200


def category_named(session: Session, collection_id: int, name: str | None) -> int | None:
    """Id of the collection's category of that name, made if new; None for no name or a blank one.

    Raises:
        InvalidInputError: the name cannot be used.
    """
    if name is None or not normalised(name):
        return None
    name = checked_name(name, LONGEST_CATEGORY)
    known = select(Category.id).where(Category.collection_id == collection_id, Category.name == name)
    if (found := session.scalar(known)) is not None:
        return found
    try:
        with session.begin_nested():
            category = Category(collection_id=collection_id, name=name)
            session.add(category)
    except IntegrityError:  # another upload made it in between
        return session.scalars(known).one()
    return category.id


def category_ids(session: Session, collection_ids: Iterable[int], names: Iterable[str]) -> tuple[int, ...]:
    """Ids of all categories with one of these names in these collections."""
    wanted = [normalised(name) for name in names]
    found = select(Category.id).where(Category.collection_id.in_(list(collection_ids)), Category.name.in_(wanted))
    return tuple(session.scalars(found.order_by(Category.id)))
