"""What only the embedded index can get wrong: crashes, locks, half-made folders, disk space."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import qdrant_edge

from mindreader.errors import ConflictError, DamagedIndexError, IndexFailedError, IndexMismatchError
from mindreader.photo_index import EVERYTHING, IndexFilter, IndexPoint, edge
from mindreader.photo_index.edge import EdgePhotoIndex, drop_edge_index
from tests.support.damage import DAMAGES, Damage, cut_short

DIMENSION = 16
ONES = np.ones(DIMENSION, np.float32)

CHILD = f"""
import os, signal, sys
from pathlib import Path
import numpy as np
from mindreader.photo_index import IndexPoint, PhotoLabels
from mindreader.photo_index.edge import EdgePhotoIndex

def points(start, stop):
    return [IndexPoint(i, np.random.default_rng(i).normal(size={DIMENSION}).astype("f"), 1, 1)
            for i in range(start, stop)]

def die():
    os.kill(os.getpid(), signal.SIGKILL)

print("ready", flush=True)
sys.stdin.readline()
index = EdgePhotoIndex(Path(sys.argv[1]), {DIMENSION})
"""


def start_child(folder: Path, then: str) -> subprocess.Popen[str]:
    """Start a process that opens the index in ``folder`` once it is told to, and goes on with ``then``."""
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD + then, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    return child


def go(child: subprocess.Popen[str]) -> None:
    assert child.stdin is not None
    child.stdin.write("\n")
    child.stdin.flush()


def run_child(folder: Path, then: str) -> int:
    """Run such a process to its end and return how it ended."""
    child = start_child(folder, then)
    child.communicate("\n", timeout=600)
    return child.returncode


def random_points(count: int, dimension: int = DIMENSION) -> list[IndexPoint]:
    vectors = np.random.default_rng(0).normal(size=(count, dimension)).astype(np.float32)
    return [IndexPoint(i + 1, vector, 1) for i, vector in enumerate(vectors)]


def bytes_in(folder: Path) -> int:
    return sum(file.stat().st_size for file in (folder / "segments").rglob("*") if file.is_file())


def test_what_was_written_survives_a_process_killed_right_after(tmp_path: Path) -> None:
    then = (
        "index.upsert(points(1, 1001)); index.delete(range(1, 101));"
        "index.update_labels([PhotoLabels(i, 2, 3) for i in range(101, 201)]); die()"
    )
    assert run_child(tmp_path / "space", then) == -signal.SIGKILL
    index = EdgePhotoIndex(tmp_path / "space", DIMENSION)
    assert list(index.ids()) == list(range(101, 1001))
    assert index.count(IndexFilter(collection_ids=(2,), category_ids=(3,))) == 100
    expected = np.random.default_rng(500).normal(size=DIMENSION).astype(np.float32)
    np.testing.assert_allclose(index.vectors([500])[500], expected / np.linalg.norm(expected), atol=1e-6)
    index.close()


def test_what_one_kill_after_another_leaves_adds_up(tmp_path: Path) -> None:
    for start in (1, 101, 201):
        assert run_child(tmp_path / "space", f"index.upsert(points({start}, {start + 100})); die()") < 0
    index = EdgePhotoIndex(tmp_path / "space", DIMENSION)
    assert list(index.ids()) == list(range(1, 301))
    index.close()


@pytest.mark.parametrize("delay", [0, 0.001, 0.002, 0.004, 0.007, 0.012])
def test_a_process_killed_while_making_the_index_leaves_nothing_in_the_way(tmp_path: Path, delay: float) -> None:
    child = start_child(tmp_path / "space", "")
    go(child)
    time.sleep(delay)
    child.kill()
    child.wait()
    index = EdgePhotoIndex(tmp_path / "space", DIMENSION)
    index.upsert(random_points(3))
    assert index.count(IndexFilter(collection_ids=(1,))) == 3
    index.close()


@pytest.mark.parametrize("left", [[], ["segments"], ["segments", "wal"], ["wal"]], ids=str)
def test_a_folder_in_which_making_the_index_had_only_begun_is_finished(tmp_path: Path, left: list[str]) -> None:
    for name in ["", *left]:
        (tmp_path / "space" / name).mkdir()
    index = EdgePhotoIndex(tmp_path / "space", DIMENSION)
    index.upsert(random_points(3))
    index.close()
    assert list((tmp_path / "space").glob("segments/*"))


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_a_damaged_file_of_a_segment_is_named_as_such_or_does_no_harm(tmp_path: Path, damage: Damage) -> None:
    """Whatever kind of file it is: the engine panics, raises, or sees nothing; no reader gets nonsense or a panic."""
    whole = tmp_path / "whole"
    index = EdgePhotoIndex(whole, DIMENSION)
    index.upsert(random_points(20))
    index.close()
    files = [path.relative_to(whole) for path in sorted(whole.rglob("segments/*/**/*")) if path.is_file()]
    # The indexes of the three labels have the same files each.
    kinds = {(path.parts[-2].rpartition("-")[2], path.name): path for path in files}.values()
    outcomes = {kind: _outcome(_copy(whole, tmp_path / "space"), kind, damage) for kind in kinds}
    assert len(kinds) > 20
    assert set(outcomes.values()) == {"damaged", "no harm"}


def _copy(folder: Path, to: Path) -> Path:
    """With its holes: the engine's files are large and almost empty."""
    subprocess.run(["cp", "--recursive", folder, to], check=True)
    return to


def _outcome(folder: Path, kind: Path, damage: Damage) -> str:
    damage(folder / kind)
    try:
        index = EdgePhotoIndex(folder, DIMENSION)
    except DamagedIndexError as error:
        assert str(folder) in error.inside
        assert str(folder) not in error.detail, "members read that"
        assert (folder / kind).exists(), "nothing is deleted"
        outcome = "damaged"
    else:
        assert set(index.ids()) == {hit.photo_id for hit in index.search(ONES, 100, EVERYTHING)} == set(range(1, 21))
        assert len(index.search(ONES, 100, IndexFilter((1,)))) == 20
        index.close()
        outcome = "no harm"
    shutil.rmtree(folder)
    return outcome


def test_a_panic_in_an_open_index_is_an_error_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = EdgePhotoIndex(tmp_path / "space", DIMENSION)
    index.upsert(random_points(3))
    monkeypatch.setattr(index, "_shard", Panicking(tmp_path / "broken"))
    with pytest.raises(IndexFailedError) as caught:
        index.count()
    assert "PanicException" in (index.failure or "")
    assert str(tmp_path) not in caught.value.detail
    index.close()
    index.close()


def test_what_ends_the_process_passes_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = EdgePhotoIndex(tmp_path / "space", DIMENSION)

    class Interrupted:
        def count(self, _: object) -> int:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(index, "_shard", Interrupted())
        index.count()
    index.close()


class Panicking:
    """An open shard that panics whatever it is asked, as the engine itself does."""

    def __init__(self, folder: Path) -> None:
        index = EdgePhotoIndex(folder, DIMENSION)
        index.upsert(random_points(3))
        index.close()
        for status in folder.rglob("vectors/status.dat"):
            cut_short(status)
        self._folder = folder

    def __getattr__(self, name: str) -> Callable[..., object]:
        return lambda *_: qdrant_edge.EdgeShard.load(str(self._folder), edge._config(DIMENSION))


def test_a_refused_folder_is_not_left_locked(tmp_path: Path) -> None:
    EdgePhotoIndex(tmp_path / "space", DIMENSION).close()
    with pytest.raises(IndexMismatchError):
        EdgePhotoIndex(tmp_path / "space", DIMENSION + 1)
    EdgePhotoIndex(tmp_path / "space", DIMENSION).close()


def test_an_index_with_another_distance_is_refused_and_both_are_named(tmp_path: Path) -> None:
    params = qdrant_edge.EdgeVectorParams(size=DIMENSION, distance=qdrant_edge.Distance.Dot)
    (tmp_path / "space").mkdir()
    qdrant_edge.EdgeShard.create(str(tmp_path / "space"), qdrant_edge.EdgeConfig(vectors=params)).close()
    with pytest.raises(IndexMismatchError, match=r"Dot distance.*Cosine distance"):
        EdgePhotoIndex(tmp_path / "space", DIMENSION)


def test_a_second_process_is_refused_until_the_first_is_gone(tmp_path: Path) -> None:
    child = start_child(tmp_path / "space", "print('open', flush=True); sys.stdin.readline()")
    go(child)
    assert child.stdout is not None
    assert child.stdout.readline() == "open\n"
    with pytest.raises(ConflictError, match="already open"):
        EdgePhotoIndex(tmp_path / "space", DIMENSION)
    with pytest.raises(ConflictError, match="already open"):
        drop_edge_index(tmp_path / "space")
    child.kill()
    child.wait()
    EdgePhotoIndex(tmp_path / "space", DIMENSION).close()


def test_opening_twice_in_one_process_is_refused(tmp_path: Path) -> None:
    index = EdgePhotoIndex(tmp_path / "space", DIMENSION)
    with pytest.raises(ConflictError, match="already open"):
        EdgePhotoIndex(tmp_path / "space", DIMENSION)
    index.close()
    EdgePhotoIndex(tmp_path / "space", DIMENSION).close()


def test_a_removal_that_was_interrupted_is_finished_and_its_rest_never_opened(tmp_path: Path) -> None:
    index = EdgePhotoIndex(tmp_path / "space", DIMENSION)
    index.upsert(random_points(3))
    index.close()
    rest = (tmp_path / "space").rename(tmp_path / ".space.dropped")
    index = EdgePhotoIndex(tmp_path / "space", DIMENSION)
    assert index.count() == 0
    assert not rest.exists()
    index.close()


def test_opening_gives_back_the_space_of_deleted_photos(tmp_path: Path) -> None:
    index = EdgePhotoIndex(tmp_path / "space", 128)
    index.upsert(random_points(40_000, dimension=128))
    index.delete(range(1, 36_001))
    index.close()
    before = bytes_in(tmp_path / "space")
    index = EdgePhotoIndex(tmp_path / "space", 128)
    assert list(index.ids()) == list(range(36_001, 40_001))
    index.close()
    EdgePhotoIndex(tmp_path / "space", 128).close()
    assert bytes_in(tmp_path / "space") < before


def test_python_never_stands_still_while_the_index_grows(tmp_path: Path) -> None:
    """The engine holds Python's global lock while it works; building HNSW would hold it for seconds.

    So no graph is built, however many points come and however much opening compacts. The seconds: bench/photo_index.py.
    """
    index = EdgePhotoIndex(tmp_path / "space", 256)
    points = random_points(15_000, dimension=256)  # 15 MB: by its own defaults the engine would build a graph
    for start in range(0, len(points), 1000):
        index.upsert(points[start : start + 1000])
    index.delete(range(1, 6_001))
    for _ in range(2):
        index.close()
        index = EdgePhotoIndex(tmp_path / "space", 256)
        assert index._shard.info().indexed_vectors_count == 0
    index.close()
    assert list((tmp_path / "space").rglob("graph*")) == []
