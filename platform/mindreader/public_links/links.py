"""Public links, for those who make them: to a collection, or to what a search found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, delete, func, select
from sqlalchemy.orm import Session, contains_eager, joinedload

from mindreader.accounts.credentials import digest, new_secret, refuse_if_changed
from mindreader.catalog import PublicLink, PublicLinkPhoto, Role, User
from mindreader.catalog.models import now
from mindreader.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from mindreader.library.collections import changeable_collection, may_change
from mindreader.library.photos import visible_photos
from mindreader.search.history import own_search, unused_sketches
from mindreader.text import checked_name

LONGEST_TITLE = 200
MOST_PHOTOS = 200
"""Of a search's result in one link."""
MOST_LINKS = 500
"""Of one person, those that have ended included."""


@dataclass(frozen=True)
class Terms:
    """How long a link works, and what its visitors may do."""

    expires_at: datetime
    """UTC, without a zone."""
    downloads: bool
    """Whether it shows originals, too."""


@dataclass(frozen=True)
class FoundPhotos:
    """What a search found, to be shown."""

    search_id: int
    photo_ids: Sequence[int]
    """The best first, at most `MOST_PHOTOS`; one that is named again counts once."""
    title: str


def link_to_collection(session: Session, user: User, collection_id: int, terms: Terms) -> tuple[PublicLink, str]:
    """Make a link to a collection; returns the secret, this once.

    Raises:
        NotFoundError, ForbiddenError: as `changeable_collection`.
        InvalidInputError: it would have ended already.
        ConflictError: the user has `MOST_LINKS`.
        NotSignedInError: the user's account was changed since they were recognised.
    """
    collection = changeable_collection(session, user, collection_id)
    link = PublicLink(collection_id=collection.id, title=collection.name)
    return link, _added(session, user, link, terms)


def link_to_search(session: Session, user: User, found: FoundPhotos, terms: Terms) -> tuple[PublicLink, str, int]:
    """Make a link to a search's sketch and the photos it found, in this order; returns the secret, this once.

    Photos the user may only look at are left out: they are not theirs to show around.

    Returns:
        The link, its secret, and how many photos it shows.

    Raises:
        NotFoundError: the user made no such search.
        ForbiddenError: the user may share none of the photos.
        InvalidInputError: the title cannot be used, or the link would have ended already.
        ConflictError: the user has `MOST_LINKS`.
        NotSignedInError: the user's account was changed since they were recognised.
    """
    search = own_search(session, user, found.search_id)
    visible = visible_photos(session, user, list(dict.fromkeys(found.photo_ids)))
    shown = [photo for photo in visible if may_change(user, photo.collection)]
    if not shown:
        raise ForbiddenError("None of these photos is yours to share: their collections belong to others.")
    link = PublicLink(sketch_sha256=search.sketch_sha256, title=checked_name(found.title, LONGEST_TITLE))
    secret = _added(session, user, link, terms)
    session.add_all(
        PublicLinkPhoto(link_id=link.id, photo_id=photo.id, position=position)
        for position, photo in enumerate(shown, start=1)
    )
    session.flush()
    return link, secret, len(shown)


def links_of(session: Session, user: User) -> Sequence[PublicLink]:
    """The links a user made, the newest first."""
    return session.scalars(_newest().where(PublicLink.user_id == user.id)).all()


def links_to(session: Session, user: User, collection_id: int) -> Sequence[PublicLink]:
    """The links to a collection, by whomever, the newest first.

    Raises:
        NotFoundError, ForbiddenError: as `changeable_collection`.
    """
    changeable_collection(session, user, collection_id)
    return session.scalars(_newest().where(PublicLink.collection_id == collection_id)).all()


def all_links(session: Session) -> Sequence[PublicLink]:
    """Everybody's links, the newest first; for administrators."""
    return session.scalars(_newest()).all()


def revoke_link(session: Session, user: User, link_id: int) -> list[str]:
    """End a link: for who made it, who may change its collection, and administrators.

    Returns:
        The SHA-256 of its sketch, if nothing refers to that any more.

    Raises:
        NotFoundError: there is no such link for the user.
    """
    link = session.scalar(select(PublicLink).where(PublicLink.id == link_id).options(joinedload(PublicLink.collection)))
    if link is None or not _may_revoke(user, link):
        raise NotFoundError("There is no such link. It may have been revoked already.")
    session.execute(delete(PublicLink).where(PublicLink.id == link_id))
    return unused_sketches(session, [link.sketch_sha256]) if link.sketch_sha256 else []


def _may_revoke(user: User, link: PublicLink) -> bool:
    if link.collection is not None and may_change(user, link.collection):
        return True
    return user.role == Role.ADMIN or link.user_id == user.id


def _newest() -> Select[PublicLink]:
    loaded = select(PublicLink).join(PublicLink.user).options(contains_eager(PublicLink.user))
    return loaded.order_by(PublicLink.id.desc())


def _added(session: Session, user: User, link: PublicLink, terms: Terms) -> str:
    if terms.expires_at <= now():
        raise InvalidInputError("The link would have ended already. Choose a later day.")
    refuse_if_changed(session, user)
    if (session.scalar(select(func.count(PublicLink.id)).where(PublicLink.user_id == user.id)) or 0) >= MOST_LINKS:
        raise ConflictError("You have {n} public links. Revoke those nobody needs.", n=MOST_LINKS)
    secret = new_secret()
    link.user_id, link.sha256 = user.id, digest(secret)
    link.expires_at, link.downloads = terms.expires_at, terms.downloads
    session.add(link)
    session.flush()
    return secret
