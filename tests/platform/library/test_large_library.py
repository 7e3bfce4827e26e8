"""A hundred thousand photos in one collection: a page takes as little work as in a small one, wherever it begins.

Work is counted in instructions of SQLite, which are the same on every machine. In seconds: bench/large_library.py.
"""

from __future__ import annotations

import pytest
from sqlalchemy import select

from mindreader.catalog import Photo, User
from mindreader.library.collections import summary
from tests.support.large_library import CATEGORIES, add_large_collection, days_of, fill, lists_of, pages_of

PAGE = 120
STEPS_OF_A_PAGE = 150 * PAGE
STEPS_OF_A_CATEGORY = 10 * CATEGORIES * PAGE  # walking past the photos of the others
STEPS_OF_COUNTING = 100  # for each photo
STEPS_OF_DAYS = 40  # for each photo


@pytest.fixture(params=[8_000, pytest.param(100_000, marks=pytest.mark.slow)])
def photos(request):
    return request.param


@pytest.fixture
def large(catalog, ann, space_id, photos):
    collection_id = add_large_collection(catalog, ann.id, "Large")
    fill(catalog, collection_id, photos, years=20)
    return collection_id


def steps(session, work):
    """How many instructions SQLite takes for it, to a hundred."""
    hundreds = 0

    def tick():
        nonlocal hundreds
        hundreds += 1

    sqlite = session.connection().connection.driver_connection
    sqlite.set_progress_handler(tick, 100)
    work()
    sqlite.set_progress_handler(None, 0)
    session.expunge_all()
    return 100 * hundreds


def test_every_page_of_a_hundred_thousand_photos_is_quick(catalog, large, space_id, ann, photos):
    with catalog.snapshot() as session:
        everything = steps(session, lambda: session.scalars(select(Photo.filename)).all())
        taken = {what: steps(session, page) for what, page in pages_of(session, large, space_id, PAGE).items()}
        counts = steps(session, lambda: summary(session, session.get(User, ann.id), space_id, large))
    assert everything > photos, "the steps of SQLite are not counted"
    category = taken.pop("of a category")
    assert max(taken.values()) < STEPS_OF_A_PAGE, taken
    assert category < STEPS_OF_A_CATEGORY
    assert counts < STEPS_OF_COUNTING * photos


def test_every_page_of_a_list_is_quick_and_days_are_counted_in_one_pass(catalog, large, space_id, ann, photos):
    with catalog.snapshot() as session:
        user = session.get(User, ann.id)
        for collection_id in (None, large):
            pages = lists_of(session, user, space_id, collection_id, PAGE)
            taken = {what: steps(session, page) for what, page in pages.items()}
            assert max(taken.values()) < STEPS_OF_A_PAGE, taken
            days = days_of(session, user, space_id, collection_id)
            counted = {what: steps(session, count) for what, count in days.items()}
            assert max(counted.values()) < STEPS_OF_DAYS * photos, counted
