"""Public links: what they show to whoever has them, for how long, and who may make and end them."""

import io
import re
from datetime import UTC, datetime, timedelta

import pytest
from PIL import Image
from sqlalchemy import select, update

from mindreader.blobs import sketch_key
from mindreader.catalog import Photo, PublicLink, PublicLinkPhoto, Search
from mindreader.catalog.models import now
from mindreader.public_links import links as links_module
from mindreader_webui.app import create_app
from mindreader_webui.services import Services
from tests.support.library import jpeg
from tests.support.web import given

SKETCH = "1" * 64


@pytest.fixture
def hers(ann):
    """A collection of Ann's with three photos, the newest first."""
    collection = ann.collection("Holidays")
    return collection, [ann.photo(collection, seed) for seed in (1, 2, 3)][::-1]


@pytest.fixture
def search(catalog, ann, version, blobs):
    """A search of Ann's."""
    blobs.put(sketch_key(SKETCH), b"PNG")
    row = Search(user_id=ann.user_id, sketch_sha256=SKETCH, model_version_id=version.id, seeds=[0], timings_ms={})
    with catalog.transaction() as session:
        session.add(row)
    return row.id


def link(person, **body):
    made = person.post("/public-links", json=body)
    assert made.status_code == 201, made.text
    return given(made) | {"secret": given(made)["url"].rpartition("/")[2]}


def seen(visitor, secret, **query):
    answer = visitor.get(f"/public/{secret}/photos", query_string=query)
    return [photo["id"] for photo in given(answer)["photos"]] if answer.status_code == 200 else answer.status_code


def test_a_collection_is_shown_as_it_is_when_somebody_looks(ann, nobody, hers):
    collection, photos = hers
    made = link(ann, collection_id=collection)
    assert made["url"] == f"http://localhost/shared/{made['secret']}"
    visit = given(nobody.get(f"/public/{made['secret']}"))
    assert (visit["title"], visit["photos"], visit["sketch_url"]) == ("Holidays", 3, None)
    assert seen(nobody, made["secret"]) == photos
    ann.ask("DELETE", f"/photos/{photos[0]}")
    later = ann.photo(collection, 9)
    assert seen(nobody, made["secret"]) == [later, *photos[1:]]
    ann.ask("PATCH", f"/collections/{collection}", json={"name": "Summer"})
    assert "Summer" in nobody.client.get(f"/shared/{made['secret']}").text
    ann.ask("DELETE", f"/collections/{collection}")
    assert seen(nobody, made["secret"]) == 404


def test_its_photos_come_page_by_page(ann, nobody, hers):
    made = link(ann, collection_id=hers[0])
    first = given(nobody.get(f"/public/{made['secret']}/photos", query_string={"limit": 2}))
    rest = given(nobody.get(f"/public/{made['secret']}/photos", query_string={"limit": 2, "after": first["next"]}))
    assert [photo["id"] for photo in first["photos"] + rest["photos"]] == hers[1]
    assert rest["next"] is None


def test_a_search_is_shown_as_it_was_found_without_what_is_gone_or_not_hers(ann, bob, nobody, hers, search):
    collection, photos = hers
    theirs = bob.collection("His", "shared")
    his, order = bob.photo(theirs, 7), [photos[2], photos[0], photos[1]]
    made = link(ann, search_id=search, photo_ids=[order[0], his, *order[1:], order[0]], title="Three boats")
    assert (made["photos"], made["title"]) == (3, "Three boats"), "Bob's is his to show around"
    visit = given(nobody.get(f"/public/{made['secret']}"))
    assert (visit["title"], visit["photos"]) == ("Three boats", 3)
    assert nobody.client.get(visit["sketch_url"]).data == b"PNG"
    assert seen(nobody, made["secret"]) == order
    page = given(nobody.get(f"/public/{made['secret']}/photos", query_string={"limit": 2}))
    assert seen(nobody, made["secret"], limit=2, after=page["next"]) == order[2:]
    ann.photo(collection, 9)
    ann.ask("DELETE", f"/photos/{order[1]}")
    assert seen(nobody, made["secret"]) == [order[0], order[2]]
    ann.ask("DELETE", f"/collections/{collection}")
    assert seen(nobody, made["secret"]) == []


def test_of_a_search_only_the_maker_s_own_photos_can_be_shown(ann, bob, hers, search):
    theirs = bob.collection("His", "shared")
    refused = ann.post("/public-links", json={"search_id": search, "photo_ids": [bob.photo(theirs, 7)], "title": "His"})
    assert (refused.status_code, "belong to others" in refused.text) == (403, True)
    other = bob.post("/public-links", json={"search_id": search, "photo_ids": hers[1], "title": "Hers"})
    assert other.status_code == 404, "nobody shows the search of somebody else"


def test_a_photo_that_came_to_somebody_else_is_shown_no_more(ann, admin, nobody, hers, search):
    """An administrator's link shows everybody's; once they are a member, their own."""
    made = link(ann, search_id=search, photo_ids=hers[1], title="Mine")
    target = admin.collection("Root's")
    admin.post("/photos/move", json={"photo_ids": hers[1][:1], "collection_id": target})
    assert seen(nobody, made["secret"]) == hers[1][1:]


def test_a_visitor_gets_pictures_and_nothing_the_camera_wrote(ann, nobody, finder):
    """Small ones, whose thumbnail is all there is, and large ones."""
    collection = ann.collection("Places")
    for size in ((200, 150), (900, 600)):
        ann.upload(collection, with_place(size))
    made = link(ann, collection_id=collection)
    photos = given(nobody.get(f"/public/{made['secret']}/photos"))["photos"]
    assert all(set(photo) == VISIBLE and photo["original_url"] is None for photo in photos)
    for photo in photos:
        for address in (photo["thumbnail_url"], photo["preview_url"]):
            sent = nobody.client.get(address)
            picture = Image.open(io.BytesIO(sent.data))
            assert picture.format == "WEBP"
            assert dict(picture.getexif()) == {}
            assert not picture.info.get("exif")
            assert not picture.info.get("xmp")
            assert b"Secret street" not in sent.data
            assert "photo-0" not in sent.headers["Content-Disposition"], "the name of the file is not told"
        refused = nobody.client.get(photo["thumbnail_url"].replace("thumbnail", "original"))
        assert refused.status_code == 403


VISIBLE = {"id", "width", "height", "thumbnail_url", "preview_url", "original_url"}


def with_place(size) -> bytes:
    exif = Image.Exif()
    exif[0x010E] = "Secret street 7"
    exif.get_ifd(0x8825).update({1: "N", 2: (52.0, 31.0, 12.0), 3: "E", 4: (13.0, 24.0, 17.0)})
    out = io.BytesIO()
    Image.new("RGB", size, (200, size[0] % 255, 30)).save(out, "JPEG", exif=exif)
    assert b"Secret street" in out.getvalue()
    return out.getvalue()


def test_originals_come_only_where_downloads_are_allowed(ann, nobody, hers):
    made = link(ann, collection_id=hers[0], downloads=True)
    photo = given(nobody.get(f"/public/{made['secret']}/photos"))["photos"][0]
    sent = nobody.client.get(photo["original_url"])
    assert sent.data == jpeg(3)
    assert sent.headers["Content-Disposition"].startswith("attachment")
    assert "sandbox" in sent.headers["Content-Security-Policy"]


def test_it_opens_nothing_else(ann, nobody, hers):
    """Neither other photos nor any other endpoint, whether the secret comes as a token or a cookie."""
    made, other = link(ann, collection_id=hers[0]), ann.photo(ann.collection("Other"), 8)
    for name in ("thumbnail", "preview", "original"):
        assert nobody.get(f"/public/{made['secret']}/photos/{other}/{name}").status_code == 404
        assert nobody.get(f"/photos/{hers[1][0]}/{name}").status_code == 401
    bearer = {"Authorization": f"Bearer {made['secret']}"}
    nobody.client.set_cookie("mindreader_session", made["secret"])
    for path in ("/collections", f"/collections/{hers[0]}", f"/photos/{hers[1][0]}", "/session", "/public-links"):
        assert nobody.client.get(f"/api/v1{path}", headers=bearer).status_code == 401


def endings(person, made, catalog, admin):
    moment = now() - timedelta(seconds=1)
    yield "revoked", lambda: person.ask("DELETE", f"/public-links/{made['id']}")
    yield "expired", lambda: _update(catalog, made, expires_at=moment)
    yield "disabled", lambda: admin.ask("PATCH", f"/users/{person.user_id}", json={"disabled": True})
    yield "collection deleted", lambda: person.ask("DELETE", f"/collections/{made['collection_id']}")
    yield "removed", lambda: admin.ask("DELETE", f"/users/{person.user_id}", query_string={"heir_id": admin.user_id})


def _update(catalog, made, **values):
    with catalog.transaction() as session:
        session.execute(update(PublicLink).where(PublicLink.id == made["id"]).values(**values))


@pytest.mark.parametrize("how", ["revoked", "expired", "disabled", "collection deleted", "removed"])
def test_a_link_that_ended_looks_like_one_that_never_was(ann, admin, nobody, catalog, hers, how):
    made = link(ann, collection_id=hers[0])
    address = f"/public/{made['secret']}"
    assert nobody.get(address).status_code == 200
    dict(endings(ann, made, catalog, admin))[how]()
    never = "A" * 43
    for path in ("", "/photos", "/sketch", *(f"/photos/{hers[1][0]}/{name}" for name in ("thumbnail", "preview"))):
        ended, unknown = nobody.get(address + path), nobody.get(f"/public/{never}{path}")
        assert (ended.status_code, unknown.status_code) == (404, 404)
        assert ended.json["detail"] == unknown.json["detail"]
    page, nothing = nobody.client.get(f"/shared/{made['secret']}"), nobody.client.get(f"/shared/{never}")
    assert (page.status_code, _without_token(page.text)) == (404, _without_token(nothing.text))


def _without_token(page: str) -> str:
    """A page's token against forgery says the second it was made in."""
    return re.sub(r'(name="csrf-token" content=)"[^"]+"', r"\1", page)


def test_the_secret_is_long_and_kept_as_its_hash_alone(ann, catalog, hers):
    made = link(ann, collection_id=hers[0])
    assert len(made["secret"]) == 43, "256 bits"
    with catalog.snapshot() as session:
        row = session.scalars(select(PublicLink)).one()
        assert made["secret"] not in {str(getattr(row, column.name)) for column in PublicLink.__table__.columns}
    assert made["secret"] not in ann.get("/public-links").text


def test_it_is_told_how_often_it_was_opened(ann, nobody, hers):
    made = link(ann, collection_id=hers[0])
    for _ in range(3):
        nobody.client.get(f"/shared/{made['secret']}")
    nobody.client.head(f"/shared/{made['secret']}")
    seen(nobody, made["secret"])
    (listed,) = given(ann.get("/public-links"))["links"]
    assert (listed["opened"], listed["made_by"], listed["expired"]) == (3, "Ann", False)
    assert listed["last_opened_at"]


def test_its_page_is_for_no_search_engine_and_leaves_no_cookie(ann, nobody, hers):
    made = link(ann, collection_id=hers[0])
    page = nobody.client.get(f"/shared/{made['secret']}")
    assert "Set-Cookie" not in page.headers
    for answer in (page, nobody.get(f"/public/{made['secret']}"), nobody.get(f"/public/{made['secret']}/photos")):
        assert "noindex" in answer.headers["X-Robots-Tag"]
        assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert 'name="robots" content="noindex' in page.text
    assert "csrf-token" not in page.text


def test_links_last_for_thirty_days_or_as_long_as_is_said(ann, hers):
    def lasts(**body):
        made = datetime.fromisoformat(link(ann, collection_id=hers[0], **body)["expires_at"])
        return round((made - datetime.now(UTC)) / timedelta(days=1), 2)

    until = datetime.now(UTC) + timedelta(days=3)
    assert [lasts(), lasts(days=7), lasts(expires_at=until.isoformat())] == [30, 7, 3]


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({}, 422, "collection_id or search_id"),
        ({"collection_id": 1, "search_id": 1, "photo_ids": [1]}, 422, "collection_id or search_id"),
        ({"search_id": 1, "title": "x"}, 422, "photo_ids"),
        ({"search_id": 1, "photo_ids": [1] * 201, "title": "x"}, 422, "photo_ids"),
        ({"search_id": "SEARCH", "photo_ids": "PHOTOS", "title": " "}, 422, "name is missing"),
        ({"search_id": "SEARCH", "photo_ids": "PHOTOS", "title": "x" * 201}, 422, "200"),
        ({"collection_id": "COLLECTION", "days": 0}, 422, "days"),
        ({"collection_id": "COLLECTION", "days": 3651}, 422, "days"),
        ({"collection_id": "COLLECTION", "expires_at": "2020-01-01T00:00:00Z"}, 422, "later day"),
        ({"collection_id": "COLLECTION", "expires_at": "0001-01-01T00:00:00+14:00"}, 422, "later day"),
        ({"collection_id": "COLLECTION", "expires_at": "2099-01-01T00:00:00"}, 422, "expires_at"),
        ({"collection_id": "COLLECTION", "password": "x"}, 422, "password"),
        ({"collection_id": 999_999}, 404, "no such collection"),
        ({"search_id": 999_999, "photo_ids": [1], "title": "x"}, 404, "no such search"),
    ],
)
def test_what_cannot_be_linked_is_refused(ann, hers, search, body, status, says):
    known = {"SEARCH": search, "PHOTOS": hers[1], "COLLECTION": hers[0]}
    filled = {name: known.get(value, value) if isinstance(value, str) else value for name, value in body.items()}
    refused = ann.post("/public-links", json=filled)
    assert (refused.status_code, says in refused.text) == (status, True), refused.text


def test_nobody_has_links_without_end(ann, hers, monkeypatch):
    monkeypatch.setattr(links_module, "MOST_LINKS", 2)
    for _ in range(2):
        link(ann, collection_id=hers[0])
    refused = ann.post("/public-links", json={"collection_id": hers[0]})
    assert (refused.status_code, "Revoke" in refused.json["detail"]) == (409, True)


def test_who_may_change_the_collection_sees_and_ends_its_links(ann, bob, admin, hers):
    collection, _ = hers
    by_root, by_ann = link(admin, collection_id=collection), link(ann, collection_id=collection)
    listed = given(ann.get("/public-links", query_string={"collection_id": collection}))["links"]
    assert [each["made_by"] for each in listed] == ["Ann", "Root"]
    assert [each["id"] for each in given(ann.get("/public-links"))["links"]] == [by_ann["id"]]
    assert bob.get("/public-links", query_string={"collection_id": collection}).status_code == 404
    assert bob.get("/public-links", query_string={"everyone": "true"}).status_code == 403
    everyone = given(admin.get("/public-links", query_string={"everyone": "true"}))["links"]
    assert {each["id"] for each in everyone} == {by_root["id"], by_ann["id"]}
    assert ann.ask("DELETE", f"/public-links/{by_root['id']}").status_code == 204


def test_administrators_can_forbid_public_links(ann, nobody, services, hers):
    """Those there are show nothing while it lasts; they can be listed and ended."""
    made = link(ann, collection_id=hers[0])
    settings = services.settings.model_copy(update={"public_links": False})
    client = create_app(Services(settings, services.catalog, services.blobs, services.celery)).test_client()
    refused = client.post("/api/v1/public-links", json={"collection_id": hers[0]}, headers=ann.headers)
    assert (refused.status_code, "switched off" in refused.text) == (403, True)
    assert client.get(f"/api/v1/public/{made['secret']}").status_code == 404
    assert client.get(f"/shared/{made['secret']}").status_code == 404
    listed = given(client.get("/api/v1/public-links", headers=ann.headers))
    assert (listed["allowed"], len(listed["links"])) == (False, 1)
    assert client.delete(f"/api/v1/public-links/{made['id']}", headers=ann.headers).status_code == 204


def test_visits_are_limited_by_address(services, ann, hers):
    made = link(ann, collection_id=hers[0])
    settings = services.settings.model_copy(update={"public_link_rate": "3/minute"})
    client = create_app(Services(settings, services.catalog, services.blobs, services.celery)).test_client()
    tried = [client.get(f"/api/v1/public/{each}").status_code for each in (made["secret"], "A" * 43, "B" * 43)]
    assert tried == [200, 404, 404]
    assert client.get(f"/shared/{made['secret']}").status_code == 429
    assert client.get("/api/v1/session", headers=ann.headers).status_code == 200, "people who sign in are not held up"


def test_the_sketch_stays_while_a_link_shows_it(ann, nobody, blobs, hers, search):
    made = link(ann, search_id=search, photo_ids=hers[1], title="Boats")
    ann.ask("DELETE", "/searches")
    assert nobody.get(f"/public/{made['secret']}/sketch").status_code == 200
    ann.ask("DELETE", f"/public-links/{made['id']}")
    assert not blobs.exists(sketch_key(SKETCH))


def test_ending_a_link_keeps_the_sketch_of_a_search(ann, blobs, hers, search):
    made = link(ann, search_id=search, photo_ids=hers[1], title="Boats")
    ann.ask("DELETE", f"/public-links/{made['id']}")
    assert blobs.exists(sketch_key(SKETCH))


def test_a_photo_that_is_purged_leaves_the_link(ann, catalog, hers, search):
    link(ann, search_id=search, photo_ids=hers[1], title="Boats")
    with catalog.transaction() as session:
        session.delete(session.get_one(Photo, hers[1][0]))
    with catalog.snapshot() as session:
        assert len(session.scalars(select(PublicLinkPhoto)).all()) == 2


@pytest.mark.parametrize("level", ["INFO", "DEBUG"])
def test_no_log_holds_the_secret(ann, nobody, hers, caplog, level):
    made = link(ann, collection_id=hers[0])
    with caplog.at_level(level):
        nobody.client.get(f"/shared/{made['secret']}")
        nobody.get(f"/public/{made['secret']}/photos/999999/thumbnail")
        nobody.get(f"/public/{made['secret']}/photos/{hers[1][0]}/original")
    assert "/public/…/photos/999999/thumbnail" in caplog.text
    assert made["secret"] not in caplog.text
