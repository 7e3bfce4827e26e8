"""A worker embeds the regions of photos in a space that has some, and makes E2 ready for them."""

from __future__ import annotations

import pytest

from mindreader.blobs import BlobStore
from mindreader.inference.regions import region_scheme
from mindreader.inference.schemes import encoders_of
from mindreader.model_versions.registry import bundle_store, install
from mindreader.networks.descriptions import SpaceDescription
from mindreader.photo_index import EVERYTHING, PhotoIndexes
from mindreader_workers.worker import Worker
from tests.support.library import add_collection, add_photos, jpeg


@pytest.fixture
def space(settings, catalog, blobs, quick_bundle):
    return install(catalog, bundle_store(settings, blobs), quick_bundle, "grid6").space


@pytest.fixture
def worker(settings, catalog):
    indexes = PhotoIndexes(settings)
    yield Worker(settings, catalog, BlobStore(settings.blobs_root), indexes)
    indexes.close()


def test_photos_are_embedded_region_by_region(settings, catalog, blobs, space, worker):
    photos = add_photos(catalog, blobs, settings, add_collection(catalog), [jpeg(i, (400, 300)) for i in range(3)])
    for _ in range(2):  # the photos wait in the space without regions too, and chance says which comes first
        worker.embed_slice()
    index = worker.indexes.of(space)
    stored = index.regions(photos)
    scheme = region_scheme("grid6")
    assert {photo: each.boxes for photo, each in stored.items()} == dict.fromkeys(photos, scheme.regions(400, 300))
    (hit,) = index.search(stored[photos[1]].vectors[2], 1, EVERYTHING)
    assert hit.photo_id == photos[1]
    assert hit.score > 0.999, "that very region"


def test_every_encoder_it_takes_is_made_ready_before_the_first_photo(space, worker, monkeypatch):
    ready = []
    monkeypatch.setattr(worker.engine, "make_ready", lambda encoder, *_: ready.append(encoder.input_size))
    worker.embed_slice()
    encoder = SpaceDescription.from_json(space.description).encoder
    assert ready == [each.input_size for each in encoders_of(encoder, region_scheme("grid6"))]
    assert len(set(ready)) == 2
