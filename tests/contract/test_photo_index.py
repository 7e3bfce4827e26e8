"""What every photo index promises, checked on every adapter.

``edge`` is Qdrant Edge; ``rest`` and ``grpc`` are the server adapter over HTTP and gRPC, on qdrant-client's in-memory
engine, a test double of the server (`tests.support.qdrant_server`); ``local`` is the adapter on that engine itself,
which says nothing more and is left to `make test-all`; ``server`` is a real Qdrant server, when
MINDREADER_TEST_QDRANT_URL names one.
"""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from qdrant_client import QdrantClient

from mindreader.boxes import WHOLE, Box
from mindreader.errors import IndexMismatchError, InvalidInputError, NotReadyError
from mindreader.photo_index import (
    EVERYTHING,
    MOST_REGIONS,
    IndexFilter,
    IndexPoint,
    PhotoIndex,
    PhotoLabels,
    Regions,
)
from mindreader.photo_index.edge import EdgePhotoIndex
from mindreader.photo_index.open import server_client
from mindreader.photo_index.server import ServerPhotoIndex, drop_server_index
from mindreader.settings import load_settings
from tests.support.qdrant_server import QdrantServer
from tests.support.regions import best_box

SERVER_URL = os.environ.get("MINDREADER_TEST_QDRANT_URL", "")
DIMENSION = 16

pytestmark = pytest.mark.filterwarnings("ignore:Payload indexes have no effect")


@dataclass(frozen=True)
class Backend:
    """Opens the same photo index again and again."""

    open: Callable[..., PhotoIndex]  # dimension, regions=False
    many: int  # points of the large test
    threads: bool  # whether it may be used from several threads


def edge_backend(folder: Path) -> Iterator[Backend]:
    def open_index(dimension: int, *, regions: bool = False) -> PhotoIndex:
        return EdgePhotoIndex(folder / "space", dimension, regions=regions)

    yield Backend(open_index, many=50_000, threads=True)


def local_backend(folder: Path) -> Iterator[Backend]:
    def open_index(dimension: int, *, regions: bool = False) -> PhotoIndex:
        return ServerPhotoIndex(QdrantClient(path=str(folder)), "space", dimension, regions=regions)

    # Local mode is pure Python, takes about 1 000 points a second, and is not made for threads.
    yield Backend(open_index, many=500, threads=False)


def server_backend(folder: Path) -> Iterator[Backend]:
    name = f"mindreader-test-{uuid.uuid4().hex}"

    def open_index(dimension: int, *, regions: bool = False) -> PhotoIndex:
        return ServerPhotoIndex(QdrantClient(url=SERVER_URL), name, dimension, regions=regions)

    yield Backend(open_index, many=50_000, threads=True)
    drop_server_index(QdrantClient(url=SERVER_URL), name)


def remote_backend(qdrant_server: QdrantServer, folder: Path, **settings: str) -> Iterator[Backend]:
    """As the settings open it."""
    given = {"DATA_DIR": str(folder), "QDRANT_URL": qdrant_server.url, "QDRANT_API_KEY": qdrant_server.key, **settings}
    loaded = load_settings({f"MINDREADER_{name}": value for name, value in given.items()})
    name = f"mindreader-test-{uuid.uuid4().hex}"

    def open_index(dimension: int, *, regions: bool = False) -> PhotoIndex:
        return ServerPhotoIndex(server_client(loaded), name, dimension, regions=regions)

    yield Backend(open_index, many=2_000, threads=True)


BACKENDS: dict[str, Callable[..., Iterator[Backend]]] = {
    "edge": edge_backend,
    "local": local_backend,
}
REMOTE = ("rest", "grpc")
if SERVER_URL:
    BACKENDS["server"] = server_backend


def names_without(*slow: str) -> list[object]:
    """Every adapter; these are left to `make test-all`."""
    every = (*BACKENDS, *REMOTE)
    return [pytest.param(name, marks=pytest.mark.slow) if name in slow else name for name in every]


# One test of each thing that is asked of a server asks it over gRPC too; the adapter is the same as over HTTP.
over_grpc_too = pytest.mark.parametrize("backend", names_without("local"), indirect=True)


@pytest.fixture(params=names_without("local", "grpc"))
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Backend]:
    if request.param in REMOTE:
        server = request.getfixturevalue("qdrant_server")
        grpc = {"QDRANT_GRPC_PORT": str(server.grpc_port)} if request.param == "grpc" else {}
        yield from remote_backend(server, tmp_path, **grpc)
    else:
        yield from BACKENDS[request.param](tmp_path)


# How an adapter goes through thousands does not depend on how it reaches its server.
of_thousands = pytest.mark.parametrize("backend", names_without("local", "rest"), indirect=True)


@pytest.fixture
def index(backend: Backend) -> Iterator[PhotoIndex]:
    opened = backend.open(DIMENSION)
    yield opened
    opened.close()


def random_vectors(count: int, dimension: int = DIMENSION, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(size=(count, dimension)).astype(np.float32)


def points_of(vectors: NDArray[np.float32], collections: int = 5, categories: int = 3) -> list[IndexPoint]:
    """Photo ``i + 1`` in collection ``i % 5 + 1``; every fourth has no category, the others ``i % 3 + 1``."""
    return [
        IndexPoint(i + 1, vector, i % collections + 1, None if i % 4 == 0 else i % categories + 1)
        for i, vector in enumerate(vectors)
    ]


def one_hot(position: int) -> NDArray[np.float32]:
    vector = np.zeros(DIMENSION, np.float32)
    vector[position] = 1
    return vector


def found_ids(index: PhotoIndex, where: IndexFilter, limit: int = 100) -> set[int]:
    return {hit.photo_id for hit in index.search(np.ones(DIMENSION, np.float32), limit, where)}


def allowed(point: IndexPoint, where: IndexFilter) -> bool:
    in_collection = where.collection_ids is None or point.collection_id in where.collection_ids
    return in_collection and (where.category_ids is None or point.category_id in where.category_ids)


# Writing


@over_grpc_too
def test_a_photo_written_twice_is_there_once_with_the_last_vector_and_labels(index: PhotoIndex) -> None:
    index.upsert([IndexPoint(7, one_hot(0), 1, 1)])
    index.upsert([IndexPoint(7, one_hot(3), 2, None)])
    assert list(index.ids()) == [7]
    np.testing.assert_array_equal(index.vectors([7])[7], one_hot(3))
    assert index.count(IndexFilter(collection_ids=(1,))) == 0
    assert index.count(IndexFilter(category_ids=(1,))) == 0
    assert index.count(IndexFilter(collection_ids=(2,))) == 1


def test_of_a_photo_given_twice_in_one_batch_the_last_counts(index: PhotoIndex) -> None:
    index.upsert([IndexPoint(7, one_hot(0), 1), IndexPoint(8, one_hot(1), 1), IndexPoint(7, one_hot(2), 1)])
    assert index.count() == 2
    np.testing.assert_array_equal(index.vectors([7])[7], one_hot(2))


def test_an_empty_batch_changes_nothing(index: PhotoIndex) -> None:
    index.upsert([])
    index.delete([])
    index.update_labels([])
    assert index.count() == 0
    assert index.vectors([]) == {}
    assert index.existing([]) == set()


@pytest.mark.parametrize(
    ("vector", "error"),
    [
        (np.ones(DIMENSION + 1, np.float32), IndexMismatchError),
        (np.ones((1, DIMENSION), np.float32), IndexMismatchError),
        (np.full(DIMENSION, np.nan, np.float32), InvalidInputError),
        (np.full(DIMENSION, np.inf, np.float32), InvalidInputError),
        (np.zeros(DIMENSION, np.float32), InvalidInputError),
    ],
    ids=["longer", "two axes", "NaN", "infinite", "zero"],
)
def test_one_bad_vector_keeps_the_whole_batch_out_and_cannot_be_searched_for(
    index: PhotoIndex, vector: NDArray[np.float32], error: type[Exception]
) -> None:
    with pytest.raises(error):
        index.upsert([IndexPoint(1, one_hot(0), 1), IndexPoint(2, vector, 1)])
    assert index.count() == 0
    with pytest.raises(error):
        index.search(vector, 10, EVERYTHING)
    with pytest.raises(error):
        index.search(vector, 10, IndexFilter(collection_ids=()))


@pytest.mark.parametrize("photo_id", [0, -1])
def test_photo_ids_below_one_are_refused(index: PhotoIndex, photo_id: int) -> None:
    with pytest.raises(InvalidInputError, match="start at 1"):
        index.upsert([IndexPoint(1, one_hot(0), 1), IndexPoint(photo_id, one_hot(0), 1)])
    assert index.count() == 0


@pytest.mark.parametrize("length", [1e30, 1e-30])
def test_only_the_direction_of_a_vector_counts_however_long_it_is(index: PhotoIndex, length: float) -> None:
    index.upsert([IndexPoint(1, one_hot(2) * np.float32(length), 1)])
    (hit,) = index.search(one_hot(2) * np.float32(length), 5, EVERYTHING)
    assert hit.photo_id == 1
    assert hit.score == pytest.approx(1)
    np.testing.assert_allclose(index.vectors([1])[1], one_hot(2), atol=1e-6)


# Searching


@over_grpc_too
@pytest.mark.parametrize(
    "where",
    [
        EVERYTHING,
        IndexFilter(collection_ids=(2, 4)),
        IndexFilter(category_ids=(1,)),
        IndexFilter(collection_ids=(1, 2, 3), category_ids=(2, 3)),
    ],
    ids=["everything", "collections", "category", "both"],
)
def test_ranking_and_scores_equal_brute_force(index: PhotoIndex, where: IndexFilter) -> None:
    vectors = random_vectors(400)
    points = points_of(vectors)
    index.upsert(points)
    query = random_vectors(1, seed=1)[0]
    scores = vectors @ query / np.linalg.norm(vectors, axis=1) / np.linalg.norm(query)
    expected = sorted((p for p in points if allowed(p, where)), key=lambda p: -scores[p.photo_id - 1])[:20]
    hits = index.search(query, 20, where)
    assert [hit.photo_id for hit in hits] == [point.photo_id for point in expected]
    np.testing.assert_allclose([h.score for h in hits], [scores[p.photo_id - 1] for p in expected], atol=1e-5)
    assert index.count(where) == sum(allowed(point, where) for point in points)


@pytest.mark.parametrize(
    "where",
    [
        IndexFilter(collection_ids=()),
        IndexFilter(category_ids=()),
        IndexFilter(collection_ids=(), category_ids=(1, 2)),
        IndexFilter(collection_ids=(1, 2), category_ids=()),
    ],
    ids=["no collection", "no category", "no collection but categories", "collections but no category"],
)
def test_an_empty_restriction_finds_nothing_rather_than_everything(index: PhotoIndex, where: IndexFilter) -> None:
    index.upsert(points_of(random_vectors(20)))
    assert index.search(one_hot(0), 10, where) == []
    assert index.count(where) == 0
    assert index.count() == 20


def test_a_collection_nobody_has_finds_nothing(index: PhotoIndex) -> None:
    index.upsert(points_of(random_vectors(20)))
    assert found_ids(index, IndexFilter(collection_ids=(999,))) == set()


def test_a_photo_without_a_category_is_found_only_without_a_restriction_by_category(
    index: PhotoIndex,
) -> None:
    index.upsert([IndexPoint(1, one_hot(0), 1, None), IndexPoint(2, one_hot(1), 1, 5)])
    assert found_ids(index, EVERYTHING) == {1, 2}
    assert found_ids(index, IndexFilter(category_ids=(5, 0))) == {2}


@pytest.mark.parametrize(
    ("first", "last", "found"),
    [
        (None, None, {1, 2, 3, 4}),
        (0, None, {2, 3}),
        (None, 0, {1, 2}),
        (-400, 10, {1, 2}),
        (1, 20_000, {3}),
        (5, 4, set()),
    ],
)
def test_photos_are_found_by_the_days_they_were_taken_on(index: PhotoIndex, first, last, found) -> None:
    days = {1: -365, 2: 0, 3: 20_000, 4: None}
    index.upsert([IndexPoint(photo, one_hot(photo), 1, day=day) for photo, day in days.items()])
    where = IndexFilter(first_day=first, last_day=last)
    assert found_ids(index, where) == found
    assert index.count(where) == len(found)


@over_grpc_too
def test_new_labels_bring_the_day(index: PhotoIndex) -> None:
    index.upsert([IndexPoint(photo, one_hot(photo), 1, day=20_000) for photo in (1, 2, 3)])
    index.update_labels([PhotoLabels(1, 2, 3, 20_000), PhotoLabels(2, 2, 3, -7000), PhotoLabels(3, 2, 3)])
    labelled = IndexFilter(collection_ids=(2,), category_ids=(3,))
    assert found_ids(index, replace(labelled, first_day=20_000)) == {1}
    assert found_ids(index, replace(labelled, last_day=19_999)) == {2}
    assert found_ids(index, labelled) == {1, 2, 3}


@pytest.mark.parametrize("where", [{"first_day": -10_000}, {"last_day": 10**6}, {"first_day": 0, "last_day": 30_000}])
def test_a_photo_without_a_day_answers_no_filter_of_days(index: PhotoIndex, where) -> None:
    index.upsert([IndexPoint(1, one_hot(0), 1), IndexPoint(2, one_hot(1), 1, day=20_000)])
    assert found_ids(index, IndexFilter(**where)) == {2}
    index.update_labels([PhotoLabels(2, 1)])
    assert found_ids(index, IndexFilter(**where)) == set()


def test_hundreds_of_collections_may_be_allowed_at_once(index: PhotoIndex) -> None:
    index.upsert(points_of(random_vectors(1000), collections=1000))
    where = IndexFilter(collection_ids=tuple(range(1, 801)))
    assert index.count(where) == 800
    assert found_ids(index, where, limit=1000) == set(range(1, 801))


def test_a_search_returns_no_more_than_its_limit_and_no_more_than_there_are(index: PhotoIndex) -> None:
    index.upsert(points_of(random_vectors(10)))
    assert len(index.search(one_hot(0), 3, EVERYTHING)) == 3
    assert len(index.search(one_hot(0), 50, EVERYTHING)) == 10


def test_a_search_of_an_empty_index_finds_nothing(index: PhotoIndex) -> None:
    assert index.search(one_hot(0), 3, EVERYTHING) == []


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_below_one_is_refused(index: PhotoIndex, limit: int) -> None:
    with pytest.raises(InvalidInputError, match="at least 1"):
        index.search(one_hot(0), limit, EVERYTHING)


# Labels


@over_grpc_too
def test_new_labels_move_a_photo_without_embedding_it_again(index: PhotoIndex) -> None:
    index.upsert([IndexPoint(1, one_hot(0), 1, 1), IndexPoint(2, one_hot(1), 1, 1)])
    index.update_labels([PhotoLabels(1, 2, 9)])
    assert found_ids(index, IndexFilter(collection_ids=(1,))) == {2}
    assert found_ids(index, IndexFilter(collection_ids=(2,), category_ids=(9,))) == {1}
    np.testing.assert_array_equal(index.vectors([1])[1], one_hot(0))


def test_a_category_can_be_taken_away(index: PhotoIndex) -> None:
    index.upsert([IndexPoint(1, one_hot(0), 1, 4)])
    index.update_labels([PhotoLabels(1, 1, None)])
    assert index.count(IndexFilter(category_ids=(4,))) == 0
    assert index.count(IndexFilter(collection_ids=(1,))) == 1


def test_labels_of_photos_that_are_not_indexed_are_skipped(index: PhotoIndex) -> None:
    index.upsert([IndexPoint(1, one_hot(0), 1)])
    index.update_labels([PhotoLabels(5, 3, 3), PhotoLabels(1, 3, 3), PhotoLabels(0, 3, 3)])
    assert list(index.ids()) == [1]
    assert index.count(IndexFilter(collection_ids=(3,), category_ids=(3,))) == 1


def test_of_labels_given_twice_the_last_count(index: PhotoIndex) -> None:
    index.upsert([IndexPoint(1, one_hot(0), 1)])
    index.update_labels([PhotoLabels(1, 2, 2), PhotoLabels(1, 3, 3)])
    assert index.count(IndexFilter(collection_ids=(3,), category_ids=(3,))) == 1


@of_thousands
def test_thousands_of_labels_change_at_once(index: PhotoIndex) -> None:
    index.upsert(points_of(random_vectors(2500)))
    index.update_labels([PhotoLabels(i, 77, i % 2) for i in range(1, 2501)])
    assert index.count(IndexFilter(collection_ids=(77,))) == 2500
    assert index.count(IndexFilter(category_ids=(1,))) == 1250


# Deleting and listing


@over_grpc_too
def test_deleted_photos_are_gone_and_missing_ones_are_no_error(index: PhotoIndex) -> None:
    index.upsert(points_of(random_vectors(10)))
    index.delete([3, 4, 4, 999, 0, -5])
    assert list(index.ids()) == [1, 2, 5, 6, 7, 8, 9, 10]
    assert found_ids(index, EVERYTHING) == {1, 2, 5, 6, 7, 8, 9, 10}
    index.delete([3])
    assert index.count() == 8


def test_a_deleted_photo_can_come_back(index: PhotoIndex) -> None:
    index.upsert([IndexPoint(1, one_hot(0), 1)])
    index.delete([1])
    index.upsert([IndexPoint(1, one_hot(1), 2)])
    assert found_ids(index, IndexFilter(collection_ids=(2,))) == {1}


@of_thousands
def test_ids_come_ascending_over_many_pages_whatever_order_they_were_written_in(index: PhotoIndex) -> None:
    ids = np.random.default_rng(3).permutation(np.arange(1, 2501)) * 3
    vectors = random_vectors(len(ids))
    index.upsert([IndexPoint(int(i), vector, 1) for i, vector in zip(ids, vectors, strict=True)])
    assert list(index.ids()) == sorted(ids.tolist())
    assert list(index.ids(after=3000)) == sorted(i for i in ids.tolist() if i > 3000)
    assert list(index.ids(after=-1)) == sorted(ids.tolist())
    assert list(index.ids(after=7500)) == []


@of_thousands
def test_existing_and_vectors_answer_for_what_is_there(index: PhotoIndex) -> None:
    vectors = random_vectors(1500)
    index.upsert(points_of(vectors))
    asked = [*range(1, 3000), 0, -1]
    assert index.existing(asked) == set(range(1, 1501))
    stored = index.vectors(asked)
    assert set(stored) == set(range(1, 1501))
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    np.testing.assert_allclose(np.stack([stored[i + 1] for i in range(1500)]), unit, atol=1e-6)
    assert stored[1].dtype == np.float32


# Opening and closing


@over_grpc_too
def test_everything_is_there_after_reopening(backend: Backend) -> None:
    first = backend.open(DIMENSION)
    first.upsert(points_of(random_vectors(50)))
    first.delete([1])
    first.update_labels([PhotoLabels(2, 42, 43)])
    hits = first.search(one_hot(0), 20, EVERYTHING)
    first.close()

    second = backend.open(DIMENSION)
    again = second.search(one_hot(0), 20, EVERYTHING)
    assert [hit.photo_id for hit in again] == [hit.photo_id for hit in hits]
    np.testing.assert_allclose([hit.score for hit in again], [hit.score for hit in hits], atol=1e-6)
    assert second.count() == 49
    assert found_ids(second, IndexFilter(collection_ids=(42,), category_ids=(43,))) == {2}
    second.close()


@over_grpc_too
def test_an_index_of_another_dimension_is_refused_and_stays_as_it_is(backend: Backend) -> None:
    first = backend.open(DIMENSION)
    first.upsert(points_of(random_vectors(5)))
    first.close()
    with pytest.raises(IndexMismatchError, match=rf"{DIMENSION}\b.*\b24 dimensions"):
        backend.open(24)
    again = backend.open(DIMENSION)
    assert again.count() == 5
    again.close()


def test_a_closed_index_says_so_and_can_be_closed_again(backend: Backend) -> None:
    index = backend.open(DIMENSION)
    index.close()
    index.close()
    calls: list[Callable[[], object]] = [
        lambda: index.upsert([IndexPoint(1, one_hot(0), 1)]),
        lambda: index.search(one_hot(0), 1, EVERYTHING),
        lambda: index.delete([1]),
        lambda: index.update_labels([PhotoLabels(1, 1)]),
        index.count,
        lambda: list(index.ids()),
        lambda: index.existing([1]),
        lambda: index.vectors([1]),
        lambda: index.regions([1]),
    ]
    for call in calls:
        with pytest.raises(NotReadyError):
            call()


# Size and threads


@pytest.mark.parametrize("share", [5, pytest.param(1, marks=pytest.mark.slow)], ids=["a fifth", "all"])
def test_many_points_are_all_there_and_found(backend: Backend, share: int) -> None:
    many = backend.many // share
    vectors = random_vectors(many, dimension=64)
    index = backend.open(64)
    index.upsert(points_of(vectors, collections=100))
    assert index.count() == many
    assert list(index.ids()) == list(range(1, many + 1))
    for i in range(0, many, many // 20):
        (best,) = index.search(vectors[i], 1, IndexFilter(collection_ids=(i % 100 + 1,)))
        assert best.photo_id == i + 1
        assert best.score == pytest.approx(1, abs=1e-4)
    index.close()


@pytest.mark.parametrize("many", [750, pytest.param(3000, marks=pytest.mark.slow)])
def test_threads_search_while_others_write(backend: Backend, many: int) -> None:
    if not backend.threads:
        pytest.skip("qdrant-client's local mode is not made for several threads")
    index = backend.open(DIMENSION)
    vectors = random_vectors(many)
    points = points_of(vectors)
    index.upsert(points[:250])
    done = threading.Event()
    problems: list[object] = []

    def search() -> None:
        while not done.is_set():
            try:
                hits = index.search(vectors[0], 20, IndexFilter(collection_ids=(1, 2)))
                scores = [hit.score for hit in hits]
                if (
                    len(hits) != 20
                    or scores != sorted(scores, reverse=True)
                    or any((hit.photo_id - 1) % 5 > 1 for hit in hits)
                    or hits[0].photo_id != 1
                ):
                    problems.append(hits)
            except Exception as error:
                problems.append(error)

    def write(first: int) -> None:
        for start in range(250 + first * 50, many, 100):
            index.upsert(points[start : start + 50])

    searchers = [threading.Thread(target=search) for _ in range(3)]
    writers = [threading.Thread(target=write, args=(n,)) for n in range(2)]
    for thread in [*searchers, *writers]:
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    for thread in searchers:
        thread.join()
    assert problems == []
    assert list(index.ids()) == list(range(1, many + 1))
    index.close()


# Regions


@pytest.fixture
def regional(backend: Backend) -> Iterator[PhotoIndex]:
    opened = backend.open(DIMENSION, regions=True)
    yield opened
    opened.close()


def boxes(count: int) -> tuple[Box, ...]:
    """The whole photo, then strips from left to right."""
    strips = count - 1
    return (WHOLE, *(Box(i / strips, 0.25, (i + 1) / strips, 0.75) for i in range(strips)))


def regional_points(count: int, seed: int = 0) -> list[IndexPoint]:
    """Labels as in `points_of`; photo ``i + 1`` has 1 to 8 regions."""
    random = np.random.default_rng(seed)
    sizes = random.integers(1, MOST_REGIONS + 1, count)
    made = []
    for i, size in enumerate(sizes):
        vectors = random.normal(size=(size, DIMENSION)).astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        category = None if i % 4 == 0 else i % 3 + 1
        made.append(IndexPoint(i + 1, vectors[0], i % 5 + 1, category, regions=Regions(boxes(size), vectors)))
    return made


def regions_of(point: IndexPoint) -> Regions:
    assert point.regions is not None
    return point.regions


@pytest.mark.parametrize(
    "where",
    [EVERYTHING, IndexFilter(collection_ids=(2, 4)), IndexFilter(collection_ids=(1, 2, 3), category_ids=(2, 3))],
    ids=["everything", "collections", "both"],
)
def test_a_photo_is_one_hit_with_the_score_of_its_best_region(regional: PhotoIndex, where: IndexFilter) -> None:
    points = regional_points(300)
    regional.upsert(points)
    query = random_vectors(1, seed=1)[0]
    unit = query / np.linalg.norm(query)
    scores = {point.photo_id: regions_of(point).vectors @ unit for point in points if allowed(point, where)}
    expected = sorted(scores, key=lambda photo_id: -scores[photo_id].max())[:60]
    hits = regional.search(query, 60, where)
    assert [hit.photo_id for hit in hits] == expected
    np.testing.assert_allclose([hit.score for hit in hits], [scores[i].max() for i in expected], atol=1e-5)
    located = {i: regions_of(points[i - 1]).boxes[int(scores[i].argmax())] for i in expected}
    assert {i: best_box(regions, query) for i, regions in regional.regions(expected).items()} == located
    assert regional.count(where) == len(scores)


@over_grpc_too
def test_no_region_of_a_photo_that_may_not_be_seen_is_found(regional: PhotoIndex) -> None:
    secret = Regions(boxes(3), np.stack([one_hot(0), one_hot(5), one_hot(5)]))
    regional.upsert([IndexPoint(1, one_hot(0), 1, regions=secret), IndexPoint(2, one_hot(1), 2)])
    (hit,) = regional.search(one_hot(5), 10, IndexFilter(collection_ids=(2,)))
    assert hit.photo_id == 2
    assert regional.search(one_hot(5), 10, IndexFilter(collection_ids=())) == []
    regional.update_labels([PhotoLabels(1, 3)])
    assert found_ids(regional, IndexFilter(collection_ids=(1,))) == set()
    assert found_ids(regional, IndexFilter(collection_ids=(3,))) == {1}


@over_grpc_too
def test_new_labels_leave_regions_as_they_are(regional: PhotoIndex) -> None:
    points = regional_points(20)
    regional.upsert(points)
    regional.update_labels([PhotoLabels(point.photo_id, 9, day=20_000) for point in points])
    stored = regional.regions(range(1, 21))
    assert {photo_id: each.boxes for photo_id, each in stored.items()} == {
        point.photo_id: regions_of(point).boxes for point in points
    }
    assert regional.count(IndexFilter(collection_ids=(9,), first_day=20_000)) == 20


@over_grpc_too
def test_regions_and_whole_photos_come_back_as_they_were_written(regional: PhotoIndex) -> None:
    points = regional_points(120)
    regional.upsert(points)
    stored = regional.regions([*range(1, 200), 0, -1])
    wholes = regional.vectors(range(1, 200))
    assert set(stored) == set(wholes) == set(range(1, 121))
    for point in points:
        each = stored[point.photo_id]
        assert each.boxes == regions_of(point).boxes
        assert each.vectors.dtype == np.float32
        np.testing.assert_allclose(each.vectors, regions_of(point).vectors, atol=1e-6)
        np.testing.assert_allclose(wholes[point.photo_id], point.vector, atol=1e-6)


def test_counts_ids_and_deletions_are_of_photos(regional: PhotoIndex) -> None:
    regional.upsert(regional_points(50))
    assert regional.count() == 50
    assert list(regional.ids()) == list(range(1, 51))
    regional.delete(range(1, 41))
    assert list(regional.ids(after=42)) == list(range(43, 51))
    assert regional.existing(range(1, 51)) == set(range(41, 51))
    assert found_ids(regional, EVERYTHING) == set(range(41, 51))
    assert set(regional.regions(range(1, 51))) == set(range(41, 51))


def test_of_a_photo_written_again_only_the_last_regions_are_found(regional: PhotoIndex) -> None:
    many = Regions(boxes(4), np.stack([one_hot(0), one_hot(1), one_hot(2), one_hot(3)]))
    regional.upsert([IndexPoint(7, one_hot(0), 1, regions=many)])
    regional.upsert([IndexPoint(7, one_hot(0), 1, regions=Regions(boxes(2), np.stack([one_hot(0), one_hot(9)])))])
    (hit,) = regional.search(one_hot(3), 5, EVERYTHING)
    assert hit.score == pytest.approx(0, abs=1e-5)
    assert regional.regions([7])[7].boxes == boxes(2)


def test_a_photo_without_regions_is_found_as_a_whole(regional: PhotoIndex) -> None:
    regional.upsert([IndexPoint(1, one_hot(0), 1)])
    (hit,) = regional.search(one_hot(0), 5, EVERYTHING)
    assert hit.score == pytest.approx(1)
    assert regional.regions([1])[1].boxes == (WHOLE,)


def test_without_regions_the_whole_photo_is_the_only_one(index: PhotoIndex) -> None:
    index.upsert([IndexPoint(1, one_hot(0), 1)])
    stored = index.regions([1, 2])
    assert stored[1].boxes == (WHOLE,)
    np.testing.assert_array_equal(stored[1].vectors, one_hot(0)[np.newaxis])
    assert set(stored) == {1}


def test_an_index_without_regions_takes_no_photo_with_them(index: PhotoIndex) -> None:
    regions = Regions(boxes(2), np.stack([one_hot(0), one_hot(1)]))
    with pytest.raises(IndexMismatchError, match="with regions"):
        index.upsert([IndexPoint(1, one_hot(0), 1), IndexPoint(2, one_hot(0), 1, regions=regions)])
    assert index.count() == 0


MALFORMED = {
    "nine": (Regions(boxes(9), np.stack([one_hot(i) for i in range(9)])), InvalidInputError),
    "none": (Regions((), np.zeros((0, DIMENSION), np.float32)), InvalidInputError),
    "more boxes than vectors": (Regions(boxes(3), np.stack([one_hot(0), one_hot(1)])), InvalidInputError),
    "whole photo not first": (Regions(boxes(2)[::-1], np.stack([one_hot(0), one_hot(1)])), InvalidInputError),
    "another whole photo": (Regions(boxes(2), np.stack([one_hot(3), one_hot(1)])), InvalidInputError),
    "zero": (Regions(boxes(2), np.stack([one_hot(0), one_hot(0) * 0])), InvalidInputError),
    "longer": (Regions(boxes(2), np.eye(DIMENSION + 1, dtype=np.float32)[:2]), IndexMismatchError),
}


@pytest.mark.parametrize(("regions", "error"), MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed_regions_keep_the_whole_batch_out(
    regional: PhotoIndex, regions: Regions, error: type[Exception]
) -> None:
    with pytest.raises(error):
        regional.upsert([IndexPoint(1, one_hot(0), 1), IndexPoint(2, one_hot(0), 1, regions=regions)])
    assert regional.count() == 0


@pytest.mark.parametrize("regions", [True, False], ids=["with", "without"])
def test_an_index_is_not_opened_as_one_of_the_other_kind_and_stays_as_it_is(backend: Backend, regions: bool) -> None:
    first = backend.open(DIMENSION, regions=regions)
    first.upsert(points_of(random_vectors(5)))
    first.close()
    with pytest.raises(IndexMismatchError, match="Give the space its own index"):
        backend.open(DIMENSION, regions=not regions)
    again = backend.open(DIMENSION, regions=regions)
    assert again.count() == 5
    again.close()


def test_regions_of_another_dimension_are_refused(backend: Backend) -> None:
    backend.open(DIMENSION, regions=True).close()
    with pytest.raises(IndexMismatchError, match=rf"{DIMENSION}\b.*\b24 dimensions"):
        backend.open(24, regions=True)


def test_regions_are_there_after_reopening(backend: Backend) -> None:
    first = backend.open(DIMENSION, regions=True)
    first.upsert(regional_points(60))
    first.delete(range(1, 31))  # half of it: opening compacts
    hits = first.search(one_hot(0), 20, EVERYTHING)
    first.close()

    second = backend.open(DIMENSION, regions=True)
    again = second.search(one_hot(0), 20, EVERYTHING)
    assert [hit.photo_id for hit in again] == [hit.photo_id for hit in hits]
    assert second.count() == 30
    second.close()


def test_a_closed_index_with_regions_says_so(backend: Backend) -> None:
    index = backend.open(DIMENSION, regions=True)
    index.close()
    for call in (
        lambda: index.upsert(regional_points(1)),
        lambda: index.search(one_hot(0), 1, EVERYTHING),
        lambda: index.regions([1]),
        lambda: index.vectors([1]),
    ):
        with pytest.raises(NotReadyError):
            call()
