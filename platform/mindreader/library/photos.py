"""Photos that are there: look at them page by page, label, delete, try failed ones again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, Select, and_, bindparam, func, select, true
from sqlalchemy.orm import Session, contains_eager, joinedload

from mindreader.catalog import Collection, Embedding, EmbeddingSpace, EmbeddingState, Photo, User
from mindreader.catalog.models import now, start_of_day
from mindreader.dates import DateSource, is_plausible
from mindreader.embedding import queue
from mindreader.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from mindreader.library.categories import category_named
from mindreader.library.collections import may_change, visible_as, visible_to
from mindreader.paging import Page, read_page
from mindreader.photo_index import IndexFilter

_RARE = frozenset({EmbeddingState.LEASED, EmbeddingState.FAILED, EmbeddingState.SKIPPED})
_NOT_INDEXED = tuple(state for state in EmbeddingState if state != EmbeddingState.INDEXED)


@dataclass(frozen=True)
class PhotoView:
    """A photo with where it stands in one embedding space. Its collection and category are loaded."""

    photo: Photo
    state: EmbeddingState
    error: str | None
    """Why it failed, if it did."""


@dataclass(frozen=True)
class PhotoFilter:
    """Which photos of a collection to list; None restricts nothing."""

    category_id: int | None = None
    state: EmbeddingState | None = None
    before: datetime | None = None
    """Uploaded before this moment (UTC, without a zone)."""


@dataclass(frozen=True)
class Searchable:
    """How much of what is searched can be found yet."""

    indexed: int
    total: int


def photo_page(
    session: Session,
    collection_id: int,
    space_id: int | None,
    only: PhotoFilter,
    *,
    after: int | None,
    limit: int,
) -> Page[PhotoView]:
    """The next `limit` photos of a collection below the id `after`, the newest first.

    Pages are found by id, so photos uploaded or deleted meanwhile neither repeat nor hide others.
    """
    # A category's own index leads to its photos; SQLite would rather go through all of the collection.
    collection = Photo.collection_id if only.category_id is None else Photo.collection_id + 0
    query = _views(space_id).where(collection == collection_id, *_conditions(only, space_id))
    if after is not None:
        query = query.where(Photo.id < after)
    if only.before is not None:
        query = query.where(Photo.id <= _last_before(collection_id, only.before))
    return read_page(session, query.order_by(Photo.id.desc()), limit, lambda row: row.Photo.id).map(_view)


def views_of(session: Session, space_id: int | None, photo_ids: Sequence[int]) -> list[PhotoView]:
    """Those of the photos that are still there, in the order given."""
    found = session.execute(_views(space_id).where(Photo.id.in_(photo_ids)))
    by_id = {row.Photo.id: _view(row) for row in found}
    return [by_id[photo_id] for photo_id in photo_ids if photo_id in by_id]


def visible_photo(session: Session, user: User, space_id: int | None, photo_id: int) -> PhotoView:
    """A photo in a collection the user may see.

    Raises:
        NotFoundError: there is none, or the user may not know of it.
    """
    row = session.execute(_views(space_id).where(Photo.id == photo_id, visible_to(user))).one_or_none()
    if row is None:
        raise NotFoundError("There is no such photo, or its collection is not shared with you.")
    return _view(row)


def sees_photos(session: Session, user: User) -> bool:
    """Whether there is any photo that the user may see, of their own or shared with them."""
    some = select(Photo.id).join(Photo.collection).where(Photo.deleted_at.is_(None), visible_to(user)).limit(1)
    return session.scalar(some) is not None


def visible_photos(session: Session, user: User, photo_ids: Sequence[int]) -> list[Photo]:
    """Those of the photos that are still there and visible, in the order given."""
    if not photo_ids:
        return []
    found = session.scalars(
        select(Photo)
        .join(Photo.collection)
        .where(Photo.id.in_(photo_ids), Photo.deleted_at.is_(None), visible_to(user))
        .options(contains_eager(Photo.collection), joinedload(Photo.category))
    )
    by_id = {photo.id: photo for photo in found}
    return [by_id[photo_id] for photo_id in photo_ids if photo_id in by_id]


def visible_copies(session: Session, user: User, photo_ids: Sequence[int], where: IndexFilter) -> list[Photo]:
    """Those of the photos that are still there and visible, and all with the same bytes as one of them that the user
    may see and the filter lets through; the larger files first, then the older photos.
    """
    if not photo_ids:
        return []
    given = _given(where)
    found = session.scalars(
        _copies(user.role, frozenset(given)), given | {"user_id": user.id, "photo_ids": list(photo_ids)}
    )
    # Asked of the database, this would lead SQLite through the index of deleted photos: through the whole library.
    return [photo for photo in found if photo.deleted_at is None]


@cache
def _copies(role: str, narrowed_by: frozenset[str]) -> Select[Photo]:
    # Asked by every search: put together once for what the filter may say.
    these = Photo.id.in_(bindparam("photo_ids", expanding=True))
    return (
        select(Photo)
        .join(Photo.collection)
        .where(Photo.sha256.in_(select(Photo.sha256).where(these)), visible_as(role, bindparam("user_id")))
        .where(these | and_(true(), *_let_through(narrowed_by)))
        .options(contains_eager(Photo.collection), joinedload(Photo.category))
        .order_by((Photo.width * Photo.height).desc(), Photo.size_bytes.desc(), Photo.id)
    )


def delete_photo(session: Session, user: User, photo_id: int) -> None:
    """Put a photo into the trash (see `mindreader.library.trash`).

    Raises:
        NotFoundError, ForbiddenError: as `_changeable_photo`.
    """
    _changeable_photo(session, user, photo_id).deleted_at = now()


def set_category(session: Session, user: User, photo_id: int, name: str | None) -> None:
    """Give a photo another category, or none; a new name makes a new category.

    A worker tells the photo index, whose point carries the category; nothing is embedded again.

    Raises:
        NotFoundError, ForbiddenError: as `_changeable_photo`.
        InvalidInputError: the name cannot be used.
    """
    photo = _changeable_photo(session, user, photo_id)
    category = category_named(session, photo.collection_id, name)
    if photo.category_id == category:
        return
    photo.category_id = category
    session.flush()
    queue.labels_changed(session, [photo_id])


def set_taken_at(session: Session, user: User, photo_id: int, moment: datetime | None) -> None:
    """Say when a photo was taken, or that nobody knows; from then on no file says otherwise.

    Raises:
        NotFoundError, ForbiddenError: as `_changeable_photo`.
        InvalidInputError: no photo can have been taken then.
    """
    photo = _changeable_photo(session, user, photo_id)
    photo.taken_at, photo.date_source = checked_moment(moment), DateSource.PERSON
    session.flush()
    queue.labels_changed(session, [photo_id])


def checked_moment(moment: datetime | None) -> datetime | None:
    """A moment as a person says it.

    Raises:
        InvalidInputError: no photo can have been taken then.
    """
    if moment is not None and not is_plausible(moment):
        raise InvalidInputError("No photo can have been taken then: give a date from 1826 on, and none in the future.")
    return moment


def retry_photo(session: Session, user: User, photo_id: int) -> None:
    """Queue a failed photo again, with all its attempts.

    Raises:
        NotFoundError, ForbiddenError: as `_changeable_photo`.
        ConflictError: it has not failed.
    """
    _changeable_photo(session, user, photo_id)
    if not queue.requeue(session, [photo_id], [EmbeddingState.FAILED], priority=queue.URGENT):
        raise ConflictError("This photo has not failed, so there is nothing to try again.")


def searchable(session: Session, space_id: int, where: IndexFilter) -> Searchable:
    """Count the photos that a search may find, and those of them that the space's index holds.

    In a space that was opened every photo has its row (`mindreader.embedding.queue`).
    """
    given = _given(where)
    counted = session.execute(_counts(frozenset(given)), given | {"space_id": space_id})
    photos, missing, opened_at = counted.one()
    return Searchable(photos - missing if opened_at else 0, photos)


@cache
def _counts(narrowed_by: frozenset[str]) -> Select[int, int, datetime | None]:
    # All photos, less the few that are not there yet: the many are counted in one index, and not joined to their rows.
    these = (Photo.deleted_at.is_(None), *_let_through(narrowed_by))
    total = select(func.count()).select_from(Photo).where(*these)
    not_there = select(func.count()).select_from(Embedding).join(Photo)
    not_there = not_there.where(Embedding.space_id == bindparam("space_id"), Embedding.state.in_(_NOT_INDEXED), *these)
    opened = select(EmbeddingSpace.opened_at).where(EmbeddingSpace.id == bindparam("space_id"))
    return select(total.scalar_subquery(), not_there.scalar_subquery(), opened.scalar_subquery())


def _given(where: IndexFilter) -> dict[str, Any]:
    """What the filter says, as parameters of the conditions that `_let_through` gives for it."""
    said = {
        "collection_ids": where.collection_ids,
        "category_ids": where.category_ids,
        "taken_from": None if where.first_day is None else start_of_day(where.first_day),
        "taken_before": None if where.last_day is None else start_of_day(where.last_day + 1),
    }
    return {name: value for name, value in said.items() if value is not None}


def _let_through(narrowed_by: frozenset[str]) -> list[ColumnElement[bool]]:
    """Conditions on `Photo` that say what a filter says to the index, by the names of what it says."""
    conditions: dict[str, ColumnElement[bool]] = {
        "collection_ids": Photo.collection_id.in_(bindparam("collection_ids", expanding=True)),
        "category_ids": Photo.category_id.in_(bindparam("category_ids", expanding=True)),
        "taken_from": Photo.taken_at >= bindparam("taken_from"),
        "taken_before": Photo.taken_at < bindparam("taken_before"),
    }
    said = [conditions[name] for name in sorted(narrowed_by)]
    if narrowed_by & {"taken_from", "taken_before"}:  # as `Photo.day` says it
        said.append(Photo.date_source.is_distinct_from(DateSource.FILE))
    return said


def _last_before(collection_id: int, moment: datetime) -> ScalarSelect[int]:
    """Id of the photo uploaded last before a moment: ids grow with time, and an index leads to them."""
    earlier = select(Photo.id).where(Photo.collection_id == collection_id, Photo.created_at < moment)
    return earlier.order_by(Photo.id.desc()).limit(1).scalar_subquery()


def _views(space_id: int | None) -> Select[Photo, str, str | None]:
    in_space = (Embedding.photo_id == Photo.id) & (Embedding.space_id == space_id)
    return (
        select(Photo, Embedding.state, Embedding.error)
        .join(Photo.collection)
        .outerjoin(Embedding, in_space)
        .where(Photo.deleted_at.is_(None), Collection.deleted_at.is_(None))
        .options(contains_eager(Photo.collection), joinedload(Photo.category))
    )


def _view(row: Any) -> PhotoView:
    # No row yet means nobody has asked to embed it: it waits.
    return PhotoView(row.Photo, EmbeddingState(row.state or EmbeddingState.PENDING), row.error)


def _conditions(only: PhotoFilter, space_id: int | None) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if only.category_id is not None:
        conditions.append(Photo.category_id == only.category_id)
    if only.state in _RARE:
        # The queue's index leads to these few; else every photo of a large collection would be looked at.
        queue = select(Embedding.photo_id).where(Embedding.space_id == space_id, Embedding.state == only.state)
        conditions.append(Photo.id.in_(queue))
    elif only.state is not None:
        conditions.append(func.coalesce(Embedding.state, EmbeddingState.PENDING) == only.state)
    return conditions


def _changeable_photo(session: Session, user: User, photo_id: int) -> Photo:
    """A photo of a collection the user may change.

    Raises:
        NotFoundError: there is none, or the user may not know of it.
        ForbiddenError: the user may only look at it.
    """
    photo = visible_photo(session, user, None, photo_id).photo
    if not may_change(user, photo.collection):
        raise ForbiddenError("Only the owner of this photo's collection or an administrator can change it.")
    return photo
