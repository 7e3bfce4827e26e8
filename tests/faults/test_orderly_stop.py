"""SIGTERM in the middle of embedding: what is held is given back at once, and counts as no attempt."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from mindreader.catalog import Catalog, Embedding, EmbeddingState
from tests.support.gate import Gate, wrapped
from tests.support.invariants import check, count, settle
from tests.support.patrons import Patron
from tests.support.photos import write_photos

PHOTOS = 24


@pytest.mark.parametrize("stores", ["embedded", pytest.param("services", marks=pytest.mark.slow)])
def test_nothing_stays_leased(deploy, tmp_path, stores):
    gate = Gate(tmp_path / "gate")
    gate.close()
    deployment = deploy(stores, **wrapped(("gate", str(gate.folder))))
    catalog = Catalog(deployment.settings.catalog_url)
    with deployment.api() as api:
        patron = Patron(api)
        patron.upload(write_photos(tmp_path / "photos", PHOTOS))
        gate.wait()
    assert count(catalog, EmbeddingState.LEASED), "nothing was leased when the worker was stopped"
    deployment.stop()
    assert count(catalog, EmbeddingState.LEASED) == 0
    assert count(catalog, EmbeddingState.INDEXED) < PHOTOS, "the worker was stopped after the last photo"
    with catalog.snapshot() as session:
        waiting = select(func.max(Embedding.attempts)).where(Embedding.state == EmbeddingState.PENDING)
        assert session.scalar(waiting) == 0
    gate.open()
    deployment.start()
    settle(deployment.settings)
    deployment.stop()
    catalog.close()
    check(deployment.settings, patron.record)
