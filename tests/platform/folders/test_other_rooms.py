"""Everything else knows folders: embedding, fingerprints, purge, trash, doctor, backups, the move to other stores."""

from __future__ import annotations

import numpy as np
import pytest
from sqlalchemy import delete, select, update

from mindreader.backup.create import back_up
from mindreader.backup.migrate_stores import move
from mindreader.backup.restore import restore
from mindreader.blobs import BlobStore, original_key, preview_key, thumbnail_key
from mindreader.catalog import Catalog, Embedding, EmbeddingSpace, Photo, PhotoFingerprint
from mindreader.catalog.models import now
from mindreader.embedding.embedder import Embedder
from mindreader.embedding.queue import spaces_with_work
from mindreader.errors import ConflictError
from mindreader.library.files.fingerprints import Fingerprinter
from mindreader.library.files.previews import PREVIEW_PIXELS, made_preview
from mindreader.library.files.upload import add_photo
from mindreader.library.purge import purge_deleted
from mindreader.library.trash import restore_photos
from mindreader.operations.doctor import diagnose
from mindreader.operations.first_start import check_not_forgotten
from mindreader.settings import load_settings
from tests.support.folders import LONG_AGO, Shown, put, state_of
from tests.support.library import add_collection, jpeg
from tests.support.whole_photos import whole_photos

DIMENSION = 1280


class Encoder:
    """E2, quick: what a vector says does not matter here."""

    def embed(self, photos):
        return whole_photos(np.tile(np.eye(1, DIMENSION), (len(photos), 1)))


@pytest.fixture
def embedder(catalog, blobs, settings, indexes, space_id):
    with catalog.snapshot() as session:
        space = session.get_one(EmbeddingSpace, space_id)
    return Embedder(catalog, blobs, indexes, settings, space, 32, Encoder(), 32)


@pytest.fixture
def embedded(shown, embedder):
    shown.scan()
    assert embedder.work(60).indexed == 4
    return shown


def states(catalog):
    with catalog.snapshot() as session:
        return sorted(session.execute(select(Embedding.state, Embedding.attempts)).all())


def test_photos_are_embedded_from_where_they_lie(embedded, catalog, root):
    before = state_of(root)
    assert states(catalog) == [("indexed", 1)] * 4
    assert state_of(root) == before


def test_a_photo_whose_disk_is_away_waits_and_is_embedded_once_it_is_back(
    shown, embedder, catalog, settings, root, tmp_path
):
    shown.scan()
    root.rename(tmp_path / "unplugged")
    report = embedder.work(60)  # before any scan knows
    assert (report.indexed, report.failed) == (0, 0)
    assert states(catalog) == [("pending", 0)] * 4
    assert spaces_with_work(catalog) == [], "workers would try again and again"
    (tmp_path / "unplugged").rename(root)
    shown.scan()
    assert embedder.work(60).indexed == 4


def test_others_are_embedded_while_a_disk_is_away(shown, embedder, catalog, blobs, settings, root, tmp_path):
    shown.scan()
    root.rename(tmp_path / "unplugged")
    shown.scan()
    upload = put(tmp_path / "upload.jpg", jpeg(300))
    assert add_photo(catalog, blobs, settings, add_collection(catalog), "upload.jpg", upload, None).status == "created"
    assert embedder.work(60).indexed == 1


def test_fingerprints_are_made_from_the_folder_where_the_thumbnail_is_gone(shown, catalog, blobs, settings):
    shown.scan()
    photo = shown.photos()["d.jpg"]
    blobs.delete(thumbnail_key(photo.sha256, settings.thumbnail_pixels))
    with catalog.transaction() as session:
        session.execute(delete(PhotoFingerprint).where(PhotoFingerprint.photo_id == photo.id))
    Fingerprinter(catalog, blobs, settings).work(60)
    with catalog.snapshot() as session:
        assert session.get_one(PhotoFingerprint, photo.id).picture


def test_a_purge_removes_what_mindreader_made_and_no_file(embedded, catalog, blobs, indexes, settings, root):
    before = state_of(root)
    photo = embedded.photos()["d.jpg"]
    made_preview(catalog, blobs, settings, photo.sha256)
    with catalog.transaction() as session:
        session.execute(update(Photo).where(Photo.id == photo.id).values(deleted_at=now()))
    assert purge_deleted(catalog, blobs, indexes, settings.model_copy(update={"trash_days": 0})) == 1
    assert not blobs.exists(thumbnail_key(photo.sha256, settings.thumbnail_pixels))
    assert not blobs.exists(preview_key(photo.sha256, PREVIEW_PIXELS))
    assert state_of(root) == before
    assert embedded.scan().photos == 0
    assert "d.jpg" not in embedded.photos()


def test_a_purge_keeps_no_original_for_a_photo_that_has_its_own_elsewhere(
    embedded, catalog, blobs, indexes, settings, root, tmp_path
):
    collection = add_collection(catalog)
    outcome = add_photo(catalog, blobs, settings, collection, "d.jpg", root / "d.jpg", None)
    digest = embedded.photos()["d.jpg"].sha256
    assert blobs.exists(original_key(digest))
    with catalog.transaction() as session:
        session.execute(update(Photo).where(Photo.id == outcome.photo_id).values(deleted_at=now()))
    purge_deleted(catalog, blobs, indexes, settings.model_copy(update={"trash_days": 0}))
    assert not blobs.exists(original_key(digest))
    assert blobs.exists(thumbnail_key(digest, settings.thumbnail_pixels))


def test_the_trash_gives_a_hidden_photo_back(embedded, catalog, settings, admin):
    photo = embedded.photos()["d.jpg"]
    with catalog.transaction() as session:
        session.execute(update(Photo).where(Photo.id == photo.id).values(deleted_at=now()))
    embedded.scan()
    with catalog.transaction() as session:
        assert restore_photos(session, admin, settings, [photo.id]) == 1
    assert embedded.photos()["d.jpg"].id == photo.id


# The doctor.


@pytest.fixture
def examined(embedded, catalog, blobs, indexes, settings):
    def examine(**options):
        options = {"repair": False} | options
        found = diagnose(catalog, blobs, indexes, settings, **options)
        return {each.kind: each for each in found if each.kind not in ("no-active-version", "lost-bundle")}

    return examine


def test_the_doctor_finds_nothing_amiss_in_a_folder(examined):
    assert examined() == {}
    assert examined(content=True) == {}


def test_the_doctor_names_what_is_away_and_what_changed(examined, embedded, root, tmp_path):
    put(root / "d.jpg", jpeg(5), LONG_AGO + 7)
    (root / "2020" / "c.jpg").unlink()
    found = examined()["changed-in-folder"]
    assert (found.count, found.repaired) == (2, False)
    assert [name.rpartition("/")[2] for name in found.names] == ["c.jpg is gone", "d.jpg has changed"]
    root.rename(tmp_path / "unplugged")
    assert set(examined()) == {"folder-away"}


def test_the_doctor_reads_files_in_folders_when_it_is_asked_to(examined, embedded, root):
    import os

    path, status = root / "d.jpg", (root / "d.jpg").stat()
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert examined() == {}
    assert examined(content=True)["changed-in-folder"].count == 1


def test_the_doctor_makes_a_thumbnail_again_from_the_folder(examined, embedded, blobs, settings):
    key = thumbnail_key(embedded.photos()["d.jpg"].sha256, settings.thumbnail_pixels)
    blobs.delete(key)
    assert examined()["missing-thumbnail"].count == 1
    examined(repair=True)
    assert blobs.exists(key)


# Backups and moves.


@pytest.fixture
def elsewhere(tmp_path, settings):
    return load_settings(
        {"MINDREADER_DATA_DIR": str(tmp_path / "elsewhere"), "MINDREADER_FOLDER_ROOTS": settings.folder_roots}
    )


@pytest.mark.parametrize("reference", [False, True])
def test_a_backup_leaves_originals_in_folders_and_a_restore_finds_them(
    embedded, catalog, blobs, settings, elsewhere, tmp_path, root, reference
):
    before = state_of(root)
    report = back_up(catalog, blobs, settings, tmp_path / "backup", reference=reference)
    assert (report.photos, report.in_folders, report.problems) == (4, 4, ())
    assert not list((tmp_path / "backup" / "blobs").glob("originals/**/*"))
    there = elsewhere.model_copy(update={"blobs_url": settings.blobs_root}) if reference else elsewhere
    restored = restore(there, tmp_path / "backup")
    assert (restored.photos, restored.lost, restored.folders) == (4, (), (str(root),))
    catalog.close()
    other = Shown(Catalog(there.catalog_url), BlobStore(there.blobs_root), there, embedded.id)
    assert other.row.scan_requested_at is not None
    scan = other.scan()
    assert (scan.new, scan.changed, scan.photos) == (0, 0, 0)
    assert not any(photo.is_away for photo in other.photos().values())
    assert len(list(other.blobs.keys("thumbnails"))) == 4
    assert state_of(root) == before
    other.catalog.close()


def test_a_move_to_other_stores_leaves_the_files_where_they_are(
    embedded, catalog, blobs, settings, elsewhere, indexes, root
):
    before = state_of(root)
    indexes.close()
    report = move(settings, elsewhere)
    assert (report.photos, report.points, report.problems) == (4, 4, [])
    other = Shown(Catalog(elsewhere.catalog_url), BlobStore(elsewhere.blobs_root), elsewhere, embedded.id)
    assert other.scan().photos == 0
    assert len(other.photos()) == 4
    assert state_of(root) == before
    other.catalog.close()


def test_an_empty_catalog_beside_photos_of_folders_is_not_begun_with(embedded, blobs, settings, tmp_path):
    other = Catalog(f"sqlite:///{tmp_path}/new.sqlite3")
    with pytest.raises(ConflictError, match="new and empty"):
        check_not_forgotten(other, blobs, settings)
