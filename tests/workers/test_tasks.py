"""What a slice of embedding work does when a space cannot be worked on."""

import shutil

import pytest
from sqlalchemy import select
from support.bundles import write_untrained_bundle
from support.library import add_collection, add_photos, jpeg

from mindreader.catalog import Embedding
from mindreader.photo_index import PhotoIndexes
from mindreader.use_cases.models import register_bundle
from mindreader_workers.tasks import Worker


@pytest.fixture
def worker(settings, catalog, blobs):
    indexes = PhotoIndexes(settings)
    yield Worker(settings, catalog, blobs, indexes)
    indexes.close()


def _register(catalog, bundle):
    with catalog.transaction() as session:
        return register_bundle(session, bundle).space_id


def test_a_space_whose_bundle_is_gone_does_not_keep_the_others_waiting(worker, catalog, blobs, settings, tmp_path):
    whole = _register(catalog, write_untrained_bundle(tmp_path / "whole"))
    lost_bundle = write_untrained_bundle(tmp_path / "lost", seed=1)
    lost = _register(catalog, lost_bundle)
    shutil.rmtree(lost_bundle.folder)
    add_photos(catalog, blobs, settings, add_collection(catalog), [jpeg(1)])
    assert worker.embed_slice()
    with catalog.snapshot() as session:
        states = {row.space_id: row.state for row in session.scalars(select(Embedding))}
    assert states == {whole: "indexed", lost: "pending"}
    # Nothing is left that could get further: the task must not wake itself again and again.
    assert not worker.embed_slice()
