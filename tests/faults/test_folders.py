"""Folders shown in place on disks that vanish, are read-only or are written to meanwhile; scanners that are killed."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import pytest
from sqlalchemy import func, select

from mindreader.blobs import BlobStore
from mindreader.catalog import Catalog, Embedding, FolderFile, Photo
from mindreader.operations.doctor import diagnose
from mindreader.photo_index import PhotoIndexes
from tests.support.disks import read_only, small_disk
from tests.support.folders import put_photos, state_of
from tests.support.photos import write_photos
from tests.support.services import wait_for_count, wait_until

PHOTOS = 32


@pytest.fixture(scope="module")
def disk(tmp_path_factory):
    return tmp_path_factory.mktemp("disk")


@pytest.fixture(scope="module")
def deployed(deploy_for_module, disk):
    """One that a test leaves as it found it, but for folders of its own."""
    return deploy_for_module("embedded", MINDREADER_FOLDER_ROOTS=str(disk))


@pytest.fixture
def place(disk):
    """A part of the disk for one test."""
    return Path(tempfile.mkdtemp(dir=disk))


def shown(api, folder_id):
    return api.get(f"/folders/{folder_id}").raise_for_status().json()


def add(api, path, **options):
    body = {"path": str(path), "collection": path.parent.name, **options}
    return api.post("/folders", json=body).raise_for_status().json()["id"]


def is_done(folder):
    return not folder["scan_requested"] and not folder["waiting"]


def embedding(api, folder_id):
    collection = shown(api, folder_id)["collection_id"]
    return api.get(f"/collections/{collection}").raise_for_status().json()["embedding"]


def wait_for(api, folder_id, photos):
    wait_until(
        lambda: is_done(folder := shown(api, folder_id)) and folder["photos"] == photos,
        f"a scan of {photos} photos",
        progress=lambda: shown(api, folder_id)["photos"],
    )
    wait_for_count(lambda: embedding(api, folder_id)["indexed"], photos, "the photos' embeddings")


def ids_and_moments(settings, collection):
    """Every photo and when it was embedded."""
    catalog = Catalog(settings.catalog_url)
    try:
        with catalog.snapshot() as session:
            rows = select(Photo.id, Embedding.updated_at).join(Embedding, Embedding.photo_id == Photo.id)
            here = Photo.deleted_at.is_(None) & (Photo.collection_id == collection)
            return dict(session.execute(rows.where(here)).all())
    finally:
        catalog.close()


def findings(settings):
    catalog, indexes = Catalog(settings.catalog_url), PhotoIndexes(settings)
    try:
        blobs = BlobStore(settings.blobs_root)
        return diagnose(catalog, blobs, indexes, settings, repair=False, content=True)
    finally:
        indexes.close()
        catalog.close()


@pytest.mark.slow
def test_a_scan_that_is_killed_goes_on_and_every_photo_is_there_once(deploy, place):
    deployed = deploy("embedded", MINDREADER_FOLDER_ROOTS=str(place))
    write_photos(place / "photos", PHOTOS)
    before = state_of(place)
    with deployed.api() as api:
        folder_id = add(api, place / "photos")
        wait_until(lambda: shown(api, folder_id)["photos"] > 0, "the first photos")
        deployed.kill_web()
    deployed.start()
    with deployed.api() as api:
        wait_for(api, folder_id, PHOTOS)
    deployed.stop()
    catalog = Catalog(deployed.settings.catalog_url)
    with catalog.snapshot() as session:
        assert session.scalar(select(func.count()).select_from(FolderFile)) == PHOTOS
        assert session.scalar(select(func.count()).select_from(Photo)) == PHOTOS
    catalog.close()
    assert findings(deployed.settings) == []
    assert state_of(place) == before


@pytest.mark.slow
def test_a_scanner_that_is_killed_is_followed_by_another(deploy, place):
    deployed = deploy("services", MINDREADER_FOLDER_ROOTS=str(place))
    write_photos(place / "photos", PHOTOS)
    with deployed.api() as api:
        folder_id = add(api, place / "photos", watch=True)
        wait_until(lambda: shown(api, folder_id)["photos"] > 0, "the first photos")
        deployed.kill_worker()
        deployed.start_worker()
        wait_for(api, folder_id, PHOTOS)
        write_photos(place / "photos", 1, first=PHOTOS)
        wait_for(api, folder_id, PHOTOS + 1)


@pytest.mark.slow  # tests/platform/folders/test_offline.py takes the folder away in the same moments
def test_a_disk_that_is_unmounted_in_a_scan_loses_no_photo_and_comes_back(deployed, place, tmp_path):
    unplugged = tmp_path / "elsewhere"
    with small_disk(place / "usb", 64) as usb:
        write_photos(usb / "photos", PHOTOS)
        with deployed.api() as api:
            folder_id = add(api, usb, watch=True)
            wait_for(api, folder_id, PHOTOS)
            collection = shown(api, folder_id)["collection_id"]
            before = ids_and_moments(deployed.settings, collection)
            unplugged.mkdir()
            subprocess.run(["mount", "--bind", usb, unplugged], check=True)
            api.post(f"/folders/{folder_id}/scan").raise_for_status()
            subprocess.run(["umount", "--lazy", usb], check=True)
            wait_until(lambda: shown(api, folder_id)["offline"] is not None, "that the disk is away")
            assert shown(api, folder_id)["photos"] == PHOTOS
            photos = api.get(f"/collections/{collection}/photos").json()["photos"]
            assert {photo["away"] for photo in photos} == {True}
            assert api.get(photos[0]["thumbnail_url"].removeprefix("/api/v1")).status_code == 200
            assert api.get(photos[0]["original_url"].removeprefix("/api/v1")).status_code == 503
            subprocess.run(["mount", "--bind", unplugged, usb], check=True)
            wait_until(lambda: shown(api, folder_id)["offline"] is None, "that the disk is back")
            wait_for(api, folder_id, PHOTOS)
            assert ids_and_moments(deployed.settings, collection) == before, "a photo was embedded again"
            subprocess.run(["umount", "--lazy", unplugged], check=True)


def test_a_read_only_disk_is_shown_and_stays_as_it_was(deployed, place):
    write_photos(place / "photos", 8)
    before = state_of(place)
    with read_only(place / "photos"), deployed.api() as api:
        folder_id = add(api, place / "photos", watch=True)
        wait_for(api, folder_id, 8)
        collection = shown(api, folder_id)["collection_id"]
        photos = api.get(f"/collections/{collection}/photos").json()["photos"]
        for name in ("original_url", "preview_url"):
            assert api.get(photos[0][name].removeprefix("/api/v1")).status_code == 200
        api.post("/photos/delete", json={"photo_ids": [photos[0]["id"]]}).raise_for_status()
        api.post(f"/folders/{folder_id}/verify").raise_for_status()
        wait_until(lambda: not shown(api, folder_id)["verify_requested"], "a verification")
        assert shown(api, folder_id)["photos"] == 7
    assert state_of(place) == before


@pytest.mark.slow
@pytest.mark.parametrize("files", [PHOTOS, 1000])
def test_files_renamed_at_once_and_a_folder_renamed_keep_their_photos(deployed, place, files):
    folder = place / "photos" / "2020"
    put_photos(folder, [f"{number:04}.jpg" for number in range(files)])
    with deployed.api() as api:
        folder_id = add(api, place / "photos", watch=True)
        wait_for(api, folder_id, files)
        collection = shown(api, folder_id)["collection_id"]
        before = ids_and_moments(deployed.settings, collection)
        for number in range(files):
            (folder / f"{number:04}.jpg").rename(folder / f"renamed {number:04}.jpg")
        wait_for_count(lambda: named(deployed.settings, collection, "renamed"), files, "the new names")
        folder.rename(place / "photos" / "2021")
        wait_for_count(lambda: in_directory(deployed.settings, folder_id, b"2021"), files, "the new folder")
        wait_for(api, folder_id, files)
        folder = shown(api, folder_id)
        assert (folder["missing"], folder["offline"]) == (0, None)
        assert ids_and_moments(deployed.settings, collection) == before, "a photo was embedded again"


def named(settings, collection, beginning):
    return counted(settings, Photo.filename.startswith(beginning) & (Photo.collection_id == collection), Photo)


def in_directory(settings, folder_id, directory):
    here = (FolderFile.folder_id == folder_id) & (FolderFile.directory == directory)
    here &= FolderFile.missing_since.is_(None) & (FolderFile.state == "photo")
    return counted(settings, here, FolderFile)


def counted(settings, where, table):
    catalog = Catalog(settings.catalog_url)
    try:
        with catalog.snapshot() as session:
            return session.scalar(select(func.count()).select_from(table).where(where))
    finally:
        catalog.close()


def test_a_new_photo_in_a_watched_folder_is_found_by_a_sketch(deployed, place, sketch_png):
    write_photos(place / "photos", 3)
    with deployed.api() as api:
        folder_id = add(api, place / "photos", watch=True)
        wait_for(api, folder_id, 3)
        here = {"limit": "30", "collection_id": str(shown(api, folder_id)["collection_id"])}
        write_photos(place / "photos", 1, first=3)

        def is_found():
            answer = api.post("/searches", files={"sketch": sketch_png}, data=here).raise_for_status().json()
            return any(result["filename"] == "photo-00003.jpg" for result in answer["results"])

        wait_until(is_found, "the new photo among what a sketch finds")
