"""A folder whose disk is away loses nothing, and says so."""

from __future__ import annotations

import pytest

from mindreader.errors import ConflictError, OriginalAwayError
from mindreader.folders.registry import FolderOptions, change_folder, forget
from mindreader.folders.scanning import scan as scanning
from mindreader.folders.scanning.missing import is_loss
from mindreader.folders.scanning.walk import Walk
from mindreader.originals import Originals
from tests.support.folders import Shown, put_photos


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def database(request):
    return request.param


@pytest.fixture
def many(root):
    """Twenty files in all."""
    put_photos(root / "more", [f"{number:02}.jpg" for number in range(16)], first=100)


def ids(shown):
    return {name: photo.id for name, photo in shown.photos().items()}


def away(shown):
    return {photo.is_away for photo in shown.photos().values()}


@pytest.mark.parametrize("reason", ["gone", "empty", "not_allowed"])
def test_a_folder_that_is_away_keeps_its_photos(shown, many, settings, root, tmp_path, reason):
    shown.scan()
    before = ids(shown)
    elsewhere = tmp_path / "elsewhere"
    if reason != "not_allowed":
        root.rename(elsewhere)
    if reason == "empty":
        root.mkdir()
    there = settings if reason != "not_allowed" else settings.model_copy(update={"folder_roots": str(elsewhere)})
    shown.scan(there)
    assert shown.row.offline_reason == reason
    assert ids(shown) == before
    assert away(shown) == {True}
    assert shown.row.last_scan["missing"] == 0
    if reason == "empty":
        root.rmdir()
    if reason != "not_allowed":
        elsewhere.rename(root)
    report = shown.scan()
    assert shown.row.offline_reason is None
    assert (report.new, report.photos) == (0, 0)
    assert away(shown) == {False}


def test_a_folder_that_loses_more_than_a_tenth_at_once_is_away_until_somebody_says_so(
    shown, many, catalog, settings, root
):
    shown.scan()
    before = ids(shown)
    for number in range(10):
        (root / "more" / f"{number:02}.jpg").unlink()
    shown.scan(settings.model_copy(update={"folder_forget_days": 1}))
    assert shown.row.offline_reason == "lost"
    assert ids(shown) == before
    assert sum(photo.is_away for photo in shown.photos().values()) == 10
    shown.scan()
    assert shown.row.offline_reason == "lost"
    assert forget(catalog, settings, shown.id) == 10
    assert shown.row.offline_reason is None
    assert len(shown.photos()) == 10


def test_files_that_come_back_end_a_loss(shown, many, root, tmp_path):
    shown.scan()
    (root / "more").rename(tmp_path / "more")
    shown.scan()
    assert shown.row.offline_reason == "lost"
    (tmp_path / "more").rename(root / "more")
    assert shown.scan().back == 16
    assert shown.row.offline_reason is None
    assert away(shown) == {False}


def test_a_folder_renamed_inside_is_no_loss_and_nothing_is_read_as_new(shown, many, root):
    shown.scan()
    before = ids(shown)
    (root / "more").rename(root / "renamed")
    report = shown.scan()
    assert shown.row.offline_reason is None
    assert (report.moved, report.photos, report.missing) == (16, 0, 0)
    assert ids(shown) == before


def test_a_folder_that_was_renamed_itself_is_told_where_it_is(shown, many, catalog, settings, root, monkeypatch):
    shown.scan()
    before = ids(shown)
    root.rename(root.parent / "renamed")
    with catalog.transaction() as session:
        change_folder(session, settings, shown.id, str(root.parent / "renamed"), FolderOptions())
    report = shown.scan()
    assert (report.new, report.changed, report.missing) == (0, 0, 0)
    assert ids(shown) == before


def test_a_folder_that_goes_away_while_it_is_walked_loses_nothing(shown, many, root, tmp_path, monkeypatch):
    shown.scan()
    before = ids(shown)

    class Unmounting(Walk):
        def all(self):
            for number, walked in enumerate(super().all()):
                if number == 1:
                    root.rename(tmp_path / "elsewhere")
                    root.mkdir()
                yield walked

    monkeypatch.setattr(scanning, "Walk", Unmounting)
    shown.scan()
    assert shown.row.offline_reason == "empty"
    assert ids(shown) == before
    assert not any(file.missing_since for file in shown.files().values())


def test_missing_files_are_not_forgotten_while_the_folder_is_away(shown, catalog, settings, root, tmp_path):
    shown.scan()
    root.rename(tmp_path / "elsewhere")
    with pytest.raises(ConflictError, match="not there"):
        forget(catalog, settings, shown.id)
    assert len(shown.photos()) == 4


def test_an_original_on_a_disk_that_is_away_says_so(shown, catalog, blobs, settings, root, tmp_path):
    shown.scan()
    originals = Originals(catalog, blobs, settings)
    digest = shown.photos()["d.jpg"].sha256
    assert originals.source(digest) == root / "d.jpg"
    root.rename(tmp_path / "elsewhere")
    with pytest.raises(OriginalAwayError, match="disk"):
        originals.source(digest)


def test_an_original_that_was_replaced_is_not_given_out(shown, catalog, blobs, settings, root, tmp_path):
    shown.scan()
    originals = Originals(catalog, blobs, settings)
    digest = shown.photos()["d.jpg"].sha256
    (root / "d.jpg").write_bytes(b"something else")
    with pytest.raises(OriginalAwayError, match="changed"):
        originals.open(digest)


def test_a_link_put_in_a_file_s_place_is_not_followed_out(shown, catalog, blobs, settings, root, tmp_path):
    shown.scan()
    digest = shown.photos()["d.jpg"].sha256
    (root / "d.jpg").rename(tmp_path / "secret.jpg")
    (root / "d.jpg").symlink_to(tmp_path / "secret.jpg")
    with pytest.raises(OriginalAwayError):
        Originals(catalog, blobs, settings).source(digest)


@pytest.mark.parametrize(("lost", "files", "is_one"), [(5, 5, False), (6, 20, True), (10, 100, False), (11, 100, True)])
def test_how_many_files_are_a_loss(lost, files, is_one):
    assert is_loss(lost, files) is is_one


def test_a_file_replaced_by_others_of_its_size_and_time_is_found_by_a_verification(shown, root):
    import os

    shown.scan()
    path, status = root / "d.jpg", (root / "d.jpg").stat()
    content = bytearray(path.read_bytes())
    content[-3] ^= 1  # within the picture's data
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    before = shown.photos()["d.jpg"].id
    assert shown.scan().changed == 0
    work = shown.work()
    work.verify()
    assert (work.report.files, work.report.changed, work.report.photos) == (4, 1, 1)
    assert shown.photos()["d.jpg"].id != before


def test_two_folders_never_share_files(shown, catalog, blobs, settings, admin, root):
    for path in (root, root / "2019", root.parent):
        with pytest.raises(ConflictError, match="already"):
            Shown.add(catalog, blobs, settings, admin, path, name=str(path))
