"""Lists of photos on both databases, and the indexes that lead through them on SQLite."""

from datetime import date, datetime, timedelta
from itertools import product

import pytest
from sqlalchemy import event, update

from mindreader.catalog import Photo, Role, Visibility
from mindreader.library.collections import create_collection
from mindreader.library.photo_lists import ListFilter, PhotoList, PhotoOrder, Place, SortKey
from tests.platform.conftest import add_user
from tests.support.library import add_photos, jpeg

ORDERS = [PhotoOrder(key, descending) for key, descending in product(SortKey, (True, False))]
FIRST = datetime(2020, 2, 27)


@pytest.fixture
def owner(any_catalog):
    return add_user(any_catalog, "Ann")


@pytest.fixture
def collection_id(any_catalog, owner):
    with any_catalog.transaction() as session:
        return create_collection(session, owner, "Photos", Visibility.PRIVATE).id


@pytest.fixture
def photo_ids(any_catalog, blobs, settings, collection_id):
    """Nine, taken three a day; every fourth without a date, uploaded in between."""
    ids = add_photos(any_catalog, blobs, settings, collection_id, [jpeg(n) for n in range(9)])
    with any_catalog.transaction() as session:
        for number, photo_id in enumerate(ids):
            moment = FIRST + timedelta(hours=8 * number)
            values = {"created_at": moment, "taken_at": None if number % 4 == 3 else moment}
            session.execute(update(Photo).where(Photo.id == photo_id).values(filename=f"{number}.jpg", **values))
    return ids


def listed(session, user, order, only=ListFilter()):  # noqa: B008
    return PhotoList.of(session, user, None, only, order)


@pytest.mark.parametrize("order", ORDERS)
def test_pages_follow_the_counts_of_days(any_catalog, owner, photo_ids, order):
    expected = sorted(photo_ids, reverse=order.descending)
    with any_catalog.snapshot() as session:
        photos = listed(session, owner, order)
        days = photos.days()
        assert sum(each.photos for each in days) == len(expected)
        start = 0
        for each in days:
            shown = [view.photo.id for view in photos.page(Place(each.day), each.photos)]
            assert shown == expected[start : start + each.photos]
            start += each.photos
        assert [view.photo.id for view in photos.page(Place(days[0].day, 4), 3)] == expected[4:7]
        assert [i for run in photos.runs(Place(), 100) for i in run.photo_ids] == expected


def test_days_of_the_leap_year(any_catalog, owner, photo_ids):
    with any_catalog.snapshot() as session:
        days = listed(session, owner, PhotoOrder()).days()
    assert [(each.day, each.photos) for each in days] == [
        (date(2020, 2, 29), 3),
        (date(2020, 2, 28), 3),
        (date(2020, 2, 27), 3),
    ]


@pytest.mark.parametrize("any_catalog", ["sqlite"], indirect=True)
def test_the_indexes_of_the_orders_lead_to_every_page(any_catalog, owner, collection_id, photo_ids):
    asked = []

    def note(_connection, _cursor, statement, parameters, _context, _many):
        asked.append((statement, parameters))

    admin = add_user(any_catalog, "Root", Role.ADMIN)
    event.listen(any_catalog.engine, "before_cursor_execute", note)
    with any_catalog.snapshot() as session:
        for order, user, only in product(ORDERS, (owner, admin), (ListFilter(), ListFilter(collection_id))):
            photos = listed(session, user, order, only)
            asked.clear()
            photos.page(Place(FIRST.date(), 1), 2)
            (statement, parameters), *_ = asked
            connection = session.connection()
            plan = [row[-1] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
            within = "" if only.collection_id is None else "collection_"
            assert f"USING INDEX ix_photo_{within}{order.key} " in f"{plan[0]} ", plan
            assert not any("TEMP B-TREE" in step for step in plan), plan
    event.remove(any_catalog.engine, "before_cursor_execute", note)
