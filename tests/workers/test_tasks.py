"""What a slice of embedding work does when a space cannot be worked on."""

import pytest
from sqlalchemy import select

from mindreader.catalog import Embedding, Photo, Training
from mindreader.photo_index import PhotoIndexes
from mindreader_workers.worker import Worker
from tests.support.bundles import register_and_open, write_untrained_bundle
from tests.support.library import add_collection, add_photos, jpeg


@pytest.fixture
def worker(settings, catalog, blobs):
    indexes = PhotoIndexes(settings)
    yield Worker(settings, catalog, blobs, indexes)
    indexes.close()


@pytest.fixture
def opened(catalog, blobs, settings):
    return lambda bundle: register_and_open(catalog, blobs, settings, bundle)


def test_a_space_whose_bundle_is_gone_does_not_keep_the_others_waiting(
    worker, opened, catalog, blobs, settings, tmp_path, quick_bundle
):
    whole = opened(quick_bundle).space_id
    version = opened(write_untrained_bundle(tmp_path / "lost", seed=1))
    lost = version.space_id
    worker.kept.remove(version.bundle_sha256)
    add_photos(catalog, blobs, settings, add_collection(catalog), [jpeg(1)])
    assert worker.embed_slice()
    with catalog.snapshot() as session:
        states = {row.space_id: row.state for row in session.scalars(select(Embedding))}
    assert states == {whole: "indexed", lost: "pending"}
    # Nothing is left that could get further: the task must not wake itself again and again.
    assert not worker.embed_slice()


def test_a_worker_without_photos_to_embed_reads_the_dates_of_those_of_earlier_versions(
    worker, opened, catalog, blobs, settings, quick_bundle
):
    opened(quick_bundle)
    add_photos(catalog, blobs, settings, add_collection(catalog), [jpeg(1), jpeg(2)])
    worker.embed_slice()
    assert sources(catalog) == {None}
    worker.embed_slice()
    assert sources(catalog) == {"none"}


def sources(catalog):
    with catalog.snapshot() as session:
        return set(session.scalars(select(Photo.date_source)))


class Waits:
    """An event that remembers how long it was waited for."""

    def __init__(self):
        self.seconds: list[float] = []

    def wait(self, seconds):
        self.seconds.append(seconds)

    def set(self): ...

    def clear(self): ...

    def is_set(self):
        return False


def test_wake_ups_behind_a_pass_that_found_nothing_wait_a_little_and_photos_do_not(
    worker, opened, catalog, blobs, settings, quick_bundle
):
    opened(quick_bundle)
    worker._asked = waits = Waits()
    worker.embed_slice()
    assert waits.seconds == []
    worker.embed_slice()
    assert len(waits.seconds) == 1
    assert 0 < waits.seconds[0] <= 0.25
    add_photos(catalog, blobs, settings, add_collection(catalog), [jpeg(1)])
    worker.embed_slice()
    with catalog.snapshot() as session:
        assert session.scalars(select(Embedding.state)).all() == ["indexed"]
    worker.embed_slice()
    assert len(waits.seconds) == 1  # neither the photo nor what comes right after it waits


def test_a_slice_of_learning_goes_on_while_there_is_something_to_learn(worker, opened, catalog, quick_bundle):
    assert not worker.learn_slice()
    version = opened(quick_bundle)
    with catalog.transaction() as session:
        session.add(Training(ongoing=True, from_version_id=version.id))
    worker.learner.work = lambda seconds, is_stopping: not is_stopping()
    assert worker.learn_slice()
    with worker._learning:  # another thread is at it
        assert not worker.learn_slice()
    worker.stopping.set()
    assert not worker.learn_slice()


def test_a_library_without_photos_fails_with_a_sentence(worker, opened, catalog, quick_bundle):
    version = opened(quick_bundle)
    with catalog.transaction() as session:
        session.add(Training(ongoing=True, from_version_id=version.id))
    worker.learn_slice()
    with catalog.snapshot() as session:
        training = session.scalars(select(Training)).one()
    assert (training.state, training.lease_owner) == ("failed", None)
    assert "Only 0 different photos" in training.problem
