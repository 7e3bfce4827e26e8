"""Many photos at once: label, delete, move, copy; each is checked, and those gone meanwhile are passed over."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session, contains_eager, joinedload

from mindreader.catalog import Collection, Folder, Photo, PhotoFingerprint, User
from mindreader.catalog.models import now
from mindreader.dates import DateSource
from mindreader.embedding import queue
from mindreader.errors import ConflictError, ForbiddenError, NotFoundError
from mindreader.library.categories import category_named
from mindreader.library.collections import fillable_collection, may_change, visible_to
from mindreader.library.files.origins import copy_origins
from mindreader.library.photos import checked_moment
from mindreader.library.trash import PURGE_AT_ONCE
from mindreader.originals import is_shown_in_place


@dataclass(frozen=True)
class Moved:
    """What became of photos that were to be moved."""

    moved: int
    duplicates: tuple[int, ...]
    """Photos that stay where they are: the other collection has them already."""
    replaced: dict[int, int]
    """Photos whose place a copy took that lay in the other collection's trash, and those copies."""


@dataclass(frozen=True)
class Copied:
    """What became of photos that were to be in another collection too."""

    photo_ids: tuple[int, ...]
    """The new photos."""
    duplicates: tuple[int, ...]
    """Photos the other collection has already."""


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


def set_categories(
    session: Session, user: User, photo_ids: Sequence[int], name: str | None
) -> dict[str | None, list[int]]:
    """Give photos another category, or none; returns those found, by the category they had.

    Raises:
        NotFoundError, ForbiddenError: as `_changeable`.
        InvalidInputError: the name cannot be used.
    """
    photos = _changeable(session, user, photo_ids)
    before: dict[str | None, list[int]] = defaultdict(list)
    for photo in photos:
        before[_category_name(photo)].append(photo.id)
    for collection_id, members in _by_collection(photos).items():
        category = category_named(session, collection_id, name)
        other = [photo.id for photo in members if photo.category_id != category]
        session.execute(update(Photo).where(Photo.id.in_(other)).values(category_id=category))
        queue.labels_changed(session, other)
    return before


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


def count_in_folders(session: Session, photo_ids: Sequence[int]) -> int:
    """How many of the photos that are there are shown from a folder of the server, where their files stay."""
    there = (Photo.id.in_(photo_ids), Photo.deleted_at.is_(None), is_shown_in_place())
    return session.scalar(select(func.count()).select_from(Photo).where(*there)) or 0


def move_photos(session: Session, user: User, photo_ids: Sequence[int], collection_id: int) -> Moved:
    """Put photos into another collection, where they keep the names of their categories.

    Raises:
        NotFoundError, ForbiddenError: as `_changeable`, or the collection is none the user may change.
        ConflictError: the collection shows a folder, or a photo is shown in one.
    """
    photos = _changeable(session, user, photo_ids)
    target = fillable_collection(session, user, collection_id)
    _refuse_those_in_folders(session, photos)
    _hold(session, target, *(photo.collection for photo in photos))
    coming = [photo for photo in photos if photo.collection_id != target.id]
    here = _same_bytes(session, target.id, [photo.sha256 for photo in coming])
    duplicates: list[int] = []
    moved: list[int] = []
    replaced: dict[int, int] = {}
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
            replaced[photo.id] = same.id
    session.flush()
    queue.labels_changed(session, moved)
    return Moved(len(moved), tuple(duplicates), replaced)


def copy_photos(session: Session, user: User, photo_ids: Sequence[int], collection_id: int) -> Copied:
    """Put photos the user may see into a further collection, with their names, dates and categories.

    The bytes are in the blob store once, whatever the number of photos that have them. Those of photos in a folder are
    to be brought there before (`mindreader.library.stored_copies`).

    Raises:
        NotFoundError: none of the photos is there, or no such collection, or the user may not know of them.
        ForbiddenError: the user may not change the collection.
        ConflictError: the collection shows a folder.
    """
    photos = visible_selection(session, user, photo_ids)
    target = fillable_collection(session, user, collection_id)
    _hold(session, target)
    there = _held(session, [photo.id for photo in photos])
    photos = [photo for photo in photos if photo.id in there]
    here = _same_bytes(session, target.id, [photo.sha256 for photo in photos])
    duplicates: list[int] = []
    made: list[Photo] = []
    for photo in photos:
        same = here.get(photo.sha256)
        if same is not None and same.deleted_at is None:
            duplicates.append(photo.id)
            continue
        copy = same or _copy(photo, target.id)
        _label_alike(session, copy, photo)
        session.add(copy)
        here[photo.sha256] = copy
        made.append(copy)
    session.flush()
    _copy_fingerprints(session, photos, here)
    copy_origins(session, {photo.id: here[photo.sha256].id for photo in photos if here[photo.sha256] is not photo})
    queue.enqueue(session, [copy.id for copy in made])
    return Copied(tuple(copy.id for copy in made), tuple(duplicates))


def _refuse_those_in_folders(session: Session, photos: Iterable[Photo]) -> None:
    mine = {photo.collection_id for photo in photos}
    if session.scalar(select(Folder.id).where(Folder.collection_id.in_(mine)).limit(1)) is not None:
        raise ConflictError(
            "Some of these photos are shown from a folder of the server and cannot be moved out of it. Copy them: "
            "MindReader then keeps files of its own."
        )


def _copy(photo: Photo, collection_id: int) -> Photo:
    return Photo(
        collection_id=collection_id,
        sha256=photo.sha256,
        media_type=photo.media_type,
        size_bytes=photo.size_bytes,
        width=photo.width,
        height=photo.height,
    )


def _copy_fingerprints(session: Session, photos: Iterable[Photo], copies: dict[str, Photo]) -> None:
    """Equal bytes look alike; where that is not known yet, it is found out later."""
    by_digest = {photo.id: photo.sha256 for photo in photos}
    known = session.scalars(select(PhotoFingerprint).where(PhotoFingerprint.photo_id.in_(by_digest)))
    pictures = {by_digest[each.photo_id]: each.picture for each in known}
    for digest, picture in pictures.items():
        session.merge(PhotoFingerprint(photo_id=copies[digest].id, picture=picture))


def _hold(session: Session, *collections: Collection) -> None:
    """Keep collections from being deleted until this transaction ends.

    Raises:
        NotFoundError: one of them was deleted a moment ago.
    """
    ids = {collection.id for collection in collections}
    living = select(Collection.id).where(Collection.id.in_(ids), Collection.deleted_at.is_(None))
    if len(session.scalars(living.order_by(Collection.id).with_for_update()).all()) < len(ids):
        raise NotFoundError("This collection has been deleted.")


def _held(session: Session, photo_ids: Sequence[int]) -> set[int]:
    """Those of the photos that are there; none of them, and so no bytes of theirs, is purged until the end."""
    living = select(Photo.id).where(Photo.id.in_(photo_ids), Photo.deleted_at.is_(None)).order_by(Photo.id)
    return set(session.scalars(living.with_for_update(read=True)))


def _take_the_place_of(session: Session, photo: Photo, same: Photo) -> None:
    """A collection holds each file once: the copy in its trash comes back instead of the photo, which goes."""
    _label_alike(session, same, photo)
    photo.deleted_at = PURGE_AT_ONCE
    session.flush()
    copy_origins(session, {photo.id: same.id})
    queue.enqueue(session, [same.id])


def _label_alike(session: Session, copy: Photo, photo: Photo) -> None:
    """Let a copy be there, and say of it what is said of the photo."""
    copy.category_id = category_named(session, copy.collection_id, _category_name(photo))
    copy.filename, copy.folder, copy.deleted_at = photo.filename, photo.folder, None
    copy.taken_at, copy.date_source = photo.taken_at, photo.date_source


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
