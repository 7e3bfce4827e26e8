"""Photos taken over from another library know what they are there, and lead back to it."""

from __future__ import annotations

import io
import json

import pytest
from sqlalchemy import func, select

from mindreader.catalog import PhotoOrigin
from mindreader.library.purge import purge_deleted
from mindreader.photo_index import PhotoIndexes
from mindreader_webui.uploads import FILES_PER_REQUEST
from tests.support.library import jpeg

URL = "https://immich.test/photos/"


def origin(name, **more):
    return {"kind": "immich", "id": name, "url": f"{URL}{name}"} | more


def sent(name, **more):
    return json.dumps(origin(name, **more))


def known(person, *ids):
    """Photos and their collections by their ids there."""
    answer = person.post("/origins/existing", json={"kind": "immich", "ids": list(ids)})
    return [(each["id"], each["photo_id"], each["collection_id"]) for each in answer.json["existing"]]


def links(person, photo):
    return [each["url"] for each in person.get(f"/photos/{photo}/details").json["origins"]]


def test_an_upload_says_where_the_photo_comes_from_and_when_it_was_taken(ann):
    collection = ann.collection()
    said = {"origin": [sent("a", taken_at="2019-03-21T10:11:12"), ""]}
    first, second = (each["photo_id"] for each in ann.upload(collection, jpeg(1), jpeg(2), **said))
    assert ann.get(f"/photos/{first}/details").json["origins"] == [{"kind": "immich", "url": f"{URL}a"}]
    assert links(ann, second) == []
    shown = ann.get(f"/photos/{first}").json
    assert (shown["taken_at"], shown["date_source"]) == ("2019-03-21T10:11:12", "library")
    assert known(ann, "a", "b") == [("a", first, collection)]


def test_a_date_that_no_photo_can_have_is_not_taken(ann):
    photo = ann.photo(ann.collection(), origin=sent("a", taken_at="3019-03-21T10:11:12"))
    assert ann.get(f"/photos/{photo}").json["date_source"] == "none"


def test_a_photo_that_is_here_already_comes_from_there_too(ann):
    collection = ann.collection()
    photo = ann.photo(collection)
    (outcome,) = ann.upload(collection, jpeg(1), origin=sent("a"))
    assert (outcome["status"], outcome["photo_id"]) == ("duplicate", photo)
    assert ann.post(f"/photos/{photo}/origins", json=origin("b")).status_code == 204
    assert ann.post(f"/photos/{photo}/origins", json=origin("b")).status_code == 204
    assert links(ann, photo) == [f"{URL}a", f"{URL}b"]
    assert ann.post(f"/photos/{photo}/origins", json=origin("b", url="http://other.test/b")).status_code == 204
    assert links(ann, photo) == ["http://other.test/b", f"{URL}a"]


def test_copies_come_from_where_their_photos_come_from(ann):
    old, new, third = (ann.collection(name) for name in ("Old", "New", "Third"))
    photo = ann.photo(old, origin=sent("a"))
    (copy,) = ann.post("/photos/copy", json={"photo_ids": [photo], "collection_id": new}).json["photo_ids"]
    assert known(ann, "a") == [("a", photo, old), ("a", copy, new)]
    same = ann.photo(third)
    ann.post("/photos/copy", json={"photo_ids": [photo], "collection_id": third})
    assert links(ann, same) == [f"{URL}a"]


def test_a_photo_that_takes_the_place_of_one_in_the_trash_keeps_where_it_comes_from(ann):
    old, new = ann.collection("Old"), ann.collection("New")
    photo, trashed = ann.photo(old, origin=sent("a")), ann.photo(new)
    ann.ask("DELETE", f"/photos/{trashed}")
    ann.post("/photos/move", json={"photo_ids": [photo], "collection_id": new})
    assert known(ann, "a") == [("a", trashed, new)]


def test_only_what_is_there_and_the_caller_s_own_is_said_to_be_here(ann, bob, admin):
    shared = ann.collection("Shared", "shared")
    photo = ann.photo(shared, origin=sent("a"))
    assert known(bob, "a") == []
    assert known(admin, "a") == []
    ann.ask("DELETE", f"/photos/{photo}")
    assert known(ann, "a") == []
    again = ann.photo(shared, origin=sent("a"))
    assert known(ann, "a") == [("a", again, shared)]
    ann.ask("DELETE", f"/collections/{shared}")
    assert known(ann, "a") == []


def test_a_photo_that_is_removed_for_good_comes_from_nowhere_any_more(ann, catalog, blobs, settings):
    photo = ann.photo(ann.collection(), origin=sent("a"))
    ann.ask("DELETE", f"/photos/{photo}")
    at_once = settings.model_copy(update={"trash_days": 0})
    assert purge_deleted(catalog, blobs, PhotoIndexes(settings), at_once) == 1
    with catalog.snapshot() as session:
        assert session.scalar(select(func.count()).select_from(PhotoOrigin)) == 0


WRONG = {
    "script": origin("a", url="javascript:alert(1)"),
    "no host": origin("a", url="https:///photos/1"),
    "bracket": origin("a", url="http://[x/1"),
    "blank": origin("a", url="https://a.test/\n1"),
    "long": origin("a", url=f"{URL}{'x' * 1000}"),
    "no id": origin(""),
    "control character": origin("a\n"),
    "long id": origin("x" * 101),
    "unknown library": origin("a", kind="shoebox"),
    "field": origin("a", more=1),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_what_is_no_origin_is_refused(ann, wrong):
    collection = ann.collection()
    photo = ann.photo(collection)
    assert ann.post(f"/photos/{photo}/origins", json=wrong).status_code == 422
    form = {"file": (io.BytesIO(jpeg(2)), "a.jpg"), "origin": json.dumps(wrong)}
    assert ann.post(f"/collections/{collection}/photos", data=form).status_code == 422
    assert ann.get(f"/collections/{collection}").json["photos"] == 1


@pytest.mark.parametrize("text", ["{", "7", "[]", sent("a", taken_at="yesterday"), sent("a", taken_at="2019-03-21Z")])
def test_what_is_no_json_of_one_is_refused(ann, text):
    form = {"file": (io.BytesIO(jpeg(1)), "a.jpg"), "origin": text}
    answer = ann.post(f"/collections/{ann.collection()}/photos", data=form)
    assert answer.status_code == 422
    assert answer.json["errors"]


def test_a_hundred_files_may_come_from_there(ann):
    files = [(io.BytesIO(b"no photo"), f"{n}.jpg") for n in range(FILES_PER_REQUEST)]
    more = {field: [""] * FILES_PER_REQUEST for field in ("category", "modified", "xmp", "takeout")}
    said = [sent(str(n)) for n in range(FILES_PER_REQUEST)]
    answer = ann.post(f"/collections/{ann.collection()}/photos", data={"file": files, "origin": said, **more})
    assert (answer.status_code, len(answer.json["outcomes"])) == (200, FILES_PER_REQUEST)
