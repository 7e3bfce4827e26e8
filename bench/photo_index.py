"""How fast and how exact a photo index is, next to numpy's brute force in the same run.

    .venv/bin/python bench/photo_index.py --points 50000 --dim 1280 --hnsw
    .venv/bin/python bench/photo_index.py --points 50000 --dim 1280 --qdrant-url http://127.0.0.1:6333
    .venv/bin/python bench/photo_index.py --points 50000 --dim 64 --local
    .venv/bin/python bench/photo_index.py --points 100000 --dim 256 --regions 7

The first measures Qdrant Edge in a temporary folder, the second a Qdrant server, the third
qdrant-client's local mode, the fourth Qdrant Edge with the same photos once whole and once with regions, asked in turn,
so that they can be compared whatever else the machine does. Vectors are drawn around 200 random centres, photos lie in
500 collections.
"stall" is the longest time for which no other Python thread could run.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import qdrant_edge as engine
from numpy.typing import NDArray

from mindreader.boxes import WHOLE, Box
from mindreader.photo_index import EVERYTHING, IndexFilter, IndexPoint, PhotoIndex, Regions
from mindreader.photo_index.edge import EdgePhotoIndex

Vectors = NDArray[np.float32]

BATCH = 32  # photos an embed worker writes at once
REGION_BATCH = 500  # so that the disk says less about the time
COLLECTIONS = 500
LIMIT = 20
FILTERS = {
    "everything": EVERYTHING,
    "1 collection": IndexFilter(collection_ids=(1,)),
    "50 collections": IndexFilter(collection_ids=tuple(range(1, 51))),
    "400 collections": IndexFilter(collection_ids=tuple(range(1, 401))),
}


def make_vectors(count: int, dimension: int) -> Vectors:
    """Draw unit vectors ``(count, dimension)`` around 200 centres."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(200, dimension)).astype(np.float32)
    vectors = centres[rng.integers(0, 200, count)]
    vectors += rng.standard_normal((count, dimension), dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


def resident_mb() -> float:
    """Peak resident memory so far, in MB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 1024)


@contextmanager
def measured(what: str, count: int = 1) -> Iterator[None]:
    """Print how long the block took, and for how long it kept other Python threads from running."""
    gaps: list[float] = []
    done = threading.Event()

    def tick() -> None:
        last = time.perf_counter()
        while not done.wait(0.001):
            now = time.perf_counter()
            gaps.append(now - last)
            last = now

    ticker = threading.Thread(target=tick)
    ticker.start()
    start = time.perf_counter()
    yield
    seconds = time.perf_counter() - start
    time.sleep(0.01)
    done.set()
    ticker.join()
    rate = f", {count / seconds:.0f} /s" if count > 1 else ""
    print(f"{what}: {seconds:.2f} s{rate}, stall {max(gaps) * 1e3:.0f} ms, peak RSS {resident_mb():.0f} MB")


def milliseconds(call: Callable[[Vectors], object], queries: Vectors) -> str:
    """Call with every query and describe the times: median and 95th percentile."""
    times = []
    for query in queries:
        start = time.perf_counter()
        call(query)
        times.append((time.perf_counter() - start) * 1e3)
    return f"{np.median(times):.2f} ms (95 %: {np.percentile(times, 95):.2f})"


def brute_force(vectors: Vectors, query: Vectors, rows: NDArray[np.int64] | None) -> set[int]:
    """Find the photo ids of the exact best, with numpy."""
    scores = (vectors if rows is None else vectors[rows]) @ query
    best = np.argpartition(-scores, min(LIMIT, len(scores)) - 1)[:LIMIT]
    return {int(i) + 1 for i in (best if rows is None else rows[best])}


def rows_of(where: IndexFilter, count: int) -> NDArray[np.int64] | None:
    """Return the rows a filter by collection lets through; None for all."""
    if where.collection_ids is None:
        return None
    return np.flatnonzero(np.isin(np.arange(count) % COLLECTIONS + 1, where.collection_ids))


def bench_search(index: PhotoIndex, vectors: Vectors, queries: Vectors, where: IndexFilter) -> str:
    """Describe search times and recall under one filter."""
    rows = rows_of(where, len(vectors))

    def ours(query: Vectors) -> set[int]:
        return {hit.photo_id for hit in index.search(query, LIMIT, where)}

    def exact(query: Vectors) -> set[int]:
        return brute_force(vectors, query, rows)

    recall = np.mean([len(ours(query) & exact(query)) / len(exact(query)) for query in queries])
    ours_ms, exact_ms = milliseconds(ours, queries), milliseconds(exact, queries)
    return f"{ours_ms}; numpy {exact_ms}; recall@{LIMIT} {recall:.4f}"


def bench_hnsw(folder: Path, queries: Vectors) -> None:
    """Print what Edge's own HNSW graph, which MindReader does not build, would cost and bring."""
    params = engine.EdgeVectorParams(size=queries.shape[1], distance=engine.Distance.Cosine)
    optimizers = engine.EdgeOptimizersConfig(indexing_threshold=10_000)
    shard = engine.EdgeShard.load(str(folder), engine.EdgeConfig(vectors=params, optimizers=optimizers))

    def found(query: Vectors) -> set[int]:
        nearest = engine.Query.Nearest(query.tolist())
        return {int(str(hit.id)) for hit in shard.query(engine.QueryRequest(limit=LIMIT, query=nearest))}

    exact = [found(query) for query in queries]
    with measured("build HNSW over what is left"):
        shard.optimize()
    recall = np.mean([len(found(q) & best) / LIMIT for q, best in zip(queries, exact, strict=True)])
    print(f"search by HNSW: {milliseconds(found, queries)}; recall@{LIMIT} {recall:.4f}")
    shard.close()


def bench(open_index: Callable[[], PhotoIndex], vectors: Vectors, queries: Vectors) -> None:
    """Fill, search, reopen, delete."""
    count = len(vectors)
    index = open_index()
    with measured(f"upsert {count} points by {BATCH}", count):
        for start in range(0, count, BATCH):
            rows = range(start, min(start + BATCH, count))
            index.upsert([IndexPoint(i + 1, vectors[i], i % COLLECTIONS + 1) for i in rows])
    for name, where in FILTERS.items():
        print(f"search {name}: {bench_search(index, vectors, queries, where)}")
    with measured("delete every third photo", count // 3):
        index.delete(range(1, count + 1, 3))
    with measured("close"):
        index.close()
    with measured("open again, which compacts Edge"):
        index = open_index()
    with measured("open once more"):
        index.close()
        index = open_index()
    afterwards = milliseconds(lambda query: index.search(query, LIMIT, EVERYTHING), queries)
    print(f"search everything that is left: {afterwards}")
    index.close()


def bench_regions(folder: Path, vectors: Vectors, queries: Vectors, regions: int) -> None:
    """Fill an index with whole photos and one with regions; ask both in turn."""
    boxes = (WHOLE, *(Box(i / regions, 0, (i + 1) / regions, 1) for i in range(regions - 1)))
    count, dimension = vectors.shape
    plain = EdgePhotoIndex(folder / "plain", dimension)
    regional = EdgePhotoIndex(folder / "regional", dimension, regions=True)
    for name, index in (("whole photos", plain), (f"{regions} regions", regional)):
        random = np.random.default_rng(1)
        with measured(f"upsert {count} photos by {REGION_BATCH}, {name}", count):
            for start in range(0, count, REGION_BATCH):
                rows = range(start, min(start + REGION_BATCH, count))
                index.upsert([point_of(i, vectors[i], boxes if index.has_regions else (), random) for i in rows])
    for name, where in FILTERS.items():
        bench_in_turn(name, plain, regional, queries, where)
    for limit in (20, 100, 1000):
        photo_ids = [hit.photo_id for hit in regional.search(queries[0], limit, EVERYTHING)]

        def read(_: Vectors, photo_ids: list[int] = photo_ids) -> None:
            regional.regions(photo_ids)

        print(f"read the regions of {limit} photos: {milliseconds(read, queries[:20])}")
    for name, index in (("whole photos", plain), (f"{regions} regions", regional)):
        with measured(f"{len(queries)} searches with boxes, {name}"):
            for query in queries:
                _search_with_regions(index, query, EVERYTHING)
        with measured(f"the whole photos' vectors of 1000, {name}"):
            index.vectors(range(1, 1001))
        index.close()


def point_of(row: int, whole: Vectors, boxes: tuple[Box, ...], random: np.random.Generator) -> IndexPoint:
    """A photo whose regions lie around it."""
    if not boxes:
        return IndexPoint(row + 1, whole, row % COLLECTIONS + 1)
    noise = random.standard_normal((len(boxes), len(whole)), np.float32) / np.sqrt(len(whole))
    vectors = whole + noise.astype(np.float32)
    vectors[0] = whole
    return IndexPoint(row + 1, whole, row % COLLECTIONS + 1, regions=Regions(boxes, vectors))


def bench_in_turn(name: str, plain: PhotoIndex, regional: PhotoIndex, queries: Vectors, where: IndexFilter) -> None:
    """Print what regions add to a search and the reading of its hits' regions: wall clock and processor."""
    taken: dict[str, list[tuple[float, float]]] = {"plain": [], "regional": []}
    for query in queries:
        for which, index in (("plain", plain), ("regional", regional)):
            began, used = time.perf_counter(), time.process_time()
            _search_with_regions(index, query, where)
            taken[which].append(((time.perf_counter() - began) * 1e3, (time.process_time() - used) * 1e3))
    (wall, cpu), (regional_wall, regional_cpu) = (np.median(each, axis=0) for each in taken.values())
    least, regional_least = (min(each)[0] for each in taken.values())
    print(
        f"search {name}: {wall:.2f} ms, with regions {regional_wall:.2f} ms ({regional_wall - wall:+.2f}, "
        f"x {regional_wall / wall:.2f}); processor {cpu:.2f}, {regional_cpu:.2f} ms; least {least:.2f}, "
        f"{regional_least:.2f} ms"
    )


def _search_with_regions(index: PhotoIndex, query: NDArray[np.float32], where: IndexFilter) -> None:
    """As the product searches: the photos nearest, and their regions where there are any."""
    hits = index.search(query, LIMIT, where)
    if index.has_regions:
        index.regions([hit.photo_id for hit in hits])


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=50_000)
    parser.add_argument("--dim", type=int, default=1280)
    parser.add_argument("--queries", type=int, default=50)
    parser.add_argument("--regions", type=int, default=0, help="vectors a photo, beside an index of whole photos")
    parser.add_argument("--hnsw", action="store_true", help="then build Edge's HNSW graph, which takes long")
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--qdrant-url", default="", help="measure this Qdrant server instead of Qdrant Edge")
    place.add_argument("--local", action="store_true", help="measure qdrant-client's local mode instead")
    args = parser.parse_args()
    vectors = make_vectors(args.points + args.queries, args.dim)
    vectors, queries = vectors[: args.points], vectors[args.points :]
    print(f"{args.points} x {args.dim}; the vectors alone are {vectors.nbytes / 2**20:.0f} MB")

    with tempfile.TemporaryDirectory() as folder:
        if args.regions:
            bench_regions(Path(folder), vectors, queries, args.regions)
            return
        if not (args.qdrant_url or args.local):
            space = Path(folder) / "space"
            bench(lambda: EdgePhotoIndex(space, args.dim), vectors, queries)
            if args.hnsw:
                bench_hnsw(space, queries)
            return
        from qdrant_client import QdrantClient

        from mindreader.photo_index.server import ServerPhotoIndex, drop_server_index

        name = f"mindreader-bench-{uuid.uuid4().hex}"

        def client() -> QdrantClient:
            return QdrantClient(path=folder) if args.local else QdrantClient(url=args.qdrant_url)

        bench(lambda: ServerPhotoIndex(client(), name, args.dim), vectors, queries)
        drop_server_index(client(), name)


if __name__ == "__main__":
    main()
