import pytest
from sqlalchemy import event, select

from mindreader.catalog import Embedding, EmbeddingState, Photo, Visibility
from mindreader.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from mindreader.library import collections
from mindreader.library.photos import set_category
from tests.support.library import add_photos, jpeg


@pytest.fixture
def make(catalog):
    def make(owner, name, visibility=Visibility.PRIVATE):
        with catalog.transaction() as session:
            return collections.create_collection(session, owner, name, visibility).id

    return make


@pytest.fixture
def library(make, ann):
    return {"private": make(ann, "Private"), "shared": make(ann, "Shared", Visibility.SHARED)}


def visible_names(catalog, user):
    with catalog.snapshot() as session:
        return [each.collection.name for each in collections.summaries(session, user, None)]


def test_a_private_collection_is_seen_by_its_owner_and_administrators(catalog, library, ann, bob, admin):
    assert visible_names(catalog, ann) == ["Private", "Shared"]
    assert visible_names(catalog, bob) == ["Shared"]
    assert visible_names(catalog, admin) == ["Private", "Shared"]


def test_the_ids_to_search_in_are_exactly_the_visible_ones(catalog, library, ann, bob):
    with catalog.snapshot() as session:
        assert collections.visible_collection_ids(session, bob) == [library["shared"]]
        assert set(collections.visible_collection_ids(session, ann)) == set(library.values())


def test_a_collection_of_another_is_as_if_it_were_not_there(catalog, library, bob):
    with catalog.snapshot() as session:
        for collection_id in (library["private"], 999):
            with pytest.raises(NotFoundError):
                collections.summary(session, bob, None, collection_id)


@pytest.mark.parametrize("change", [collections.delete_collection, collections.changeable_collection])
def test_a_shared_collection_is_changed_by_its_owner_only(catalog, library, bob, change):
    with pytest.raises(ForbiddenError), catalog.transaction() as session:
        change(session, bob, library["shared"])


def test_an_owner_has_each_name_once(make, ann, bob):
    make(ann, "Holidays")
    make(bob, "Holidays")
    with pytest.raises(ConflictError, match="Holidays"):
        make(ann, " Holidays ")


@pytest.mark.parametrize("name", ["", "x" * 201, "a\0b"])
def test_a_collection_needs_a_usable_name(make, ann, name):
    with pytest.raises(InvalidInputError):
        make(ann, name)


def test_renaming_and_sharing(catalog, library, ann, bob):
    with catalog.transaction() as session:
        collections.change_collection(session, ann, library["private"], "Open", Visibility.SHARED)
    assert visible_names(catalog, bob) == ["Open", "Shared"]


def test_what_is_not_named_stays(catalog, library, ann):
    with catalog.transaction() as session:
        kept = collections.change_collection(session, ann, library["shared"], None, None)
    assert (kept.name, kept.visibility) == ("Shared", Visibility.SHARED)


def test_renaming_to_a_taken_name_is_refused(catalog, library, ann):
    with pytest.raises(ConflictError), catalog.transaction() as session:
        collections.change_collection(session, ann, library["private"], "Shared", None)
    assert visible_names(catalog, ann) == ["Private", "Shared"]


def test_a_deleted_collection_is_gone_with_its_photos_and_its_name_is_free(
    catalog, blobs, settings, make, library, ann
):
    add_photos(catalog, blobs, settings, library["private"], [jpeg(1), jpeg(2)])
    with catalog.transaction() as session:
        collections.delete_collection(session, ann, library["private"])
    assert visible_names(catalog, ann) == ["Shared"]
    with catalog.snapshot() as session:
        assert None not in session.scalars(select(Photo.deleted_at)).all()
    make(ann, "Private")


def test_counts_per_state_photos_and_categories(catalog, blobs, settings, library, ann, space_id):
    photos = add_photos(catalog, blobs, settings, library["private"], [jpeg(n) for n in range(4)])
    with catalog.transaction() as session:
        set_category(session, ann, photos[0], "dog")
        set_category(session, ann, photos[1], "dog")
        set_category(session, ann, photos[2], "cat")
        session.get(Embedding, (photos[0], space_id)).state = EmbeddingState.INDEXED
        session.get(Embedding, (photos[1], space_id)).state = EmbeddingState.FAILED
        session.get(Photo, photos[2]).deleted_at = session.get(Photo, photos[2]).created_at
    with catalog.snapshot() as session:
        found = collections.summary(session, ann, space_id, library["private"])
    assert found.photos == 3
    assert found.embedding == {"pending": 1, "leased": 0, "indexed": 1, "failed": 1, "skipped": 0}
    assert [(each.name, each.photos) for each in found.categories] == [("dog", 2)]


def test_totals_cover_what_the_user_may_see(catalog, blobs, settings, library, ann, bob, space_id):
    add_photos(catalog, blobs, settings, library["private"], [jpeg(1)])
    add_photos(catalog, blobs, settings, library["shared"], [jpeg(2), jpeg(3)])
    with catalog.snapshot() as session:
        assert collections.embedding_totals(session, ann, space_id)["pending"] == 3
        assert collections.embedding_totals(session, bob, space_id)["pending"] == 2
        assert collections.embedding_totals(session, ann, None) == collections.no_embeddings()


def test_more_collections_cost_no_more_queries(catalog, make, ann):
    def queries():
        statements = []
        listener = lambda *arguments: statements.append(arguments[2])  # noqa: E731
        event.listen(catalog.engine, "before_cursor_execute", listener)
        with catalog.snapshot() as session:
            collections.summaries(session, ann, 1)
        event.remove(catalog.engine, "before_cursor_execute", listener)
        return len(statements)

    make(ann, "One")
    few = queries()
    for number in range(20):
        make(ann, f"Collection {number}")
    assert queries() == few
