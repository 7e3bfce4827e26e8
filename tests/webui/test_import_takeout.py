"""`mindreader import --from takeout` as a person types it, against a real server."""

from __future__ import annotations

import pytest

from tests.support.photos import write_photos
from tests.support.server import data_with, mindreader, server
from tests.support.takeout import album_json, photo_json, write_folder, write_zip

YEAR = "Fotos von 2019"


@pytest.fixture(scope="module")
def running(tmp_path_factory, quick_bundle):
    with server(data_with(tmp_path_factory.mktemp("takeout"), quick_bundle)) as started:
        yield started


@pytest.fixture
def collections(running):
    """Names of photos with their dates, by collection."""

    def ask():
        with running.api() as api:
            return {
                each["name"]: {
                    photo["filename"]: (photo["taken_at"], photo["date_source"])
                    for photo in api.get(f"/collections/{each['id']}/photos").json()["photos"]
                }
                for each in api.get("/collections").json()["collections"]
            }

    return ask


def export(tmp_path, first):
    """Four photos: one in the year alone, one in the year and an album, one in two albums, one edited."""
    alone, both, twice, edited = (path.read_bytes() for path in write_photos(tmp_path / "made", 4, first=first))
    return {
        f"{YEAR}/alone.jpg": alone,
        f"{YEAR}/alone-bearbeitet.jpg": edited,
        f"{YEAR}/both.jpg": both,
        f"{YEAR}/both.jpg.json": photo_json("both.jpg"),
        f"{YEAR}/twice(1).jpg": twice,
        f"{YEAR}/film.mp4": b"no photo",
        f"{YEAR}/alone.jpg.supplemental-metadata.json": photo_json("alone.jpg"),
        f"{YEAR}/twice.jpg(1).json": photo_json("twice.jpg", 1_500_000_000),
        "Trip/both.jpg": both,
        "Trip/twice(1).jpg": twice,
        "Trip/Metadaten.json": album_json("Trip to Norway"),
        "Best/twice(1).jpg": twice,
        "Best/twice.jpg.supplemental-metadata(1).json": photo_json("twice.jpg", 1_500_000_000),
        "Best/metadata.json": album_json("Best of"),
    }


DATED, LATER = ("2003-08-12T14:37:14", "takeout"), ("2017-07-14T02:40:00", "takeout")


def test_albums_become_collections_and_each_photo_comes_once(running, tmp_path, collections):
    files = export(tmp_path, 400)
    photos = write_zip(tmp_path / "takeout-001.zip", {name: data for name, data in files.items() if ".jp" in name[-4:]})
    rest = {name: data for name, data in files.items() if not name.endswith(".jpg")}
    texts = write_zip(tmp_path / "takeout-002.zip", rest)
    command = ("import", "--from", "takeout", photos, texts, "--wait")
    report = mindreader(running.data_dir, *command, "--json")
    assert (report["created"], report["copied"], report["duplicate"], report["rejected"]) == (4, 1, 2, [])
    assert (report["indexed"], report["failed"]) == (5, 0)
    assert report["left_aside"] == {"videos": 1}
    assert report["collections"] == ["Best of", "Trip to Norway", "Google Photos"]
    expected = {
        "Best of": {"twice(1).jpg": LATER},
        "Trip to Norway": {"both.jpg": DATED, "twice(1).jpg": LATER},
        "Google Photos": {"alone.jpg": DATED, "alone-bearbeitet.jpg": DATED},
    }
    assert collections() == expected
    again = mindreader(running.data_dir, *command)["printed"]
    assert "0 uploaded, 7 already there" in again
    assert "Left aside: videos (1)." in again
    assert "In 3 collections, 5 photos can be found." in again
    unpacked = write_folder(tmp_path / "unpacked", files)
    report = mindreader(running.data_dir, "import", "--from", "takeout", unpacked, "--everywhere", "--json")
    assert (report["created"], report["copied"], report["duplicate"]) == (0, 0, 7)
    assert collections() == expected


def test_a_damaged_photo_stops_no_other(running, tmp_path, collections):
    good, bad = (path.read_bytes() for path in write_photos(tmp_path / "made", 2, first=420))
    path = write_zip(tmp_path / "a.zip", {f"{YEAR}/good.jpg": good, f"{YEAR}/bad.jpg": bad[:2000]})
    command = ("import", "--from", "takeout", path, "--collection", "Rest", "--json")
    report = mindreader(running.data_dir, *command, status=3)
    assert report["created"] == 1
    assert [refused["file"] for refused in report["rejected"]] == [f"a.zip/Takeout/Google Fotos/{YEAR}/bad.jpg"]
    assert list(collections()["Rest"]) == ["good.jpg"]


def test_what_cannot_be_read_is_named(running, tmp_path):
    (tmp_path / "takeout.zip").write_bytes(b"half a download")
    command = ("import", "--from", "takeout")
    said = mindreader(running.data_dir, *command, tmp_path / "takeout.zip", status=1)["printed"]
    assert "takeout.zip cannot be read" in said
    assert "Download it again" in said
    assert "does not exist" in mindreader(running.data_dir, *command, tmp_path / "none.zip", status=2)["printed"]
    said = mindreader(running.data_dir, "import", tmp_path, tmp_path, status=2)["printed"]
    assert "Give one folder." in said
