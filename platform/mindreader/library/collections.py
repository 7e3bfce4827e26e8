"""Collections: who may see and change them, what they hold, and how far their photos are."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cache

from sqlalchemy import BindParameter, ColumnElement, Select, bindparam, exists, func, or_, select, true, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload

from mindreader.catalog import (
    Category,
    Collection,
    CollectionShare,
    Embedding,
    EmbeddingState,
    Folder,
    Photo,
    Role,
    User,
    Visibility,
)
from mindreader.catalog.models import now
from mindreader.errors import ConflictError, ForbiddenError, NotFoundError
from mindreader.text import checked_name

LONGEST_NAME = 200


@dataclass(frozen=True)
class CategoryCount:
    """A category and how many photos carry it."""

    id: int
    name: str
    photos: int


@dataclass(frozen=True)
class CollectionSummary:
    """A collection with what a person wants to know at a glance."""

    collection: Collection
    photos: int
    embedding: dict[str, int]
    """Photos by `EmbeddingState` in one embedding space; every state is named."""
    categories: tuple[CategoryCount, ...]
    """Categories that photos carry, by name."""
    people: tuple[str, ...]
    """Names of those it is shared with; for those who may change it."""
    cover: int | None
    """Id of the newest photo."""
    shows_folder: bool
    """Its photos stay in a folder of the server (see `mindreader.folders`)."""


def visible_to(user: User) -> ColumnElement[bool]:
    """Condition on `Collection`: not deleted, and the user owns it, it is shared with everyone or with the user, or the
    user is an administrator.
    """
    return visible_as(user.role, user.id)


def visible_as(role: str, user_id: int | BindParameter[int]) -> ColumnElement[bool]:
    """`visible_to` for statements that are put together once: the user may be a parameter, the role may not."""
    invited = select(CollectionShare.collection_id).where(CollectionShare.user_id == user_id)
    allowed = or_(
        Collection.owner_id == user_id, Collection.visibility == Visibility.SHARED, Collection.id.in_(invited)
    )
    return Collection.deleted_at.is_(None) & (true() if role == Role.ADMIN else allowed)


def may_change(user: User, collection: Collection) -> bool:
    """Whether the user may rename, share, fill or delete the collection: its owner and administrators may."""
    return user.role == Role.ADMIN or collection.owner_id == user.id


def visible_collection_ids(session: Session, user: User) -> list[int]:
    """Ids of all collections the user may see."""
    return list(session.scalars(_visible_ids(user.role), {"user_id": user.id}))


@cache
def _visible_ids(role: str) -> Select[int]:
    # Asked by every search: put together once.
    return select(Collection.id).where(visible_as(role, bindparam("user_id"))).order_by(Collection.id)


def visible_collection(session: Session, user: User, collection_id: int) -> Collection:
    """A collection the user may see.

    Raises:
        NotFoundError: there is none, or the user may not know of it.
    """
    found = session.scalar(select(Collection).where(Collection.id == collection_id, visible_to(user)))
    if found is None:
        raise NotFoundError("There is no such collection, or it is not shared with you.")
    return found


def changeable_collection(session: Session, user: User, collection_id: int) -> Collection:
    """A collection the user may change.

    Raises:
        NotFoundError: there is none, or the user may not know of it.
        ForbiddenError: the user may only look at it.
    """
    found = visible_collection(session, user, collection_id)
    if not may_change(user, found):
        raise ForbiddenError("Only the owner of this collection or an administrator can change it.")
    return found


def fillable_collection(session: Session, user: User, collection_id: int) -> Collection:
    """A collection the user may put photos into.

    Raises:
        NotFoundError, ForbiddenError: as `changeable_collection`.
        ConflictError: it shows a folder, whose files say what is in it.
    """
    found = changeable_collection(session, user, collection_id)
    if is_folder(session, collection_id):
        raise ConflictError(
            "The collection {collection} shows a folder of the server. Put files into that folder, or choose another "
            "collection.",
            collection=found.name,
        )
    return found


def is_folder(session: Session, collection_id: int) -> bool:
    """Whether a collection shows a folder, where its photos stay (see `mindreader.folders`)."""
    return session.scalar(select(exists().where(Folder.collection_id == collection_id))) or False


def create_collection(session: Session, owner: User, name: str, visibility: Visibility) -> Collection:
    """Add an empty collection.

    Raises:
        InvalidInputError: the name cannot be used.
        ConflictError: the owner has a collection of that name.
    """
    name = checked_name(name, LONGEST_NAME)
    collection = Collection(owner_id=owner.id, name=name, visibility=visibility)
    session.add(collection)
    _flush_unless_taken(session, name)
    return collection


def change_collection(
    session: Session, user: User, collection_id: int, name: str | None, visibility: Visibility | None
) -> Collection:
    """Rename a collection, share it or take it back; None leaves a thing as it is.

    Raises:
        NotFoundError, ForbiddenError: as `changeable_collection`.
        InvalidInputError, ConflictError: as `create_collection`.
    """
    collection = changeable_collection(session, user, collection_id)
    if visibility is not None:
        collection.visibility = visibility
    if name is not None:
        collection.name = checked_name(name, LONGEST_NAME)
    _flush_unless_taken(session, collection.name)
    return collection


def delete_collection(session: Session, user: User, collection_id: int) -> None:
    """Put a collection and its photos into the trash (see `mindreader.library.trash`).

    Raises:
        NotFoundError, ForbiddenError: as `changeable_collection`.
    """
    collection = changeable_collection(session, user, collection_id)
    moment = now()
    collection.deleted_at = moment
    # The collection's row first: uploads hold it while they add a photo, so none slips in behind the next line.
    session.flush()
    session.execute(
        update(Photo).where(Photo.collection_id == collection_id, Photo.deleted_at.is_(None)).values(deleted_at=moment)
    )


def summaries(
    session: Session, user: User, space_id: int | None, collection_id: int | None = None
) -> list[CollectionSummary]:
    """All collections the user may see (or the one named), by name, in a fixed number of queries.

    `space_id` names the embedding space whose states are counted; without one nothing is embedded.
    """
    where = visible_to(user) if collection_id is None else visible_to(user) & (Collection.id == collection_id)
    query = select(Collection).where(where).options(joinedload(Collection.owner))
    collections = session.scalars(query.order_by(func.lower(Collection.name), Collection.id))
    photos, categories = _photos(session, where), _categories(session, where)
    folders = set(session.scalars(select(Folder.collection_id)))
    states, people, covers = _states(session, where, space_id), _people(session, where), _covers(session, where)
    return [
        CollectionSummary(
            c,
            photos.get(c.id, 0),
            states.get(c.id, no_embeddings()),
            tuple(categories.get(c.id, ())),
            tuple(people.get(c.id, ())) if may_change(user, c) else (),
            covers.get(c.id),
            c.id in folders,
        )
        for c in collections
    ]


def summary(session: Session, user: User, space_id: int | None, collection_id: int) -> CollectionSummary:
    """One collection the user may see.

    Raises:
        NotFoundError: there is none, or the user may not know of it.
    """
    visible_collection(session, user, collection_id)
    return summaries(session, user, space_id, collection_id)[0]


def embedding_totals(session: Session, user: User, space_id: int | None) -> dict[str, int]:
    """Photos by state over everything the user may see."""
    totals = no_embeddings()
    for states in _states(session, visible_to(user), space_id).values():
        for state, count in states.items():
            totals[state] += count
    return totals


def no_embeddings() -> dict[str, int]:
    """Every state with no photo in it."""
    return {state.value: 0 for state in EmbeddingState}


def _flush_unless_taken(session: Session, name: str) -> None:
    try:
        session.flush()
    except IntegrityError:
        raise ConflictError("There is already a collection called {name}. Choose another name.", name=name) from None


def _photos(session: Session, where: ColumnElement[bool]) -> dict[int, int]:
    counted = (
        select(Photo.collection_id, func.count())
        .join(Photo.collection)
        .where(where, Photo.deleted_at.is_(None))
        .group_by(Photo.collection_id)
    )
    return dict(session.execute(counted).all())


def _covers(session: Session, where: ColumnElement[bool]) -> dict[int, int | None]:
    newest = select(Photo.id).where(Photo.collection_id == Collection.id, Photo.deleted_at.is_(None))
    # One look into the index of (collection, id) for each collection, however large.
    first = newest.order_by(Photo.id.desc()).limit(1).scalar_subquery()
    return dict(session.execute(select(Collection.id, first).where(where)).all())


def _states(session: Session, where: ColumnElement[bool], space_id: int | None) -> dict[int, dict[str, int]]:
    counted = (
        select(Photo.collection_id, Embedding.state, func.count())
        .join(Embedding.photo)
        .join(Photo.collection)
        .where(where, Embedding.space_id == space_id, Photo.deleted_at.is_(None))
        .group_by(Photo.collection_id, Embedding.state)
    )
    states: dict[int, dict[str, int]] = defaultdict(no_embeddings)
    for collection_id, state, count in session.execute(counted):
        states[collection_id][state] = count
    return states


def _categories(session: Session, where: ColumnElement[bool]) -> dict[int, list[CategoryCount]]:
    counted = (
        select(Category.collection_id, Category.id, Category.name, func.count())
        .join(Photo, Photo.category_id == Category.id)
        .join(Collection, Collection.id == Category.collection_id)
        .where(where, Photo.deleted_at.is_(None))
        .group_by(Category.collection_id, Category.id, Category.name)
        .order_by(Category.name)
    )
    categories: dict[int, list[CategoryCount]] = defaultdict(list)
    for collection_id, category_id, name, count in session.execute(counted):
        categories[collection_id].append(CategoryCount(category_id, name, count))
    return categories


def _people(session: Session, where: ColumnElement[bool]) -> dict[int, list[str]]:
    invited = (
        select(CollectionShare.collection_id, User.name)
        .join(CollectionShare.user)
        .join(Collection, Collection.id == CollectionShare.collection_id)
        .where(where)
        .order_by(User.name)
    )
    people: dict[int, list[str]] = defaultdict(list)
    for collection_id, name in session.execute(invited):
        people[collection_id].append(name)
    return people
