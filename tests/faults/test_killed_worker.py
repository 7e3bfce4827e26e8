"""kill -9 of the process that embeds, in the middle of a batch: the next one takes its photos over."""

from __future__ import annotations

import pytest
from support.invariants import check, settle
from support.midway import count, upload_until_mid_batch
from support.patrons import Patron
from support.photos import write_photos

from mindreader.catalog import Catalog, EmbeddingState

PHOTOS = 120


@pytest.mark.parametrize("stores", ["embedded", "services"])
def test_every_photo_of_the_batch_is_indexed_once(deploy, tmp_path, stores):
    deployment = deploy(stores)
    catalog = Catalog(deployment.settings.catalog_url)

    with deployment.api() as api:
        patron = Patron(api)
        photos = write_photos(tmp_path / "photos", PHOTOS)
        upload_until_mid_batch(deployment.settings, catalog, patron, photos)
        deployment.kill_worker()
    assert count(catalog, EmbeddingState.LEASED), "nothing was leased when the worker was killed"
    assert count(catalog, EmbeddingState.INDEXED) < PHOTOS
    deployment.start()
    settle(deployment.settings)
    assert count(catalog, EmbeddingState.INDEXED) == PHOTOS
    deployment.stop()
    catalog.close()
    check(deployment.settings, patron.record)
