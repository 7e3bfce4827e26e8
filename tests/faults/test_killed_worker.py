"""kill -9 of the process that embeds, in the middle of a batch: the next one takes its photos over."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select
from support.invariants import check, embed_all_again, settle
from support.patrons import Patron
from support.photos import write_photos
from support.services import wait_until

from mindreader.catalog import Catalog, Embedding, EmbeddingState

PHOTOS = 120


@pytest.mark.parametrize("stores", ["embedded", "services"])
def test_every_photo_of_the_batch_is_indexed_once(deploy, tmp_path, stores):
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
        deployment.kill_worker()
    assert count(EmbeddingState.LEASED), "nothing was leased when the worker was killed"
    assert count(EmbeddingState.INDEXED) < PHOTOS
    deployment.start()
    settle(deployment.settings)
    assert count(EmbeddingState.INDEXED) == PHOTOS
    deployment.stop()
    catalog.close()
    check(deployment.settings, patron.record)
