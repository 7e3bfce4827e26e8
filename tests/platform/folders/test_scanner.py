"""What a scanner does by itself: what is asked for, what is due, what the system tells of; one scanner at a time."""

from __future__ import annotations

import shutil
from datetime import timedelta

import pytest
from sqlalchemy import update

from mindreader.catalog import Folder
from mindreader.catalog.models import now
from mindreader.errors import NotFoundError
from mindreader.folders import mounts
from mindreader.folders import scanner as scanning
from mindreader.folders.lease import LeaseLostError, expire_folder_leases, keep_lease, take_lease
from mindreader.folders.registry import FolderOptions, change_folder, remove_folder, request_scan, request_verification
from mindreader.folders.scanner import FolderScanner
from tests.support.folders import LONG_AGO, Shown, put, put_photos
from tests.support.library import jpeg
from tests.support.services import wait_until


@pytest.fixture
def scanner(catalog, blobs, settings):
    made = FolderScanner(catalog, blobs, settings)
    yield made
    made.close()


@pytest.fixture
def watched(catalog, blobs, settings, admin, root, space_id, scanner):
    shown = Shown.add(catalog, blobs, settings, admin, root, watch=True)
    for _ in range(3):  # looked through, watched, looked through again
        scanner.step()
    assert len(shown.photos()) == 4
    return shown


def until(scanner, done, what):
    def step():
        scanner.step()
        return done()

    wait_until(step, what)


def test_a_new_folder_is_scanned_and_then_left_alone(shown, scanner):
    scanner.step()
    first = shown.row.scanned_at
    assert len(shown.photos()) == 4
    scanner.step()
    assert shown.row.scanned_at == first
    assert shown.row.scan_requested_at is None


def test_scans_and_verifications_are_made_when_they_are_asked_for(shown, scanner, catalog, root):
    scanner.step()
    put(root / "new.jpg", jpeg(50))
    with catalog.transaction() as session:
        request_scan(session, shown.id)
        request_verification(session, shown.id)
    scanner.step()
    assert "new.jpg" in shown.photos()
    scanner.step()
    assert shown.row.verify_requested_at is None
    assert shown.row.last_scan["files"] == 5


def test_a_folder_is_looked_through_again_after_some_hours(shown, scanner, catalog, settings, root):
    scanner.step()
    put(root / "new.jpg", jpeg(50))
    with catalog.transaction() as session:
        long_ago = now() - timedelta(hours=settings.folder_scan_hours + 1)
        session.execute(update(Folder).values(scanned_at=long_ago))
    scanner.step()
    assert "new.jpg" in shown.photos()


def test_a_folder_that_was_away_is_scanned_once_it_is_back(shown, scanner, root, tmp_path, monkeypatch):
    monkeypatch.setattr(scanning, "_SECONDS_BETWEEN_PROBES", 0)
    root.rename(tmp_path / "unplugged")
    scanner.step()
    assert shown.row.offline_reason == "gone"
    (tmp_path / "unplugged").rename(root)
    scanner.step()
    assert shown.row.offline_reason is None
    assert len(shown.photos()) == 4


def test_what_changes_in_a_watched_folder_is_taken_up(watched, scanner, root):
    put(root / "2020" / "new.jpg", jpeg(50))
    until(scanner, lambda: "new.jpg" in watched.photos(), "a new file")
    (root / "2020" / "new.jpg").rename(root / "2020" / "other.jpg")
    until(scanner, lambda: "other.jpg" in watched.photos(), "a new name")
    put(root / "2020" / "other.jpg", jpeg(51), LONG_AGO + 51)
    until(scanner, lambda: watched.photos()["other.jpg"].size_bytes == len(jpeg(51)), "new bytes")
    (root / "2020" / "other.jpg").unlink()
    until(scanner, lambda: watched.photos()["other.jpg"].is_away, "a missing file")


def test_new_sub_folders_are_watched_too(watched, scanner, root):
    put_photos(root / "2021" / "oslo", ["1.jpg"], first=60)
    until(scanner, lambda: "1.jpg" in watched.photos(), "a photo in a new folder")
    put_photos(root / "2021" / "oslo", ["2.jpg"], first=61)
    until(scanner, lambda: "2.jpg" in watched.photos(), "another one")
    shutil.rmtree(root / "2021")
    until(scanner, lambda: watched.photos()["2.jpg"].is_away, "a folder that is gone")
    put_photos(root / "2021" / "oslo", ["3.jpg"], first=62)
    until(scanner, lambda: "3.jpg" in watched.photos(), "a photo in a folder of the same name")


def test_what_is_left_out_is_not_watched(watched, scanner, root):
    put_photos(root / "@eaDir" / "x", ["thumb.jpg"], first=70)
    put(root / "new.jpg", jpeg(50))
    until(scanner, lambda: "new.jpg" in watched.photos(), "a new file")
    (held,) = scanner._held.values()
    assert held.watch.directories == {b"", b"2019", b"2019/rome", b"2020"}
    assert "thumb.jpg" not in watched.photos()


def test_a_watched_folder_that_goes_away_and_comes_back_is_watched_again(watched, scanner, root, tmp_path, monkeypatch):
    monkeypatch.setattr(scanning, "_SECONDS_BETWEEN_PROBES", 0)
    root.rename(tmp_path / "unplugged")
    until(scanner, lambda: watched.row.offline_reason == "gone", "that it is gone")
    (tmp_path / "unplugged").rename(root)
    until(scanner, lambda: watched.row.offline_reason is None, "that it is back")
    put(root / "new.jpg", jpeg(50))
    until(scanner, lambda: "new.jpg" in watched.photos(), "a new file")


def test_a_folder_whose_system_tells_of_nothing_is_looked_through_regularly(
    catalog, blobs, settings, admin, root, space_id, scanner, monkeypatch
):
    monkeypatch.setattr(scanning, "is_elsewhere", lambda path: True)
    monkeypatch.setattr(scanning, "_FEWEST_SECONDS_BETWEEN_POLLS", 0)
    shown = Shown.add(catalog, blobs, settings, admin, root, watch=True)
    scanner.step()
    put(root / "new.jpg", jpeg(50))
    until(scanner, lambda: "new.jpg" in shown.photos(), "a new file")
    (held,) = scanner._held.values()
    assert held.watch is None


def test_watching_ends_when_nobody_wants_it(watched, scanner, catalog, settings, admin, root):
    with catalog.transaction() as session:
        change_folder(session, settings, watched.id, None, FolderOptions(watch=False))
    scanner.step()
    scanner.step()
    (held,) = scanner._held.values()
    assert held.watch is None
    with catalog.transaction() as session:
        remove_folder(session, admin, watched.id)
    scanner.step()
    assert scanner._held == {}
    with pytest.raises(NotFoundError):
        _ = watched.row


def test_one_scanner_at_a_time_is_at_work_in_a_folder(watched, scanner, catalog, blobs, settings, root):
    other = FolderScanner(catalog, blobs, settings)
    with catalog.transaction() as session:
        request_scan(session, watched.id)
    other.step()
    assert watched.row.scan_requested_at is not None
    scanner.close()
    other.step()
    assert watched.row.scan_requested_at is None
    other.close()


def test_a_lease_is_held_until_it_runs_out_or_is_given_back(shown, catalog):
    assert take_lease(catalog, shown.id, "one", 60)
    assert take_lease(catalog, shown.id, "one", 60)
    assert not take_lease(catalog, shown.id, "two", 60)
    with pytest.raises(LeaseLostError):
        keep_lease(catalog, shown.id, "two", 60)
    with catalog.transaction() as session:
        session.execute(update(Folder).values(lease_until=now() - timedelta(seconds=1)))
    assert take_lease(catalog, shown.id, "two", 60)
    with catalog.transaction() as session:  # a clock that was set back since
        session.execute(update(Folder).values(lease_until=now() + timedelta(days=1)))
    assert take_lease(catalog, shown.id, "three", 60)
    expire_folder_leases(catalog)
    assert take_lease(catalog, shown.id, "one", 60)


def test_a_scan_whose_lease_was_taken_stops(shown, catalog, root):
    work = shown.work()
    assert take_lease(catalog, shown.id, "another", 60)
    with pytest.raises(LeaseLostError):
        work.whole()


def test_trouble_in_one_folder_does_not_stop_the_others(catalog, blobs, settings, admin, root, shown, scanner):
    put_photos(root.parent / "other", ["x.jpg"], first=80)
    other = Shown.add(catalog, blobs, settings, admin, root.parent / "other", name="Other")
    with catalog.transaction() as session:
        session.execute(update(Folder).where(Folder.id == shown.id).values(excludes=["[", 5]))  # no pattern
    scanner.step()
    assert len(other.photos()) == 1
    assert len(shown.photos()) == 0


MOUNTS = [
    "22 1 254:0 / / rw,relatime - ext4 /dev/vda rw",
    "40 22 0:40 / /mnt/nas rw shared:1 - cifs //nas/photos rw",
    "41 22 0:41 / /mnt/a\\040b rw - fuse.sshfs host: rw",
    "42 40 0:42 / /mnt/nas/disk rw - xfs /dev/sdb rw",
]


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/home/x", "ext4"), ("/mnt/nas/2020", "cifs"), ("/mnt/a b/c", "fuse.sshfs"), ("/mnt/nas/disk/x", "xfs")],
)
def test_the_kind_of_disk_is_that_of_the_deepest_mount(path, kind):
    from pathlib import Path

    assert mounts._kind_of(Path(path), MOUNTS) == kind
    assert bool(mounts._ELSEWHERE.fullmatch(kind)) is (kind in ("cifs", "fuse.sshfs"))


def test_a_folder_on_a_disk_of_this_machine_is_told_of(root):
    assert mounts.is_elsewhere(root) is False


def test_a_disk_that_goes_away_is_noticed_though_nobody_watches(shown, scanner, root, tmp_path, monkeypatch):
    scanner.step()
    root.rename(tmp_path / "unplugged")
    scanner.step()
    assert shown.row.offline_reason is None, "it was looked at a moment ago"
    monkeypatch.setattr(scanning, "_SECONDS_BETWEEN_RARE_PROBES", 0)
    scanner.step()
    assert shown.row.offline_reason == "gone"
