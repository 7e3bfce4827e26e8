import io

import pytest
from PIL import Image
from sqlalchemy import update

from mindreader.blobs import BlobStore, original_key, sha256_of
from mindreader.catalog import Embedding, EmbeddingState
from mindreader_webui.app import create_app
from mindreader_webui.services import Services
from tests.support.library import jpeg


def put_in_state(catalog, state, **values):
    with catalog.transaction() as session:
        session.execute(update(Embedding).values(state=state, **values))


def test_a_photo_shows_what_the_contract_promises(ann, version):
    collection = ann.collection("Photos")
    photo = ann.photo(collection, category="dog")
    shown = ann.get(f"/photos/{photo}").json
    assert shown.pop("created_at").endswith("Z")
    assert shown == {
        "id": photo,
        "filename": "photo-0.jpg",
        "folder": None,
        "away": False,
        "collection_id": collection,
        "collection": "Photos",
        "category_id": 1,
        "category": "dog",
        "width": 96,
        "height": 64,
        "size_bytes": len(jpeg(1)),
        "media_type": "image/jpeg",
        "taken_at": None,
        "date_source": "none",
        "may_change": True,
        "state": "pending",
        "error": None,
        "thumbnail_url": f"/api/v1/photos/{photo}/thumbnail",
        "preview_url": f"/api/v1/photos/{photo}/preview",
        "original_url": f"/api/v1/photos/{photo}/original",
    }


def test_the_original_comes_back_byte_for_byte_and_cannot_run_anything(ann):
    answer = ann.get(f"/photos/{ann.photo(ann.collection())}/original")
    assert answer.data == jpeg(1)
    assert answer.content_type == "image/jpeg"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"].startswith("sandbox")
    assert answer.headers["Content-Disposition"] == "inline; filename=photo-0.jpg"


def test_a_file_name_cannot_break_the_headers(ann):
    collection = ann.collection()
    form = {"file": (io.BytesIO(jpeg(1)), 'a";\r\nX-Evil: 1 日本.jpg')}
    photo = ann.post(f"/collections/{collection}/photos", data=form).json["outcomes"][0]["photo_id"]
    answer = ann.get(f"/photos/{photo}/original")
    assert answer.status_code == 200
    assert "X-Evil" not in answer.headers
    assert answer.headers["Content-Disposition"].startswith("inline;")


def test_thumbnails_are_small_webp_that_browsers_keep(ann, settings):
    buffer = io.BytesIO()
    Image.new("RGB", (2000, 1000), "teal").save(buffer, "PNG")
    photo = ann.upload(ann.collection(), buffer.getvalue())[0]["photo_id"]
    answer = ann.get(f"/photos/{photo}/thumbnail")
    assert answer.content_type == "image/webp"
    assert Image.open(io.BytesIO(answer.data)).size == (settings.thumbnail_pixels, settings.thumbnail_pixels // 2)
    assert answer.headers["Cache-Control"] == "private, max-age=31536000, immutable"


def test_a_picture_the_browser_has_is_not_sent_again(ann):
    url = f"/photos/{ann.photo(ann.collection())}/thumbnail"
    etag = ann.get(url).headers["ETag"]
    again = ann.client.get(f"/api/v1{url}", headers=ann.headers | {"If-None-Match": etag})
    assert (again.status_code, again.data) == (304, b"")


def test_part_of_an_original_can_be_asked_for(ann):
    url = f"/api/v1/photos/{ann.photo(ann.collection())}/original"
    answer = ann.client.get(url, headers=ann.headers | {"Range": "bytes=0-9"})
    assert (answer.status_code, answer.data) == (206, jpeg(1)[:10])


def test_pictures_come_from_a_store_elsewhere_too(services, ann):
    elsewhere = Services(services.settings, services.catalog, BlobStore("memory://photos"), services.celery)
    ann.client = create_app(elsewhere).test_client()
    photo = ann.photo(ann.collection())
    assert ann.get(f"/photos/{photo}/original").data == jpeg(1)
    assert ann.get(f"/photos/{photo}/thumbnail").content_type == "image/webp"


def test_a_lost_original_is_a_problem_with_a_way_out(ann, blobs):
    photo = ann.photo(ann.collection())
    blobs.delete(original_key(sha256_of(io.BytesIO(jpeg(1)))))
    answer = ann.get(f"/photos/{photo}/original")
    assert answer.status_code == 404
    assert "mindreader doctor" in answer.json["detail"]


def test_a_photo_gets_another_category_and_stays_indexed(ann, version, catalog):
    photo = ann.photo(ann.collection())
    put_in_state(catalog, EmbeddingState.INDEXED)
    shown = ann.ask("PATCH", f"/photos/{photo}", json={"category": "2024"}).json
    assert (shown["category"], shown["state"]) == ("2024", "indexed")
    assert ann.ask("PATCH", f"/photos/{photo}", json={"category": None}).json["category"] is None


def test_a_photo_gets_the_date_a_person_says_and_keeps_its_category(ann, version, catalog):
    photo = ann.photo(ann.collection(), category="dog")
    put_in_state(catalog, EmbeddingState.INDEXED)
    shown = ann.ask("PATCH", f"/photos/{photo}", json={"taken_at": "1968-12-24T16:39"}).json
    assert (shown["taken_at"], shown["date_source"]) == ("1968-12-24T16:39:00", "person")
    assert (shown["category"], shown["state"]) == ("dog", "indexed")
    shown = ann.ask("PATCH", f"/photos/{photo}", json={"taken_at": None, "category": "cat"}).json
    assert (shown["taken_at"], shown["date_source"], shown["category"]) == (None, "person", "cat")


NO_DATES = ["1800-01-01T00:00", "2099-01-01T00:00", "2019-01-01T00:00:00Z", "2019-02-31T00:00", "yesterday", 7e15]


@pytest.mark.parametrize("moment", NO_DATES)
def test_what_is_no_date_of_a_photo_is_refused(ann, moment):
    photo = ann.photo(ann.collection())
    assert ann.ask("PATCH", f"/photos/{photo}", json={"taken_at": moment}).status_code == 422
    assert ann.post("/photos/date", json={"photo_ids": [photo], "taken_at": moment}).status_code == 422
    assert ann.get(f"/photos/{photo}").json["date_source"] == "none"


@pytest.mark.parametrize("sent", [{}, {"category": 7}, {"category": "x" * 201}, {"category": "a\0b"}, {"name": "x"}])
def test_unusable_changes_are_refused(ann, sent):
    photo = ann.photo(ann.collection())
    assert ann.ask("PATCH", f"/photos/{photo}", json=sent).status_code == 422


def test_a_deleted_photo_is_gone_at_once_and_may_come_back(ann):
    collection = ann.collection()
    photo = ann.photo(collection)
    assert ann.ask("DELETE", f"/photos/{photo}").status_code == 204
    for path in ("", "/thumbnail", "/preview", "/original"):
        assert ann.get(f"/photos/{photo}{path}").status_code == 404
    assert ann.upload(collection, jpeg(1))[0] == {
        "file": "photo-0.jpg",
        "status": "created",
        "photo_id": photo,
        "reason": None,
    }


def test_a_failed_photo_says_why_and_can_be_tried_again(ann, version, catalog):
    photo = ann.photo(ann.collection())
    put_in_state(catalog, EmbeddingState.FAILED, error="It is broken.")
    shown = ann.get(f"/photos/{photo}").json
    assert (shown["state"], shown["error"]) == ("failed", "It is broken.")
    assert ann.post(f"/photos/{photo}/retry").status_code == 202
    assert ann.get(f"/photos/{photo}").json["state"] == "pending"
    assert ann.post(f"/photos/{photo}/retry").status_code == 409
