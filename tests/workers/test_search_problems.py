"""What a search worker notes of what keeps searches from being answered, and what /readyz makes of it."""

from __future__ import annotations

import numpy as np
import pytest
from sqlalchemy import update

from mindreader.blobs import BlobStore
from mindreader.catalog import Embedding, EmbeddingState
from mindreader.errors import DamagedIndexError
from mindreader.imaging import Sketch
from mindreader.messages import SearchRequest
from mindreader.model_versions.registry import activate
from mindreader.operations.worker_status import workers
from mindreader.photo_index import EVERYTHING, IndexPoint, PhotoIndexes
from mindreader_webui.app import create_app
from mindreader_webui.services import Services
from mindreader_workers.celery_app import make_celery
from mindreader_workers.worker import Worker
from tests.support.bundles import register_and_open
from tests.support.damage import cut_short
from tests.support.library import add_collection, add_photos, jpeg


@pytest.fixture
def client(settings, catalog, blobs):
    """Of a server that knows only what the catalog says."""
    return create_app(Services(settings, catalog, blobs, make_celery(settings))).test_client()


@pytest.fixture
def library(settings, catalog, blobs, quick_bundle):
    """Three photos, indexed; the index is closed."""
    version = register_and_open(catalog, blobs, settings, quick_bundle)
    photos = add_photos(catalog, blobs, settings, add_collection(catalog), [jpeg(i) for i in range(3)])
    space, indexes = version.space, PhotoIndexes(settings)
    points = [IndexPoint(photo, np.eye(space.dimension, dtype=np.float32)[photo], 1) for photo in photos]
    indexes.get(space.key, space.dimension).upsert(points)
    indexes.close()
    with catalog.transaction() as session:
        session.execute(update(Embedding).values(state=EmbeddingState.INDEXED))
        activate(session, version.id)
    return space, photos


@pytest.fixture
def damaged(library, settings):
    space, photos = library
    for status in (settings.index_dir / space.key).rglob("vectors/status.dat"):
        cut_short(status)
    return space, photos


@pytest.fixture
def worker(settings, catalog, blobs):
    indexes = PhotoIndexes(settings)
    yield Worker(settings, catalog, BlobStore(settings.blobs_root), indexes)
    indexes.close()


@pytest.fixture
def request_(sketch_png):
    return SearchRequest(sketch=Sketch.read(sketch_png, max_bytes=10**6), where=EVERYTHING, limit=10, most_readings=1)


def test_not_ready_until_a_damaged_index_is_replaced(damaged, worker, client, settings, catalog):
    _, photos = damaged
    worker.check_search()
    assert client.get("/readyz").status_code == 503
    with catalog.snapshot() as session:
        (row,) = workers(session)
    assert str(settings.index_dir) in (row.last_error or ""), "administrators see where"
    worker.embed_slice()
    worker.check_search()
    assert client.get("/readyz").text == "ok"
    assert _states(catalog) == dict.fromkeys(photos, "indexed")


def test_a_search_that_meets_the_damage_makes_it_known(damaged, worker, client, settings, request_):
    worker.heartbeats["search"].record(worker.catalog)
    assert client.get("/readyz").text == "ok"
    with pytest.raises(DamagedIndexError) as caught:
        worker.answer_search(request_)
    assert str(settings.data_dir) not in caught.value.detail, "members read that"
    assert client.get("/readyz").status_code == 503
    worker.embed_slice()
    assert {hit.photo_id for hit in worker.answer_search(request_).hits} == set(damaged[1])
    assert client.get("/readyz").text == "ok"


def test_an_index_that_failed_while_open_is_opened_anew_for_the_same_search(library, worker, request_, settings):
    """The engine failed once, and the files are whole."""
    space, photos = library
    index = worker.indexes.get(space.key, space.dimension)
    index._shard.close()
    assert {hit.photo_id for hit in worker.answer_search(request_).hits} == set(photos)
    assert list(settings.index_dir.glob("*.damaged-*")) == []


def test_a_worker_that_only_embeds_says_nothing_of_searches(damaged, worker, client):
    worker.embed_slice()
    assert client.get("/readyz").text == "no search worker has done a task lately"


def _states(catalog):
    with catalog.snapshot() as session:
        return dict(session.query(Embedding.photo_id, Embedding.state).all())
