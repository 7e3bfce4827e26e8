"""A blob is there whole or not at all, whatever happens while it is written to a local disk."""

import errno
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from mindreader.blobs import BlobStore

KEY = "originals/ab/cd/photo"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "blobs"


@pytest.fixture
def store(root: Path) -> BlobStore:
    return BlobStore(str(root))


def drafts(root: Path) -> list[Path]:
    return list((root / ".temporary").glob("*"))


def wait_for(condition, seconds: float = 300.0) -> None:
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "nothing happened in time"
        time.sleep(0.01)


@pytest.fixture
def killed_writer(root: Path, tmp_path: Path) -> None:
    """A process killed while it copies: its source is a pipe that gives 4 MiB and then nothing more."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    code = (
        "import sys; from pathlib import Path; from mindreader.blobs import BlobStore\n"
        "BlobStore(sys.argv[1]).put_file(sys.argv[2], Path(sys.argv[3]))"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(root), KEY, str(pipe)])
    with pipe.open("wb") as source:
        source.write(bytes(4 * 2**20))
        source.flush()
        wait_for(lambda: any(draft.stat().st_size > 0 for draft in drafts(root)))
        process.send_signal(signal.SIGKILL)
        assert process.wait(300) == -signal.SIGKILL


@pytest.mark.usefixtures("killed_writer")
def test_a_killed_writer_leaves_no_half_blob(store: BlobStore, root: Path) -> None:
    assert not store.exists(KEY)
    assert list(store.keys()) == []
    assert len(drafts(root)) == 1
    store.put(KEY, b"whole")
    assert store.get(KEY) == b"whole"
    assert list(store.keys()) == [KEY]


@pytest.mark.usefixtures("killed_writer")
def test_what_killed_writers_leave_is_swept(store: BlobStore, root: Path) -> None:
    assert store.sweep_temporary(older_than_seconds=3600) == 0
    (draft,) = drafts(root)
    hours_ago = time.time() - 7200
    os.utime(draft, (hours_ago, hours_ago))
    store.put(KEY, b"whole")
    assert store.sweep_temporary(older_than_seconds=3600) == 1
    assert drafts(root) == []
    assert store.get(KEY) == b"whole"


def test_a_full_disk_surfaces_and_leaves_nothing(root: Path, tmp_path: Path) -> None:
    """A real limit on a real process: no file may grow beyond 64 KiB."""
    source = tmp_path / "source"
    source.write_bytes(bytes(2**20))
    code = (
        "import resource, sys; from pathlib import Path; from mindreader.blobs import BlobStore\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (2**16, 2**16))\n"
        "store = BlobStore(sys.argv[1])\n"
        "for put, what in ((store.put, bytes(2**20)), (store.put_file, Path(sys.argv[3]))):\n"
        "    try:\n"
        "        put(sys.argv[2], what)\n"
        "    except OSError as error:\n"
        "        print(error.errno)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(root), KEY, str(source)], capture_output=True, check=True, text=True
    )
    assert done.stdout.split() == [str(errno.EFBIG)] * 2
    assert drafts(root) == []
    assert list(BlobStore(str(root)).keys()) == []


def test_a_source_that_is_missing_leaves_nothing(store: BlobStore, root: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        store.put_file(KEY, tmp_path / "nowhere")
    assert list(store.keys()) == []
    assert drafts(root) == []


def test_writers_of_one_blob_do_not_disturb_each_other(store: BlobStore, root: Path) -> None:
    data = bytes(300_000)
    start = threading.Barrier(8)

    def write(_: int) -> None:
        start.wait(300)
        store.put(KEY, data)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    assert store.get(KEY) == data
    assert drafts(root) == []


def test_a_put_of_an_existing_blob_does_not_touch_the_disk(store: BlobStore, root: Path) -> None:
    store.put(KEY, b"photo")
    before = (root / KEY).stat()
    (root / ".temporary").rmdir()
    store.put(KEY, b"photo")
    after = (root / KEY).stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert not (root / ".temporary").exists()


def test_blobs_may_be_read_by_a_web_server(store: BlobStore, root: Path) -> None:
    umask = os.umask(0o022)
    try:
        store.put(KEY, b"photo")
    finally:
        os.umask(umask)
    assert (root / KEY).stat().st_mode & 0o777 == 0o644


@contextmanager
def as_ordinary_user() -> Iterator[None]:
    """Permissions do not bind root, so tests that run as root become nobody for a moment."""
    was_root = os.geteuid() == 0
    if was_root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if was_root:
            os.seteuid(0)


def test_a_folder_that_cannot_be_read_is_not_passed_over() -> None:
    """The reconciler would take its blobs for lost."""
    with tempfile.TemporaryDirectory() as root:  # not tmp_path, which an ordinary user may not enter
        Path(root).chmod(0o755)
        store = BlobStore(root)
        store.put(KEY, b"photo")
        with as_ordinary_user():
            assert list(store.keys()) == [KEY]
        locked = Path(root, KEY).parent
        locked.chmod(0)
        try:
            with as_ordinary_user(), pytest.raises(PermissionError):
                list(store.keys())
        finally:
            locked.chmod(0o755)
