"""Two embed workers on one queue: they share the photos, and one takes over what the other one held."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import select, update

from mindreader.catalog import Catalog, Embedding, EmbeddingState
from mindreader.catalog.models import now
from mindreader.embedding.queue import URGENT
from mindreader.library.purge import purge_deleted
from mindreader.model_versions.registry import activate
from mindreader.operations.doctor import repair_indexes
from mindreader.photo_index import PhotoIndexes
from mindreader.settings import load_settings
from mindreader_workers.worker import Worker
from tests.support.bundles import register_and_open, write_untrained_bundle
from tests.support.invariants import violations
from tests.support.library import add_collection, add_photos, jpeg
from tests.support.patrons import Record
from tests.support.services import wait_until

PHOTOS = 80


class Counting:
    """E2 that says how many photos it was given, and may be held up."""

    def __init__(self, encoder):
        self.encoder, self.photos, self.go_on = encoder, 0, threading.Event()
        self.go_on.set()

    def rest(self):
        """There is nothing to give back."""

    def embed(self, photos):
        self.photos += len(photos)
        assert self.go_on.wait(300)
        return self.encoder.embed(photos)

    @property
    def description(self):
        return self.encoder.description

    @property
    def scheme(self):
        return self.encoder.scheme


@pytest.fixture(params=[pytest.param("sqlite", marks=pytest.mark.slow), "postgresql"])
def settings(request, tmp_path):
    url = request.getfixturevalue("migrated_postgres_url") if request.param == "postgresql" else ""
    small = {"EMBED_BATCH_SIZE": "4", "TRASH_DAYS": "0"}
    names = {"DATA_DIR": str(tmp_path / "data"), "DATABASE_URL": url} | small
    return load_settings({f"MINDREADER_{name}": value for name, value in names.items()})


@pytest.fixture
def workers(settings, catalog, blobs, tmp_path):
    """Two, with one open index, as they would have one Qdrant server; and the space they work in."""
    version = register_and_open(catalog, blobs, settings, write_untrained_bundle(tmp_path / "bundle"))
    with catalog.transaction() as session:
        activate(session, version.id, incomplete=True)
    indexes = PhotoIndexes(settings)
    two = [Worker(settings, Catalog(settings.catalog_url), blobs, indexes) for _ in range(2)]
    for worker in two:
        key = version.space.key
        counting = Counting(worker.embedder(version.space)._encoder)
        worker._encoders[key] = counting  # type: ignore[assignment]  # has what an embedder asks of it
    yield two, version.space
    indexes.close()
    for worker in two:
        worker.catalog.close()


def _add(settings, catalog, blobs, count):
    return add_photos(
        catalog, blobs, settings, add_collection(catalog), [jpeg(n) for n in range(count)], priority=URGENT
    )


def _wrong(settings, workers, catalog):
    workers[0].indexes.close()
    with catalog.snapshot() as session:
        photos = {row.photo_id: row.photo.sha256 for row in session.scalars(select(Embedding))}
    return [wrong for wrong in violations(settings, Record(photos)) if "thumbnail" not in wrong]


def test_they_share_the_work_and_no_photo_is_embedded_twice(settings, workers, catalog, blobs):
    two, space = workers
    _add(settings, catalog, blobs, PHOTOS)
    threads = [threading.Thread(target=worker.embed_slice) for worker in two]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    done = [worker._encoders[space.key].photos for worker in two]
    assert sum(done) == PHOTOS
    assert min(done) > 0, "one of them did everything"
    assert _wrong(settings, two, catalog) == []


def test_a_worker_that_is_too_slow_does_not_undo_what_the_other_one_did_since(settings, workers, catalog, blobs):
    """Its lease runs out while it embeds; the other one embeds its photos, and one of them is deleted and purged."""
    (slow, quick), space = workers
    photos = _add(settings, catalog, blobs, 4)
    held_up = slow._encoders[space.key]
    held_up.go_on.clear()
    working = threading.Thread(target=slow.embedder(space).work, args=(60,))
    working.start()
    wait_until(lambda: held_up.photos == 4, "the lease")
    with catalog.transaction() as session:
        session.execute(update(Embedding).values(lease_until=now()))
    quick.embed_slice()
    with catalog.transaction() as session:
        assert {row.state for row in session.scalars(select(Embedding))} == {"indexed"}
        session.get(Embedding, (photos[0], space.id)).photo.deleted_at = now()
    purge_deleted(quick.catalog, blobs, quick.indexes, settings)
    assert quick.indexes.of(space).existing(photos) == set(photos[1:])
    held_up.go_on.set()
    working.join()
    # Not only after the next repair: the slow one has taken its point of the deleted photo back itself.
    assert quick.indexes.of(space).existing(photos) == set(photos[1:])
    assert repair_indexes(catalog, quick.indexes) == []
    assert _wrong(settings, [quick], catalog) == []


def test_a_deleted_photo_whose_worker_was_killed_is_purged(settings, workers, catalog, blobs):
    """Nothing else waits in the space, so nobody would lease in it."""
    (worker, _), space = workers
    (photo,) = _add(settings, catalog, blobs, 1)
    with catalog.transaction() as session:
        row = session.get(Embedding, (photo, space.id))
        row.state, row.lease_owner, row.lease_until = EmbeddingState.LEASED, "killed", now()
        row.photo.deleted_at = now()
    worker.embed_slice()
    assert _wrong(settings, [worker], catalog) == []
    with catalog.snapshot() as session:
        assert session.scalars(select(Embedding)).all() == []
