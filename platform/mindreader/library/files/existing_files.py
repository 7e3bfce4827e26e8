"""Which files are here already, asked by their SHA-256 before any bytes are sent."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session, contains_eager

from mindreader.catalog import Photo, User
from mindreader.library.collections import fillable_collection, visible_to


def existing_photos(session: Session, user: User, collection_id: int, digests: Sequence[str]) -> list[Photo]:
    """Photos with these bytes in collections the user may see; for each the one in `collection_id` if there is one,
    else one of the user's own if there is one. Collections are loaded.

    Raises:
        NotFoundError, ForbiddenError, ConflictError: as `fillable_collection`, for who asks is about to upload into it.
    """
    fillable_collection(session, user, collection_id)
    found = session.scalars(
        select(Photo)
        .join(Photo.collection)
        .where(Photo.sha256.in_(digests), Photo.deleted_at.is_(None), visible_to(user))
        .options(contains_eager(Photo.collection))
        .order_by(Photo.id.desc())
    ).all()
    nearest = sorted(
        found, key=lambda photo: (photo.collection_id == collection_id, photo.collection.owner_id == user.id)
    )
    return list({photo.sha256: photo for photo in nearest}.values())
