"""Many photos at once: label, delete, move; each is checked, and those that are gone meanwhile are passed over."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session, contains_eager, joinedload

from mindreader.catalog import Collection, Photo, User
from mindreader.catalog.models import now
from mindreader.dates import DateSource
from mindreader.embedding import queue
from mindreader.errors import ForbiddenError, NotFoundError
from mindreader.library.categories import category_named
from mindreader.library.collections import changeable_collection, may_change, visible_to
from mindreader.library.photos import checked_moment
from mindreader.library.trash import PURGE_AT_ONCE


@dataclass(frozen=True)
class Moved:
    """What became of photos that were to be moved."""

    moved: int
    duplicates: tuple[int, ...]
    """Photos that stay where they are: the other collection has them already."""


def visible_selection(session: Session, user: User, photo_ids: Sequence[int]) -> list[Photo]:
    """Those of the photos that the user may see, by id. Collection and category are loaded.

    Raises:
        NotFoundError: none of them is there.
    """
    found = session.scalars(
        select(Photo)
        .join(Photo.collection)
        .where(Photo.id.in_(photo_ids), Photo.deleted_at.is_(None), visible_to(user))
        .options(contains_eager(Photo.collection), joinedload(Photo.category))
        .order_by(Photo.id)
    ).all()
    if not found:
        raise NotFoundError("None of these photos is there, or their collections are not shared with you.")
    return list(found)


def set_categories(session: Session, user: User, photo_ids: Sequence[int], name: str | None) -> int:
    """Give photos another category, or none; returns how many were found.

    Raises:
        NotFoundError, ForbiddenError: as `_changeable`.
        InvalidInputError: the name cannot be used.
    """
    photos = _changeable(session, user, photo_ids)
    for collection_id, members in _by_collection(photos).items():
        category = category_named(session, collection_id, name)
        other = [photo.id for photo in members if photo.category_id != category]
        session.execute(update(Photo).where(Photo.id.in_(other)).values(category_id=category))
        queue.labels_changed(session, other)
    return len(photos)


def set_dates(session: Session, user: User, photo_ids: Sequence[int], moment: datetime | None) -> int:
    """Say when photos were taken, or that nobody knows; returns how many were found.

    Raises:
        NotFoundError, ForbiddenError: as `_changeable`.
        InvalidInputError: no photo can have been taken then.
    """
    moment = checked_moment(moment)
    found = [photo.id for photo in _changeable(session, user, photo_ids)]
    said = update(Photo).where(Photo.id.in_(found))
    session.execute(said.values(taken_at=moment, date_source=DateSource.PERSON))
    queue.labels_changed(session, found)
    return len(found)


def delete_photos(session: Session, user: User, photo_ids: Sequence[int]) -> int:
    """Put photos into the trash; returns how many were found.

    Raises:
        NotFoundError, ForbiddenError: as `_changeable`.
    """
    found = [photo.id for photo in _changeable(session, user, photo_ids)]
    session.execute(update(Photo).where(Photo.id.in_(found), Photo.deleted_at.is_(None)).values(deleted_at=now()))
    return len(found)


def move_photos(session: Session, user: User, photo_ids: Sequence[int], collection_id: int) -> Moved:
    """Put photos into another collection, where they keep the names of their categories.

    Raises:
        NotFoundError, ForbiddenError: as `_changeable`, or the collection is none the user may change.
    """
    photos = _changeable(session, user, photo_ids)
    target = changeable_collection(session, user, collection_id)
    # Neither collection is deleted until this transaction ends.
    both = {target.id, *(photo.collection_id for photo in photos)}
    session.execute(select(Collection.id).where(Collection.id.in_(both)).order_by(Collection.id).with_for_update())
    coming = [photo for photo in photos if photo.collection_id != target.id]
    here = _same_bytes(session, target.id, [photo.sha256 for photo in coming])
    duplicates: list[int] = []
    moved: list[int] = []
    for photo in coming:
        same = here.get(photo.sha256)
        if same is None:
            photo.category_id = category_named(session, target.id, _category_name(photo))
            photo.collection_id = target.id
            here[photo.sha256] = photo
            moved.append(photo.id)
        elif same.deleted_at is None:
            duplicates.append(photo.id)
        else:
            _take_the_place_of(session, photo, same)
            moved.append(same.id)
    session.flush()
    queue.labels_changed(session, moved)
    return Moved(len(moved), tuple(duplicates))


def _take_the_place_of(session: Session, photo: Photo, same: Photo) -> None:
    """A collection holds each file once: the copy in its trash comes back instead of the photo, which goes."""
    same.category_id = category_named(session, same.collection_id, _category_name(photo))
    same.filename, same.deleted_at = photo.filename, None
    same.taken_at, same.date_source = photo.taken_at, photo.date_source
    photo.deleted_at = PURGE_AT_ONCE
    session.flush()
    queue.enqueue(session, [same.id])


def _category_name(photo: Photo) -> str | None:
    return photo.category.name if photo.category else None


def _changeable(session: Session, user: User, photo_ids: Sequence[int]) -> list[Photo]:
    """Photos of collections the user may change, all of them that are there.

    Raises:
        NotFoundError: none is there, or the user may not know of them.
        ForbiddenError: the user may only look at some of them; nothing is changed then.
    """
    photos = visible_selection(session, user, photo_ids)
    if not all(may_change(user, photo.collection) for photo in photos):
        raise ForbiddenError("Some of these photos belong to a collection that only its owner can change.")
    return photos


def _by_collection(photos: Iterable[Photo]) -> dict[int, list[Photo]]:
    groups: dict[int, list[Photo]] = defaultdict(list)
    for photo in photos:
        groups[photo.collection_id].append(photo)
    return groups


def _same_bytes(session: Session, collection_id: int, digests: Sequence[str]) -> dict[str, Photo]:
    found = session.scalars(select(Photo).where(Photo.collection_id == collection_id, Photo.sha256.in_(digests)))
    return {photo.sha256: photo for photo in found}
