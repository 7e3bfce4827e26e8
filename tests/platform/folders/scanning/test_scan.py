"""What a scan makes of a folder: new, changed, moved, missing and returned files, and nothing done to any of them."""

from __future__ import annotations

import os
import shutil
import time
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from mindreader.blobs import original_key, sha256_of, thumbnail_key
from mindreader.catalog import Embedding, EmbeddingState, FolderFile, Photo
from mindreader.catalog.models import now
from mindreader.embedding import queue
from mindreader.folders.scanning import intake
from mindreader.folders.scanning.scan import StoppingError
from mindreader.library.trash import PURGE_AT_ONCE
from tests.support.folders import LONG_AGO, Shown, put, put_photos, state_of
from tests.support.library import jpeg


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request):
    return request.param


def test_photos_are_taken_in_where_they_lie_and_only_thumbnails_are_kept(shown, blobs, settings, root):
    before = state_of(root)
    report = shown.scan()
    assert (report.files, report.new, report.photos, report.refused) == (4, 4, 4, 0)
    assert sorted(shown.photos()) == ["a.jpg", "b.jpg", "c.jpg", "d.jpg"]
    for photo in shown.photos().values():
        assert not blobs.exists(original_key(photo.sha256))
        assert blobs.exists(thumbnail_key(photo.sha256, settings.thumbnail_pixels))
        assert not photo.is_away
    assert state_of(root) == before


def test_photos_that_were_found_wait_behind_uploads(shown, catalog):
    shown.scan()
    with catalog.snapshot() as session:
        assert set(session.execute(select(Embedding.state, Embedding.priority)).all()) == {("pending", queue.FOUND)}


def test_a_second_scan_opens_no_file_and_finds_nothing(shown, monkeypatch):
    shown.scan()
    photos = {name: photo.id for name, photo in shown.photos().items()}
    monkeypatch.setattr(intake, "sha256_of", None)
    report = shown.scan()
    assert (report.files, report.new, report.changed, report.photos) == (4, 0, 0, 0)
    assert {name: photo.id for name, photo in shown.photos().items()} == photos


def test_a_file_that_changed_becomes_another_photo_with_what_was_said_of_the_first(shown, catalog, root):
    shown.scan()
    old = shown.photos()["d.jpg"]
    moment = now()
    with catalog.transaction() as session:
        said = {"taken_at": moment, "date_source": "person"}
        session.execute(update(Photo).where(Photo.id == old.id).values(**said))
    put(root / "d.jpg", jpeg(99), LONG_AGO + 999)
    report = shown.scan()
    new = shown.photos()["d.jpg"]
    assert (report.changed, report.photos) == (1, 1)
    assert new.id != old.id
    assert new.taken_at == moment
    with catalog.snapshot() as session:
        assert session.get(Photo, old.id).deleted_at == PURGE_AT_ONCE


def test_a_file_that_was_only_touched_stays_the_photo_it_was(shown, root):
    shown.scan()
    before = shown.photos()["d.jpg"].id
    os.utime(root / "d.jpg", (LONG_AGO + 5000, LONG_AGO + 5000))
    report = shown.scan()
    assert (report.changed, report.photos) == (1, 0)
    assert shown.photos()["d.jpg"].id == before
    assert not shown.photos()["d.jpg"].is_away


def test_a_file_that_was_moved_keeps_its_photo_and_is_not_embedded_again(shown, catalog, root):
    shown.scan()
    before = shown.photos()["d.jpg"].id
    with catalog.transaction() as session:
        session.execute(update(Embedding).values(state=EmbeddingState.INDEXED))
    (root / "d.jpg").rename(root / "2020" / "renamed.jpg")
    report = shown.scan()
    assert (report.new, report.moved, report.missing, report.photos) == (1, 1, 0, 0)
    assert shown.photos()["renamed.jpg"].id == before
    assert shown.photos()["renamed.jpg"].folder == f"{root.name}/2020"
    assert sorted(shown.files()) == ["2019/rome/a.jpg", "2019/rome/b.jpg", "2020/c.jpg", "2020/renamed.jpg"]
    with catalog.snapshot() as session:
        assert set(session.scalars(select(Embedding.state))) == {EmbeddingState.INDEXED}


def test_a_name_in_other_letters_is_a_move(shown, root):
    shown.scan()
    before = shown.photos()["d.jpg"].id
    (root / "d.jpg").rename(root / "D.JPG")
    shown.scan()
    assert shown.photos()["D.JPG"].id == before


def test_a_copy_is_the_same_photo_until_its_last_file_is_gone(shown, root):
    shown.scan()
    shutil.copy2(root / "d.jpg", root / "2020" / "copy.jpg")
    report = shown.scan()
    assert report.photos == 0
    (root / "d.jpg").unlink()
    shown.scan()
    assert len(shown.photos()) == 4
    assert not any(photo.is_away for photo in shown.photos().values())


def test_a_missing_file_keeps_its_photo_for_a_while_and_comes_back(shown, root):
    shown.scan()
    content = (root / "d.jpg").read_bytes()
    (root / "d.jpg").unlink()
    report = shown.scan()
    assert (report.missing, report.forgotten) == (1, 0)
    assert shown.photos()["d.jpg"].is_away
    put(root / "d.jpg", content, LONG_AGO + 3)
    report = shown.scan()
    assert (report.back, report.missing, report.photos) == (1, 0, 0)
    assert not shown.photos()["d.jpg"].is_away


def test_a_file_missing_for_longer_than_the_setting_says_is_forgotten(shown, catalog, settings, root):
    shown.scan()
    (root / "d.jpg").unlink()
    shown.scan()
    with catalog.transaction() as session:
        long_ago = now() - timedelta(days=settings.folder_forget_days + 1)
        missing = update(FolderFile).where(FolderFile.missing_since.is_not(None))
        session.execute(missing.values(missing_since=long_ago))
    keeps = shown.scan(settings.model_copy(update={"folder_forget_days": 0}))
    assert keeps.forgotten == 0
    assert shown.scan().forgotten == 1
    assert "d.jpg" not in shown.photos()
    assert "d.jpg" not in shown.files()


def test_a_photo_that_was_deleted_stays_hidden_and_its_file_stays(shown, catalog, root):
    shown.scan()
    photo_id = shown.photos()["d.jpg"].id
    with catalog.transaction() as session:
        session.execute(update(Photo).where(Photo.id == photo_id).values(deleted_at=now()))
    shutil.copy2(root / "d.jpg", root / "again.jpg")
    shown.scan()
    assert "d.jpg" not in shown.photos()
    with catalog.transaction() as session:  # the trash is over
        session.delete(session.get(Photo, photo_id))
    (root / "d.jpg").rename(root / "2020" / "moved.jpg")
    report = shown.scan()
    assert report.photos == 0
    assert sorted(shown.photos()) == ["a.jpg", "b.jpg", "c.jpg"]
    assert (root / "2020" / "moved.jpg").exists()


def test_a_photo_restored_from_the_trash_is_there_as_before(shown, catalog):
    shown.scan()
    photo_id = shown.photos()["d.jpg"].id
    for moment in (now(), None):
        with catalog.transaction() as session:
            session.execute(update(Photo).where(Photo.id == photo_id).values(deleted_at=moment))
        shown.scan()
    assert shown.photos()["d.jpg"].id == photo_id


def test_categories_are_the_names_of_folders(catalog, blobs, settings, admin, root, space_id):
    shown = Shown.add(catalog, blobs, settings, admin, root, categories_from_folders=True)
    shown.scan()
    put_photos(root / os.fsdecode(b"caf\xe9"), ["e.jpg"], first=40)
    put_photos(root / "\u202e", ["f.jpg"], first=41)
    shown.scan()
    categories = {name: photo.category and photo.category.name for name, photo in shown.photos().items()}
    names = {"a.jpg": "rome", "b.jpg": "rome", "c.jpg": "2020", "d.jpg": "photos", "e.jpg": "café", "f.jpg": None}
    assert categories == names


def test_what_lies_beside_a_file_says_when_it_was_taken(shown, root):
    put(root / "d.jpg.xmp", b'<r exif:DateTimeOriginal="2001-01-01"/>')
    shown.scan()
    photo = shown.photos()["d.jpg"]
    assert (photo.taken_at.year, photo.date_source) == (2001, "sidecar")
    assert (shown.photos()["a.jpg"].taken_at.year, shown.photos()["a.jpg"].date_source) == (2017, "file")


def test_a_file_that_is_no_photo_is_named_and_tried_again_only_when_it_changes(shown, root):
    put(root / "2020" / "broken.jpg", b"no picture")
    report = shown.scan()
    assert (report.photos, report.refused) == (4, 1)
    assert report.problems[0]["path"] == "2020/broken.jpg"
    assert shown.files()["2020/broken.jpg"].problem
    assert shown.scan().refused == 0
    put(root / "2020" / "broken.jpg", jpeg(50), LONG_AGO + 50)
    assert shown.scan().photos == 1


def test_a_file_that_is_too_large_is_refused_unread(shown, settings, monkeypatch):
    monkeypatch.setattr(intake, "sha256_of", None)
    report = shown.scan(settings.model_copy(update={"upload_max_bytes": 10}))
    assert report.refused == 4


def test_a_file_that_is_being_written_waits_until_nobody_writes_to_it(shown, root, monkeypatch):
    shown.scan()
    monkeypatch.setattr(intake, "REST_SECONDS", 3600)
    path = put(root / "new.jpg", jpeg(60)[:500], time.time())
    assert shown.work().whole() is True
    put(path, jpeg(60), time.time())
    assert shown.work().waiting() is True
    assert "new.jpg" not in shown.photos()
    monkeypatch.setattr(intake, "REST_SECONDS", 0)
    assert shown.work().waiting() is False
    assert shown.photos()["new.jpg"].size_bytes == len(jpeg(60))


def test_a_file_written_to_while_it_is_read_waits(shown, root, monkeypatch):
    read = sha256_of

    def changing(path):
        digest = read(path)
        if path.name == "d.jpg":
            put(path, jpeg(70), LONG_AGO + 70)
        return digest

    monkeypatch.setattr(intake, "sha256_of", changing)
    shown.scan()
    assert sorted(shown.photos()) == ["a.jpg", "b.jpg", "c.jpg"]
    monkeypatch.setattr(intake, "sha256_of", read)
    shown.scan()
    assert shown.photos()["d.jpg"].sha256 == shown.files()["d.jpg"].sha256


def test_names_that_are_no_text_are_files_like_others(shown, root):
    put(root / os.fsdecode(b"caf\xe9.jpg"), jpeg(80))
    shown.scan()
    assert "café.jpg" in shown.photos()
    assert shown.scan().new == 0


def test_a_folder_that_cannot_be_read_is_named_and_loses_nothing(shown, root, monkeypatch):
    shown.scan()
    scandir = os.scandir

    def refusing(path):
        if not isinstance(path, int) and os.fsdecode(path).endswith("rome"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    put_photos(root, ["z/new.jpg"], first=90)
    report = shown.scan()
    assert report.problems[0]["path"] == "2019/rome"
    assert (report.missing, report.photos) == (0, 1)
    assert len(shown.photos()) == 5
    assert not any(photo.is_away for photo in shown.photos().values())


def test_a_scan_that_was_stopped_goes_on_where_it_was(shown, root):
    put_photos(root / "many", [f"{number:02}.jpg" for number in range(40)], first=200)
    work = shown.work()
    work.is_stopping = lambda: len(shown.photos()) >= 10
    with pytest.raises(StoppingError):
        work.whole()
    some = len(shown.photos())
    assert 10 <= some < 44
    report = shown.scan()
    assert (report.new, report.photos) == (0, 44 - some)


def test_a_long_scan_is_done_in_slices_and_reports_as_one(shown, root):
    put_photos(root / "many", [f"{number:02}.jpg" for number in range(40)], first=200)
    work = shown.work()
    work.slice_seconds = 0
    more = work.whole()
    slices = 1
    while more:
        assert shown.row.progress is None or shown.row.progress["phase"] == "reading"
        work = shown.work()
        work.slice_seconds = 0
        more, slices = work.waiting(), slices + 1
    assert slices > 2
    assert shown.row.progress is None
    assert (shown.row.last_scan["files"], shown.row.last_scan["photos"]) == (44, 44)
