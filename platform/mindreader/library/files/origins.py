"""Where photos come from that were taken over from another photo library: they lead back to their pages there, and
what is here already is not taken over twice.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from sqlalchemy import select
from sqlalchemy.orm import Session, contains_eager

from mindreader.catalog import Photo, PhotoOrigin, User
from mindreader.errors import InvalidInputError
from mindreader.library.collections import changeable_collection
from mindreader.library.photos import visible_photo
from mindreader.text import visible_text

LONGEST_ID = 100
LONGEST_URL = 1000


class OriginKind(enum.StrEnum):
    """Kinds of photo libraries."""

    IMMICH = "immich"


@dataclass(frozen=True)
class Origin:
    """A photo as another library knows it."""

    kind: OriginKind
    external_id: str
    """What it is called there; no other photo of any such library is."""
    url: str
    """Its page there."""

    def __post_init__(self) -> None:
        """Check it: pages show the address as a link.

        Raises:
            InvalidInputError: it is no address of a web page, or something is too long or empty.
        """
        if not 0 < len(self.external_id) <= LONGEST_ID or visible_text(self.external_id) != self.external_id:
            raise InvalidInputError("The id of a photo in another library has 1 to {n} characters.", n=LONGEST_ID)
        if not _is_web_page(self.url):
            raise InvalidInputError(
                "Give the photo's page as an address that begins with http:// or https://, of at most {n} characters.",
                n=LONGEST_URL,
            )


def note_origin(session: Session, photo_id: int, origin: Origin) -> None:
    """Remember where a photo comes from; nothing where it is gone. A photo may come from several places."""
    there = select(Photo.id).where(Photo.id == photo_id, Photo.deleted_at.is_(None)).with_for_update(read=True)
    if session.scalar(there) is not None:
        session.merge(PhotoOrigin(photo_id=photo_id, kind=origin.kind, external_id=origin.external_id, url=origin.url))


def add_origin(session: Session, user: User, photo_id: int, origin: Origin) -> None:
    """The same for a user.

    Raises:
        NotFoundError: there is no such photo, or the user may not know of it.
        ForbiddenError: the user may only look at it.
    """
    changeable_collection(session, user, visible_photo(session, user, None, photo_id).photo.collection_id)
    note_origin(session, photo_id, origin)


def origins_of(session: Session, photo_id: int) -> list[Origin]:
    """Where a photo comes from."""
    found = session.scalars(select(PhotoOrigin).where(PhotoOrigin.photo_id == photo_id).order_by(PhotoOrigin.url))
    return [_of(row) for row in found]


def copy_origins(session: Session, copies: Mapping[int, int]) -> None:
    """Let copies come from where their photos come from.

    Args:
        copies: ids of copies by the ids of their photos.
    """
    found = session.scalars(select(PhotoOrigin).where(PhotoOrigin.photo_id.in_(copies))).all()
    for row in found:
        session.merge(
            PhotoOrigin(photo_id=copies[row.photo_id], kind=row.kind, external_id=row.external_id, url=row.url)
        )


def photos_from(session: Session, user: User, kind: OriginKind, ids: Sequence[str]) -> list[tuple[str, Photo]]:
    """Photos in collections of the user's that come from these, with their ids there. Collections are loaded."""
    found = session.execute(
        select(PhotoOrigin.external_id, Photo)
        .join(Photo, Photo.id == PhotoOrigin.photo_id)
        .join(Photo.collection)
        .where(PhotoOrigin.kind == kind, PhotoOrigin.external_id.in_(ids))
        .options(contains_eager(Photo.collection))
        .order_by(Photo.id)
    )
    return [(external_id, photo) for external_id, photo in found if _is_there_and_of(photo, user)]


def _is_there_and_of(photo: Photo, user: User) -> bool:
    # Asked of the database, this would lead SQLite through the index of deleted photos.
    return photo.deleted_at is None and photo.collection.deleted_at is None and photo.collection.owner_id == user.id


def _of(row: PhotoOrigin) -> Origin:
    return Origin(OriginKind(row.kind), row.external_id, row.url)


def _is_web_page(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return (
            parts.scheme in ("http", "https") and bool(parts.hostname) and len(url) <= LONGEST_URL and url.isprintable()
        )
    except ValueError:
        return False
