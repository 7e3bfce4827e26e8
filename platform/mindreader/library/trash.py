"""The trash: what was deleted can be restored for some days (the setting `trash_days`), or removed for good at once.

It holds what was deleted from collections the user owns. A photo in it is marked with `deleted_at` and nowhere else to
be seen; `mindreader.library.purge` takes it out of the indexes at once and removes it when its time is over.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count, islice

from sqlalchemy import ColumnElement, func, select, true, update
from sqlalchemy.orm import InstrumentedAttribute, Session, contains_eager, joinedload

from mindreader.catalog import Collection, Photo, Role, User
from mindreader.catalog.models import now
from mindreader.embedding import queue
from mindreader.errors import NotFoundError
from mindreader.library.collections import LONGEST_NAME
from mindreader.paging import Page, read_newest
from mindreader.settings import Settings

PURGE_AT_ONCE = datetime(1970, 1, 1)  # the catalog's times have no zone
"""Time of a deletion that nobody can take back: it is over, however long the trash keeps things."""
_NAMES_TRIED = 1000
_Moment = InstrumentedAttribute[datetime | None]


@dataclass(frozen=True)
class TrashedCollection:
    """A deleted collection and how many photos it would come back with. Its owner is not loaded."""

    collection: Collection
    photos: int


@dataclass(frozen=True)
class Trash:
    """What can be restored: collections, and photos deleted one by one, the newest first."""

    collections: tuple[TrashedCollection, ...]
    photos: Page[Photo]
    """Collection and category are loaded."""
    total: int
    """Of the photos deleted one by one."""


def is_expired(deleted_at: _Moment, settings: Settings) -> ColumnElement[bool]:
    """Condition on a photo or collection: it was deleted longer ago than the trash keeps it."""
    if settings.trash_days == 0:
        return deleted_at.is_not(None)  # whatever another machine's clock said when it was deleted
    return deleted_at <= now() - timedelta(days=settings.trash_days)


def is_in_trash(deleted_at: _Moment, settings: Settings) -> ColumnElement[bool]:
    """Condition on a photo or collection: it was deleted, and can be restored."""
    return deleted_at.is_not(None) & ~is_expired(deleted_at, settings)


def trash_of(session: Session, user: User, settings: Settings, *, after: int | None, limit: int) -> Trash:
    """The user's trash; of the photos the next `limit` below the id `after`."""
    mine = (Collection.owner_id == user.id, Collection.deleted_at.is_(None), is_in_trash(Photo.deleted_at, settings))
    query = select(Photo).join(Photo.collection).where(*mine)
    loaded = (contains_eager(Photo.collection), joinedload(Photo.category))
    page = read_newest(session, query.options(*loaded), Photo.id, after, limit)
    total = session.scalar(select(func.count(Photo.id)).join(Photo.collection).where(*mine)) or 0
    collections = tuple(_collections(session, user, settings))
    return Trash(collections, page, total)


def trashed_photo(session: Session, user: User, settings: Settings, photo_id: int) -> Photo:
    """A photo in the user's trash.

    Raises:
        NotFoundError: there is none of that id.
    """
    found = session.scalar(
        select(Photo)
        .join(Photo.collection)
        .where(Photo.id == photo_id, _may_restore(user), is_in_trash(Photo.deleted_at, settings))
    )
    if found is None:
        raise NotFoundError("There is no such photo in your trash.")
    return found


def restore_photos(session: Session, user: User, settings: Settings, photo_ids: Sequence[int]) -> int:
    """Put photos back into their collections and queue them for embedding; returns how many.

    Raises:
        NotFoundError: none of them is in the user's trash.
    """
    found = _trashed_ids(session, user, settings, photo_ids)
    restored = session.scalars(
        update(Photo)
        .where(Photo.id.in_(found), is_in_trash(Photo.deleted_at, settings))
        .values(deleted_at=None)
        .returning(Photo.id)
    ).all()
    queue.enqueue(session, restored)
    return len(restored)


def restore_collection(session: Session, user: User, settings: Settings, collection_id: int) -> Collection:
    """Put a collection back with the photos that were deleted with it; if its name is taken now, under a new one.

    Raises:
        NotFoundError: it is not in the user's trash.
    """
    collection = _trashed_collection(session, user, settings, collection_id)
    moment, collection.deleted_at = collection.deleted_at, None
    with session.no_autoflush:
        collection.name = _free_name(session, collection)
    session.flush()
    restored = session.scalars(
        update(Photo)
        .where(Photo.collection_id == collection_id, Photo.deleted_at == moment)
        .values(deleted_at=None)
        .returning(Photo.id)
    ).all()
    queue.enqueue(session, restored)
    return collection


def remove_photos(session: Session, user: User, settings: Settings, photo_ids: Sequence[int]) -> int:
    """Remove photos in the trash for good; returns how many.

    Raises:
        NotFoundError: none of them is in the user's trash.
    """
    found = _trashed_ids(session, user, settings, photo_ids)
    session.execute(update(Photo).where(Photo.id.in_(found)).values(deleted_at=PURGE_AT_ONCE))
    return len(found)


def remove_collection(session: Session, user: User, settings: Settings, collection_id: int) -> None:
    """Remove a collection in the trash for good, with all its photos.

    Raises:
        NotFoundError: it is not in the user's trash.
    """
    _trashed_collection(session, user, settings, collection_id).deleted_at = PURGE_AT_ONCE
    session.execute(update(Photo).where(Photo.collection_id == collection_id).values(deleted_at=PURGE_AT_ONCE))


def empty_trash(session: Session, user: User) -> None:
    """Remove everything in the user's trash for good."""
    mine = select(Collection.id).where(Collection.owner_id == user.id)
    for table, condition in ((Photo, Photo.collection_id.in_(mine)), (Collection, Collection.owner_id == user.id)):
        session.execute(update(table).where(condition, table.deleted_at.is_not(None)).values(deleted_at=PURGE_AT_ONCE))


def _may_restore(user: User) -> ColumnElement[bool]:
    owner = true() if user.role == Role.ADMIN else Collection.owner_id == user.id
    return Collection.deleted_at.is_(None) & owner


def _trashed_ids(session: Session, user: User, settings: Settings, photo_ids: Sequence[int]) -> Sequence[int]:
    found = session.scalars(
        select(Photo.id)
        .join(Photo.collection)
        .where(Photo.id.in_(photo_ids), _may_restore(user), is_in_trash(Photo.deleted_at, settings))
        # Their collection is not deleted until this transaction ends.
        .with_for_update(read=True, of=Collection)
    ).all()
    if not found:
        raise NotFoundError("None of these photos is in your trash.")
    return found


def _trashed_collection(session: Session, user: User, settings: Settings, collection_id: int) -> Collection:
    owner = true() if user.role == Role.ADMIN else Collection.owner_id == user.id
    found = session.scalar(
        select(Collection)
        .where(Collection.id == collection_id, owner, is_in_trash(Collection.deleted_at, settings))
        .with_for_update()
    )
    if found is None:
        raise NotFoundError("There is no such collection in your trash.")
    return found


def _collections(session: Session, user: User, settings: Settings) -> Iterator[TrashedCollection]:
    rows = session.execute(
        select(Collection, func.count(Photo.id))
        .outerjoin(Photo, (Photo.collection_id == Collection.id) & (Photo.deleted_at == Collection.deleted_at))
        .where(Collection.owner_id == user.id, is_in_trash(Collection.deleted_at, settings))
        .group_by(Collection.id)
        .order_by(Collection.deleted_at.desc(), Collection.id.desc())
    )
    return (TrashedCollection(collection, photos) for collection, photos in rows)


def _free_name(session: Session, collection: Collection) -> str:
    taken = set(
        session.scalars(
            select(Collection.name).where(Collection.owner_id == collection.owner_id, Collection.deleted_at.is_(None))
        )
    )
    return next(name for name in islice(_names(collection.name), _NAMES_TRIED) if name not in taken)


def _names(name: str) -> Iterator[str]:
    yield name
    for suffix in (" (restored)" if number == 1 else f" (restored {number})" for number in count(1)):
        yield name[: LONGEST_NAME - len(suffix)] + suffix
