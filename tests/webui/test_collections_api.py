import io

import pytest

from mindreader.catalog import EmbeddingState
from mindreader_webui.uploads import FILES_PER_REQUEST
from mindreader_workers.celery_app import EMBED_QUEUE
from tests.support.library import jpeg


def embed_messages(services):
    """How often workers were woken, and forget it."""
    with services.celery.connection_for_read() as connection:
        return connection.default_channel.queue_purge(EMBED_QUEUE)


@pytest.fixture(autouse=True)
def quiet_queue(services):
    with services.celery.connection_for_write() as connection:
        channel = connection.default_channel
        channel.queue_declare(EMBED_QUEUE)
        channel.queue_purge(EMBED_QUEUE)


def test_a_collection_shows_what_the_contract_promises(ann, version):
    collection = ann.collection("Holidays", "shared")
    ann.upload(collection, jpeg(1), jpeg(2), category=["dog", ""])
    shown = ann.get(f"/collections/{collection}").json
    assert shown.pop("created_at").endswith("Z")
    assert shown.pop("categories") == [{"id": 1, "name": "dog", "photos": 1}]
    assert shown == {
        "id": collection,
        "cover_url": "/api/v1/photos/2/thumbnail",
        "name": "Holidays",
        "visibility": "shared",
        "owner": "Ann",
        "mine": True,
        "shows_folder": False,
        "photos": 2,
        "embedding": {"pending": 2, "leased": 0, "indexed": 0, "failed": 0, "skipped": 0},
        "people": [],
    }


def test_the_list_says_which_are_mine(ann, bob):
    ann.collection("Hers", "shared")
    bob.collection("His")
    assert {each["name"]: each["mine"] for each in bob.get("/collections").json["collections"]} == {
        "Hers": False,
        "His": True,
    }


def test_a_name_is_taken_once(ann):
    ann.collection("Photos")
    again = ann.post("/collections", json={"name": "Photos"})
    assert again.status_code == 409
    assert "another name" in again.json["detail"]


@pytest.mark.parametrize(
    "sent", [{"name": ""}, {"name": "a\0b"}, {"name": "x" * 201}, {}, {"name": "x", "visibility": "public"}]
)
def test_unusable_collections_are_refused(ann, sent):
    assert ann.post("/collections", json=sent).status_code == 422


def test_renaming_and_sharing(ann, bob):
    collection = ann.collection()
    changed = ann.ask("PATCH", f"/collections/{collection}", json={"name": "Open", "visibility": "shared"})
    assert (changed.json["name"], changed.json["visibility"]) == ("Open", "shared")
    assert bob.get(f"/collections/{collection}").status_code == 200


@pytest.mark.parametrize("sent", [{"name": ""}, {"visibility": "public"}, {"colour": "red"}])
def test_unusable_changes_are_refused(ann, sent):
    collection = ann.collection()
    assert ann.ask("PATCH", f"/collections/{collection}", json=sent).status_code == 422


def test_a_deleted_collection_is_gone_with_its_photos(ann, services):
    collection = ann.collection()
    photo = ann.photo(collection)
    assert ann.ask("DELETE", f"/collections/{collection}").status_code == 204
    assert ann.get(f"/collections/{collection}").status_code == 404
    assert ann.get(f"/photos/{photo}").status_code == 404
    assert ann.get(f"/photos/{photo}/original").status_code == 404


def test_every_file_has_its_own_outcome_in_the_order_sent(ann, services):
    collection = ann.collection()
    outcomes = ann.upload(collection, jpeg(1), b"hello", jpeg(1), b"", jpeg(2))
    assert [each["status"] for each in outcomes] == ["created", "rejected", "duplicate", "rejected", "created"]
    assert [each["file"] for each in outcomes] == [f"photo-{number}.jpg" for number in range(5)]
    assert outcomes[2]["photo_id"] == outcomes[0]["photo_id"]
    assert "text" in outcomes[1]["reason"]
    assert outcomes[1]["photo_id"] is None


def test_workers_are_woken_once_the_photos_are_committed(ann, services):
    collection = ann.collection()
    ann.upload(collection, jpeg(1), jpeg(2))
    assert embed_messages(services) == 1
    ann.upload(collection, jpeg(1), b"no photo")
    assert embed_messages(services) == 0


def test_categories_belong_to_their_files(ann):
    collection = ann.collection()
    ann.upload(collection, jpeg(1), jpeg(2), jpeg(3), category=["dog", "", "2024"])
    photos = ann.get(f"/collections/{collection}/photos").json["photos"]
    assert [photo["category"] for photo in photos] == ["2024", None, "dog"]


@pytest.mark.parametrize("categories", [["dog"], ["dog", "cat", "horse"]])
def test_a_wrong_number_of_categories_is_refused_before_anything_is_kept(ann, categories):
    collection = ann.collection()
    form = {"file": [(io.BytesIO(jpeg(n)), f"{n}.jpg") for n in range(2)], "category": categories}
    answer = ann.post(f"/collections/{collection}/photos", data=form)
    assert answer.status_code == 422
    assert answer.json["errors"][0]["field"] == "category"
    assert ann.get(f"/collections/{collection}").json["photos"] == 0


def test_what_lies_beside_files_says_when_they_were_taken(ann):
    collection = ann.collection()
    form = {
        "modified": ["2004-04-01T10:11:12", "", ""],
        "xmp": ["", "x" * 100_000, '<r exif:DateTimeOriginal="1998-07-08"/>'],
        "takeout": ["", '{"photoTakenTime": {"timestamp": "1060699034"}}', ""],
    }
    outcomes = ann.upload(collection, *[jpeg(n) for n in range(3)], **form)
    shown = [ann.get(f"/photos/{each['photo_id']}").json for each in outcomes]
    assert [(each["taken_at"], each["date_source"]) for each in shown] == [
        ("2004-04-01T10:11:12", "file"),
        ("2003-08-12T14:37:14", "takeout"),
        ("1998-07-08T00:00:00", "sidecar"),
    ]


@pytest.mark.parametrize("field", ["modified", "xmp", "takeout", "origin"])
def test_what_is_said_of_another_number_of_files_is_refused(ann, field):
    collection = ann.collection()
    form = {"file": [(io.BytesIO(jpeg(n)), f"{n}.jpg") for n in range(2)], field: [""]}
    answer = ann.post(f"/collections/{collection}/photos", data=form)
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, field)
    assert ann.get(f"/collections/{collection}").json["photos"] == 0


def test_what_is_no_time_of_a_file_is_refused(ann):
    form = {"file": (io.BytesIO(jpeg(1)), "a.jpg"), "modified": "yesterday"}
    answer = ann.post(f"/collections/{ann.collection()}/photos", data=form)
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "modified")


def test_everything_that_is_said_of_a_hundred_files_fits_into_a_request(ann):
    files = [(io.BytesIO(b"no photo"), f"{n}.jpg") for n in range(FILES_PER_REQUEST)]
    said = {field: ["x" * 2**15] * FILES_PER_REQUEST for field in ("xmp", "takeout")}
    more = {field: [""] * FILES_PER_REQUEST for field in ("category", "modified")}
    answer = ann.post(f"/collections/{ann.collection()}/photos", data={"file": files, **said, **more})
    assert (answer.status_code, len(answer.json["outcomes"])) == (200, FILES_PER_REQUEST)


def test_an_upload_without_files_is_refused(ann):
    answer = ann.post(f"/collections/{ann.collection()}/photos", data={"category": "dog"})
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "file")


def test_only_the_last_part_of_a_file_name_is_kept(ann):
    form = {"file": (io.BytesIO(jpeg(1)), "../../etc/pass\u202ewd.jpg")}
    answer = ann.post(f"/collections/{ann.collection()}/photos", data=form)
    assert answer.json["outcomes"][0]["file"] == "passwd.jpg"


def test_too_many_files_at_once_are_refused_with_a_sentence(ann):
    collection = ann.collection()
    form = {"file": [(io.BytesIO(b"x"), f"{n}.jpg") for n in range(FILES_PER_REQUEST + 1)]}
    answer = ann.post(f"/collections/{collection}/photos", data=form)
    assert answer.status_code == 413
    assert "fewer" in answer.json["detail"]


def test_nothing_of_an_upload_stays_in_the_folder_for_arriving_files(ann, settings):
    ann.upload(ann.collection(), jpeg(1), b"no photo")
    assert list((settings.data_dir / "uploads").iterdir()) == []


def test_a_full_disk_fails_the_file_and_not_the_request(ann, settings):
    collection = ann.collection()
    blobs = settings.data_dir / "blobs"
    blobs.mkdir()
    (blobs / "originals").write_text("in the way")
    outcome = ann.upload(collection, jpeg(1))[0]
    assert outcome["status"] == "rejected"
    assert "again later" in outcome["reason"]


def test_pages_of_photos_go_on_where_they_ended(ann, version):
    collection = ann.collection()
    ids = [each["photo_id"] for each in ann.upload(collection, *[jpeg(n) for n in range(5)])]
    seen, after = [], None
    while True:
        query = {"limit": 2} | ({"after": after} if after else {})
        page = ann.get(f"/collections/{collection}/photos", query_string=query).json
        seen += [photo["id"] for photo in page["photos"]]
        after = page["next"]
        if after is None:
            break
    assert seen == sorted(ids, reverse=True)


def test_photos_can_be_listed_by_category_and_state(ann, version):
    collection = ann.collection()
    ann.upload(collection, jpeg(1), jpeg(2), category=["dog", ""])
    dog = ann.get(f"/collections/{collection}").json["categories"][0]["id"]
    by_category = ann.get(f"/collections/{collection}/photos", query_string={"category_id": dog}).json
    assert [photo["category"] for photo in by_category["photos"]] == ["dog"]
    failed = ann.get(f"/collections/{collection}/photos", query_string={"state": EmbeddingState.FAILED}).json
    assert failed == {"photos": [], "next": None}


@pytest.mark.parametrize(
    "query",
    [{"limit": 0}, {"limit": 201}, {"limit": "x"}, {"after": 0}, {"after": 10**30}, {"state": "lost"}, {"page": 2}],
)
def test_unusable_queries_are_refused(ann, query):
    answer = ann.get(f"/collections/{ann.collection()}/photos", query_string=query)
    assert answer.status_code == 422
    assert answer.json["errors"][0]["field"] == next(iter(query))


@pytest.mark.parametrize("odd", ["0", "-1", "x", "2147483648", "9" * 40])
def test_ids_no_collection_can_have_are_not_found(ann, odd):
    answer = ann.get(f"/collections/{odd}")
    assert answer.status_code == 404
    assert answer.content_type == "application/problem+json"


def test_the_newest_photo_that_is_there_is_the_cover(ann, version):
    collection = ann.collection("Holidays")
    assert ann.get(f"/collections/{collection}").json["cover_url"] is None
    older, newer = (ann.photo(collection, seed) for seed in (1, 2))
    assert ann.get(f"/collections/{collection}").json["cover_url"] == f"/api/v1/photos/{newer}/thumbnail"
    ann.ask("DELETE", f"/photos/{newer}")
    assert ann.get(f"/collections/{collection}").json["cover_url"] == f"/api/v1/photos/{older}/thumbnail"
