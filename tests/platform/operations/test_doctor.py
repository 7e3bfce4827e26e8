"""The doctor finds every kind of difference, and after a repair there is none."""

from __future__ import annotations

import os
import sqlite3

import numpy as np
import pytest
from sqlalchemy import delete, update

from mindreader.blobs import original_key, preview_key, thumbnail_key
from mindreader.catalog import Embedding, EmbeddingState, Photo
from mindreader.catalog.models import now
from mindreader.errors import NotReadyError
from mindreader.library.files.previews import PREVIEW_PIXELS, made_preview
from mindreader.model_versions.registry import activate
from mindreader.operations.doctor import diagnose
from mindreader.photo_index import IndexPoint
from tests.support.bundles import register_and_open
from tests.support.databases import corrupt
from tests.support.library import add_collection, add_photos, jpeg


@pytest.fixture
def library(catalog, blobs, settings, indexes, quick_bundle):
    """Three photos, indexed, and nothing amiss."""
    version = register_and_open(catalog, blobs, settings, quick_bundle)
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


# By content, and whatever is broken.


def _sha256_of_photo(catalog, photo) -> str:
    with catalog.snapshot() as session:
        return str(session.get_one(Photo, photo).sha256)


def _original(catalog, blobs, photo):
    path = blobs.local_path(original_key(_sha256_of_photo(catalog, photo)))
    assert path is not None
    return path


def _thumbnail(catalog, blobs, settings, photo):
    path = blobs.local_path(thumbnail_key(_sha256_of_photo(catalog, photo), settings.thumbnail_pixels))
    assert path is not None
    return path


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        (lambda path: path.write_bytes(b""), "is empty"),
        (lambda path: os.truncate(path, 100), "has 100 bytes instead of"),
        (lambda path: path.write_bytes(path.read_bytes() + b"more"), "instead of"),
    ],
)
def test_originals_that_were_emptied_or_cut_are_named_without_reading_any(
    library, catalog, blobs, indexes, settings, harm, says
):
    photos, _ = library
    harm(_original(catalog, blobs, photos[1]))
    finding = _examine(catalog, blobs, indexes, settings)["damaged-original"]
    assert (finding.count, finding.repaired) == (1, False)
    assert f"(photo {photos[1]})" in finding.names[0]
    assert says in finding.names[0]


def test_originals_that_were_overwritten_are_named_when_they_are_read(library, catalog, blobs, indexes, settings):
    photos, _ = library
    path = _original(catalog, blobs, photos[0])
    path.write_bytes(bytes(path.stat().st_size))
    assert _examine(catalog, blobs, indexes, settings) == {}
    told = []
    findings = diagnose(
        catalog, blobs, indexes, settings, repair=False, content=True, progress=lambda *done: told.append(done)
    )
    assert [finding.kind for finding in findings] == ["damaged-original"]
    assert f"(photo {photos[0]}): is not what was uploaded" in findings[0].names[0]
    assert (3, 3) in told


def test_a_pipe_in_the_place_of_an_original_is_named_and_not_waited_for(library, catalog, blobs, indexes, settings):
    photos, _ = library
    path = _original(catalog, blobs, photos[0])
    path.unlink()
    os.mkfifo(path)
    kinds = {finding.kind for finding in diagnose(catalog, blobs, indexes, settings, repair=True, content=True)}
    assert kinds & {"lost-original", "damaged-original"}


@pytest.mark.parametrize("harm", [b"", b"RIFF", b"something else, and long enough"])
def test_thumbnails_that_cannot_be_shown_are_made_again(library, catalog, blobs, indexes, settings, harm):
    photos, _ = library
    path = _thumbnail(catalog, blobs, settings, photos[0])
    path.write_bytes(harm)
    assert _examine(catalog, blobs, indexes, settings)["broken-thumbnail"].count == 1
    assert _examine(catalog, blobs, indexes, settings, repair=True)["broken-thumbnail"].repaired
    assert _examine(catalog, blobs, indexes, settings) == {}


def test_previews_that_cannot_be_shown_are_removed_and_a_whole_one_stays(library, catalog, blobs, indexes, settings):
    photos, _ = library
    whole, broken = (_sha256_of_photo(catalog, photo) for photo in photos[:2])
    for digest in (whole, broken):
        made_preview(catalog, blobs, settings, digest)
    blobs.local_path(preview_key(broken, PREVIEW_PIXELS)).write_bytes(b"RIFF")
    assert _examine(catalog, blobs, indexes, settings)["broken-preview"].count == 1
    assert _examine(catalog, blobs, indexes, settings, repair=True)["broken-preview"].repaired
    assert _examine(catalog, blobs, indexes, settings) == {}
    assert list(blobs.keys("previews")) == [preview_key(whole, PREVIEW_PIXELS)]


def test_previews_of_no_photo_are_removed_and_those_in_the_trash_stay(library, catalog, blobs, indexes, settings):
    photos, _ = library
    made_preview(catalog, blobs, settings, _sha256_of_photo(catalog, photos[0]))
    kept = list(blobs.keys("previews"))
    with catalog.transaction() as session:
        session.execute(update(Photo).where(Photo.id == photos[0]).values(deleted_at=now()))
    blobs.put(preview_key("0" * 64, PREVIEW_PIXELS), blobs.get(kept[0]))
    assert _examine(catalog, blobs, indexes, settings)["orphan-preview"].count == 1
    assert _examine(catalog, blobs, indexes, settings, repair=True)["orphan-preview"].repaired
    assert list(blobs.keys("previews")) == kept


def test_a_damaged_original_without_a_thumbnail_is_named_and_the_others_are_mended(
    library, catalog, blobs, indexes, settings
):
    photos, index = library
    for photo in photos:
        _thumbnail(catalog, blobs, settings, photo).unlink()
    _original(catalog, blobs, photos[0]).write_bytes(b"no picture")
    index.delete(photos[2:])
    found = diagnose(catalog, blobs, indexes, settings, repair=True)
    assert {(f.kind, f.count, f.repaired) for f in found} == {
        ("damaged-original", 1, False),
        ("missing-thumbnail", 2, True),
        ("missing-thumbnail", 1, False),
        ("lost-point", 1, True),
    }
    unmended = next(f for f in found if f.kind == "missing-thumbnail" and not f.repaired)
    assert f"(photo {photos[0]})" in unmended.names[0]


def _damage(catalog, settings):
    with catalog.engine.connect() as connection:
        connection.connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    catalog.engine.dispose()
    corrupt(settings.data_dir / "catalog.sqlite3")


def test_a_damaged_catalog_is_named_and_nothing_is_mended_by_it(library, catalog, blobs, indexes, settings):
    _, index = library
    index.upsert([IndexPoint(999, np.ones(64, np.float32), 1)])
    _damage(catalog, settings)
    found = _examine(catalog, blobs, indexes, settings, repair=True)
    assert not found["damaged-catalog"].repaired
    assert "restore a backup" in found["damaged-catalog"].sentence
    assert 999 in set(index.ids())


def test_rows_whose_others_are_gone_are_named(library, catalog, blobs, indexes, settings):
    photos, _ = library
    with sqlite3.connect(settings.data_dir / "catalog.sqlite3") as database:
        database.execute("PRAGMA foreign_keys=OFF")
        database.execute("DELETE FROM photo WHERE id = ?", (photos[0],))
    finding = _examine(catalog, blobs, indexes, settings)["dangling-row"]
    assert "embedding" in finding.sentence


def test_a_check_that_cannot_be_made_hides_no_other(library, catalog, blobs, indexes, settings, monkeypatch):
    photos, _ = library
    _original(catalog, blobs, photos[0]).write_bytes(b"")

    def broken(*_, **__):
        raise NotReadyError("The index cannot be opened.")

    monkeypatch.setattr(indexes, "get", broken)
    with catalog.transaction() as session:
        session.execute(delete(Embedding).where(Embedding.photo_id == photos[1]))
    found = _examine(catalog, blobs, indexes, settings)
    assert set(found) == {"damaged-original", "not-queued", "unchecked"}
    assert "The index cannot be opened" in found["unchecked"].sentence
