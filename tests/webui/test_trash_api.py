"""The trash over HTTP."""

from tests.support.library import jpeg


def test_deleted_photos_are_listed_shown_and_restored(ann, version):
    collection = ann.collection("Holidays")
    photo = ann.photo(collection, category="dog")
    ann.ask("DELETE", f"/photos/{photo}")
    found = ann.get("/trash").json
    (shown,) = found.pop("photos")
    assert found == {"days": 30, "collections": [], "total": 1, "next": None}
    assert shown.pop("deleted_at").endswith("Z")
    assert (shown["filename"], shown["collection"], shown["category"]) == ("photo-0.jpg", "Holidays", "dog")
    assert ann.client.get(shown["thumbnail_url"], headers=ann.headers).content_type == "image/webp"
    assert ann.post("/trash/photos/restore", json={"photo_ids": [photo, 999]}).json == {"changed": 1, "gone": 1}
    assert ann.get(f"/photos/{photo}").json["state"] == "pending"
    assert ann.get("/trash").json["total"] == 0


def test_a_deleted_collection_is_listed_and_restored_with_its_photos(ann, version):
    collection = ann.collection("Holidays")
    ann.photo(collection)
    ann.ask("DELETE", f"/collections/{collection}")
    (shown,) = ann.get("/trash").json["collections"]
    assert (shown["id"], shown["name"], shown["photos"]) == (collection, "Holidays", 1)
    ann.collection("Holidays")
    restored = ann.post(f"/trash/collections/{collection}/restore").json
    assert (restored["name"], restored["photos"]) == ("Holidays (restored)", 1)


def test_removed_for_good_and_emptied(ann):
    collection, other = ann.collection(), ann.collection("Other")
    photos = [ann.photo(collection, seed) for seed in range(3)]
    ann.post("/photos/delete", json={"photo_ids": photos})
    ann.ask("DELETE", f"/collections/{other}")
    assert ann.post("/trash/photos/remove", json={"photo_ids": photos[:1]}).json == {"changed": 1, "gone": 0}
    assert ann.get("/trash").json["total"] == 2
    assert ann.ask("DELETE", f"/trash/collections/{other}").status_code == 204
    assert ann.get("/trash").json["collections"] == []
    assert ann.ask("DELETE", "/trash").status_code == 204
    assert ann.get("/trash").json["total"] == 0
    assert ann.post("/trash/photos/restore", json={"photo_ids": photos}).status_code == 404


def test_nobody_looks_into_the_bin_of_another(ann, bob):
    collection = ann.collection("Hers", "shared")
    photo = ann.photo(collection)
    ann.ask("DELETE", f"/photos/{photo}")
    assert bob.get("/trash").json["photos"] == []
    assert bob.get(f"/trash/photos/{photo}/thumbnail").status_code == 404
    assert bob.post("/trash/photos/restore", json={"photo_ids": [photo]}).status_code == 404


def test_an_upload_restores_what_lies_in_the_bin(ann):
    collection = ann.collection()
    photo = ann.photo(collection)
    ann.ask("DELETE", f"/photos/{photo}")
    assert ann.upload(collection, jpeg(1))[0]["photo_id"] == photo
    assert ann.get("/trash").json["total"] == 0
