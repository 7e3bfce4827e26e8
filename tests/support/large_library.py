"""A catalog of very many photos, written straight into its tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from mindreader.catalog import Catalog, Category, Collection, Embedding, EmbeddingSpace, EmbeddingState, Photo, User
from mindreader.catalog.models import now
from mindreader.dates import DateSource
from mindreader.library.photo_lists import ListFilter, PhotoList, PhotoOrder, Place, SortKey
from mindreader.library.photos import PhotoFilter, photo_page
from tests.support.services import wait_until

CATEGORIES = 100
_BATCH = 10_000
_OPEN_SPACES = select(EmbeddingSpace.id).where(EmbeddingSpace.opened_at.is_not(None))


def fill(catalog: Catalog, collection_id: int, count: int, years: int = 0) -> None:
    """Add `count` indexed photos in a hundred categories, one uploaded every minute, the last one now; two of three
    were taken some time in so many years before, the others have no date.

    A server that has just started opens its embedding space a moment later: photos added before that would be pending.
    """
    wait_until(lambda: _open_spaces(catalog), "an open embedding space")
    last = now()
    with catalog.transaction() as session:
        first_category = _add_categories(session, collection_id)
        spaces = session.scalars(_OPEN_SPACES).all()
        for start in range(0, count, _BATCH):
            rows = [
                {
                    "collection_id": collection_id,
                    "category_id": first_category + number % CATEGORIES,
                    "sha256": digest_of(number),
                    "filename": f"photo-{number:06}.jpg",
                    "media_type": "image/jpeg",
                    "size_bytes": 100_000,
                    "width": 640,
                    "height": 480,
                    "created_at": (uploaded := last - timedelta(minutes=count - number)),
                    "taken_at": uploaded - _age(number, years) if years and number % 3 else None,
                    "date_source": DateSource.EXIF if years and number % 3 else DateSource.NONE,
                }
                for number in range(start, min(count, start + _BATCH))
            ]
            ids = session.scalars(insert(Photo).returning(Photo.id), rows).all()
            states = [{"photo_id": i, "space_id": s, "state": EmbeddingState.INDEXED} for i in ids for s in spaces]
            session.execute(insert(Embedding), states)


def _age(number: int, years: int) -> timedelta:
    """Spread evenly, and far from the age of the photo before."""
    return timedelta(days=number * 7919 % (365 * years))


def _open_spaces(catalog: Catalog) -> Sequence[int]:
    with catalog.snapshot() as session:
        return session.scalars(_OPEN_SPACES).all()


def digest_of(number: int) -> str:
    """Each is another photo to the catalog; its thumbnail lies under this name."""
    return f"{number:064x}"


def _add_categories(session: Session, collection_id: int) -> int:
    categories = [Category(collection_id=collection_id, name=f"category {n:02}") for n in range(CATEGORIES)]
    session.add_all(categories)
    session.flush()
    return min(category.id for category in categories)


def add_large_collection(catalog: Catalog, owner_id: int, name: str) -> int:
    with catalog.transaction() as session:
        collection = Collection(owner_id=owner_id, name=name)
        session.add(collection)
        session.flush()
        return collection.id


def lists_of(
    session: Session, user: User, space_id: int, collection_id: int | None, limit: int
) -> dict[str, Callable[[], object]]:
    """Reads of one page each of lists of photos, in every order: at the top, and from the middle of a day."""

    def page(order: PhotoOrder, place: Place) -> Callable[[], object]:
        photos = PhotoList.of(session, user, space_id, ListFilter(collection_id), order)
        return lambda: photos.page(place, limit)

    pages = {}
    for key in SortKey:
        for descending in (True, False):
            order, way = PhotoOrder(key, descending), "descending" if descending else "ascending"
            days = PhotoList.of(session, user, space_id, ListFilter(collection_id), order).days()
            middle = days[len(days) // 2]
            pages[f"by {key}, {way}"] = page(order, Place())
            pages[f"by {key}, {way}, in the middle"] = page(order, Place(middle.day, min(middle.photos, 1000) // 2))
    return pages


def days_of(session: Session, user: User, space_id: int, collection_id: int | None) -> dict[str, Callable[[], object]]:
    """Counts of the days of lists of photos."""
    return {
        f"by {key}": PhotoList.of(session, user, space_id, ListFilter(collection_id), PhotoOrder(key)).days
        for key in SortKey
    }


def pages_of(session: Session, collection_id: int, space_id: int, limit: int) -> dict[str, Callable[[], object]]:
    """Reads of one page each: with and without filters, at the top, in the middle and at the end."""
    ids = session.scalars(select(Photo.id).order_by(Photo.id)).all()
    category = session.scalars(select(Category.id).order_by(Category.id)).first()
    middle = ids[len(ids) // 2]

    def page(after: int | None = None, **only: Any) -> Callable[[], object]:
        return lambda: photo_page(session, collection_id, space_id, PhotoFilter(**only), after=after, limit=limit)

    return {
        "first": page(),
        "in the middle": page(middle),
        "last": page(ids[limit]),
        "of a category": page(category_id=category),
        "of a category, in the middle": page(middle, category_id=category),
        "failed": page(state=EmbeddingState.FAILED),
        "before yesterday": page(before=now().replace(hour=0)),
    }
