"""Lists of photos one can jump about in: days with counts, pages from anywhere, ids of what is not shown."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import update

from mindreader.catalog import Photo
from tests.support.library import jpeg

UPLOADED = datetime(2026, 5, 3, 12)


def dated(catalog, photo_id, taken_at, created_at=UPLOADED):
    with catalog.transaction() as session:
        session.execute(update(Photo).where(Photo.id == photo_id).values(taken_at=taken_at, created_at=created_at))


@pytest.fixture
def collection(ann):
    return ann.collection("Holidays")


@pytest.fixture
def photos(ann, catalog, collection, version):
    """Two of one day, one of another year, one without a date."""
    ids = [each["photo_id"] for each in ann.upload(collection, *[jpeg(n) for n in range(4)])]
    moments = [datetime(2024, 7, 9, 8), datetime(2024, 7, 9, 20), datetime(2019, 1, 2), None]
    for number, (photo_id, moment) in enumerate(zip(ids, moments, strict=True)):
        dated(catalog, photo_id, moment, UPLOADED + timedelta(days=number))
    return ids


def days(person, **query):
    return [(each["day"], each["photos"]) for each in person.get("/photos/days", query_string=query).json["days"]]


def listed(person, **query):
    return [each["id"] for each in person.get("/photos", query_string=query).json["photos"]]


def test_days_and_pages_by_date_with_the_undated_where_they_were_uploaded(ann, photos):
    a, b, old, undated = photos
    assert days(ann) == [("2026-05-06", 1), ("2024-07-09", 2), ("2019-01-02", 1)]
    assert listed(ann) == [undated, b, a, old]
    assert days(ann, order="ascending") == [("2019-01-02", 1), ("2024-07-09", 2), ("2026-05-06", 1)]
    assert listed(ann, order="ascending") == [old, a, b, undated]
    shown = ann.get("/photos").json["photos"]
    assert [each["day"] for each in shown] == ["2026-05-06", "2024-07-09", "2024-07-09", "2019-01-02"]


def test_by_upload_and_by_name(ann, photos):
    assert days(ann, sort="uploaded")[0] == ("2026-05-06", 1)
    assert listed(ann, sort="uploaded", order="ascending") == photos
    assert days(ann, sort="name") == [(None, 4)]
    assert listed(ann, sort="name", order="ascending") == photos
    assert ann.get("/photos?sort=name").json["photos"][0]["day"] is None


def test_a_page_begins_anywhere(ann, photos):
    a, b, old, _ = photos
    assert listed(ann, day="2024-07-09") == [b, a, old]
    assert listed(ann, day="2024-07-09", skip=1, limit=1) == [a]
    assert listed(ann, day="2020-01-01") == [old], "the next day there is"
    assert listed(ann, day="2024-07-09", order="ascending", limit=2) == [a, b]
    assert listed(ann, skip=9) == []


def test_filters(ann, collection, photos):
    a, b, old, undated = photos
    ann.post("/photos/category", json={"photo_ids": [a, old], "category": "dog"})
    assert listed(ann, category="dog") == [a, old]
    assert listed(ann, category="dog", collection_id=collection) == [a, old]
    assert listed(ann, category="cat") == []
    assert days(ann, taken_from="2024-01-01") == [("2024-07-09", 2)], "without a date it is on no day"
    assert listed(ann, taken_until="2024-07-08") == [old]
    assert listed(ann, uploaded_from="2026-05-05T00:00:00Z") == [undated, old]
    assert listed(ann, uploaded_before="2026-05-04T13:00:00%2B02:00".replace("%2B", "+")) == [a]
    assert listed(ann, state="indexed") == []
    assert listed(ann, state="pending") == [undated, b, a, old]
    assert listed(ann, state="failed") == []
    assert ann.get("/photos/days?category=cat").json == {"total": 0, "days": []}


def test_ids_come_with_what_may_be_done(ann, bob, photos, collection):
    theirs = bob.collection("Bobs", "shared")
    photo = bob.photo(theirs, seed=77)
    answer = ann.get("/photos/ids").json
    runs = answer["runs"]
    assert answer["total"] == 5
    assert runs[0] == {"collection_id": theirs, "collection": "Bobs", "may_change": False, "photo_ids": [photo]}
    a, b, old, undated = photos
    hers = {"collection_id": collection, "collection": "Holidays", "may_change": True}
    assert runs[1] == {**hers, "photo_ids": [undated, b, a, old]}
    assert ann.get("/photos/ids?day=2024-07-09&skip=1&limit=1").json["runs"] == [{**hers, "photo_ids": [a]}]


def test_nobody_sees_what_is_private_or_deleted(ann, bob, photos, collection):
    assert listed(bob) == []
    assert days(bob) == []
    assert bob.get("/photos/ids").json == {"total": 0, "runs": []}
    for path in ("/photos", "/photos/days", "/photos/ids"):
        assert bob.get(f"{path}?collection_id={collection}").status_code == 404
    ann.post("/photos/delete", json={"photo_ids": photos[:2]})
    assert listed(ann) == [photos[3], photos[2]]
    assert days(ann)[-1] == ("2019-01-02", 1)


@pytest.mark.parametrize(
    "query", ["limit=501", "limit=0", "skip=-1", "day=2024-13-01", "sort=size", "order=up", "uploaded_from=2026-01-01"]
)
def test_what_cannot_be_is_refused(ann, query):
    assert ann.get(f"/photos?{query}").status_code == 422


@pytest.mark.parametrize("order", ["ascending", "descending"])
def test_the_ends_of_the_calendar_are_days_too(ann, photos, order):
    assert ann.get(f"/photos?day=9999-12-31&order={order}").status_code == 200
    assert ann.get(f"/photos?day=0001-01-01&taken_until=9999-12-31&order={order}").status_code == 200


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("Pictures/2019/March", "Pictures/2019/March"),
        ("C:\\Photos\\..\\Old\\", "C:/Photos/Old"),
        ("/ a /./b\x07/", "a/b"),
        ("", None),
        ("/".join(["x" * 300] * 4), "/".join(["x" * 300] * 3)),
    ],
)
def test_a_photo_says_which_folder_it_came_from(ann, collection, sent, kept):
    photo = ann.photo(collection, folder=sent)
    assert ann.get(f"/photos/{photo}").json["folder"] == kept


def test_a_copy_came_from_the_same_folder(ann, collection):
    photo = ann.photo(collection, folder="Pictures/2019")
    copied = ann.post("/photos/copy", json={"photo_ids": [photo], "collection_id": ann.collection("Other")}).json
    assert ann.get(f"/photos/{copied['photo_ids'][0]}").json["folder"] == "Pictures/2019"
