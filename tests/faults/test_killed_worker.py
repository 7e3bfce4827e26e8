"""kill -9 of the process that embeds, in the middle of a batch: the next one takes its photos over."""

from __future__ import annotations

import pytest

from mindreader.catalog import Catalog, EmbeddingState
from tests.support.gate import Gate, wrapped
from tests.support.invariants import check, count, settle
from tests.support.patrons import Patron
from tests.support.photos import write_photos

PHOTOS = 24


@pytest.mark.parametrize("stores", [pytest.param("embedded", marks=pytest.mark.slow), "services"])
def test_every_photo_of_the_batch_is_indexed_once(deploy, tmp_path, stores):
    gate = Gate(tmp_path / "gate")
    gate.close()
    deployment = deploy(stores, **wrapped(("gate", str(gate.folder))))
    catalog = Catalog(deployment.settings.catalog_url)
    with deployment.api() as api:
        patron = Patron(api)
        patron.upload(write_photos(tmp_path / "photos", PHOTOS))
        gate.wait()
        deployment.kill_worker()
    assert count(catalog, EmbeddingState.LEASED), "nothing was leased when the worker was killed"
    assert count(catalog, EmbeddingState.INDEXED) < PHOTOS
    gate.open()
    deployment.start()
    settle(deployment.settings)
    assert count(catalog, EmbeddingState.INDEXED) == PHOTOS
    deployment.stop()
    catalog.close()
    check(deployment.settings, patron.record)
