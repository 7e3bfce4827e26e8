"""A search shows copies of one picture once, with the places that have it too, of those the caller may see."""

from __future__ import annotations

import io
import re

import httpx
import pytest
from PIL import Image

from mindreader.messages import SearchHit
from tests.support.photos import write_photos
from tests.support.server import mindreader, server


def search(person, sketch, **form):
    answer = person.post("/searches", data={"sketch": (io.BytesIO(sketch), "s.png"), **form})
    assert answer.status_code == 200, answer.text
    return answer.json["results"]


def hit(*photos: int) -> SearchHit:
    return SearchHit(photo_id=photos[0], score=0.9, copies=photos[1:])


def shown(results) -> list[tuple[int, list[int], int]]:
    return [
        (each["photo_id"], [copy["photo_id"] for copy in each["also_in"]], each["also_in_count"]) for each in results
    ]


@pytest.fixture
def three(ann):
    """The same bytes in a private collection, one shared with everyone, and another private one."""
    return [
        ann.photo(ann.collection(name, seen)) for name, seen in (("A", "private"), ("B", "shared"), ("C", "private"))
    ]


def test_a_result_names_the_other_places(ann, finder, three, sketch_png):
    finder.hits = [hit(three[0])]  # the index told of one; those with equal bytes follow from the catalog
    (result,) = search(ann, sketch_png)
    assert shown([result]) == [(three[0], three[1:], 2)]
    assert result["also_in"][0] == {
        "photo_id": three[1],
        "filename": "photo-0.jpg",
        "collection_id": result["also_in"][0]["collection_id"],
        "collection": "B",
        "width": 96,
        "height": 64,
        "page": f"/library/{result['also_in'][0]['collection_id']}?photo={three[1]}",
    }
    assert finder.asked[-1].grouped is True


def test_nobody_learns_of_a_copy_that_is_not_theirs_to_see(ann, bob, finder, three, sketch_png):
    finder.hits = [hit(*three)]  # whatever a worker says
    assert shown(search(bob, sketch_png)) == [(three[1], [], 0)]
    his = bob.photo(bob.collection("His"))
    finder.hits = [hit(his)]
    assert shown(search(bob, sketch_png)) == [(his, [three[1]], 1)]
    assert shown(search(ann, sketch_png)) == []  # nor by way of its bytes, which are the same


def test_filters_hold_for_copies_too(ann, finder, three, sketch_png):
    finder.hits = [hit(three[1])]
    with_b = ann.get(f"/photos/{three[1]}").json["collection_id"]
    assert shown(search(ann, sketch_png, collection_id=[with_b])) == [(three[1], [], 0)]
    ann.ask("PATCH", f"/photos/{three[1]}", json={"category": "beach"})
    assert shown(search(ann, sketch_png, category=["beach"])) == [(three[1], [], 0)]


def test_a_copy_takes_the_place_of_a_photo_that_was_deleted_just_now(ann, finder, three, sketch_png):
    small = ann.photo(ann.collection("Small"), 2)
    finder.hits = [hit(*three, small)]
    ann.ask("DELETE", f"/photos/{three[0]}")
    ((photo, copies, count),) = shown(search(ann, sketch_png))
    assert ({photo, *copies}, count) == ({three[1], three[2], small}, 2)
    for photo in (*three[1:], small):
        ann.ask("DELETE", f"/photos/{photo}")
    assert search(ann, sketch_png) == []


def test_equal_bytes_are_one_result_though_a_worker_of_the_version_before_told_of_each(ann, finder, three, sketch_png):
    other = ann.photo(ann.collection("Other"), 2)
    finder.hits = [hit(three[1]), hit(other), hit(three[0])]
    assert shown(search(ann, sketch_png)) == [(three[1], [three[0], three[2]], 2), (other, [], 0)]


def test_of_many_copies_some_are_named_and_all_are_counted(ann, finder, sketch_png):
    photos = [ann.photo(ann.collection(f"Collection {number}")) for number in range(24)]
    finder.hits = [hit(*photos[:3])]
    assert shown(search(ann, sketch_png)) == [(photos[0], photos[1:21], 23)]


def test_every_copy_can_be_asked_for(ann, finder, three, sketch_png):
    finder.hits = [hit(photo) for photo in three]
    assert shown(search(ann, sketch_png, duplicates="all")) == [(photo, [], 0) for photo in three]
    assert finder.asked[-1].grouped is False
    refused = ann.post("/searches", data={"sketch": (io.BytesIO(sketch_png), "s.png"), "duplicates": "some"})
    assert (refused.status_code, refused.json["errors"][0]["field"]) == (422, "duplicates")


def test_versions_are_compared_by_every_copy(admin, finder, sketch_png):
    photo = admin.photo(admin.collection())
    finder.hits = [hit(photo)]
    form = {"sketch": (io.BytesIO(sketch_png), "s.png"), "model_version_id": [finder.version.id] * 2}
    assert admin.post("/comparisons", data=form).status_code == 200
    assert finder.asked[-1].grouped is False


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """A server with two photos in three collections, one of them half as large in a fourth, and ten other photos."""
    folder = tmp_path_factory.mktemp("duplicates")
    originals = write_photos(folder / "originals", 2, side=480)
    (folder / "small").mkdir()
    small = Image.open(originals[0])
    small.resize((small.width // 2, small.height // 2)).save(folder / "small" / "small.webp", quality=70)
    write_photos(folder / "others", 10, first=100)
    with server(folder / "data") as running:
        for name in ("First", "Second", "Third"):
            command = ("import", folder / "originals", "--collection", name, "--everywhere", "--wait", "--json")
            assert mindreader(running.data_dir, *command)["created"] == 2
        for name in ("small", "others"):
            mindreader(running.data_dir, "import", folder / name, "--collection", name, "--wait", "--json")
        yield running


def test_a_real_search_shows_each_picture_once(library, sketch_png):
    with library.api() as api:
        grouped = find(api, sketch_png)
        every = find(api, sketch_png, duplicates="all")
        few = find(api, sketch_png, limit="12")
    assert (len(grouped), len(every), len(few)) == (12, 17, 12)
    first, second = sorted((each for each in grouped if each["also_in"]), key=lambda each: each["filename"])
    assert (first["also_in_count"], second["also_in_count"]) == (3, 2)
    assert (first["filename"], first["width"]) == ("photo-00000.jpg", 640)  # not the small one
    places = {copy["collection"] for copy in first["also_in"]} | {first["collection"]}
    assert places == {"First", "Second", "Third", "small"}
    scores = [each["score"] for each in grouped]
    assert scores == sorted(scores, reverse=True)


def test_feedback_by_a_copy_leads_to_its_picture_once(library, sketch_png):
    with library.api() as api:
        (small,) = [each for each in find(api, sketch_png, duplicates="all") if each["filename"] == "small.webp"]
        plain, led = (find(api, sketch_png, limit="20", **like) for like in ({}, {"like": str(small["photo_id"])}))
    assert len(led) == len(plain)
    before, after = (
        [(at, each) for at, each in enumerate(results) if each["filename"] == "photo-00000.jpg"]
        for results in (plain, led)
    )
    assert len(after) == 1
    (rank, picture), first = after[0], before[0][0]
    assert picture["also_in_count"] == 3
    assert rank <= first
    assert picture["score"] - led[-1]["score"] > before[0][1]["score"] - plain[-1]["score"], "it stands out more"


def test_the_command_line_says_where_else_a_photo_is(library, sketch_png, tmp_path):
    sketch = tmp_path / "sketch.png"
    sketch.write_bytes(sketch_png)
    said = mindreader(library.data_dir, "search", sketch)["printed"]
    assert said.count("also in ") == 2
    assert said.count("photo-00001.jpg") == 3
    every = mindreader(library.data_dir, "search", sketch, "--duplicates", "all")["printed"]
    assert "also in" not in every
    as_json = mindreader(library.data_dir, "search", sketch, "--json")["results"]
    assert sorted(each["also_in_count"] for each in as_json)[-3:] == [0, 2, 3]


def test_somebody_who_may_see_one_collection_finds_it_alone(library, sketch_png):
    with library.api() as api:
        api.post("/users", json={"name": "Guest", "password": "a quiet long password", "role": "member"})
        (second,) = [each for each in api.get("/collections").json()["collections"] if each["name"] == "Second"]
        api.post(f"/collections/{second['id']}/people", json={"name": "Guest"}).raise_for_status()
    with httpx.Client(base_url=f"{library.url}/api/v1", timeout=300) as guest:
        guest.post("/session", json={"name": "Guest", "password": "a quiet long password"}).raise_for_status()
        page = guest.get(f"{library.url}/account").text
        guest.headers["X-CSRFToken"] = re.findall(r'name="csrf-token" content="([^"]+)"', page)[0]
        found = find(guest, sketch_png)
    assert {each["collection"] for each in found} == {"Second"}
    assert [each["also_in"] for each in found] == [[], []]


def find(api: httpx.Client, sketch: bytes, **form: str):
    answer = api.post("/searches", files={"sketch": sketch}, data={"limit": "50", **form}).raise_for_status()
    return answer.json()["results"]
