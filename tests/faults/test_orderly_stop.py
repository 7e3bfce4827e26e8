"""SIGTERM in the middle of embedding: what is held is given back at once, and counts as no attempt."""

from __future__ import annotations

import time

import pytest
from sqlalchemy import func, select
from support.invariants import check, settle
from support.midway import count, upload_until_mid_batch
from support.patrons import Patron
from support.photos import write_photos

from mindreader.catalog import Catalog, Embedding, EmbeddingState

PHOTOS = 120
SECONDS = 30  # a slice of these tests takes 3; the rest is for busy machines


@pytest.mark.parametrize("stores", ["embedded", "services"])
def test_nothing_stays_leased(deploy, tmp_path, stores):
    deployment = deploy(stores)
    catalog = Catalog(deployment.settings.catalog_url)

    with deployment.api() as api:
        patron = Patron(api)
        photos = write_photos(tmp_path / "photos", PHOTOS)
        upload_until_mid_batch(deployment.settings, catalog, patron, photos)
    began = time.monotonic()
    deployment.stop()
    assert time.monotonic() - began < SECONDS
    assert count(catalog, EmbeddingState.LEASED) == 0
    assert count(catalog, EmbeddingState.INDEXED) < PHOTOS, "the worker was stopped after the last photo"
    with catalog.snapshot() as session:
        waiting = select(func.max(Embedding.attempts)).where(Embedding.state == EmbeddingState.PENDING)
        assert session.scalar(waiting) == 0
    deployment.start()
    settle(deployment.settings)
    deployment.stop()
    catalog.close()
    check(deployment.settings, patron.record)
