import io
import threading
from datetime import datetime

import pytest
from PIL import Image
from sqlalchemy import select, update

from mindreader.blobs import sketch_key
from mindreader.catalog import Embedding, EmbeddingState, Job, Photo, Search
from mindreader.catalog.models import now
from mindreader.messages import ImaginedReading, SearchHit
from mindreader_webui.app import create_app
from mindreader_webui.services import Services
from tests.support.library import jpeg
from tests.support.web import JPEG


def search(person, sketch, **form):
    data = {"sketch": (io.BytesIO(sketch), "sketch.png"), **form}
    return person.post("/searches", data=data)


@pytest.fixture
def blank():
    buffer = io.BytesIO()
    Image.new("L", (64, 64), 255).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def indexed(ann, finder, catalog):
    """Three photos of Ann's that the finder finds, best first."""
    collection = ann.collection("Photos")
    photos = [each["photo_id"] for each in ann.upload(collection, jpeg(1), jpeg(2), jpeg(3), category=["dog", "", ""])]
    with catalog.transaction() as session:
        session.execute(update(Embedding).values(state=EmbeddingState.INDEXED))
    order = [photos[1], photos[0], photos[2]]
    finder.hits = [SearchHit(photo_id=photo, score=0.9 - number / 10) for number, photo in enumerate(order)]
    return collection, order


def test_a_sketch_finds_photos_best_first(ann, finder, indexed, sketch_png, catalog, settings):
    collection, order = indexed
    answer = search(ann, sketch_png).json
    assert [(each["photo_id"], each["score"]) for each in answer["results"]] == list(
        zip(order, [0.9, 0.8, 0.7], strict=True)
    )
    assert answer["results"][1] == {
        "photo_id": order[1],
        "score": 0.8,
        "filename": "photo-0.jpg",
        "folder": None,
        "away": False,
        "collection_id": collection,
        "collection": "Photos",
        "category": "dog",
        "width": 96,
        "height": 64,
        "size_bytes": len(jpeg(1)),
        "media_type": "image/jpeg",
        "taken_at": None,
        "date_source": "none",
        "may_change": True,
        "boxes": [],
        "also_in": [],
        "also_in_count": 0,
        "thumbnail_url": f"/api/v1/photos/{order[1]}/thumbnail",
        "preview_url": f"/api/v1/photos/{order[1]}/preview",
        "original_url": f"/api/v1/photos/{order[1]}/original",
    }
    assert answer["model_version"] == {"id": finder.version.id, "name": "first"}
    assert answer["searchable"] == {"indexed": 3, "total": 3}
    assert answer["timings_ms"].keys() == {"imagine", "total"}


def test_each_reading_has_its_image_its_name_and_three_photos(ann, bob, finder, indexed, sketch_png, catalog):
    _, (nearest, dog, _) = indexed
    copy = ann.upload(ann.collection("Copies"), jpeg(1))[0]["photo_id"]
    hidden = bob.photo(bob.collection("Private"), seed=9)
    readings = [(dog, nearest, copy, hidden), (hidden,), ()]
    finder.readings = [
        ImaginedReading(imaginary_image=JPEG, photo_ids=ids, picked=number == 1) for number, ids in enumerate(readings)
    ]
    finder.answerable = False
    answer = search(ann, sketch_png).json
    first, second, third = answer["readings"]
    assert first["url"].startswith("data:image/jpeg;base64,")
    assert (first["name"], first["picked"], first["photo_ids"]) == ("dog", False, [dog, nearest, copy])
    # Of equal bytes one is shown.
    assert [photo["photo_id"] for photo in first["photos"]] == [dog, nearest]
    assert first["photos"][0]["thumbnail_url"] == f"/api/v1/photos/{dog}/thumbnail"
    for empty in (second, third):
        assert (empty["name"], empty["photo_ids"], empty["photos"]) == (None, [], [])
    assert [each["picked"] for each in answer["readings"]] == [False, True, False]
    assert answer["answerable"] is False


def test_the_worker_gets_what_was_asked(ann, finder, indexed, sketch_png, settings):
    search(ann, sketch_png, limit="5", round="3", reading=[str(each) for each in indexed[1]], fit="false")
    asked = finder.asked[0]
    assert (asked.limit, asked.round, asked.reading, asked.fit) == (5, 3, tuple(indexed[1]), False)
    assert asked.most_readings == settings.imaginary_images
    assert (asked.where.collection_ids, asked.where.category_ids) == ((indexed[0],), None)


def test_everyone_searches_only_in_what_they_may_see(ann, bob, admin, finder, sketch_png):
    private, shared = ann.collection("Private"), ann.collection("Shared", "shared")
    for person in (ann, bob, admin):
        search(person, sketch_png)
    assert [set(asked.where.collection_ids) for asked in finder.asked] == [
        {private, shared},
        {shared},
        {private, shared},
    ]


def test_asking_for_a_hidden_collection_does_not_open_it(ann, bob, finder, sketch_png):
    private, shared = ann.collection("Private"), ann.collection("Shared", "shared")
    assert search(bob, sketch_png, collection_id=[private, shared]).status_code == 200
    assert search(bob, sketch_png, collection_id=[private]).json["results"] == []
    assert [asked.where.collection_ids for asked in finder.asked] == [(shared,), ()]


def test_results_nobody_may_see_any_more_are_left_out(ann, bob, finder, indexed, sketch_png):
    _, order = indexed
    ann.ask("DELETE", f"/photos/{order[0]}")
    assert [each["photo_id"] for each in search(ann, sketch_png).json["results"]] == order[1:]
    assert search(bob, sketch_png).json["results"] == []


def test_categories_are_found_by_name_in_every_collection_searched(ann, finder, sketch_png):
    first, second = ann.collection("First"), ann.collection("Second")
    ann.photo(first, category="dog")
    ann.photo(second, category="dog")
    ann.photo(second, seed=2, category="2024")
    answer = search(ann, sketch_png, category=["dog"]).json
    search(ann, sketch_png, category=["dog"], collection_id=[second])
    search(ann, sketch_png, category=["2024"])
    search(ann, sketch_png, category=["horse"])
    assert [asked.where.category_ids for asked in finder.asked] == [(1, 2), (2,), (3,), ()]
    assert answer["searchable"] == {"indexed": 0, "total": 2}


def test_photos_are_found_by_when_they_were_taken_and_those_without_a_date_by_none(
    ann, finder, indexed, sketch_png, catalog
):
    _, (old, new, undated) = indexed
    with catalog.transaction() as session:
        session.get(Photo, old).taken_at = datetime(1999, 12, 31, 23, 59, 59)
        session.get(Photo, new).taken_at = datetime(2000, 1, 1)
        session.get(Photo, undated).created_at = datetime(2026, 11, 23)
    ranges: tuple[dict[str, str], ...] = (
        {"taken_until": "1999-12-31"},
        {"taken_from": "2000-01-01"},
        {"taken_from": "2026-01-01"},
        {},
    )
    counts = [search(ann, sketch_png, **days).json["searchable"]["total"] for days in ranges]
    assert counts == [1, 1, 0, 3]
    asked = [(each.where.first_day, each.where.last_day) for each in finder.asked]
    assert asked == [(None, 10_956), (10_957, None), (20_454, None), (None, None)]
    with catalog.snapshot() as session:
        assert [session.get(Photo, photo).day for photo in (old, new, undated)] == [10_956, 10_957, None]


@pytest.mark.parametrize(("source", "counted"), [("file", 0), ("modified", 1), ("name", 1), (None, 1)])
def test_a_guess_by_the_time_of_a_file_answers_no_filter_of_dates(
    ann, finder, indexed, sketch_png, catalog, source, counted
):
    photo_id = indexed[1][0]
    with catalog.transaction() as session:
        row = session.get(Photo, photo_id)
        row.taken_at, row.date_source = datetime(1999, 12, 31), source
        assert (row.day is None) == (counted == 0)
    for days in ({"taken_until": "1999-12-31"}, {"taken_from": "1999-12-31"}):
        assert search(ann, sketch_png, **days).json["searchable"]["total"] == counted


@pytest.mark.parametrize("day", ["yesterday", "2026-02-30"])
def test_what_is_no_day_is_refused(ann, finder, sketch_png, day):
    answer = search(ann, sketch_png, taken_from=day)
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "taken_from")


def test_a_search_is_remembered_with_its_sketch(ann, finder, sketch_png, catalog, blobs):
    answer = search(ann, sketch_png, round="4").json
    with catalog.snapshot() as session:
        row = session.scalars(select(Search)).one()
    assert (row.id, row.user_id, row.seeds) == (answer["id"], ann.user_id, [4])
    assert row.timings_ms == answer["timings_ms"]
    assert Image.open(io.BytesIO(blobs.get(sketch_key(row.sketch_sha256)))).size == (256, 256)


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "1001"}, "limit"),
        ({"limit": "many"}, "limit"),
        ({"limit": ""}, "limit"),
        ({"round": "-1"}, "round"),
        ({"round": "10001"}, "round"),
        ({"reading": "0"}, "reading.0"),
        ({"reading": [str(n) for n in range(1, 102)]}, "reading"),
        ({"fit": "perhaps"}, "fit"),
        ({"collection_id": ["x"]}, "collection_id.0"),
        ({"collection_id": [str(10**30)]}, "collection_id.0"),
    ],
)
def test_unusable_fields_are_named_and_no_worker_is_asked(ann, finder, sketch_png, form, field):
    answer = search(ann, sketch_png, **form)
    assert answer.status_code == 422
    assert answer.json["errors"][0]["field"] == field
    assert finder.asked == []


def test_a_search_needs_a_sketch(ann, finder):
    answer = ann.post("/searches", data={"limit": "3"})
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "sketch")


def test_what_is_no_drawing_is_refused_with_a_sentence(ann, finder, blank):
    assert search(ann, blank).json["detail"] == "Draw something first."
    assert search(ann, b"hello").status_code == 422
    assert search(ann, b"").status_code == 422
    assert finder.asked == []


def test_too_large_a_sketch_is_refused(ann, finder, settings):
    just_above = search(ann, bytes(settings.sketch_max_bytes + 1))
    far_above = search(ann, bytes(settings.sketch_max_bytes + 2**20))
    assert (just_above.status_code, far_above.status_code) == (422, 413)


@pytest.mark.parametrize(("kind", "status"), [("not-ready", 503), ("invalid-input", 422), ("internal", 500)])
def test_what_the_worker_says_reaches_the_person(ann, finder, sketch_png, kind, status):
    finder.error = {"kind": kind, "detail": "A sentence."}
    answer = search(ann, sketch_png)
    assert (answer.status_code, answer.json["detail"]) == (status, "A sentence.")


def test_when_no_worker_answers_in_time_a_search_says_so(services, ann, finder, sketch_png):
    answered = threading.Event()
    finder.held_up = lambda: answered.wait(300)
    impatient = services.settings.model_copy(update={"search_timeout": 0.2})
    ann.client = create_app(Services(impatient, services.catalog, services.blobs, services.celery)).test_client()
    answer = search(ann, sketch_png)
    answered.set()
    assert answer.status_code == 503
    assert "No search worker" in answer.json["detail"]


def test_searches_are_limited_by_user(services, ann, bob, finder, sketch_png):
    slow = services.settings.model_copy(update={"search_rate": "2/minute"})
    ann.client = bob.client = create_app(
        Services(slow, services.catalog, services.blobs, services.celery)
    ).test_client()
    assert [search(ann, sketch_png).status_code for _ in range(3)] == [200, 200, 429]
    assert search(bob, sketch_png).status_code == 200


def _search(person, sketch_png, **form):
    answer = person.post("/searches", data={"sketch": (io.BytesIO(sketch_png), "s.png"), **form})
    assert answer.status_code == 200, answer.text
    return answer.json


def test_only_photos_the_caller_may_see_lead_a_search(ann, bob, finder, sketch_png):
    hers, shared = ann.photo(ann.collection("Hers")), ann.photo(ann.collection("Shared", "shared"), 2)
    _search(bob, sketch_png, like=[shared, hers], unlike=[hers], reading=[hers, shared])
    asked = finder.asked[-1]
    assert (asked.like, asked.unlike, asked.reading) == ((shared,), (), (shared,))
    refused = bob.post("/searches", data={"sketch": (io.BytesIO(sketch_png), "s.png"), "like": list(range(1, 23))})
    assert refused.status_code == 422


def test_past_searches_are_one_s_own_each_sketch_once(ann, bob, finder, sketch_png, blobs):
    for _ in range(2):
        last = _search(ann, sketch_png)
    (past,) = ann.get("/searches").json["searches"]
    assert (past["id"], past["model_version"]) == (last["id"], "first")
    assert ann.client.get(past["sketch_url"], headers=ann.headers).mimetype == "image/png"
    assert bob.client.get(past["sketch_url"], headers=bob.headers).status_code == 404
    assert bob.get("/searches").json["searches"] == []
    assert ann.ask("DELETE", "/searches").status_code == 204
    assert ann.get("/searches").json == {"searches": [], "next": None}
    assert list(blobs.keys("sketches")) == []


def test_past_searches_come_page_by_page(ann, finder, sketch_png, another_sketch_png):
    first, second = _search(ann, sketch_png), _search(ann, another_sketch_png)
    page = ann.get("/searches?limit=1").json
    assert [past["id"] for past in page["searches"]] == [second["id"]]
    page = ann.get(f"/searches?limit=1&after={page['next']}").json
    assert [past["id"] for past in page["searches"]] == [first["id"]]
    assert page["next"] is None


def test_a_sketch_kept_for_comparisons_outlives_the_history(ann, admin, finder, sketch_png, blobs):
    _search(ann, sketch_png)
    admin.post("/benchmark-sketches", data={"sketch": (io.BytesIO(sketch_png), "s.png"), "name": "house"})
    ann.ask("DELETE", "/searches")
    assert len(list(blobs.keys("sketches"))) == 1


@pytest.fixture
def another_sketch_png() -> bytes:
    image = Image.new("L", (128, 128), 255)
    image.paste(0, (20, 60, 100, 66))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def rebuilding(indexed, catalog, finder):
    """A job that replaces a damaged index: its moment is a full second, and nobody asked for it."""
    moment = now().replace(microsecond=0)
    with catalog.transaction() as session:
        session.add(Job(space_id=finder.version.space_id, last_photo_id=9, created_at=moment))
        session.execute(update(Embedding).values(state=EmbeddingState.PENDING))
    return indexed[1]


def test_while_nothing_of_a_damaged_index_is_back_a_search_says_so(ann, rebuilding, sketch_png):
    answer = search(ann, sketch_png)
    assert answer.status_code == 503
    assert "being rebuilt. Photos that are back: 0 of 3" in answer.json["detail"]


def test_what_is_back_is_found_and_the_answer_says_that_more_will_be(ann, rebuilding, sketch_png, catalog):
    assert _back(catalog, rebuilding[:1]) == 1
    assert search(ann, sketch_png).json["rebuilding"] == {"done": 1, "total": 3}
    assert _back(catalog, rebuilding) == 3
    assert search(ann, sketch_png).json["rebuilding"] is None


def test_the_notice_counts_what_the_caller_may_see(ann, bob, rebuilding, sketch_png, catalog):
    bob.photo(bob.collection("His"), 9)
    assert _back(catalog, rebuilding[:2]) == 2
    assert search(ann, sketch_png).json["rebuilding"] == {"done": 2, "total": 3}
    assert "back: 0 of 1." in search(bob, sketch_png).json["detail"]


def test_photos_that_merely_wait_are_no_rebuilding(ann, indexed, sketch_png, catalog, finder):
    with catalog.transaction() as session:
        session.execute(update(Embedding).values(state=EmbeddingState.PENDING))
        session.add(Job(space_id=finder.version.space_id, last_photo_id=9, created_at=now().replace(microsecond=1)))
    answer = search(ann, sketch_png)
    assert (answer.status_code, answer.json["rebuilding"]) == (200, None)


def _back(catalog, photos):
    with catalog.transaction() as session:
        done = update(Embedding).where(Embedding.photo_id.in_(photos)).values(state=EmbeddingState.INDEXED)
        return session.execute(done).rowcount
