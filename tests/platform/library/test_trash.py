"""What is deleted can be restored until its time is over, and is in no index meanwhile."""

from datetime import timedelta

import numpy as np
import pytest
from sqlalchemy import select, update

from mindreader.catalog import Collection, Embedding, EmbeddingState, Photo, User, Visibility
from mindreader.catalog.models import now
from mindreader.errors import NotFoundError
from mindreader.library import trash as trash
from mindreader.library.collections import create_collection, delete_collection, summary
from mindreader.library.files.previews import made_preview
from mindreader.library.files.upload import add_photo
from mindreader.library.photos import delete_photo
from mindreader.library.purge import purge_deleted
from mindreader.networks.descriptions import ENCODERS
from mindreader.paging import Page
from mindreader.photo_index import IndexPoint
from tests.support.library import add_photos, add_space, jpeg

ENCODER = ENCODERS["efficientnet-lite0"]


@pytest.fixture
def settings(settings):
    return settings.model_copy(update={"trash_days": 30})


@pytest.fixture
def catalog(any_catalog):
    return any_catalog


@pytest.fixture
def space(catalog):
    return add_space(catalog, ENCODER)


@pytest.fixture
def collection_id(catalog, ann):
    with catalog.transaction() as session:
        return create_collection(session, ann, "Photos", Visibility.PRIVATE).id


@pytest.fixture
def photos(catalog, blobs, settings, indexes, space, collection_id):
    """Three photos in catalog, blob store and index."""
    ids = add_photos(catalog, blobs, settings, collection_id, [jpeg(n) for n in range(3)])
    vectors = np.eye(space.dimension, dtype=np.float32)
    points = [IndexPoint(photo_id, vectors[photo_id], collection_id, None) for photo_id in ids]
    indexes.get(space.key, space.dimension).upsert(points)
    with catalog.transaction() as session:
        session.execute(update(Embedding).values(state=EmbeddingState.INDEXED))
    return ids


@pytest.fixture
def purge(catalog, blobs, indexes, settings):
    return lambda: purge_deleted(catalog, blobs, indexes, settings)


@pytest.fixture
def do(catalog, ann):
    """Change something as Ann, in a transaction of its own."""

    def do(change, *arguments):
        with catalog.transaction() as session:
            return change(session, ann, *arguments)

    return do


def content(catalog, user, settings, after=None, limit=100):
    with catalog.snapshot() as session:
        return trash.trash_of(session, user, settings, after=after, limit=limit)


def binned_ids(catalog, user, settings):
    return [photo.id for photo in content(catalog, user, settings).photos.items]


def age(catalog, table, days):
    with catalog.transaction() as session:
        session.execute(
            update(table).where(table.deleted_at.is_not(None)).values(deleted_at=now() - timedelta(days=days))
        )


def states(catalog):
    with catalog.snapshot() as session:
        return dict(session.execute(select(Embedding.photo_id, Embedding.state)).all())


def test_a_deleted_photo_leaves_the_index_and_keeps_its_bytes(
    catalog, blobs, indexes, settings, space, photos, purge, do, ann
):
    do(delete_photo, photos[0])
    assert purge() == 0
    assert sorted(indexes.get(space.key, space.dimension).ids()) == photos[1:]
    assert photos[0] not in states(catalog)
    assert len(list(blobs.keys("originals"))) == 3
    assert binned_ids(catalog, ann, settings) == [photos[0]]


def test_a_restored_photo_waits_to_be_embedded_again(catalog, settings, photos, purge, do, ann):
    do(delete_photo, photos[0])
    purge()
    assert do(trash.restore_photos, settings, [photos[0], 999]) == 1
    assert states(catalog)[photos[0]] == EmbeddingState.PENDING
    assert binned_ids(catalog, ann, settings) == []
    assert purge() == 0


def test_a_photo_restored_before_any_worker_looked_stays_in_the_index(
    catalog, indexes, settings, space, photos, purge, do
):
    do(delete_photo, photos[0])
    do(trash.restore_photos, settings, [photos[0]])
    purge()
    assert sorted(indexes.get(space.key, space.dimension).ids()) == photos
    assert states(catalog)[photos[0]] == EmbeddingState.PENDING


def test_when_its_time_is_over_it_is_removed_for_good(catalog, blobs, settings, photos, purge, do, ann):
    do(delete_photo, photos[0])
    age(catalog, Photo, 29)
    assert purge() == 0
    age(catalog, Photo, 31)
    assert binned_ids(catalog, ann, settings) == []
    with pytest.raises(NotFoundError):
        do(trash.restore_photos, settings, [photos[0]])
    assert purge() == 1
    assert len(list(blobs.keys("originals"))) == 2


def test_a_bin_of_no_days_keeps_nothing(catalog, blobs, indexes, settings, photos, do, ann):
    none = settings.model_copy(update={"trash_days": 0})
    do(delete_photo, photos[0])
    assert binned_ids(catalog, ann, none) == []
    assert purge_deleted(catalog, blobs, indexes, none) == 1


def test_a_photo_being_embedded_is_left_for_the_next_time(catalog, indexes, settings, space, photos, purge, do):
    do(delete_photo, photos[0])
    with catalog.transaction() as session:
        session.execute(update(Embedding).where(Embedding.photo_id == photos[0]).values(state=EmbeddingState.LEASED))
    purge()
    assert states(catalog)[photos[0]] == EmbeddingState.LEASED
    with catalog.transaction() as session:
        session.execute(update(Embedding).where(Embedding.photo_id == photos[0]).values(state=EmbeddingState.INDEXED))
    purge()
    assert photos[0] not in states(catalog)
    assert photos[0] not in set(indexes.get(space.key, space.dimension).ids())


def test_removing_for_good_waits_for_nothing(catalog, blobs, settings, photos, purge, do, ann):
    for photo_id in photos[:2]:
        do(delete_photo, photo_id)
    assert do(trash.remove_photos, settings, [photos[0]]) == 1
    assert binned_ids(catalog, ann, settings) == [photos[1]]
    assert purge() == 1
    do(trash.empty_trash)
    assert purge() == 1
    assert len(list(blobs.keys("originals"))) == 1


def test_the_preview_goes_with_the_photo(catalog, blobs, settings, photos, purge, do):
    with catalog.snapshot() as session:
        made_preview(catalog, blobs, settings, session.get(Photo, photos[0]).sha256)
    do(delete_photo, photos[0])
    purge()
    assert len(list(blobs.keys("previews"))) == 1
    do(trash.remove_photos, settings, [photos[0]])
    purge()
    assert list(blobs.keys("previews")) == []


def test_an_upload_of_the_same_file_brings_it_back(catalog, blobs, settings, collection_id, photos, do, tmp_path, ann):
    do(delete_photo, photos[0])
    (tmp_path / "again.jpg").write_bytes(jpeg(0))
    outcome = add_photo(catalog, blobs, settings, collection_id, "again.jpg", tmp_path / "again.jpg", None)
    assert (outcome.status, outcome.photo_id) == ("created", photos[0])
    assert binned_ids(catalog, ann, settings) == []


def test_a_collection_comes_back_with_what_was_deleted_with_it(
    catalog, settings, space, collection_id, photos, purge, do, ann
):
    do(delete_photo, photos[0])
    do(delete_collection, collection_id)
    purge()
    binned = content(catalog, ann, settings)
    assert [(each.collection.name, each.photos) for each in binned.collections] == [("Photos", 2)]
    assert binned.photos.items == ()  # the one deleted before cannot come back without its collection
    do(trash.restore_collection, settings, collection_id)
    with catalog.snapshot() as session:
        assert summary(session, ann, space.id, collection_id).photos == 2
    assert binned_ids(catalog, ann, settings) == [photos[0]]
    assert set(states(catalog)) == set(photos[1:])


def test_an_empty_collection_waits_its_time_too(catalog, settings, collection_id, purge, do, ann):
    do(delete_collection, collection_id)
    purge()
    assert len(content(catalog, ann, settings).collections) == 1
    age(catalog, Collection, 31)
    purge()
    with catalog.snapshot() as session:
        assert session.scalars(select(Collection)).all() == []


def test_a_collection_whose_name_is_taken_gets_another(catalog, settings, collection_id, do, ann):
    names: list[str] = []
    for _ in range(3):
        do(delete_collection, collection_id)
        with catalog.transaction() as session:
            name = f"Photos{' (restored)' * len(names)}"
            create_collection(session, session.get_one(User, ann.id), name, Visibility.PRIVATE)
        names.append(do(trash.restore_collection, settings, collection_id).name)
        if len(names) == 2:
            break
    assert names == ["Photos (restored)", "Photos (restored) (restored)"]


def test_a_collection_removed_for_good_takes_its_photos_along(
    catalog, blobs, settings, collection_id, photos, purge, do, ann
):
    do(delete_photo, photos[0])
    do(delete_collection, collection_id)
    do(trash.remove_collection, settings, collection_id)
    assert content(catalog, ann, settings) == trash.Trash((), Page((), None), 0)
    assert purge() == 3
    assert list(blobs.keys("originals")) == []
    with catalog.snapshot() as session:
        assert session.scalars(select(Collection)).all() == []


def test_the_bin_of_another_is_closed(catalog, settings, photos, do, bob):
    do(delete_photo, photos[0])
    assert content(catalog, bob, settings) == trash.Trash((), Page((), None), 0)
    for change in (trash.restore_photos, trash.remove_photos):
        with pytest.raises(NotFoundError), catalog.transaction() as session:
            change(session, bob, settings, [photos[0]])
    with catalog.transaction() as session:
        trash.empty_trash(session, bob)
    with catalog.snapshot() as session:
        assert trash.trashed_photo(session, session.get(User, 1), settings, photos[0]).id == photos[0]


def test_what_is_not_in_the_bin_is_neither_restored_nor_removed(catalog, settings, collection_id, photos, do):
    with pytest.raises(NotFoundError):
        do(trash.remove_photos, settings, photos)
    with pytest.raises(NotFoundError):
        do(trash.restore_collection, settings, collection_id)


def test_pages_of_the_bin_go_on_where_they_ended(catalog, settings, photos, do, ann):
    for photo_id in photos:
        do(delete_photo, photo_id)
    first = content(catalog, ann, settings, limit=2)
    assert ([photo.id for photo in first.photos.items], first.total) == (photos[:0:-1], 3)
    rest = content(catalog, ann, settings, after=first.photos.next, limit=2)
    assert ([photo.id for photo in rest.photos.items], rest.photos.next) == ([photos[0]], None)
