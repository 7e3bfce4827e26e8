"""Folders shown in place, by the API: who may, what is refused, what is done with their photos."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from mindreader.blobs import original_key
from mindreader.folders.scanning import intake
from tests.support.folders import Shown, put, put_photos, state_of
from tests.support.library import jpeg
from tests.support.web import given, web_settings


@pytest.fixture(autouse=True)
def rested(monkeypatch):
    monkeypatch.setattr(intake, "REST_SECONDS", 0)


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    put_photos(tmp_path / "disk" / "photos", ["a.jpg", "b.jpg", "rome/c.jpg"])
    return tmp_path / "disk" / "photos"


@pytest.fixture
def settings(tmp_path, disk):
    return web_settings(tmp_path / "data").model_copy(update={"folder_roots": str(disk.parent)})


@pytest.fixture
def shown(services, version, admin, disk) -> Shown:
    made = given(admin.post("/folders", json={"path": str(disk), "collection": "Disk"}))
    shown = Shown(services.catalog, services.blobs, services.settings, made["id"])
    shown.scan()
    return shown


@pytest.fixture
def collection(shown):
    return shown.row.collection_id


def photo_ids(shown):
    return {name: photo.id for name, photo in shown.photos().items()}


def test_a_folder_becomes_a_private_collection(admin, shown, collection, disk):
    folder = given(admin.get(f"/folders/{shown.id}"))
    assert folder["path"] == str(disk)
    assert (folder["photos"], folder["waiting"], folder["offline"]) == (3, 0, None)
    assert folder["last_scan"]["new"] == 3
    found = given(admin.get(f"/collections/{collection}"))
    assert (found["name"], found["visibility"], found["photos"], found["shows_folder"]) == ("Disk", "private", 3, True)
    assert given(admin.get("/folders"))["roots"] == [str(disk.parent)]


def test_what_cannot_be_shown_is_refused_with_what_to_do(admin, shown, disk, tmp_path):
    for path, collection, status, said in (
        (str(tmp_path), "Other", 422, "MINDREADER_FOLDER_ROOTS"),
        (str(disk / "rome"), "Other", 409, "already"),
        (str(disk.parent / "nothing"), "Other", 422, "There is no folder"),
        ("photos", "Other", 422, "from the top"),
        (str(put(disk.parent / "new" / "x.jpg", b"x").parent), "Disk", 409, "already"),
        (str(disk.parent / "new"), " ", 422, "name"),
    ):
        answer = admin.post("/folders", json={"path": path, "collection": collection})
        assert answer.status_code == status, answer.text
        assert said in answer.json["detail"]
    patterns = {"path": str(disk.parent / "new"), "collection": "Other", "excludes": ["x" * 501]}
    assert "patterns" in admin.post("/folders", json=patterns).json["detail"]
    assert admin.get("/folders/999").status_code == 404
    assert admin.ask("PATCH", f"/folders/{shown.id}", json={"path": "/"}).status_code == 422


def test_originals_previews_details_and_downloads_come_from_the_folder(admin, shown, disk, monkeypatch):
    photo = photo_ids(shown)["a.jpg"]
    assert admin.get(f"/photos/{photo}/original").data == (disk / "a.jpg").read_bytes()
    assert admin.get(f"/photos/{photo}/preview").status_code == 200
    assert admin.get(f"/photos/{photo}/details").status_code == 200
    archive = admin.get("/photos/archive", query_string={"ids": str(photo)}).data
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        assert opened.read("a.jpg") == (disk / "a.jpg").read_bytes()


def test_a_photo_whose_disk_is_away_is_marked_and_its_thumbnail_shown(admin, shown, disk):
    photo = photo_ids(shown)["a.jpg"]
    disk.rename(disk.parent / "unplugged")
    shown.scan()
    assert given(admin.get(f"/photos/{photo}"))["away"] is True
    assert admin.get(f"/photos/{photo}/thumbnail").status_code == 200
    original = admin.get(f"/photos/{photo}/original")
    assert (original.status_code, original.json["type"]) == (503, "urn:mindreader:problem:original-away")
    assert "disk" in original.json["detail"]
    assert str(disk) not in original.text
    assert admin.get(f"/photos/{photo}/details").status_code == 200
    archive = admin.get("/photos/archive", query_string={"ids": str(photo)}).data
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        assert opened.namelist() == ["MISSING.txt"]
    folder = given(admin.get(f"/folders/{shown.id}"))
    assert folder["offline"] == "gone"
    assert "connect the disk" in folder["offline_sentence"]
    assert folder["photos"] == 3


def test_nothing_is_put_into_a_folder_s_collection(admin, shown, collection, disk):
    other = admin.collection("Other")
    photo = admin.photo(other, seed=70)
    for answer in (
        admin.post(f"/collections/{collection}/photos", data={"file": (io.BytesIO(jpeg(71)), "x.jpg")}),
        admin.post("/photos/move", json={"photo_ids": [photo], "collection_id": collection}),
        admin.post("/photos/copy", json={"photo_ids": [photo], "collection_id": collection}),
        admin.post(f"/collections/{collection}/existing", json={"sha256": ["0" * 64]}),
    ):
        assert answer.status_code == 409
        assert "shows a folder" in answer.json["detail"]


def test_photos_are_copied_out_of_a_folder_with_their_bytes_and_never_moved(admin, shown, services, disk):
    other, photo = admin.collection("Other"), photo_ids(shown)["a.jpg"]
    refused = admin.post("/photos/move", json={"photo_ids": [photo], "collection_id": other})
    assert (refused.status_code, "Copy them" in refused.json["detail"]) == (409, True)
    copied = given(admin.post("/photos/copy", json={"photo_ids": [photo], "collection_id": other}))["photo_ids"]
    assert services.blobs.exists(original_key(shown.photos()["a.jpg"].sha256))
    content = (disk / "a.jpg").read_bytes()
    (disk / "a.jpg").unlink()
    shown.scan()
    assert admin.get(f"/photos/{copied[0]}/original").data == content


def test_deleting_hides_a_photo_and_leaves_its_file(admin, shown, disk):
    before, photo = state_of(disk), photo_ids(shown)["a.jpg"]
    other = admin.photo(admin.collection("Other"), seed=70)
    said = given(admin.post("/photos/delete", json={"photo_ids": [photo, other]}))
    assert said == {"changed": 2, "gone": 0, "files_stay": 1}
    shown.scan()
    assert admin.get(f"/photos/{photo}").status_code == 404
    assert state_of(disk) == before


def test_shared_folders_are_seen_by_those_they_are_shared_with(admin, bob, shown, collection):
    photo = photo_ids(shown)["a.jpg"]
    assert bob.get(f"/photos/{photo}/original").status_code == 404
    assert admin.post(f"/collections/{collection}/people", json={"name": "Bob"}).status_code == 200
    assert bob.get(f"/photos/{photo}/original").status_code == 200
    assert bob.get("/folders").status_code == 403


def test_a_public_link_shows_photos_of_a_folder(admin, nobody, shown, collection):
    link = given(admin.post("/public-links", json={"collection_id": collection, "downloads": True}))
    secret = link["url"].rpartition("/")[2]
    photo = given(nobody.get(f"/public/{secret}/photos"))["photos"][0]
    assert nobody.get(photo["original_url"].removeprefix("/api/v1")).status_code == 200


def test_a_scan_a_verification_and_forgetting_are_asked_for(admin, shown, disk):
    assert given(admin.post(f"/folders/{shown.id}/scan"))["scan_requested"] is True
    assert given(admin.post(f"/folders/{shown.id}/verify"))["verify_requested"] is True
    (disk / "a.jpg").unlink()
    shown.scan()
    shown.work().verify()
    folder = given(admin.get(f"/folders/{shown.id}"))
    assert (folder["scan_requested"], folder["verify_requested"], folder["missing"]) == (False, False, 1)
    assert given(admin.post(f"/folders/{shown.id}/forget")) == {"files": 1}
    assert given(admin.get(f"/folders/{shown.id}"))["photos"] == 2
    disk.rename(disk.parent / "unplugged")
    away = admin.post(f"/folders/{shown.id}/forget")
    assert (away.status_code, "not there" in away.json["detail"]) == (409, True)


def test_what_is_refused_is_listed_with_the_reason(admin, shown, disk):
    put(disk / "rome" / "broken.jpg", b"no picture")
    shown.scan()
    page = given(admin.get(f"/folders/{shown.id}/refused"))
    assert [file["path"] for file in page["files"]] == ["rome/broken.jpg"]
    assert page["files"][0]["reason"]
    assert given(admin.get(f"/folders/{shown.id}"))["last_scan"]["problems"] == page["files"]


def test_what_a_pattern_leaves_out_from_now_on_goes(admin, shown, disk):
    given(admin.ask("PATCH", f"/folders/{shown.id}", json={"excludes": ["rome"]}))
    shown.scan()
    assert sorted(photo_ids(shown)) == ["a.jpg", "b.jpg"]
    given(admin.ask("PATCH", f"/folders/{shown.id}", json={"excludes": []}))
    shown.scan()
    assert sorted(photo_ids(shown)) == ["a.jpg", "b.jpg", "c.jpg"]


def test_a_folder_that_is_removed_is_in_the_trash_and_comes_back(admin, shown, collection, disk):
    before = state_of(disk)
    assert admin.ask("DELETE", f"/folders/{shown.id}").status_code == 204
    assert admin.get(f"/folders/{shown.id}").status_code == 404
    given(admin.post(f"/trash/collections/{collection}/restore"))
    assert given(admin.get(f"/folders/{shown.id}"))["photos"] == 3
    assert state_of(disk) == before
