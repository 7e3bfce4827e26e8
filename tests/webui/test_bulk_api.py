"""Many photos at once, and the question which files are here already."""

import hashlib
import io
import zipfile
from datetime import datetime

import pytest
from sqlalchemy import select, update

from mindreader.blobs import original_key
from mindreader.catalog import Embedding, EmbeddingState, Photo, PhotoFingerprint
from mindreader.library.purge import purge_deleted
from mindreader.library.zip_download import safe_name, zip_of
from mindreader.originals import Originals
from mindreader.photo_index import PhotoIndexes
from mindreader_webui.api.schemas.bulk import MOST, ArchiveQuery
from tests.support.library import jpeg


def digest(content):
    return hashlib.sha256(content).hexdigest()


def photos_of(person, collection, count=3, **form):
    return [each["photo_id"] for each in person.upload(collection, *[jpeg(n) for n in range(count)], **form)]


def categories(person, collection):
    listed = person.get(f"/collections/{collection}/photos").json["photos"]
    return [photo["category"] for photo in reversed(listed)]


def test_a_category_for_many_photos(ann, version, catalog):
    collection = ann.collection()
    photos = photos_of(ann, collection, category=["dog", "", "cat"])
    with catalog.transaction() as session:
        session.execute(update(Embedding).values(state=EmbeddingState.INDEXED))
    sent = {"photo_ids": photos[:2], "category": "dog"}
    before = [{"category": "dog", "photo_ids": photos[:1]}, {"category": None, "photo_ids": photos[1:2]}]
    assert ann.post("/photos/category", json=sent).json == {"changed": 2, "gone": 0, "before": before}
    assert categories(ann, collection) == ["dog", "dog", "cat"]
    # Nothing is embedded again; the point of the one whose category is another one now is told.
    assert ann.get(f"/collections/{collection}").json["embedding"]["indexed"] == 3
    with catalog.snapshot() as session:
        assert session.scalars(select(Embedding.photo_id).where(Embedding.labels_stale)).all() == photos[1:2]
    ann.post("/photos/category", json={"photo_ids": photos, "category": None})
    assert categories(ann, collection) == [None, None, None]


def test_a_date_for_many_photos(ann, version, catalog):
    photos = photos_of(ann, ann.collection())
    with catalog.transaction() as session:
        session.execute(update(Embedding).values(state=EmbeddingState.INDEXED))
    sent = {"photo_ids": [*photos[:2], 999], "taken_at": "2019-03-21T10:11:12"}
    assert ann.post("/photos/date", json=sent).json == {"changed": 2, "gone": 1}
    shown = [ann.get(f"/photos/{photo}").json for photo in photos]
    assert [each["taken_at"] for each in shown] == ["2019-03-21T10:11:12"] * 2 + [None]
    assert [each["date_source"] for each in shown] == ["person", "person", "none"]
    with catalog.snapshot() as session:
        assert session.scalars(select(Embedding.photo_id).where(Embedding.labels_stale)).all() == photos[:2]


def test_many_photos_go_into_the_bin_together(ann):
    collection = ann.collection()
    photos = photos_of(ann, collection)
    assert ann.post("/photos/delete", json={"photo_ids": [*photos[:2], 999]}).json == {
        "changed": 2,
        "gone": 1,
        "files_stay": 0,
    }
    assert ann.get(f"/collections/{collection}").json["photos"] == 1
    assert ann.get("/trash").json["total"] == 2


def test_moved_photos_keep_their_category_and_their_points(ann, version, catalog):
    old, new = ann.collection("Old"), ann.collection("New")
    photos = photos_of(ann, old, category=["dog", "", "cat"])
    with catalog.transaction() as session:
        session.execute(update(Embedding).values(state=EmbeddingState.INDEXED))
    moved = ann.post("/photos/move", json={"photo_ids": photos, "collection_id": new}).json
    assert moved == {"moved": 3, "duplicates": [], "replaced": {}}
    assert categories(ann, new) == ["dog", None, "cat"]
    assert ann.get(f"/collections/{old}").json["photos"] == 0
    assert ann.get(f"/collections/{new}").json["embedding"]["indexed"] == 3
    assert {each["name"] for each in ann.get(f"/collections/{new}").json["categories"]} == {"cat", "dog"}


def test_a_photo_the_other_collection_has_already_stays(ann):
    old, new = ann.collection("Old"), ann.collection("New")
    photos = photos_of(ann, old)
    ann.upload(new, jpeg(1))
    moved = ann.post("/photos/move", json={"photo_ids": photos, "collection_id": new}).json
    assert moved == {"moved": 2, "duplicates": [photos[1]], "replaced": {}}
    assert ann.get(f"/photos/{photos[1]}").json["collection_id"] == old


def test_a_copy_in_the_other_collection_s_bin_comes_back_instead(ann, version):
    old, new = ann.collection("Old"), ann.collection("New")
    there = ann.photo(new)
    ann.ask("DELETE", f"/photos/{there}")
    here = ann.photo(old, category="dog")
    ann.ask("PATCH", f"/photos/{here}", json={"taken_at": "1968-12-24T00:00:00"})
    moved = ann.post("/photos/move", json={"photo_ids": [here], "collection_id": new}).json
    assert moved == {"moved": 1, "duplicates": [], "replaced": {str(here): there}}
    shown = ann.get(f"/photos/{there}").json
    assert (shown["category"], shown["taken_at"], shown["date_source"]) == ("dog", "1968-12-24T00:00:00", "person")
    assert ann.get(f"/photos/{here}").status_code == 404
    assert ann.get("/trash").json["total"] == 0


def test_moving_to_where_they_are_changes_nothing(ann):
    collection = ann.collection()
    photos = photos_of(ann, collection)
    moved = ann.post("/photos/move", json={"photo_ids": photos, "collection_id": collection}).json
    assert moved == {"moved": 0, "duplicates": [], "replaced": {}}


def test_nobody_moves_photos_into_the_collection_of_another(ann, bob):
    hers, his = ann.collection("Hers", "shared"), bob.collection("His")
    photo = ann.photo(hers)
    his_photo = bob.photo(his)
    for person, photos, target, status in (
        (bob, [photo], his, 403),
        (bob, [his_photo], hers, 403),
        (bob, [his_photo, photo], his, 403),
        (ann, [photo], his, 404),
    ):
        answer = person.post("/photos/move", json={"photo_ids": photos, "collection_id": target})
        assert answer.status_code == status
    assert ann.get(f"/photos/{photo}").json["collection_id"] == hers
    assert bob.get(f"/photos/{his_photo}").json["collection_id"] == his


def copied(person, photos, collection):
    return person.post("/photos/copy", json={"photo_ids": photos, "collection_id": collection})


def test_a_copy_has_what_is_known_of_the_photo_and_its_bytes_are_kept_once(ann, version, catalog, blobs):
    old, new = ann.collection("Old"), ann.collection("New")
    photo = ann.photo(old, category="dog")
    ann.ask("PATCH", f"/photos/{photo}", json={"taken_at": "1968-12-24T00:00:00"})
    before = sorted(blobs.keys(""))
    answer = copied(ann, [photo], new).json
    (copy,) = answer["photo_ids"]
    assert answer["duplicates"] == []
    assert sorted(blobs.keys("")) == before
    ours, theirs = (ann.get(f"/photos/{each}").json for each in (photo, copy))
    own = {
        "id",
        "collection_id",
        "collection",
        "category_id",
        "created_at",
        "thumbnail_url",
        "preview_url",
        "original_url",
    }
    assert {name for name in ours if ours[name] != theirs[name]} == own
    assert (theirs["collection_id"], theirs["category"], theirs["state"]) == (new, "dog", "pending")
    assert ann.get(f"/photos/{copy}/original").data == jpeg(1)
    with catalog.snapshot() as session:
        pictures = session.scalars(select(PhotoFingerprint.picture)).all()
    assert len(pictures) == 2
    assert pictures[0] == pictures[1]


def test_what_the_collection_has_already_is_not_copied_and_comes_back_from_its_bin(ann):
    old, new = ann.collection("Old"), ann.collection("New")
    photos = photos_of(ann, old)
    ann.upload(new, jpeg(1))
    in_bin = ann.photo(new, 2)
    ann.ask("DELETE", f"/photos/{in_bin}")
    answer = copied(ann, photos, new).json
    assert answer["duplicates"] == [photos[1]]
    assert in_bin in answer["photo_ids"]
    assert len(answer["photo_ids"]) == 2
    assert ann.get(f"/collections/{new}").json["photos"] == 3
    assert ann.get(f"/collections/{old}").json["photos"] == 3
    assert copied(ann, photos, new).json == {"photo_ids": [], "duplicates": photos}
    assert copied(ann, photos, old).json == {"photo_ids": [], "duplicates": photos}


def test_a_copy_outlives_the_photo_it_was_made_of(ann, services, blobs):
    old, new = ann.collection("Old"), ann.collection("New")
    photo = ann.photo(old)
    (copy,) = copied(ann, [photo], new).json["photo_ids"]
    ann.ask("DELETE", f"/photos/{photo}")
    ann.post("/trash/photos/remove", json={"photo_ids": [photo]})
    purge_deleted(services.catalog, blobs, PhotoIndexes(services.settings), services.settings)
    assert ann.get(f"/photos/{photo}").status_code == 404
    assert ann.get(f"/photos/{copy}/original").data == jpeg(1)


def test_of_a_shared_collection_anybody_copies_and_into_it_nobody_else(ann, bob):
    hers, his = ann.collection("Hers", "shared"), bob.collection("His")
    photo, own = ann.photo(hers), bob.photo(his, 2)
    assert len(copied(bob, [photo], his).json["photo_ids"]) == 1
    assert copied(bob, [own], hers).status_code == 403
    secret = ann.photo(ann.collection("Secret"), 3)
    assert copied(bob, [secret], his).status_code == 404
    assert bob.get(f"/collections/{his}").json["photos"] == 2


@pytest.mark.parametrize("path", ["category", "date", "delete", "move"])
def test_one_photo_that_may_only_be_looked_at_stops_the_whole_request(ann, bob, path):
    hers, his = ann.collection("Hers", "shared"), bob.collection("His")
    photo, own = ann.photo(hers), bob.photo(his)
    bodies = {"category": {"category": "dog"}, "date": {"taken_at": "2019-03-21T00:00"}, "move": {"collection_id": his}}
    more = bodies.get(path, {})
    answer = bob.post(f"/photos/{path}", json={"photo_ids": [own, photo], **more})
    assert answer.status_code == 403
    shown = bob.get(f"/photos/{own}").json
    assert (shown["category"], shown["taken_at"]) == (None, None)


@pytest.mark.parametrize("path", ["category", "date", "delete", "move"])
def test_photos_of_another_are_as_if_they_were_not_there(ann, bob, path):
    hers, his = ann.collection("Hers"), bob.collection("His")
    photo, own = ann.photo(hers), bob.photo(his)
    bodies = {"category": {"category": "dog"}, "date": {"taken_at": "2019-03-21T00:00"}, "move": {"collection_id": his}}
    more = bodies.get(path, {})
    assert bob.post(f"/photos/{path}", json={"photo_ids": [own, photo], **more}).status_code == 200
    shown = ann.get(f"/photos/{photo}").json
    assert (shown["category"], shown["taken_at"]) == (None, None)


@pytest.mark.parametrize("ids", [[], [0], ["x"], list(range(1, MOST + 2)), [2**31]])
def test_unusable_selections_are_refused(ann, ids):
    assert ann.post("/photos/delete", json={"photo_ids": ids}).status_code == 422


def test_a_thousand_photos_fit_into_one_request(ann):
    ids = [2**31 - 1 - number for number in range(MOST)]
    assert ann.post("/photos/delete", json={"photo_ids": ids}).status_code == 404
    assert ann.post(f"/collections/{ann.collection()}/existing", json={"sha256": ["f" * 64] * MOST}).status_code == 200


def test_the_archive_holds_the_originals(ann):
    photos = photos_of(ann, ann.collection())
    answer = ann.get("/photos/archive", query_string={"ids": f"{photos[0]}-{photos[2]},999"})
    assert answer.content_type == "application/zip"
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=photos-")
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [f"photo-{n}.jpg" for n in range(3)]
        assert archive.read("photo-1.jpg") == jpeg(1)


def test_the_archive_holds_nothing_of_others(ann, bob):
    hers, his = ann.photo(ann.collection()), bob.photo(bob.collection(), seed=2)
    answer = bob.get("/photos/archive", query_string={"ids": f"{hers},{his}"})
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        assert [archive.read(name) for name in archive.namelist()] == [jpeg(2)]


@pytest.mark.parametrize("ids", ["", "x", "1,", "0", "5-3", "1-1001", "1-99999999999", "4294967296", "-1"])
def test_unusable_lists_of_ids_are_refused(ann, ids):
    answer = ann.get("/photos/archive", query_string={"ids": ids})
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "ids")


def test_ids_are_read_as_ranges():
    assert ArchiveQuery(ids="7,12-15").photo_ids == [7, 12, 13, 14, 15]


def test_names_in_an_archive_are_each_there_once_and_a_lost_photo_is_named(catalog, blobs, settings):
    photos = [
        Photo(sha256=digest(jpeg(n)), filename=name, size_bytes=len(jpeg(n)), taken_at=None, created_at=moment)
        for n, name, moment in (
            (1, "a.jpg", datetime(2026, 1, 1)),
            (2, "A.JPG", datetime(1970, 1, 1)),
            (3, "lost.jpg", datetime(2026, 1, 1)),
        )
    ]
    for number in (1, 2):
        blobs.put(original_key(digest(jpeg(number))), jpeg(number))
    data = b"".join(zip_of(Originals(catalog, blobs, settings), photos))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.namelist() == ["a.jpg", "A (2).JPG", "MISSING.txt"]
        assert "lost.jpg" in archive.read("MISSING.txt").decode()


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("a.jpg", "a.jpg"),
        ("../a.jpg", "_a.jpg"),
        ("C:\\a?.jpg", "C__a_.jpg"),
        ("con.jpg", "con_.jpg"),
        (".hidden", "hidden"),
        ("...", "photo"),
        ("a. ", "a"),
        ("日本.jpg", "日本.jpg"),
    ],
)
def test_names_are_safe_on_every_system(name, safe):
    assert safe_name(name) == safe


def test_files_that_are_here_are_known_before_they_are_sent(ann):
    collection, other = ann.collection("Here"), ann.collection("There")
    here, there = ann.photo(collection, 1), ann.photo(other, 2)
    ann.photo(other, 1)
    asked = {"sha256": [digest(jpeg(n)) for n in range(4)]}
    known = {
        each["sha256"]: each for each in ann.post(f"/collections/{collection}/existing", json=asked).json["existing"]
    }
    assert known[digest(jpeg(1))] == {
        "sha256": digest(jpeg(1)),
        "photo_id": here,
        "filename": "photo-0.jpg",
        "collection_id": collection,
        "collection": "Here",
        "mine": True,
        "page": f"/library/{collection}?photo={here}",
    }
    assert known[digest(jpeg(2))]["photo_id"] == there
    assert len(known) == 2


def test_what_another_keeps_to_herself_is_not_known(ann, bob):
    secret, shared = ann.collection("Secret"), ann.collection("Shared", "shared")
    ann.photo(secret, 1)
    ann.photo(shared, 2)
    asked = {"sha256": [digest(jpeg(1)), digest(jpeg(2))]}
    (known,) = bob.post(f"/collections/{bob.collection('His')}/existing", json=asked).json["existing"]
    assert (known["sha256"], known["mine"]) == (digest(jpeg(2)), False)


def test_a_photo_in_the_bin_is_not_known(ann):
    collection = ann.collection()
    ann.ask("DELETE", f"/photos/{ann.photo(collection)}")
    assert ann.post(f"/collections/{collection}/existing", json={"sha256": [digest(jpeg(1))]}).json == {"existing": []}


@pytest.mark.parametrize("sent", [[], ["x"], ["F" * 64], ["f" * 63], ["f" * 64] * (MOST + 1)])
def test_unusable_digests_are_refused(ann, sent):
    assert ann.post(f"/collections/{ann.collection()}/existing", json={"sha256": sent}).status_code == 422
