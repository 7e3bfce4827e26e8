"""The doctor finds every kind of difference, and after a repair there is none."""

from __future__ import annotations

import numpy as np
import pytest
from sqlalchemy import delete, update

from mindreader.blobs import original_key
from mindreader.catalog import Embedding, EmbeddingState, Photo
from mindreader.model_versions.registry import activate
from mindreader.operations.doctor import diagnose
from mindreader.photo_index import IndexPoint
from tests.support.bundles import register_and_open, write_untrained_bundle
from tests.support.library import add_collection, add_photos, jpeg


@pytest.fixture
def library(catalog, blobs, settings, indexes, tmp_path):
    """Three photos, indexed, and nothing amiss."""
    version = register_and_open(catalog, blobs, settings, write_untrained_bundle(tmp_path / "bundle"))
    with catalog.transaction() as session:
        activate(session, version.id)
        key = version.space.key
    photos = add_photos(catalog, blobs, settings, add_collection(catalog), [jpeg(i) for i in range(3)])
    index = indexes.get(key, 64)
    index.upsert([IndexPoint(photo, np.ones(64, np.float32), 1) for photo in photos])
    with catalog.transaction() as session:
        session.execute(update(Embedding).values(state=EmbeddingState.INDEXED))
    return photos, index


def _examine(catalog, blobs, indexes, settings, repair=False):
    return {finding.kind: finding for finding in diagnose(catalog, blobs, indexes, settings, repair=repair)}


def test_an_orderly_library_has_no_findings(library, catalog, blobs, indexes, settings):
    assert _examine(catalog, blobs, indexes, settings) == {}


def test_a_photo_without_its_point_is_queued_again(library, catalog, blobs, indexes, settings):
    photos, index = library
    index.delete(photos[:1])
    assert _examine(catalog, blobs, indexes, settings)["lost-point"].count == 1
    _examine(catalog, blobs, indexes, settings, repair=True)
    with catalog.snapshot() as session:
        assert session.query(Embedding.state).filter_by(photo_id=photos[0]).scalar() == "pending"


def test_a_point_without_its_photo_is_removed(library, catalog, blobs, indexes, settings):
    _, index = library
    index.upsert([IndexPoint(999, np.ones(64, np.float32), 1)])
    assert _examine(catalog, blobs, indexes, settings)["orphan-point"].count == 1
    _examine(catalog, blobs, indexes, settings, repair=True)
    assert _examine(catalog, blobs, indexes, settings) == {}


def test_a_lost_thumbnail_is_made_again(library, catalog, blobs, indexes, settings):
    key = next(iter(blobs.keys("thumbnails")))
    blobs.delete(key)
    assert _examine(catalog, blobs, indexes, settings)["missing-thumbnail"].count == 1
    _examine(catalog, blobs, indexes, settings, repair=True)
    assert blobs.get(key)[:4] == b"RIFF"


def test_a_lost_original_is_named_and_not_called_mended(library, catalog, blobs, indexes, settings):
    photos, _ = library
    with catalog.snapshot() as session:
        blobs.delete(original_key(session.get(Photo, photos[0]).sha256))
    finding = _examine(catalog, blobs, indexes, settings, repair=True)["lost-original"]
    assert (finding.count, finding.repaired) == (1, False)


def test_a_photo_nobody_queued_is_queued(library, catalog, blobs, indexes, settings):
    photos, _ = library
    with catalog.transaction() as session:
        session.execute(delete(Embedding).where(Embedding.photo_id == photos[0]))
    assert _examine(catalog, blobs, indexes, settings)["not-queued"].count == 1
    _examine(catalog, blobs, indexes, settings, repair=True)
    assert "not-queued" not in _examine(catalog, blobs, indexes, settings)


def test_without_an_active_version_the_doctor_says_so(catalog, blobs, indexes, settings):
    assert set(_examine(catalog, blobs, indexes, settings)) == {"no-active-version"}
