"""One contract for every store: a local folder, fsspec's ``memory://``, and a real S3 server."""

import hashlib
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from mindreader.blobs import BlobStore, original_key, thumbnail_key
from mindreader.errors import ConfigurationError, InvalidInputError, NotFoundError
from tests.support.services import S3Server

DATA = b"the bytes of a photo" * 1000
SHA = hashlib.sha256(DATA).hexdigest()
KEY = original_key(SHA)


@pytest.fixture(params=["folder", "file-url", "memory", "s3"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "s3":
        return str(request.getfixturevalue("s3_url"))
    return {
        "folder": str(tmp_path / "blobs"),
        "file-url": f"file://{tmp_path / 'blobs'}",
        "memory": f"memory://{uuid.uuid4().hex}/blobs",
    }[request.param]


@pytest.fixture
def store(root: str) -> BlobStore:
    return BlobStore(root)


def test_what_is_put_is_got(store: BlobStore) -> None:
    store.put(KEY, DATA)
    assert store.get(KEY) == DATA
    assert store.size(KEY) == len(DATA)
    assert store.exists(KEY)


def test_a_file_is_copied_in(store: BlobStore, tmp_path: Path) -> None:
    source = tmp_path / "Holiday (1).JPG"
    source.write_bytes(DATA)
    store.put_file(KEY, source)
    assert store.get(KEY) == DATA
    assert source.read_bytes() == DATA


def test_an_empty_blob_is_a_blob(store: BlobStore) -> None:
    store.put("sketches/empty", b"")
    assert store.exists("sketches/empty")
    assert (store.get("sketches/empty"), store.size("sketches/empty")) == (b"", 0)


def test_an_opened_blob_can_be_read_in_parts(store: BlobStore) -> None:
    store.put(KEY, DATA)
    with store.open(KEY) as file:
        file.seek(4)
        assert file.read(5) == DATA[4:9]


def test_an_existing_blob_is_never_written_again(store: BlobStore, tmp_path: Path) -> None:
    store.put(KEY, DATA)
    other = tmp_path / "other"
    other.write_bytes(b"other")
    store.put(KEY, b"other")
    store.put_file(KEY, other)
    assert store.get(KEY) == DATA


def test_missing_blobs_are_not_found(store: BlobStore) -> None:
    store.put(KEY, DATA)
    for missing in (original_key("0" * 64), "originals", "originals/ab"):
        assert not store.exists(missing)
        for read in (store.get, store.open, store.size):
            with pytest.raises(NotFoundError, match=missing):
                read(missing)


def test_deleting_twice_is_fine(store: BlobStore) -> None:
    store.put(KEY, DATA)
    store.delete(KEY)
    store.delete(KEY)
    assert not store.exists(KEY)
    assert list(store.keys()) == []


def test_a_deleted_blob_can_come_back(store: BlobStore) -> None:
    store.put(KEY, DATA)
    store.delete(KEY)
    store.put(KEY, DATA)
    assert store.get(KEY) == DATA


def test_keys_are_listed_by_folder(store: BlobStore) -> None:
    originals = {original_key(hashlib.sha256(bytes([n])).hexdigest()) for n in range(20)}
    thumbnail = thumbnail_key(SHA, 256)
    for key in (*originals, thumbnail):
        store.put(key, b"x")
    assert set(store.keys()) == originals | {thumbnail}
    assert set(store.keys("originals")) == originals
    one = min(originals)
    assert one in set(store.keys(one.rsplit("/", 1)[0]))
    assert list(store.keys("thumbnails")) == [thumbnail]
    assert list(store.keys("sketches")) == []


def test_an_unused_store_has_no_keys(store: BlobStore) -> None:
    assert list(store.keys()) == []
    assert store.sweep_temporary(0) == 0


def test_keys_do_not_repeat_what_another_process_deleted(root: str) -> None:
    ours, theirs = BlobStore(root), BlobStore(root)
    ours.put(KEY, DATA)
    assert list(ours.keys()) == [KEY]
    theirs.delete(KEY)
    assert list(ours.keys()) == []
    ours.put(KEY, DATA)
    assert theirs.get(KEY) == DATA


@pytest.mark.parametrize("key", ["../x", "/etc/passwd", ".temporary/x", "", "A"])
def test_names_that_are_no_keys_are_refused_everywhere(store: BlobStore, key: str, tmp_path: Path) -> None:
    calls = [
        lambda: store.put(key, b""),
        lambda: store.put_file(key, tmp_path),
        lambda: store.get(key),
        lambda: store.open(key),
        lambda: store.local_path(key),
        lambda: store.exists(key),
        lambda: store.delete(key),
        lambda: store.size(key),
        lambda: list(store.keys(key or "..")),
    ]
    for call in calls:
        with pytest.raises(InvalidInputError):
            call()


def test_blobs_of_a_local_store_have_a_path(tmp_path: Path) -> None:
    store = BlobStore(str(tmp_path / "blobs"))
    store.put(KEY, DATA)
    path = store.local_path(KEY)
    assert path == tmp_path / "blobs" / KEY
    assert path.read_bytes() == DATA
    with pytest.raises(NotFoundError):
        store.local_path("originals/none")
    with pytest.raises(NotFoundError):
        store.local_path("originals")


def test_a_large_file_is_kept_whole(store: BlobStore, tmp_path: Path) -> None:
    large = tmp_path / "large"
    data = bytes(range(256)) * (12 * 2**12)  # 12 MiB: an S3 upload in parts
    large.write_bytes(data)
    store.put_file(KEY, large)
    assert store.size(KEY) == len(data)
    with store.open(KEY) as file:
        assert hashlib.sha256(file.read()).digest() == hashlib.sha256(data).digest()


def test_many_threads_use_one_store(store: BlobStore) -> None:
    keys = [original_key(hashlib.sha256(bytes([n])).hexdigest()) for n in range(40)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: store.put(key, key.encode()), keys * 2))
        assert list(pool.map(store.get, keys)) == [key.encode() for key in keys]
    assert set(store.keys()) == set(keys)


def test_a_store_that_is_away_is_not_taken_for_empty(
    s3_server: S3Server, s3_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")  # Amazon's library asks five times, with pauses
    store = BlobStore(s3_url)
    store.put(KEY, DATA)
    photo = tmp_path / "photo"
    photo.write_bytes(DATA)
    s3_server.stop()
    try:
        uses = [
            lambda: store.put("sketches/new", DATA),
            lambda: store.put_file("sketches/new", photo),
            lambda: store.get(KEY),
            lambda: store.exists(KEY),
            lambda: store.size(KEY),
            lambda: store.delete(KEY),
            lambda: list(store.keys()),
        ]
        for use in uses:
            with pytest.raises(OSError, match="cannot be reached"):
                use()
    finally:
        s3_server.start()
    assert store.get(KEY) == DATA
    assert list(store.keys()) == [KEY]


@pytest.mark.parametrize(
    ("wrong", "value"), [("AWS_SECRET_ACCESS_KEY", "another"), ("AWS_ACCESS_KEY_ID", "somebody else")]
)
def test_wrong_credentials_are_trouble_with_a_sentence(s3_url: str, monkeypatch, wrong: str, value: str) -> None:
    monkeypatch.setenv(wrong, value)
    store = BlobStore(s3_url)
    for use in (lambda: store.put(KEY, DATA), lambda: store.get(KEY), lambda: store.exists(KEY)):
        with pytest.raises(OSError, match=r"\w"):
            use()


def test_a_bucket_that_is_not_there_is_named(s3_url: str) -> None:
    store = BlobStore("s3://no-such-bucket/photos")
    with pytest.raises(OSError, match=r"bucket|Bucket"):
        store.put(KEY, DATA)


def test_blobs_elsewhere_have_no_path() -> None:
    store = BlobStore(f"memory://{uuid.uuid4().hex}")
    store.put(KEY, DATA)
    assert store.local_path(KEY) is None


def test_blobs_lie_below_the_root_of_the_url() -> None:
    name = uuid.uuid4().hex
    BlobStore(f"memory://{name}/deep/").put(KEY, DATA)
    assert MemoryFileSystem().cat_file(f"/{name}/deep/{KEY}") == DATA


def test_a_relative_folder_stays_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = BlobStore("blobs")
    monkeypatch.chdir("/")
    store.put(KEY, DATA)
    assert (tmp_path / "blobs" / KEY).read_bytes() == DATA


@pytest.mark.parametrize("root", ["nonsense://bucket", "http2://x"])
def test_an_unknown_kind_of_store_is_a_wrong_setting(root: str) -> None:
    with pytest.raises(ConfigurationError, match=root.split(":")[0]):
        BlobStore(root)
