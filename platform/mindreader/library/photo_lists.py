"""Long lists of photos in an order one can jump about in: a count of each day first, then pages from anywhere.

A place in such a list is a day and how many photos of it and of the days after it to pass over. Days are those of a
photo's date; one without a date stands where its upload puts it, in the middle of what was added with it, since there
is nothing better known of it and nobody looks for it at an end of the list. Days of uploads are those of UTC.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Date, DateTime, Select, func, select, type_coerce
from sqlalchemy.orm import Session

from mindreader.catalog import Category, Collection, Embedding, EmbeddingState, Photo, User
from mindreader.library.collections import may_change, visible_collection, visible_to
from mindreader.library.photos import PhotoView, views_of

_DAY = timedelta(days=1)
_RARE = frozenset({EmbeddingState.LEASED, EmbeddingState.FAILED, EmbeddingState.SKIPPED})


class SortKey(enum.StrEnum):
    """What photos are ordered by."""

    TAKEN = "taken"
    """Their dates; an upload's moment where there is none."""
    UPLOADED = "uploaded"
    NAME = "name"


@dataclass(frozen=True)
class PhotoOrder:
    """In which order photos are listed."""

    key: SortKey = SortKey.TAKEN
    descending: bool = True


@dataclass(frozen=True)
class ListFilter:
    """Which photos to list; None restricts nothing. Moments are UTC without a zone."""

    collection_id: int | None = None
    category: str | None = None
    state: EmbeddingState | None = None
    taken_from: date | None = None
    taken_until: date | None = None
    """The last day. Photos without a date are on no day."""
    uploaded_from: datetime | None = None
    uploaded_before: datetime | None = None


@dataclass(frozen=True)
class Place:
    """Where in a list a page begins: the first photo of a day (None: of the list), and how many to pass over."""

    day: date | None = None
    skip: int = 0


@dataclass(frozen=True)
class DayCount:
    """How many photos stand on a day; where the order knows no days (by name) one None counts all."""

    day: date | None
    photos: int


@dataclass(frozen=True)
class PhotoRun:
    """Photos of one collection that follow each other in a list."""

    collection_id: int
    collection: str
    may_change: bool
    photo_ids: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class PhotoList:
    """A list of what one user may see."""

    session: Session
    user: User
    space_id: int | None
    only: ListFilter
    order: PhotoOrder

    @classmethod
    def of(cls, session: Session, user: User, space_id: int | None, only: ListFilter, order: PhotoOrder) -> PhotoList:
        """A list of photos.

        Raises:
            NotFoundError: the filter names a collection that is not there, or that the user may not know of.
        """
        if only.collection_id is not None:
            visible_collection(session, user, only.collection_id)
        return cls(session, user, space_id, only, order)

    def days(self) -> list[DayCount]:
        """How many photos stand on each day, in the list's order."""
        if self.order.key is SortKey.NAME:
            total = self.total()
            return [DayCount(None, total)] if total else []
        day = func.date(self._key, type_=Date)
        counted = self._narrowed(select(day, func.count())).group_by(day).order_by(self._directed(day))
        return [DayCount(*row) for row in self.session.execute(counted)]

    def total(self) -> int:
        """How many photos the list has."""
        return self.session.scalar(self._narrowed(select(func.count()).select_from(Photo))) or 0

    def page(self, place: Place, limit: int) -> list[PhotoView]:
        """The next `limit` photos from a place on."""
        ids = self.session.scalars(self._from(select(Photo.id), place, limit)).all()
        return views_of(self.session, self.space_id, ids)

    def runs(self, place: Place, limit: int) -> list[PhotoRun]:
        """What is needed to do something with the next `limit` photos, without showing them."""
        rows = self.session.execute(self._from(select(Photo.id, Photo.collection_id), place, limit)).all()
        named = select(Collection).where(Collection.id.in_({collection_id for _, collection_id in rows}))
        collections = {collection.id: collection for collection in self.session.scalars(named)}
        runs: list[PhotoRun] = []
        for photo_id, collection_id in rows:
            if not runs or runs[-1].collection_id != collection_id:
                collection = collections[collection_id]
                runs.append(PhotoRun(collection_id, collection.name, may_change(self.user, collection)))
            runs[-1].photo_ids.append(photo_id)
        return runs

    def _from(self, query: Select[*tuple[Any, ...]], place: Place, limit: int) -> Select[*tuple[Any, ...]]:
        query = self._narrowed(query)
        if place.day is not None and self.order.key is not SortKey.NAME:
            begins = _start(place.day)
            query = query.where(self._key < _after(place.day) if self.order.descending else self._key >= begins)
        ordered = query.order_by(self._directed(self._key), self._directed(Photo.id))
        return ordered.offset(place.skip).limit(limit)

    def _narrowed(self, query: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
        return query.where(Photo.deleted_at.is_(None), self._scope(), *self._conditions())

    def _scope(self) -> ColumnElement[bool]:
        if self.only.collection_id is not None:
            return Photo.collection_id == self.only.collection_id
        # An expression, for SQLite would look each collection up in an index and then sort all it found.
        seen = select(Collection.id).where(visible_to(self.user))
        return (Photo.collection_id + 0).in_(seen)

    @property
    def _key(self) -> ColumnElement[Any]:
        return _KEYS[self.order.key]

    def _directed(self, key: ColumnElement[Any] | Any) -> ColumnElement[Any]:
        return key.desc() if self.order.descending else key.asc()

    def _conditions(self) -> list[ColumnElement[bool]]:
        only, conditions = self.only, list[ColumnElement[bool]]()
        if only.category is not None:
            conditions.append(Photo.category_id.in_(self._categories(only.category)))
        if only.state is not None:
            conditions.append(self._in_state(only.state))
        if only.taken_from is not None:
            conditions += [Photo.taken_at >= _start(only.taken_from), _moment >= _start(only.taken_from)]
        if only.taken_until is not None:
            conditions += [Photo.taken_at < _after(only.taken_until), _moment < _after(only.taken_until)]
        if only.uploaded_from is not None:
            conditions.append(Photo.created_at >= only.uploaded_from)
        if only.uploaded_before is not None:
            conditions.append(Photo.created_at < only.uploaded_before)
        return conditions

    def _categories(self, name: str) -> Select[int]:
        found = select(Category.id).where(Category.name == name)
        only = self.only.collection_id
        return found if only is None else found.where(Category.collection_id == only)

    def _in_state(self, state: EmbeddingState) -> ColumnElement[bool]:
        in_space = select(Embedding.photo_id).where(Embedding.space_id == self.space_id)
        if state in _RARE:
            return Photo.id.in_(in_space.where(Embedding.state == state))
        here = (Embedding.photo_id == Photo.id) & (Embedding.space_id == self.space_id)
        found = select(Embedding.state).where(here).correlate(Photo).scalar_subquery()
        return func.coalesce(found, EmbeddingState.PENDING) == state


_moment: ColumnElement[datetime] = type_coerce(func.coalesce(Photo.taken_at, Photo.created_at), DateTime)
"""Where a photo stands in the order of dates; the index of this very expression leads there."""
_KEYS: dict[SortKey, ColumnElement[Any]] = {
    SortKey.TAKEN: _moment,
    SortKey.UPLOADED: Photo.created_at.expression,
    SortKey.NAME: func.lower(Photo.filename),
}


def day_in(order: PhotoOrder, photo: Photo) -> date | None:
    """The day a photo stands on in an order."""
    if order.key is SortKey.NAME:
        return None
    taken = photo.taken_at if order.key is SortKey.TAKEN else None
    return (taken or photo.created_at).date()


def _start(day: date) -> datetime:
    return datetime.combine(day, time())  # the catalog's times have no zone


def _after(day: date) -> datetime:
    return datetime.max if day == date.max else _start(day + _DAY)
