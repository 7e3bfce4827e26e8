"""Share a collection with people, who may look at it and no more."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from mindreader.accounts.users import user_named
from mindreader.catalog import CollectionShare, User
from mindreader.errors import ConflictError, ForbiddenError, NotFoundError
from mindreader.library.collections import changeable_collection, may_change, visible_collection


def people_of(session: Session, user: User, collection_id: int) -> Sequence[User]:
    """The people a collection is shared with, by name.

    Raises:
        NotFoundError, ForbiddenError: as `changeable_collection`.
    """
    changeable_collection(session, user, collection_id)
    invited = select(User).join(CollectionShare, CollectionShare.user_id == User.id)
    return session.scalars(invited.where(CollectionShare.collection_id == collection_id).order_by(User.name)).all()


def share_with(session: Session, user: User, collection_id: int, name: str) -> None:
    """Let the person of that name look at the collection; once more changes nothing.

    Raises:
        NotFoundError, ForbiddenError: as `changeable_collection`.
        NotFoundError: nobody has that name.
        ConflictError: it is the owner's.
    """
    collection = changeable_collection(session, user, collection_id)
    person = user_named(session, name)
    if person.id == collection.owner_id:
        raise ConflictError("The collection belongs to this person already.")
    if session.get(CollectionShare, (collection_id, person.id)) is None:
        session.add(CollectionShare(collection_id=collection_id, user_id=person.id))


def unshare(session: Session, user: User, collection_id: int, person_id: int) -> None:
    """Take a collection back from a person; a person may also let go of it.

    Raises:
        NotFoundError: there is no such collection for the user, or it is not shared with that person.
        ForbiddenError: only the owner, an administrator or that person can do this.
    """
    collection = visible_collection(session, user, collection_id)
    if not may_change(user, collection) and user.id != person_id:
        raise ForbiddenError("Only the owner of this collection or an administrator can change it.")
    shared = (CollectionShare.collection_id == collection_id, CollectionShare.user_id == person_id)
    if session.scalar(delete(CollectionShare).where(*shared).returning(CollectionShare.user_id)) is None:
        raise NotFoundError("The collection is not shared with this person.")
