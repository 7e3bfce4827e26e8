"""A photo's new category, collection or date reaches its point, and nothing is embedded again."""

from __future__ import annotations

from datetime import date, datetime

import numpy as np
import pytest
from sqlalchemy import select, update

from mindreader.catalog import Embedding, EmbeddingSpace, EmbeddingState, Photo, Visibility
from mindreader.catalog.models import day_number
from mindreader.dates import DateSource
from mindreader.embedding.labels import update_stale_labels
from mindreader.errors import NotReadyError
from mindreader.library.bulk_edit import move_photos, set_categories, set_dates
from mindreader.library.collections import create_collection
from mindreader.library.photos import set_taken_at
from mindreader.photo_index import IndexFilter, IndexPoint
from tests.support.library import add_photos, jpeg


@pytest.fixture
def collection_ids(catalog, ann):
    with catalog.transaction() as session:
        return [create_collection(session, ann, name, Visibility.PRIVATE).id for name in ("Here", "There")]


@pytest.fixture
def space(catalog, space_id):
    with catalog.snapshot() as session:
        return session.get(EmbeddingSpace, space_id)


@pytest.fixture
def photo_ids(catalog, blobs, settings, indexes, collection_ids, space):
    """Three indexed photos."""
    photo_ids = add_photos(catalog, blobs, settings, collection_ids[0], [jpeg(n) for n in range(3)])
    vector = np.ones(space.dimension, np.float32)
    points = [IndexPoint(photo_id, vector, collection_ids[0]) for photo_id in photo_ids]
    indexes.get(space.key, space.dimension).upsert(points)
    with catalog.transaction() as session:
        session.execute(update(Embedding).values(state=EmbeddingState.INDEXED))
    return photo_ids


def found(indexes, space, where):
    vector = np.ones(space.dimension, np.float32)
    return {hit.photo_id for hit in indexes.get(space.key, space.dimension).search(vector, 10, where)}


def test_a_new_category_is_found_by(catalog, ann, indexes, space, photo_ids):
    with catalog.transaction() as session:
        set_categories(session, ann, photo_ids[:2], "dog")
    assert update_stale_labels(catalog, indexes) == 2
    with catalog.snapshot() as session:
        dog = session.scalars(select(Photo.category_id).where(Photo.id == photo_ids[0])).one()
        assert set(session.scalars(select(Embedding.state))) == {EmbeddingState.INDEXED}
    assert found(indexes, space, IndexFilter(category_ids=(dog,))) == set(photo_ids[:2])
    assert update_stale_labels(catalog, indexes) == 0


def test_a_moved_photo_is_found_where_it_is(catalog, ann, indexes, space, photo_ids, collection_ids):
    here, there = collection_ids
    with catalog.transaction() as session:
        move_photos(session, ann, photo_ids[:1], there)
    update_stale_labels(catalog, indexes)
    assert found(indexes, space, IndexFilter(collection_ids=(there,))) == set(photo_ids[:1])
    assert found(indexes, space, IndexFilter(collection_ids=(here,))) == set(photo_ids[1:])


@pytest.mark.parametrize("says_it", [set_dates, lambda session, ann, ids, day: set_taken_at(session, ann, ids[0], day)])
def test_a_photo_is_found_by_the_date_a_person_says(catalog, ann, indexes, space, photo_ids, says_it):
    christmas = IndexFilter(first_day=day_number(date(1968, 12, 24)), last_day=day_number(date(1968, 12, 24)))
    assert found(indexes, space, christmas) == set()
    with catalog.transaction() as session:
        says_it(session, ann, photo_ids[:1], datetime(1968, 12, 24, 16, 39))
    assert update_stale_labels(catalog, indexes) == 1
    assert found(indexes, space, christmas) == set(photo_ids[:1])
    with catalog.transaction() as session:
        says_it(session, ann, photo_ids[:1], None)
    update_stale_labels(catalog, indexes)
    assert found(indexes, space, christmas) == set()
    with catalog.snapshot() as session:
        assert session.get(Photo, photo_ids[0]).date_source == DateSource.PERSON


def test_an_index_that_does_not_answer_is_told_the_next_time(
    catalog, ann, indexes, space, photo_ids, collection_ids, monkeypatch
):
    with catalog.transaction() as session:
        move_photos(session, ann, photo_ids[:1], collection_ids[1])
    index = indexes.get(space.key, space.dimension)

    def away(_labels):
        raise NotReadyError("away")

    with monkeypatch.context() as patched, pytest.raises(NotReadyError):
        patched.setattr(index, "update_labels", away)
        update_stale_labels(catalog, indexes)
    assert update_stale_labels(catalog, indexes) == 1
    assert found(indexes, space, IndexFilter(collection_ids=(collection_ids[1],))) == set(photo_ids[:1])


def test_a_photo_that_is_being_embedded_is_told_afterwards(catalog, ann, indexes, space, photo_ids):
    with catalog.transaction() as session:
        session.execute(update(Embedding).values(state=EmbeddingState.LEASED))
        set_categories(session, ann, photo_ids[:1], "dog")
    assert update_stale_labels(catalog, indexes) == 0
    with catalog.transaction() as session:
        session.execute(update(Embedding).values(state=EmbeddingState.INDEXED))
    assert update_stale_labels(catalog, indexes) == 1
