"""Categories named after folders: shown with spaces, and the same whichever way they are written."""

import pytest
from sqlalchemy import select

from mindreader.catalog import Category
from mindreader.library.categories import category_ids, category_named
from mindreader.text import shown_name
from tests.support.library import add_collection


@pytest.mark.parametrize(
    ("name", "shown"),
    [("car_(sedan)", "car (sedan)"), ("hot-air_balloon", "hot-air balloon"), ("_misc_", "misc"), ("__", "__")],
)
def test_underscores_are_shown_as_spaces(name, shown):
    assert shown_name(name) == shown


def test_what_is_shown_alike_is_one_category(any_catalog):
    collection = add_collection(any_catalog)
    with any_catalog.transaction() as session:
        made = category_named(session, collection, "car_(sedan)")
        assert category_named(session, collection, "car (sedan)") == made
        assert category_named(session, collection, "car_(sedan)") == made
        assert category_named(session, collection, "Car (sedan)") != made
        assert sorted(session.scalars(select(Category.name))) == ["Car (sedan)", "car_(sedan)"]


def test_of_two_that_older_versions_made_the_exact_name_is_taken(any_catalog):
    collection = add_collection(any_catalog)
    with any_catalog.transaction() as session:
        rows = [Category(collection_id=collection, name=name) for name in ("ice_cream", "ice cream")]
        session.add_all(rows)
        session.flush()
        assert [category_named(session, collection, row.name) for row in rows] == [row.id for row in rows]
        assert category_ids(session, [collection], ["ice cream"]) == tuple(row.id for row in rows)


def test_a_search_finds_a_category_by_the_name_that_is_shown(any_catalog):
    first, second = add_collection(any_catalog), add_collection(any_catalog, "Second")
    with any_catalog.transaction() as session:
        made = [category_named(session, first, "cell_phone"), category_named(session, second, "cell phone")]
        for name in ("cell phone", "cell_phone", " cell_phone "):
            assert category_ids(session, [first, second], [name]) == tuple(made)
        assert category_ids(session, [first], ["phone", "cellphone"]) == ()
