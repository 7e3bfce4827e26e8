"""A person a collection is shared with sees that collection and nothing else of its owner."""

import hashlib
import io
import zipfile

import pytest

from mindreader.messages import SearchHit
from tests.support.library import jpeg


@pytest.fixture
def library(ann):
    """Ann's two collections with a photo each; the first is shared with Bob."""
    shared, secret = ann.collection("Garden party"), ann.collection("Diary")
    photos = {"shared": ann.photo(shared, 1, category="dog"), "secret": ann.photo(secret, 2, category="kiss")}
    return {"shared_id": shared, "secret_id": secret, **photos}


@pytest.fixture
def invited(ann, bob, library):
    answer = ann.post(f"/collections/{library['shared_id']}/people", json={"name": " Bob "})
    assert answer.json == {"people": [{"id": bob.user_id, "name": "Bob"}]}
    return bob


def test_the_owner_sees_whom_she_shares_with(ann, invited, library):
    assert ann.get(f"/collections/{library['shared_id']}").json["people"] == ["Bob"]
    again = ann.post(f"/collections/{library['shared_id']}/people", json={"name": "Bob"})
    assert len(again.json["people"]) == 1


def test_lists_hold_the_shared_collection_alone(invited):
    (shown,) = invited.get("/collections").json["collections"]
    assert (shown["name"], shown["owner"], shown["mine"], shown["people"]) == ("Garden party", "Ann", False, [])
    assert "Diary" not in invited.get("/collections").text
    assert "kiss" not in invited.get("/collections").text
    assert invited.get("/status").json["embedding"]["pending"] == 0


def test_photos_of_the_shared_collection_alone_are_shown(invited, library):
    for path in ("", "/thumbnail", "/preview", "/original"):
        assert invited.get(f"/photos/{library['shared']}{path}").status_code == 200
        assert invited.get(f"/photos/{library['secret']}{path}").status_code == 404
    assert invited.get(f"/collections/{library['shared_id']}/photos").status_code == 200
    assert invited.get(f"/collections/{library['secret_id']}/photos").status_code == 404


def test_searches_look_into_the_shared_collection_alone(invited, finder, library, sketch_png):
    finder.hits = [SearchHit(photo_id=library[each], score=0.5) for each in ("secret", "shared")]
    form = {"sketch": (io.BytesIO(sketch_png), "s.png"), "category": "kiss"}
    found = invited.post("/searches", data=form).json
    assert [result["photo_id"] for result in found["results"]] == [library["shared"]]
    assert found["searchable"]["total"] == 0
    assert tuple(finder.asked[-1].where.collection_ids) == (library["shared_id"],)
    assert tuple(finder.asked[-1].where.category_ids) == ()
    led = {"sketch": (io.BytesIO(sketch_png), "s.png"), "like": library["secret"]}
    invited.post("/searches", data=led)
    assert tuple(finder.asked[-1].like) == ()


def test_nothing_else_leaks(invited, library):
    hashes = {"sha256": [hashlib.sha256(jpeg(n)).hexdigest() for n in (1, 2)]}
    own = invited.collection("His")
    assert [k["photo_id"] for k in invited.post(f"/collections/{own}/existing", json=hashes).json["existing"]] == [
        library["shared"]
    ]
    zipped = invited.get("/photos/archive", query_string={"ids": f"{library['shared']},{library['secret']}"}).data
    with zipfile.ZipFile(io.BytesIO(zipped)) as archive:
        assert [archive.read(name) for name in archive.namelist()] == [jpeg(1)]
    assert invited.get("/trash").json["total"] == 0


def test_it_is_for_looking_only(invited, library):
    collection, photo = library["shared_id"], library["shared"]
    refused = [
        invited.ask("PATCH", f"/collections/{collection}", json={"visibility": "shared"}),
        invited.ask("DELETE", f"/collections/{collection}"),
        invited.post(f"/collections/{collection}/people", json={"name": "Bob"}),
        invited.post(f"/collections/{collection}/photos", data={"file": (io.BytesIO(jpeg(3)), "a.jpg")}),
        invited.ask("PATCH", f"/photos/{photo}", json={"category": "cat"}),
        invited.ask("DELETE", f"/photos/{photo}"),
        invited.post("/photos/delete", json={"photo_ids": [photo]}),
    ]
    assert {answer.status_code for answer in refused} == {403}


def test_a_third_person_sees_nothing(invited, somebody, library):
    eve = somebody("Eve")
    assert eve.get("/collections").json["collections"] == []
    assert eve.get(f"/photos/{library['shared']}").status_code == 404


def test_taken_back_it_is_gone_at_once(ann, invited, library):
    people = f"/collections/{library['shared_id']}/people"
    assert ann.ask("DELETE", f"{people}/{invited.user_id}").status_code == 204
    assert invited.get("/collections").json["collections"] == []
    assert invited.get(f"/photos/{library['shared']}/thumbnail").status_code == 404
    assert ann.ask("DELETE", f"{people}/{invited.user_id}").status_code == 404


def test_a_person_may_let_go_of_it(invited, library):
    people = f"/collections/{library['shared_id']}/people"
    assert invited.ask("DELETE", f"{people}/{invited.user_id}").status_code == 204
    assert invited.get("/collections").json["collections"] == []


@pytest.mark.parametrize(("name", "status", "word"), [("Nemo", 404, "nobody called Nemo"), ("Ann", 409, "already")])
def test_one_shares_with_others_who_are_here(ann, library, name, status, word):
    answer = ann.post(f"/collections/{library['shared_id']}/people", json={"name": name})
    assert answer.status_code == status
    assert word in answer.json["detail"]


def test_a_deleted_collection_is_gone_for_everyone_and_comes_back_for_everyone(ann, invited, library):
    ann.ask("DELETE", f"/collections/{library['shared_id']}")
    assert invited.get("/collections").json["collections"] == []
    ann.post(f"/trash/collections/{library['shared_id']}/restore")
    assert len(invited.get("/collections").json["collections"]) == 1
