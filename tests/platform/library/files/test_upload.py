import dataclasses
import hashlib
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest
from PIL import Image
from sqlalchemy import func, select

from mindreader.blobs import original_key, thumbnail_key
from mindreader.catalog import Catalog, Category, Collection, Embedding, EmbeddingState, Photo
from mindreader.catalog.locks import lock_content
from mindreader.embedding.queue import URGENT
from mindreader.library.files import upload as ingest
from mindreader.settings import load_settings
from tests.support.bundles import register_and_open
from tests.support.library import add_collection, jpeg


@pytest.fixture
def collection_id(catalog, space_id):
    return add_collection(catalog)


@pytest.fixture
def add(catalog, blobs, settings, collection_id, tmp_path):
    """Add these bytes as a file to the collection."""

    def add(content, filename="photo.jpg", category=None, to=None, settings=settings, **beside):
        file = tmp_path / "upload"
        file.write_bytes(content)
        known = ingest.Beside(**beside)
        return ingest.add_photo(catalog, blobs, settings, to or collection_id, filename, file, category, known)

    return add


def photo_row(catalog, photo_id):
    with catalog.snapshot() as session:
        return session.get(Photo, photo_id)


def count(catalog, table):
    with catalog.snapshot() as session:
        return session.scalar(select(func.count()).select_from(table))


def exif_jpeg(path):
    exif = Image.Exif()
    exif[0x0132] = "2024:05:31 18:22:03"
    exif[0x0112] = 6
    Image.new("RGB", (40, 30), "teal").save(path, "JPEG", exif=exif)
    return path.read_bytes()


def test_a_photo_is_kept_with_its_facts(add, catalog, blobs, settings, tmp_path):
    content = exif_jpeg(tmp_path / "exif.jpg")
    outcome = add(content, "Holiday.jpg", "beach")
    row = photo_row(catalog, outcome.photo_id)
    digest = hashlib.sha256(content).hexdigest()
    assert outcome.status == "created"
    assert (row.filename, row.sha256, row.size_bytes) == ("Holiday.jpg", digest, len(content))
    assert (row.width, row.height, row.media_type) == (30, 40, "image/jpeg")
    assert (row.taken_at, row.date_source) == (datetime(2024, 5, 31, 18, 22, 3), "modified")
    assert blobs.get(original_key(digest)) == content
    assert blobs.exists(thumbnail_key(digest, settings.thumbnail_pixels))


BESIDE = {
    "xmp": '<r exif:DateTimeOriginal="2001-01-01"/>',
    "takeout": '{"photoTakenTime": {"timestamp": "1012521600"}}',
    "taken_at": datetime(2002, 2, 2),
    "modified": datetime(2004, 4, 1),
}


@pytest.mark.parametrize(
    ("name", "beside", "moment", "source"),
    [
        ("IMG-20030301-WA0001.jpg", ("xmp", "takeout", "modified"), datetime(2001, 1, 1), "sidecar"),
        ("IMG-20030301-WA0001.jpg", ("takeout", "modified"), datetime(2002, 2, 1), "takeout"),
        ("IMG-20030301-WA0001.jpg", ("taken_at", "takeout"), datetime(2002, 2, 1), "takeout"),
        ("IMG-20030301-WA0001.jpg", ("taken_at", "modified"), datetime(2002, 2, 2), "library"),
        ("IMG-20030301-WA0001.jpg", ("modified",), datetime(2003, 3, 1), "name"),
        ("a.jpg", ("modified",), datetime(2004, 4, 1), "file"),
        ("a.jpg", (), None, "none"),
    ],
)
def test_a_photo_without_a_date_has_the_one_known_besides(add, catalog, name, beside, moment, source):
    outcome = add(jpeg(1), name, **{what: BESIDE[what] for what in beside})
    row = photo_row(catalog, outcome.photo_id)
    assert (row.taken_at, row.date_source) == (moment, source)
    assert (row.day is None) == (source in ("file", "none"))


def test_a_date_of_its_own_comes_before_those_beside_it_and_a_guess_after(add, catalog, tmp_path):
    guess = add(exif_jpeg(tmp_path / "exif.jpg"), "IMG-20030301-WA0001.jpg", **BESIDE)
    assert photo_row(catalog, guess.photo_id).date_source == "sidecar"
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9004] = "1999:05:31 18:22:03"
    Image.new("RGB", (40, 30)).save(tmp_path / "scan.jpg", exif=exif)
    scan = add((tmp_path / "scan.jpg").read_bytes(), "IMG-20030301-WA0001.jpg", **BESIDE)
    assert photo_row(catalog, scan.photo_id).date_source == "digitized"


@pytest.mark.parametrize(("before", "after"), [("none", "name"), ("person", "person")])
def test_a_deleted_photo_that_comes_again_has_the_date_of_this_time_unless_a_person_said_one(
    add, catalog, before, after
):
    photo_id = add(jpeg(1)).photo_id
    with catalog.transaction() as session:
        row = session.get(Photo, photo_id)
        row.deleted_at, row.date_source = row.created_at, before
    assert add(jpeg(1), "IMG-20030301-WA0001.jpg").photo_id == photo_id
    assert photo_row(catalog, photo_id).date_source == after


def test_a_photo_is_queued_for_every_space_in_use_before_re_embedding(add, catalog, blobs, settings, make_bundle):
    register_and_open(catalog, blobs, settings, make_bundle("other", "efficientnet-lite2"))
    outcome = add(jpeg(1))
    with catalog.snapshot() as session:
        rows = session.scalars(select(Embedding).where(Embedding.photo_id == outcome.photo_id)).all()
    assert len(rows) == 2
    assert {(row.state, row.priority) for row in rows} == {(EmbeddingState.PENDING, URGENT)}


def test_the_same_bytes_again_are_a_duplicate(add, catalog):
    first, second = add(jpeg(1), "a.jpg"), add(jpeg(1), "b.jpg")
    assert (second.status, second.photo_id) == ("duplicate", first.photo_id)
    assert count(catalog, Photo) == 1


def test_the_same_bytes_may_lie_in_two_collections(add, catalog):
    other = add_collection(catalog, "Other")
    assert add(jpeg(1)).photo_id != add(jpeg(1), to=other).photo_id


def test_the_same_upload_many_times_at_once_is_created_once(any_catalog, blobs, settings, make_bundle, tmp_path):
    register_and_open(any_catalog, blobs, settings, make_bundle("first"))
    collection_id = add_collection(any_catalog)
    file = tmp_path / "upload"
    file.write_bytes(jpeg(1))

    def add_once(_):
        return ingest.add_photo(any_catalog, blobs, settings, collection_id, "a.jpg", file, "dog")

    with ThreadPoolExecutor(6) as pool:
        outcomes = list(pool.map(add_once, range(6)))
    assert sorted(outcome.status for outcome in outcomes) == ["created"] + ["duplicate"] * 5
    assert len({outcome.photo_id for outcome in outcomes}) == 1


def test_different_uploads_at_once_share_their_new_category(any_catalog, blobs, settings, tmp_path):
    collection_id = add_collection(any_catalog)
    files = [tmp_path / f"{number}.jpg" for number in range(6)]
    for number, file in enumerate(files):
        file.write_bytes(jpeg(number))

    def add_once(file):
        return ingest.add_photo(any_catalog, blobs, settings, collection_id, file.name, file, "dog").status

    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(add_once, files)) == {"created"}
    assert count(any_catalog, Category) == 1


def test_a_deleted_photo_comes_back_when_it_is_uploaded_again(add, catalog):
    first = add(jpeg(1), "old.jpg")
    with catalog.transaction() as session:
        photo = session.get(Photo, first.photo_id)
        photo.deleted_at = photo.created_at
        row = session.scalars(select(Embedding)).one()
        row.state, row.attempts, row.lease_owner = EmbeddingState.LEASED, 3, "a worker"
    again = add(jpeg(1), "new.jpg")
    assert (again.status, again.photo_id) == ("created", first.photo_id)
    revived = photo_row(catalog, first.photo_id)
    assert (revived.deleted_at, revived.filename) == (None, "new.jpg")
    with catalog.snapshot() as session:
        row = session.scalars(select(Embedding)).one()
    assert (row.state, row.attempts, row.lease_owner) == (EmbeddingState.PENDING, 0, None)


def test_bytes_that_a_purge_took_away_in_between_are_written_again(add, blobs, settings, tmp_path, monkeypatch):
    content = jpeg(1)
    digest = hashlib.sha256(content).hexdigest()

    def purge_just_before_the_lock(session, sha256):
        blobs.delete(original_key(sha256))
        blobs.delete(thumbnail_key(sha256, settings.thumbnail_pixels))
        lock_content(session, sha256)

    monkeypatch.setattr(ingest, "lock_content", purge_just_before_the_lock)
    assert add(content).status == "created"
    assert blobs.get(original_key(digest)) == content
    assert blobs.exists(thumbnail_key(digest, settings.thumbnail_pixels))


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "empty"), (b"%PDF-1.7", "PDF"), (b"hello", "text"), (jpeg(1)[:200], "too early")],
)
def test_a_file_that_is_no_photo_is_rejected_with_the_reason_and_leaves_nothing(add, catalog, blobs, content, reason):
    outcome = add(content)
    assert (outcome.status, outcome.photo_id) == ("rejected", None)
    assert reason in outcome.reason
    assert count(catalog, Photo) == 0
    assert list(blobs.keys("originals")) == []


def test_a_file_above_the_limit_is_rejected(add, settings, blobs):
    small = settings.model_copy(update={"upload_max_bytes": 100})
    outcome = add(jpeg(1), settings=small)
    assert outcome.status == "rejected"
    assert "larger than" in outcome.reason
    assert list(blobs.keys("originals")) == []


def test_too_many_pixels_are_rejected(add, settings):
    outcome = add(jpeg(1), settings=settings.model_copy(update={"image_max_pixels": 100}))
    assert (outcome.status, "pixels" in outcome.reason) == ("rejected", True)


@pytest.mark.parametrize("category", ["x" * 201, "a\0b"])
def test_an_unusable_category_rejects_the_file_before_anything_is_written(add, catalog, blobs, category):
    assert add(jpeg(1), category=category).status == "rejected"
    assert count(catalog, Photo) == 0
    assert list(blobs.keys("originals")) == []


@pytest.mark.parametrize("category", [None, "", "  "])
def test_no_category_is_fine(add, catalog, category):
    assert photo_row(catalog, add(jpeg(1), category=category).photo_id).category_id is None


def test_a_collection_that_is_gone_takes_nothing(add, catalog, collection_id):
    with catalog.transaction() as session:
        collection = session.get(Collection, collection_id)
        collection.deleted_at = collection.created_at
    assert add(jpeg(1)).status == "rejected"
    assert count(catalog, Photo) == 0


def test_a_failing_disk_is_not_the_files_fault(add, catalog, blobs, settings):
    folder = settings.data_dir / "blobs"
    (folder / "originals").write_text("in the way")
    with pytest.raises(OSError):
        add(jpeg(1))
    assert count(catalog, Photo) == 0


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("photo.jpg", "photo.jpg"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Photos\\dog.jpg", "dog.jpg"),
        ("album/", "album"),
        ("", "photo"),
        ("..\u202egpj.exe\0", "..gpj.exe"),
        ("a\r\nSet-Cookie: x.jpg", "aSet-Cookie: x.jpg"),
        ("x" * 300 + ".jpeg", "x" * 250 + ".jpeg"),
        ("y" * 300, "y" * 255),
        ("Ünï 日本.png", "Ünï 日本.png"),
    ],
)
def test_filenames_keep_the_last_part_and_what_can_be_seen(given, kept):
    assert ingest.safe_filename(given) == kept


def test_outcomes_cannot_be_changed(add):
    with pytest.raises(dataclasses.FrozenInstanceError):
        add(jpeg(1)).status = "rejected"


def test_a_catalog_that_is_away_loses_nothing_it_promised(add, catalog, blobs, settings, collection_id, tmp_path):
    """The row is the promise: without it the file simply is not there, and can be sent again."""
    away = Catalog(load_settings({"MINDREADER_DATABASE_URL": f"sqlite:///{tmp_path}/empty.sqlite3"}).catalog_url)
    file = tmp_path / "upload"
    file.write_bytes(jpeg(1))
    with pytest.raises(Exception, match="no such table"):
        ingest.add_photo(away, blobs, settings, collection_id, "a.jpg", file, None)
    away.close()
    assert add(jpeg(1)).status == "created"
