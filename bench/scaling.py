"""A million photos in one index: build time, memory, latency and recall, beside numpy and FAISS on the same vectors.

    .venv/bin/pip install faiss-cpu      # for one of the rows
    .venv/bin/python bench/scaling.py --embeddings embeddings.npy --points 1000000

`embeddings.npy` holds real photo embeddings (N, D) of the default space (`--index DATA_DIR` reads them out of an
installation's photo index instead). The synthetic ones are real ones with noise of the real ones' covariance, as
strong as makes neighbours as near as real neighbours are; queries are made alike. Each engine runs in a process of its
own, one after the other, so that memory can be told apart.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]

LIMIT = 20
COLLECTIONS = 500
QUERIES = 200
BATCH = 1000
HNSW_LINKS, HNSW_BUILD, HNSW_SEARCH = 16, 80, 96


def main() -> None:
    """Read the command line; measure every engine."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--embeddings", type=Path, help="real embeddings, a .npy file")
    parser.add_argument("--index", type=Path, help="data folder of an installation whose server is stopped")
    parser.add_argument("--points", type=int, default=1_000_000)
    parser.add_argument("--engines", nargs="*", choices=ENGINES, default=list(ENGINES))
    parser.add_argument("--child", nargs=2, metavar=("ENGINE", "FOLDER"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        print(json.dumps(ENGINES[asked.child[0]](Path(asked.child[1]))))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        real = np.load(asked.embeddings) if asked.embeddings else embeddings_of(asked.index)
        prepare(real.astype(np.float32), asked.points, folder)
        print(f"{asked.points:,} x {real.shape[1]}; the vectors alone take {real.shape[1] * 4:,} bytes each")
        print("| engine | build | bytes a vector | everything: median, p99 | one collection: median, p99 | recall@20 |")
        print("|---|---|---|---|---|---|")
        for engine in asked.engines:
            child = [sys.executable, __file__, "--child", engine, str(folder)]
            done = subprocess.run(child, stdout=subprocess.PIPE, text=True, check=True)
            print(row(engine, json.loads(done.stdout.splitlines()[-1]), asked.points), flush=True)


def row(engine: str, found: dict, points: int) -> str:
    times = [f"{found[k][0]:.1f}, {found[k][1]:.1f} ms" if k in found else "–" for k in ("everything", "collection")]
    return (
        f"| {engine} | {found['build']:.0f} s | {found['bytes'] / points:,.0f} | {times[0]} | {times[1]} | "
        f"{found['recall']:.4f} |"
    )


def embeddings_of(data_dir: Path) -> Vectors:
    """What the photo index of an installation's active version holds."""
    from mindreader.catalog import Catalog
    from mindreader.photo_index import PhotoIndexes
    from mindreader.settings import load_settings
    from mindreader.use_cases.models import active_version

    settings = load_settings({"MINDREADER_DATA_DIR": str(data_dir)})
    with Catalog(settings.catalog_url).snapshot() as session:
        space = active_version(session).space
    index = PhotoIndexes(settings).get(space.key, space.dimension)
    return np.stack(list(index.vectors(index.ids()).values()))


def prepare(real: Vectors, points: int, folder: Path) -> None:
    """Write vectors, queries, and which photos are truly the nearest."""
    random = np.random.default_rng(0)
    real = unit(real)
    root = np.linalg.cholesky(np.cov(real.T) + 1e-6 * np.eye(real.shape[1])).astype(np.float32)
    strength = noise_strength(real, root, random)
    vectors = np.lib.format.open_memmap(folder / "vectors.npy", "w+", np.float32, (points, real.shape[1]))
    for start in range(0, points, 50_000):
        part = vectors[start : start + 50_000]
        part[:] = synthetic(real, root, strength, len(part), random)
    queries = synthetic(real, root, strength, QUERIES, random)
    best = [np.argsort(-(vectors @ query))[:LIMIT] for query in queries]
    np.save(folder / "queries.npy", queries)
    np.save(folder / "best.npy", np.stack(best))


def synthetic(real: Vectors, root: Vectors, strength: float, count: int, random: np.random.Generator) -> Vectors:
    """Real embeddings with noise of their covariance."""
    noise = random.standard_normal((count, real.shape[1]), dtype=np.float32) @ root.T
    return unit(real[random.integers(0, len(real), count)] + strength * noise)


def noise_strength(real: Vectors, root: Vectors, random: np.random.Generator) -> float:
    """With which a synthetic vector is as near to its origin as a real photo to its nearest neighbour (median)."""
    some = random.choice(len(real), min(1000, len(real)), replace=False)
    similar = real[some] @ real.T
    similar[np.arange(len(some)), some] = -1
    wanted = float(np.median(similar.max(axis=1)))
    low, high = 0.0, 4.0
    noise = random.standard_normal((len(some), real.shape[1]), dtype=np.float32) @ root.T
    for _ in range(20):
        strength = (low + high) / 2
        near = float(np.median(np.sum(unit(real[some] + strength * noise) * real[some], axis=1)))
        low, high = (strength, high) if near > wanted else (low, strength)
    return strength


def unit(vectors: Vectors) -> Vectors:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


# Engines: each returns seconds of building, bytes it takes, times and recall


def edge(folder: Path) -> dict:
    """MindReader's own index: Qdrant Edge, exact, float32."""
    from mindreader.photo_index import EVERYTHING, IndexFilter, IndexPoint
    from mindreader.photo_index.edge import EdgePhotoIndex

    vectors, queries, best = loaded(folder)
    before = resident()
    index = EdgePhotoIndex(folder / "edge", vectors.shape[1])
    began = time.perf_counter()
    for start in range(0, len(vectors), BATCH):
        rows = range(start, min(start + BATCH, len(vectors)))
        index.upsert([IndexPoint(i + 1, vectors[i], i % COLLECTIONS + 1, day=i % 3650) for i in rows])
    built = time.perf_counter() - began

    def search(query: Vectors, where: IndexFilter = EVERYTHING) -> list[int]:
        return [hit.photo_id - 1 for hit in index.search(query, LIMIT, where)]

    one = IndexFilter(collection_ids=(7,))
    found = {
        "build": built,
        "everything": times(search, queries),
        "collection": times(lambda query: search(query, one), queries),
        "recall": recall(search, queries, best),
        "bytes": resident() - before,
    }
    index.close()
    return found


def numpy_brute_force(folder: Path) -> dict:
    """One matrix product."""
    vectors, queries, best = loaded(folder)
    before = resident()
    began = time.perf_counter()
    held = np.array(vectors)
    built = time.perf_counter() - began
    of_one = np.arange(6, len(held), COLLECTIONS)

    def search(query: Vectors, rows: NDArray[np.int64] | None = None) -> list[int]:
        scores = (held if rows is None else held[rows]) @ query
        nearest = np.argpartition(-scores, LIMIT)[:LIMIT]
        return [int(i) for i in (nearest if rows is None else rows[nearest])]

    return {
        "build": built,
        "everything": times(search, queries),
        "collection": times(lambda query: search(query, of_one), queries),
        "recall": recall(search, queries, best),
        "bytes": resident() - before,
    }


def faiss_hnsw(folder: Path) -> dict:
    """A graph in memory, float32; it knows no filter."""
    import faiss

    vectors, queries, best = loaded(folder)
    before = resident()
    index = faiss.IndexHNSWFlat(vectors.shape[1], HNSW_LINKS, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = HNSW_BUILD
    began = time.perf_counter()
    for start in range(0, len(vectors), 50_000):
        index.add(np.ascontiguousarray(vectors[start : start + 50_000]))
    built = time.perf_counter() - began
    index.hnsw.efSearch = HNSW_SEARCH

    def search(query: Vectors) -> list[int]:
        return [int(i) for i in index.search(query[None], LIMIT)[1][0]]

    return {
        "build": built,
        "everything": times(search, queries),
        "recall": recall(search, queries, best),
        "bytes": resident() - before,
    }


def faiss_int8(folder: Path) -> dict:
    """One byte a number, exact scan of those, the best 200 compared again in float32 from the disk."""
    import faiss

    vectors, queries, best = loaded(folder)
    before = resident()
    index = faiss.IndexScalarQuantizer(vectors.shape[1], faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT)
    began = time.perf_counter()
    index.train(np.ascontiguousarray(vectors[:100_000]))
    for start in range(0, len(vectors), 50_000):
        index.add(np.ascontiguousarray(vectors[start : start + 50_000]))
    built = time.perf_counter() - began

    def search(query: Vectors) -> list[int]:
        rows = np.sort(index.search(query[None], 10 * LIMIT)[1][0])
        return [int(i) for i in rows[np.argsort(-(vectors[rows] @ query))[:LIMIT]]]

    return {
        "build": built,
        "everything": times(search, queries),
        "recall": recall(search, queries, best),
        "bytes": resident() - before,
    }


ENGINES: dict[str, Callable[[Path], dict]] = {
    "Qdrant Edge, exact (MindReader)": edge,
    "numpy brute force": numpy_brute_force,
    "FAISS HNSW": faiss_hnsw,
    "FAISS int8 scan, rescored": faiss_int8,
}


def loaded(folder: Path) -> tuple[Vectors, Vectors, NDArray[np.int64]]:
    vectors = np.load(folder / "vectors.npy", mmap_mode="r")
    return vectors, np.load(folder / "queries.npy"), np.load(folder / "best.npy")


def times(search: Callable[[Vectors], object], queries: Vectors) -> tuple[float, float]:
    """Milliseconds: median and 99th percentile."""
    taken = []
    for query in queries:
        began = time.perf_counter()
        search(query)
        taken.append((time.perf_counter() - began) * 1000)
    return float(np.median(taken)), float(np.percentile(taken, 99))


def recall(search: Callable[[Vectors], list[int]], queries: Vectors, best: NDArray[np.int64]) -> float:
    shares = [len({*search(query)} & {*map(int, right)}) / LIMIT for query, right in zip(queries, best, strict=True)]
    return float(np.mean(shares))


def resident() -> int:
    """Bytes of this process in memory, without the file the vectors came from."""
    total, of_vectors = 0, False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if line.startswith("Rss:"):
            total += 0 if of_vectors else int(line.split()[1]) * 1024
        elif not line.split(" ", 1)[0].endswith(":"):  # where a mapping begins
            of_vectors = line.endswith("vectors.npy")
    return total


if __name__ == "__main__":
    main()
