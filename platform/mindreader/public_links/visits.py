"""Public links, for their visitors: whoever has the secret of one sees its photos, and nothing else.

What is shown is decided when somebody looks. A photo that was deleted, or that the link's maker may not share any more,
is gone; a link that ended, was revoked, or whose maker is disabled looks like one that never was.
"""

from __future__ import annotations

import logging

from sqlalchemy import Select, func, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, contains_eager, joinedload

from mindreader.accounts.credentials import digest
from mindreader.catalog import Catalog, Collection, Photo, PublicLink, PublicLinkPhoto, Role, User
from mindreader.catalog.models import now
from mindreader.errors import NotFoundError
from mindreader.library.collections import may_change
from mindreader.paging import Page, read_page

log = logging.getLogger(__name__)


def link_of(session: Session, secret: str) -> PublicLink:
    """The link of this secret, with its maker and its collection.

    Raises:
        NotFoundError: it is unknown, was revoked, has ended, or its maker may not share this any more.
    """
    known = select(PublicLink).join(PublicLink.user).where(PublicLink.sha256 == digest(secret))
    in_force = known.where(PublicLink.expires_at > now(), User.disabled_at.is_(None))
    link = session.scalar(in_force.options(contains_eager(PublicLink.user), joinedload(PublicLink.collection)))
    if link is None or not _may_be_shown(link):
        raise NotFoundError("This link does not exist, or it has ended. Ask whoever gave it to you for another.")
    return link


def note_opening(catalog: Catalog, link: PublicLink) -> None:
    """Count that its page was opened. A catalog that takes no writes (a full disk) keeps nobody from looking."""
    counted = update(PublicLink).where(PublicLink.id == link.id)
    try:
        with catalog.transaction() as session:
            session.execute(counted.values(opened=PublicLink.opened + 1, last_opened_at=now()))
    except SQLAlchemyError as error:
        log.warning("that a public link was opened could not be written down: %s", error)


def linked_page(session: Session, link: PublicLink, after: int | None, limit: int) -> Page[Photo]:
    """The next `limit` photos: of a collection the newest first, of a search the best first.

    Args:
        after: where the page before it says it goes on; None: from the beginning.
    """
    photos = _photos(link)
    if link.collection_id is None:
        begun = photos if after is None else photos.where(PublicLinkPhoto.position > after)
        page = read_page(session, begun.order_by(PublicLinkPhoto.position), limit, lambda row: int(row.position))
    else:
        begun = photos if after is None else photos.where(Photo.id < after)
        page = read_page(session, begun.order_by(Photo.id.desc()), limit, lambda row: int(row.position))
    return page.map(lambda row: row.Photo)


def linked_photo(session: Session, link: PublicLink, photo_id: int) -> Photo:
    """A photo the link shows.

    Raises:
        NotFoundError: it shows no such photo.
    """
    row = session.execute(_photos(link).where(Photo.id == photo_id)).one_or_none()
    if row is None:
        raise NotFoundError("This link shows no such photo. It may have been deleted.")
    photo: Photo = row.Photo
    return photo


def count_linked(session: Session, link: PublicLink) -> int:
    """How many photos the link shows."""
    return session.scalar(select(func.count()).select_from(_photos(link).subquery())) or 0


def _may_be_shown(link: PublicLink) -> bool:
    if link.collection_id is None:
        return True
    shown = link.collection
    return shown is not None and shown.deleted_at is None and may_change(link.user, shown)


def _photos(link: PublicLink) -> Select[Photo, int]:
    """Rows of a photo and where it stands: in a search's result its position, in a collection its id."""
    if link.collection_id is not None:
        of_collection = select(Photo, Photo.id.label("position"))
        return of_collection.where(Photo.collection_id == link.collection_id, Photo.deleted_at.is_(None))
    found = (
        select(Photo, PublicLinkPhoto.position.label("position"))
        .join(PublicLinkPhoto, PublicLinkPhoto.photo_id == Photo.id)
        .join(Photo.collection)
        .where(PublicLinkPhoto.link_id == link.id, Photo.deleted_at.is_(None), Collection.deleted_at.is_(None))
    )
    return found if link.user.role == Role.ADMIN else found.where(Collection.owner_id == link.user_id)
