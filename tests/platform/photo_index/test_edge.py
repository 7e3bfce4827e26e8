"""What only the embedded index can get wrong: crashes, locks, half-made folders, disk space."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import qdrant_edge

from mindreader.boxes import WHOLE, Box
from mindreader.errors import ConflictError, DamagedIndexError, IndexFailedError, IndexMismatchError
from mindreader.photo_index import EVERYTHING, IndexFilter, IndexPoint, PhotoLabels, Regions, edge
from mindreader.photo_index.edge import EdgePhotoIndex, drop_edge_index
from tests.support.damage import DAMAGES, Damage, cut_short
from tests.support.regions import best_box

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
index = EdgePhotoIndex(Path(sys.argv[1]), {DIMENSION}, regions=sys.argv[2:] == ["regions"])
"""


def start_child(folder: Path, then: str, *, regions: bool = False) -> subprocess.Popen[str]:
    """Start a process that opens the index in ``folder`` once it is told to, and goes on with ``then``."""
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD + then, str(folder), *(["regions"] if regions else [])],
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


def run_child(folder: Path, then: str, *, regions: bool = False) -> int:
    """Run such a process to its end and return how it ended."""
    child = start_child(folder, then, regions=regions)
    child.communicate("\n", timeout=600)
    return child.returncode


def random_points(count: int, dimension: int = DIMENSION) -> list[IndexPoint]:
    vectors = np.random.default_rng(0).normal(size=(count, dimension)).astype(np.float32)
    return [IndexPoint(i + 1, vector, 1) for i, vector in enumerate(vectors)]


def bytes_in(folder: Path) -> int:
    return sum(file.stat().st_size for file in (folder / "segments").rglob("*") if file.is_file())


def with_regions(points: list[IndexPoint]) -> list[IndexPoint]:
    """Each with its left and its right half."""
    boxes = (WHOLE, Box(0, 0, 0.5, 1), Box(0.5, 0, 1, 1))
    halves = np.random.default_rng(1).normal(size=(len(points), 2, len(points[0].vector))).astype(np.float32)
    return [
        replace(point, regions=Regions(boxes, np.concatenate([point.vector[np.newaxis], half])))
        for point, half in zip(points, halves, strict=True)
    ]


def test_an_index_of_before_there_were_regions_opens_as_it_is(tmp_path: Path) -> None:
    """Made as the version before made it: one unnamed vector a point, no boxes in the payload."""
    (tmp_path / "space").mkdir()
    vectors = qdrant_edge.EdgeVectorParams(size=DIMENSION, distance=qdrant_edge.Distance.Cosine)
    optimizers = qdrant_edge.EdgeOptimizersConfig(indexing_threshold=2**40)
    config = qdrant_edge.EdgeConfig(vectors=vectors, optimizers=optimizers)
    shard = qdrant_edge.EdgeShard.load(str(tmp_path / "space"), config)
    for field in ("collection_id", "category_id", "day"):
        schema = qdrant_edge.IntegerIndexParams(lookup=field != "day", range=field == "day")
        shard.update(qdrant_edge.UpdateOperation.create_field_index(field, schema))
    points = random_points(50)
    labels = {"collection_id": 1, "category_id": None, "day": 20_000}
    units = {each.photo_id: (each.vector / np.linalg.norm(each.vector)).tolist() for each in points}
    stored = [qdrant_edge.Point(photo_id, unit, labels) for photo_id, unit in units.items()]
    shard.update(qdrant_edge.UpdateOperation.upsert_points(stored))
    shard.flush()
    shard.close()

    index = EdgePhotoIndex(tmp_path / "space", DIMENSION)
    (hit,) = index.search(points[6].vector, 1, IndexFilter((1,), first_day=20_000))
    assert hit.photo_id == 7
    assert list(index.ids()) == list(range(1, 51))
    index.upsert(random_points(60))
    assert index.count() == 60
    index.close()
    with pytest.raises(IndexMismatchError, match="one vector for each photo, but this embedding space has regions"):
        EdgePhotoIndex(tmp_path / "space", DIMENSION, regions=True)


def test_regions_survive_a_process_killed_right_after(tmp_path: Path) -> None:
    then = "index.upsert(points(1, 1001)); index.delete(range(1, 101)); die()"
    assert run_child(tmp_path / "space", then, regions=True) == -signal.SIGKILL
    index = EdgePhotoIndex(tmp_path / "space", DIMENSION, regions=True)
    assert list(index.ids()) == list(range(101, 1001))
    expected = np.random.default_rng(500).normal(size=DIMENSION).astype(np.float32)
    (hit,) = index.search(expected, 1, EVERYTHING)
    assert hit.photo_id == 500
    assert set(index.regions(range(1, 1001))) == set(range(101, 1001))
    index.close()


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


# Each damage to one of the kinds of index; `make test-all` does each to both.
ONE_OF_BOTH = {("cut_short", False), ("halve", True), ("zero", True), ("scramble", False)}
DAMAGED = [
    pytest.param(
        damage,
        regions,
        id=f"{damage.__name__}-{'regions' if regions else 'whole photos'}",
        marks=() if (damage.__name__, regions) in ONE_OF_BOTH else pytest.mark.slow,
    )
    for damage in DAMAGES
    for regions in (False, True)
]


@pytest.mark.parametrize(("damage", "regions"), DAMAGED)
def test_a_damaged_file_of_a_segment_is_named_as_such_or_does_no_harm(
    tmp_path: Path, damage: Damage, regions: bool
) -> None:
    """Whatever kind of file it is: the engine panics, raises, or sees nothing; no reader gets nonsense or a panic."""
    whole = tmp_path / "whole"
    index = EdgePhotoIndex(whole, DIMENSION, regions=regions)
    index.upsert(with_regions(random_points(20)) if regions else random_points(20))
    index.close()
    files = [path.relative_to(whole) for path in sorted(whole.rglob("segments/*/**/*")) if path.is_file()]
    # The indexes of the three labels have the same files each.
    kinds = {(path.parts[-2].rpartition("-")[2], path.name): path for path in files}.values()
    outcomes = {kind: _outcome(_copy(whole, tmp_path / "space"), kind, damage, regions) for kind in kinds}
    assert len(kinds) > 20
    assert set(outcomes.values()) == {"damaged", "no harm"}


def _copy(folder: Path, to: Path) -> Path:
    """With its holes: the engine's files are large and almost empty."""
    subprocess.run(["cp", "--recursive", folder, to], check=True)
    return to


def _outcome(folder: Path, kind: Path, damage: Damage, regions: bool) -> str:
    damage(folder / kind)
    try:
        index = EdgePhotoIndex(folder, DIMENSION, regions=regions)
    except DamagedIndexError as error:
        assert str(folder) in error.inside
        assert str(folder) not in error.detail, "members read that"
        assert (folder / kind).exists(), "nothing is deleted"
        outcome = "damaged"
    else:
        assert set(index.ids()) == {hit.photo_id for hit in index.search(ONES, 100, EVERYTHING)} == set(range(1, 21))
        assert len(index.search(ONES, 100, IndexFilter((1,)))) == 20
        if regions:
            assert len({best_box(each, ONES) for each in index.regions(range(1, 21)).values()}) > 1
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
    index.upsert(random_points(20_000, dimension=128))
    index.delete(range(1, 18_001))
    index.close()
    before = bytes_in(tmp_path / "space")
    index = EdgePhotoIndex(tmp_path / "space", 128)
    assert list(index.ids()) == list(range(18_001, 20_001))
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


def test_threads_search_regions_while_others_write_and_label(tmp_path: Path) -> None:
    index = EdgePhotoIndex(tmp_path / "space", DIMENSION, regions=True)
    points = with_regions(random_points(1500))
    index.upsert(points[:300])
    done, problems = threading.Event(), list[object]()

    def search() -> None:
        while not done.is_set():
            try:
                hits = index.search(points[0].vector, 20, EVERYTHING)
                if len(hits) != 20 or hits[0].photo_id != 1:
                    problems.append(hits)
            except Exception as error:
                problems.append(error)

    def write(first: int) -> None:
        for start in range(300 + first * 50, 1500, 100):
            index.upsert(points[start : start + 50])
            index.update_labels([PhotoLabels(point.photo_id, 1, 2) for point in points[:50]])

    searchers = [threading.Thread(target=search) for _ in range(2)]
    writers = [threading.Thread(target=write, args=(number,)) for number in range(2)]
    for thread in [*searchers, *writers]:
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    for thread in searchers:
        thread.join()
    assert problems == []
    assert list(index.ids()) == list(range(1, 1501))
    assert all(len(regions.boxes) == 3 for regions in index.regions(range(1, 1501)).values())
    index.close()
