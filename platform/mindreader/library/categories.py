"""Categories: labels of photos within one collection."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from mindreader.catalog import Category
from mindreader.errors import InvalidInputError
from mindreader.text import checked_name, normalised, shown_name, visible_text

LONGEST_CATEGORY = 200


def _shown() -> ColumnElement[str]:
    """As `shown_name` says it."""
    return func.trim(func.replace(Category.name, "_", " "))


def category_named(session: Session, collection_id: int, name: str | None) -> int | None:
    """Id of the collection's category of that name, made if new; None for no name or a blank one.

    One that is shown alike is the same: `car (sedan)`, as a person types it, is the folder's `car_(sedan)`.

    Raises:
        InvalidInputError: the name cannot be used.
    """
    if name is None or not normalised(name):
        return None
    name = checked_name(name, LONGEST_CATEGORY)
    within = select(Category.id).where(Category.collection_id == collection_id)
    known = within.where(Category.name == name)
    alike = within.where(_shown() == shown_name(name)).order_by(Category.id)
    found = session.scalar(known)
    if found is None:
        found = session.scalar(alike.limit(1))
    if found is not None:
        return found
    try:
        with session.begin_nested():
            category = Category(collection_id=collection_id, name=name)
            session.add(category)
    except IntegrityError:  # another upload made it in between
        return session.scalars(known).one()
    return category.id


def category_of_folder(name: str) -> str | None:
    """The category that the name of a folder gives; None where it cannot be one.

    Args:
        name: fit to be encoded (`mindreader.text.repaired`).
    """
    try:
        return checked_name(visible_text(name)[:LONGEST_CATEGORY], LONGEST_CATEGORY)
    except InvalidInputError:
        return None


def category_ids(session: Session, collection_ids: Iterable[int], names: Iterable[str]) -> tuple[int, ...]:
    """Ids of all categories in these collections that are shown as one of these names is."""
    wanted = [shown_name(normalised(name)) for name in names]
    found = select(Category.id).where(Category.collection_id.in_(list(collection_ids)), _shown().in_(wanted))
    return tuple(session.scalars(found.order_by(Category.id)))
