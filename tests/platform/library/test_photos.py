from datetime import datetime

import pytest
from sqlalchemy import select, update

from mindreader.catalog import Category, Embedding, EmbeddingSpace, EmbeddingState, Photo, Visibility
from mindreader.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from mindreader.library import categories, photos
from mindreader.library.collections import create_collection
from mindreader.library.photos import PhotoFilter
from mindreader.photo_index import IndexFilter
from tests.support.library import add_photos, jpeg


@pytest.fixture
def collection_id(catalog, ann):
    with catalog.transaction() as session:
        return create_collection(session, ann, "Photos", Visibility.PRIVATE).id


@pytest.fixture
def photo_ids(catalog, blobs, settings, collection_id, space_id):
    return add_photos(catalog, blobs, settings, collection_id, [jpeg(n) for n in range(7)])


def put_in_state(catalog, photo_id, state, **values):
    with catalog.transaction() as session:
        session.execute(update(Embedding).where(Embedding.photo_id == photo_id).values(state=state, **values))


def embedding(catalog, photo_id):
    with catalog.snapshot() as session:
        return session.scalars(select(Embedding).where(Embedding.photo_id == photo_id)).one()


def page_ids(catalog, collection_id, space_id, only=PhotoFilter(), after=None, limit=100):  # noqa: B008
    with catalog.snapshot() as session:
        page = photos.photo_page(session, collection_id, space_id, only, after=after, limit=limit)
    return [view.photo.id for view in page.items], page.next


def test_pages_together_give_every_photo_once_newest_first(catalog, collection_id, space_id, photo_ids):
    seen, after = [], None
    while True:
        ids, after = page_ids(catalog, collection_id, space_id, after=after, limit=3)
        seen += ids
        if after is None:
            break
    assert seen == sorted(photo_ids, reverse=True)


def test_a_page_that_ends_exactly_has_no_next(catalog, collection_id, space_id, photo_ids):
    assert page_ids(catalog, collection_id, space_id, limit=7)[1] is None


def test_filters_by_category_and_state(catalog, collection_id, space_id, photo_ids, ann):
    with catalog.transaction() as session:
        photos.set_category(session, ann, photo_ids[2], "dog")
        dog = session.scalars(select(Category.id)).one()
    put_in_state(catalog, photo_ids[3], EmbeddingState.FAILED)
    assert page_ids(catalog, collection_id, space_id, PhotoFilter(category_id=dog))[0] == [photo_ids[2]]
    failed = PhotoFilter(state=EmbeddingState.FAILED)
    assert page_ids(catalog, collection_id, space_id, failed)[0] == [photo_ids[3]]


def test_a_photo_nobody_asked_to_embed_is_pending(catalog, collection_id, photo_ids):
    pending = PhotoFilter(state=EmbeddingState.PENDING)
    assert len(page_ids(catalog, collection_id, 999, pending)[0]) == len(photo_ids)


def test_a_failed_photo_says_why(catalog, photo_ids, ann, space_id):
    put_in_state(catalog, photo_ids[0], EmbeddingState.FAILED, error="It is broken.")
    with catalog.snapshot() as session:
        view = photos.visible_photo(session, ann, space_id, photo_ids[0])
    assert (view.state, view.error) == (EmbeddingState.FAILED, "It is broken.")


def test_a_deleted_photo_is_nowhere(catalog, collection_id, space_id, photo_ids, ann):
    with catalog.transaction() as session:
        photos.delete_photo(session, ann, photo_ids[0])
    with catalog.snapshot() as session:
        with pytest.raises(NotFoundError):
            photos.visible_photo(session, ann, space_id, photo_ids[0])
        assert photos.visible_photos(session, ann, photo_ids[:2])[0].id == photo_ids[1]
    assert photo_ids[0] not in page_ids(catalog, collection_id, space_id)[0]


def test_search_results_keep_their_order_and_show_only_visible_photos(catalog, photo_ids, ann, bob):
    order = [photo_ids[4], photo_ids[0], 999, photo_ids[2]]
    with catalog.snapshot() as session:
        found = [photo.id for photo in photos.visible_photos(session, ann, order)]
        assert found == [photo_ids[4], photo_ids[0], photo_ids[2]]
        assert photos.visible_photos(session, bob, order) == []


@pytest.mark.parametrize("change", ["delete_photo", "set_category", "retry_photo"])
def test_photos_of_others_are_not_changed(catalog, photo_ids, bob, change):
    arguments = ["dog"] if change == "set_category" else []
    with pytest.raises(NotFoundError), catalog.transaction() as session:
        getattr(photos, change)(session, bob, photo_ids[0], *arguments)


@pytest.mark.parametrize("change", ["delete_photo", "set_category", "retry_photo"])
def test_photos_shared_by_others_are_only_looked_at(catalog, collection_id, photo_ids, bob, change):
    with catalog.transaction() as session:
        session.scalars(select(Photo)).first().collection.visibility = Visibility.SHARED
    arguments = ["dog"] if change == "set_category" else []
    with pytest.raises(ForbiddenError), catalog.transaction() as session:
        getattr(photos, change)(session, bob, photo_ids[0], *arguments)


@pytest.mark.parametrize("state", [EmbeddingState.INDEXED, EmbeddingState.LEASED])
def test_a_new_category_is_told_to_the_index_and_nothing_is_embedded_again(catalog, photo_ids, ann, state):
    put_in_state(catalog, photo_ids[0], state, lease_owner="a worker", attempts=2)
    with catalog.transaction() as session:
        photos.set_category(session, ann, photo_ids[0], "dog")
    row = embedding(catalog, photo_ids[0])
    assert (row.state, row.lease_owner, row.attempts, row.labels_stale) == (state, "a worker", 2, True)


def test_the_same_category_again_changes_nothing(catalog, photo_ids, ann):
    with catalog.transaction() as session:
        photos.set_category(session, ann, photo_ids[0], "dog")
    put_in_state(catalog, photo_ids[0], EmbeddingState.INDEXED)
    with catalog.transaction() as session:
        photos.set_category(session, ann, photo_ids[0], " dog ")
    assert embedding(catalog, photo_ids[0]).state == EmbeddingState.INDEXED


def test_a_category_does_not_heal_a_failed_photo(catalog, photo_ids, ann):
    put_in_state(catalog, photo_ids[0], EmbeddingState.FAILED, error="It is broken.")
    with catalog.transaction() as session:
        photos.set_category(session, ann, photo_ids[0], "dog")
    assert embedding(catalog, photo_ids[0]).state == EmbeddingState.FAILED


@pytest.mark.parametrize("nothing", [None, "", "  "])
def test_a_category_can_be_taken_away(catalog, photo_ids, ann, nothing):
    with catalog.transaction() as session:
        photos.set_category(session, ann, photo_ids[0], "dog")
    with catalog.transaction() as session:
        photos.set_category(session, ann, photo_ids[0], nothing)
        assert session.get(Photo, photo_ids[0]).category_id is None


@pytest.mark.parametrize("name", ["x" * 201, "a\0b"])
def test_an_unusable_category_is_refused(catalog, photo_ids, ann, name):
    with pytest.raises(InvalidInputError), catalog.transaction() as session:
        photos.set_category(session, ann, photo_ids[0], name)


def test_one_name_is_one_category_in_a_collection(catalog, photo_ids, ann):
    with catalog.transaction() as session:
        photos.set_category(session, ann, photo_ids[0], "dog")
        photos.set_category(session, ann, photo_ids[1], "dog")
    with catalog.snapshot() as session:
        assert len(session.scalars(select(Category)).all()) == 1


def test_category_ids_cover_all_collections_searched(catalog, collection_id, photo_ids, ann):
    with catalog.transaction() as session:
        other = create_collection(session, ann, "Other", Visibility.PRIVATE).id
        here = categories.category_named(session, collection_id, "dog")
        there = categories.category_named(session, other, "dog")
        categories.category_named(session, other, "cat")
        assert categories.category_ids(session, [collection_id, other], [" dog"]) == (here, there)
        assert categories.category_ids(session, [collection_id], ["dog", "horse"]) == (here,)
        assert categories.category_ids(session, [collection_id], ["horse"]) == ()


def test_a_failed_photo_gets_all_its_attempts_again(catalog, photo_ids, ann):
    put_in_state(catalog, photo_ids[0], EmbeddingState.FAILED, error="It is broken.", attempts=3)
    with catalog.transaction() as session:
        photos.retry_photo(session, ann, photo_ids[0])
    row = embedding(catalog, photo_ids[0])
    assert (row.state, row.attempts, row.error) == ("pending", 0, None)


def test_only_failed_photos_are_tried_again(catalog, photo_ids, ann):
    with pytest.raises(ConflictError), catalog.transaction() as session:
        photos.retry_photo(session, ann, photo_ids[0])


def test_searchable_says_how_much_can_be_found(catalog, collection_id, space_id, photo_ids, ann):
    put_in_state(catalog, photo_ids[0], EmbeddingState.INDEXED)
    with catalog.transaction() as session:
        photos.set_category(session, ann, photo_ids[1], "dog")
        dog = session.scalars(select(Category.id)).one()
        photos.delete_photo(session, ann, photo_ids[2])
        photos.set_taken_at(session, ann, photo_ids[3], datetime(2019, 3, 21))
    with catalog.transaction() as session:
        here = (collection_id,)
        assert photos.searchable(session, space_id, IndexFilter(here)) == photos.Searchable(1, 6)
        assert photos.searchable(session, space_id, IndexFilter(here, (dog,))) == photos.Searchable(0, 1)
        assert photos.searchable(session, space_id, IndexFilter(())) == photos.Searchable(0, 0)
        assert photos.searchable(session, space_id, IndexFilter()) == photos.Searchable(1, 6)
        beyond = IndexFilter(here, first_day=0, last_day=10**9)
        assert photos.searchable(session, space_id, beyond) == photos.Searchable(0, 1)
        never_opened = EmbeddingSpace(key="1" * 16, photo_encoder="none", dimension=4, description={})
        session.add(never_opened)
        session.flush()
        assert photos.searchable(session, never_opened.id, IndexFilter(here)) == photos.Searchable(0, 6)
