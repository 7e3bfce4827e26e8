"""What is done with a space holds for one with regions: embedded, labelled, mended, moved, judged, dropped."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from sqlalchemy import select, update

from mindreader.backup.create import back_up
from mindreader.backup.migrate_stores import move
from mindreader.backup.restore import restore
from mindreader.boxes import WHOLE, Box
from mindreader.catalog import Catalog, Embedding, EmbeddingSpace, EmbeddingState, ModelVersion, Photo
from mindreader.catalog.models import now
from mindreader.embedding import queue
from mindreader.embedding.embedder import Embedder
from mindreader.embedding.labels import update_stale_labels
from mindreader.embedding.rebuild import rebuild_damaged
from mindreader.embedding.spaces import cost, drop_requested, open_space, request_drop
from mindreader.errors import DamagedIndexError, InvalidInputError
from mindreader.library.categories import category_named
from mindreader.library.purge import purge_deleted
from mindreader.model_versions import registry
from mindreader.model_versions.library_quality import library_quality
from mindreader.operations.doctor import diagnose, repair_indexes
from mindreader.photo_index import EVERYTHING, IndexFilter, PhotoIndexes, Regions
from mindreader.settings import load_settings
from tests.support.damage import cut_short
from tests.support.library import add_collection, add_photos, jpeg
from tests.support.regions import best_box

PHOTOS = 6
DIMENSION = 1280
LEFT = Box(0, 0, 0.5, 1)


class Encoder:
    """Of every photo the whole, and something of its own in the left half."""

    def __init__(self):
        self.seen = 0

    def embed(self, photos):
        made = []
        for _ in photos:
            self.seen += 1
            made.append(Regions((WHOLE, LEFT), np.eye(DIMENSION, dtype=np.float32)[[0, self.seen]]))
        return made


def left(number):
    """What lies in the left half of the photo that was embedded so late."""
    return np.eye(DIMENSION, dtype=np.float32)[number]


@pytest.fixture
def regional(catalog, blobs, settings, make_bundle):
    """The active version's space, with regions, open."""
    return registry.install(catalog, registry.bundle_store(settings, blobs), make_bundle("first"), "grid6").space


@pytest.fixture
def collection(catalog):
    return add_collection(catalog)


@pytest.fixture
def embed(catalog, blobs, settings, indexes, regional):
    encoder = Encoder()
    return lambda: Embedder(catalog, blobs, indexes, settings, regional, 32, encoder, 4, 64).work(60)


@pytest.fixture
def photos(catalog, blobs, settings, collection, regional, embed):
    added = add_photos(catalog, blobs, settings, collection, [jpeg(i) for i in range(PHOTOS)])
    assert embed().indexed == PHOTOS
    return added


def found_on_the_left(indexes, space, number, where=EVERYTHING):
    index = indexes.of(space)
    near = [hit.photo_id for hit in index.search(left(number), 1, where) if hit.score > 0.9]
    return [(photo_id, best_box(regions, left(number))) for photo_id, regions in index.regions(near).items()]


def set_category(catalog, collection, photo_ids, name):
    with catalog.transaction() as session:
        category = category_named(session, collection, name)
        session.execute(update(Photo).where(Photo.id.in_(photo_ids)).values(category_id=category))
        queue.labels_changed(session, photo_ids)
    return category


def test_a_photo_is_found_by_what_is_in_its_left_half(indexes, regional, photos):
    for number, photo in enumerate(photos, start=1):
        assert found_on_the_left(indexes, regional, number) == [(photo, LEFT)]


def test_new_labels_reach_all_regions(catalog, indexes, regional, collection, photos):
    category = set_category(catalog, collection, photos[:1], "dog")
    update_stale_labels(catalog, indexes)
    where = IndexFilter(category_ids=(category,))
    assert found_on_the_left(indexes, regional, 1, where) == [(photos[0], LEFT)]
    assert found_on_the_left(indexes, regional, 2, where) == []


def test_nothing_of_a_purged_photo_is_found(catalog, blobs, settings, indexes, regional, photos):
    with catalog.transaction() as session:
        long_ago = now() - timedelta(days=settings.trash_days + 1)
        session.execute(update(Photo).where(Photo.id == photos[0]).values(deleted_at=long_ago))
    assert purge_deleted(catalog, blobs, indexes, settings) == 1
    assert found_on_the_left(indexes, regional, 1) == []
    assert list(indexes.of(regional).ids()) == photos[1:]


def test_the_doctor_finds_nothing_amiss_and_mends_what_is(catalog, blobs, settings, indexes, regional, photos, embed):
    assert diagnose(catalog, blobs, indexes, settings, repair=False) == []
    indexes.of(regional).delete(photos[:2])
    assert [each.kind for each in repair_indexes(catalog, indexes)] == ["lost-point"]
    assert embed().indexed == 2
    assert diagnose(catalog, blobs, indexes, settings, repair=False) == []
    assert found_on_the_left(indexes, regional, PHOTOS + 1) == [(photos[0], LEFT)]


def test_a_damaged_index_is_built_again_with_regions(catalog, settings, indexes, regional, photos, embed):
    indexes.close()
    for status in (settings.index_dir / regional.key).rglob("vector_storage*/**/status.dat"):
        cut_short(status)
    with pytest.raises(DamagedIndexError):
        indexes.of(regional)
    assert rebuild_damaged(catalog, indexes) == [regional.key]
    assert embed().indexed == PHOTOS
    assert found_on_the_left(indexes, regional, PHOTOS + 1) == [(photos[0], LEFT)]


def test_categories_are_judged_by_whole_photos_and_their_regions(catalog, indexes, collection, regional, photos):
    set_category(catalog, collection, photos[:3], "dog")
    set_category(catalog, collection, photos[3:], "cat")
    update_stale_labels(catalog, indexes)
    assert [each.photos for each in library_quality(catalog, indexes, [collection]).categories] == [3, 3]


def test_versions_with_regions_come_back_from_a_backup(catalog, blobs, settings, tmp_path, photos, regional):
    back_up(catalog, blobs, settings, tmp_path / "backup")
    elsewhere = load_settings({"MINDREADER_DATA_DIR": str(tmp_path / "elsewhere")})
    restore(elsewhere, tmp_path / "backup")
    there = Catalog(elsewhere.catalog_url)
    with there.snapshot() as session:
        active = registry.active_version(session)
        assert active is not None
        space = active.space
        names = set(session.scalars(select(ModelVersion.name)))
        waiting = set(session.scalars(select(Embedding.state)))
    there.close()
    assert (space.regions, space.key) == ("grid6", regional.key)
    assert names == {"first", "first · regions"}
    assert waiting == {EmbeddingState.PENDING}


def test_regions_move_to_other_stores(catalog, settings, indexes, tmp_path, photos, regional):
    indexes.close()
    elsewhere = load_settings({"MINDREADER_DATA_DIR": str(tmp_path / "elsewhere")})
    report = move(settings, elsewhere)
    assert (report.points, report.to_embed) == (PHOTOS, 0)
    there = PhotoIndexes(elsewhere)
    for number, photo in enumerate(photos, start=1):
        assert found_on_the_left(there, regional, number) == [(photo, LEFT)]
    there.close()


def test_a_space_with_regions_is_dropped_and_built_anew(
    catalog, blobs, settings, indexes, regional, photos, make_bundle
):
    other = registry.install(catalog, registry.bundle_store(settings, blobs), make_bundle("2", "efficientnet-lite2"))
    with catalog.transaction() as session:
        open_space(session, other.space_id)
        registry.activate(session, other.id, incomplete=True)
        request_drop(session, regional.id)
    assert drop_requested(catalog, indexes) == [regional.key]
    with catalog.transaction() as session:
        open_space(session, regional.id)
    assert indexes.of(regional).count() == 0


def test_what_regions_cost_is_known_before(catalog, collection, photos, regional):
    with catalog.transaction() as session:
        space = session.get(EmbeddingSpace, regional.id)
        space.photos_per_second, space.encoder_bytes = 6.0, 1000
        dear, plain = cost(session, space), cost(session, space, "none")
        with pytest.raises(InvalidInputError, match="grid99"):
            cost(session, space, "grid99")
    assert plain.seconds == 1.0
    assert dear.seconds is not None
    assert 3 < dear.seconds < 4, "five crops at 0.68 of each side beside the whole"
    assert dear.index_bytes > 7 * PHOTOS * DIMENSION * 4
    assert plain.memory_bytes < 1000 + 2 * PHOTOS * DIMENSION * 4
    assert dear.memory_bytes < plain.memory_bytes, "what is searched has half a byte a number"


def test_regions_of_a_newer_version_are_shown_and_nothing_is_said_of_their_time(catalog, regional):
    with catalog.transaction() as session:
        space = session.get(EmbeddingSpace, regional.id)
        space.photos_per_second = 6.0
        space.description = space.description | {"regions": "of tomorrow"}
        assert cost(session, space).seconds is None
        assert cost(session, space, "none").seconds is not None


def test_a_collection_s_photos_stay_its_own(catalog, blobs, settings, indexes, regional, collection, photos, embed):
    """Whoever may see one collection finds no region of another."""
    other = add_collection(catalog, "Other")
    (hidden,) = add_photos(catalog, blobs, settings, other, [jpeg(99)])
    embed()
    assert found_on_the_left(indexes, regional, PHOTOS + 1) == [(hidden, LEFT)]
    assert found_on_the_left(indexes, regional, PHOTOS + 1, IndexFilter(collection_ids=(collection,))) == []
