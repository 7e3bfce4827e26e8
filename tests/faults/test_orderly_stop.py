"""SIGTERM in the middle of embedding: what is held is given back at once, and counts as no attempt."""

from __future__ import annotations

import time

import pytest
from sqlalchemy import func, select
from support.invariants import check, embed_all_again, settle
from support.patrons import Patron
from support.photos import write_photos
from support.services import wait_until

from mindreader.catalog import Catalog, Embedding, EmbeddingState

PHOTOS = 120
SECONDS = 30  # a slice of these tests takes 3; the rest is for busy machines


@pytest.mark.parametrize("stores", ["embedded", "services"])
def test_nothing_stays_leased(deploy, tmp_path, stores):
    deployment = deploy(stores)
    catalog = Catalog(deployment.settings.catalog_url)

    def count(state: EmbeddingState) -> int:
        with catalog.snapshot() as session:
            return session.scalar(select(func.count()).select_from(Embedding).where(Embedding.state == state))

    with deployment.api() as api:
        patron = Patron(api)
        photos = write_photos(tmp_path / "photos", PHOTOS)
        patron.upload(photos[1:])
        settle(deployment.settings)
        embed_all_again(deployment.settings)  # so that all wait when the last one wakes the worker
        patron.upload(photos[:1])
        wait_until(lambda: count(EmbeddingState.INDEXED) >= 4 and count(EmbeddingState.LEASED), "a batch", seconds=90)
    began = time.monotonic()
    deployment.stop()
    assert time.monotonic() - began < SECONDS
    assert count(EmbeddingState.LEASED) == 0
    assert count(EmbeddingState.INDEXED) < PHOTOS, "the worker was stopped after the last photo"
    with catalog.snapshot() as session:
        waiting = select(func.max(Embedding.attempts)).where(Embedding.state == EmbeddingState.PENDING)
        assert session.scalar(waiting) == 0
    deployment.start()
    settle(deployment.settings)
    deployment.stop()
    catalog.close()
    check(deployment.settings, patron.record)
