"""A million photos in one index: build time, memory, latency and recall, beside numpy and FAISS on the same vectors.

Qdrant Edge once as MindReader has it, and with the graph and the quantization a Qdrant server would have.

    .venv/bin/pip install faiss-cpu      # for one of the rows
    .venv/bin/python bench/scaling.py --embeddings embeddings.npy --points 1000000

`embeddings.npy` holds real photo embeddings (N, D) of the default space (`--index DATA_DIR` reads them out of an
installation's photo index instead). The synthetic ones are real ones with noise of the real ones' covariance, as
strong as makes neighbours as near as real neighbours are; queries are made alike. With regions a photo has `--regions`
vectors, the whole photo's and others as near to it as neighbours are; what is nearest is then the best of them. Each
engine runs in a process of its own, one after the other, so that memory can be told apart.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypedDict

import numpy as np
from numpy.typing import NDArray

from mindreader.vectors import unit

if TYPE_CHECKING:
    from qdrant_edge import EdgeConfig

Vectors = NDArray[np.float32]

LIMIT = 20
COLLECTIONS = 500
QUERIES = 200
ONE = 7  # the collection that is searched alone
BATCH = 1000
HNSW_LINKS, HNSW_BUILD, HNSW_SEARCH = 16, 80, 96  # FAISS's; Qdrant's are its own defaults


class Figures(TypedDict, total=False):
    """What an engine's process found."""

    build: float
    """Seconds."""
    everything: tuple[float, float]
    """Milliseconds of a search, median and 99th percentile; so is `collection`."""
    collection: tuple[float, float]
    recall: float
    bytes: int
    """More in memory than before; `anonymous` are those of them no file holds."""
    anonymous: int
    disk: int
    """Bytes."""


def main() -> None:
    """Read the command line; measure every engine."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--embeddings", type=Path, help="real embeddings, a .npy file")
    parser.add_argument("--index", type=Path, help="data folder of an installation whose server is stopped")
    parser.add_argument("--points", type=int, default=1_000_000)
    parser.add_argument("--regions", type=int, default=7, help="vectors a photo in the index with regions")
    parser.add_argument("--engines", nargs="*", choices=ENGINES, default=list(ENGINES))
    parser.add_argument("--child", nargs=2, metavar=("ENGINE", "FOLDER"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        engine, place = asked.child[0], Path(asked.child[1])
        print(json.dumps(edge_regions(place, asked.regions) if engine == REGIONAL else ENGINES[engine](place)))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        real = np.load(asked.embeddings) if asked.embeddings else embeddings_of(asked.index)
        prepare(real.astype(np.float32), asked.points, folder)
        print(f"{asked.points:,} x {real.shape[1]}; the vectors alone take {real.shape[1] * 4:,} bytes each")
        print(
            "| engine | build | bytes a vector in memory | of them not from files | on disk "
            "| everything: median, p99 | one collection: median, p99 | recall@20 |"
        )
        print("|---|---|---|---|---|---|---|---|")
        for engine in asked.engines:
            child = [sys.executable, __file__, f"--regions={asked.regions}", "--child", engine, str(folder)]
            done = subprocess.run(child, stdout=subprocess.PIPE, text=True, check=True)
            print(row(engine, json.loads(done.stdout.splitlines()[-1]), asked.points), flush=True)


def row(engine: str, found: Figures, points: int) -> str:
    pairs = found.get("everything"), found.get("collection")
    times = [f"{pair[0]:.1f}, {pair[1]:.1f} ms" if pair else "–" for pair in pairs]
    counts = found.get("bytes"), found.get("anonymous"), found.get("disk")
    sizes = [f"{count / points:,.0f}" if count is not None else "–" for count in counts]
    return f"| {engine} | {found['build']:.0f} s | {' | '.join([*sizes, *times])} | {found['recall']:.4f} |"


def embeddings_of(data_dir: Path) -> Vectors:
    """What the photo index of an installation's active version holds."""
    from mindreader.catalog import Catalog
    from mindreader.model_versions.registry import active_version
    from mindreader.photo_index import PhotoIndexes
    from mindreader.settings import load_settings

    settings = load_settings({"MINDREADER_DATA_DIR": str(data_dir)})
    with Catalog(settings.catalog_url).snapshot() as session:
        version = active_version(session)
        if version is None:
            raise SystemExit(f"The installation in {data_dir} has no active model version.")
        space = version.space
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


# Engines: each returns seconds of building, bytes it takes, times and recall


def edge(folder: Path) -> Figures:
    """MindReader's own index: Qdrant Edge, exact, float32."""
    from mindreader.photo_index import EVERYTHING, IndexFilter
    from mindreader.photo_index.edge import EdgePhotoIndex

    vectors, queries, best = loaded(folder)
    built = in_another_process(fill_edge, folder, "edge")
    forget(folder / "edge")
    before = resident()
    index = EdgePhotoIndex(folder / "edge", vectors.shape[1])

    def search(query: Vectors, where: IndexFilter = EVERYTHING) -> list[int]:
        return [hit.photo_id - 1 for hit in index.search(query, LIMIT, where)]

    one = IndexFilter(collection_ids=(ONE,))
    found = measured(before, search, lambda query: search(query, one), queries, best)
    index.close()
    return found | {"build": built, "disk": size(folder / "edge")}


def edge_regions(folder: Path, regions: int = 7) -> Figures:
    """MindReader's own index of photos with regions: four bits a number scanned, the best compared again in full."""
    from mindreader.photo_index import EVERYTHING, IndexFilter
    from mindreader.photo_index.edge import EdgePhotoIndex

    vectors, queries, _ = loaded(folder)
    best = np.argsort(-np.concatenate([(each @ queries.T).max(axis=1) for each in regional(vectors, regions)]), axis=0)
    built = in_another_process(fill_edge_regions, folder, "edge-regions", regions)
    forget(folder / "edge-regions")
    before = resident()
    index = EdgePhotoIndex(folder / "edge-regions", vectors.shape[1], regions=True)

    def search(query: Vectors, where: IndexFilter = EVERYTHING) -> list[int]:
        return [hit.photo_id - 1 for hit in index.search(query, LIMIT, where)]

    one = IndexFilter(collection_ids=(ONE,))
    found = measured(before, search, lambda query: search(query, one), queries, best[:LIMIT].T)
    index.close()
    return found | {"build": built, "disk": size(folder / "edge-regions")}


def regional(vectors: Vectors, regions: int) -> Iterator[Vectors]:
    """Vectors (B, R, D) of photos by blocks, the whole photos' first."""
    nearest = vectors[:1000] @ vectors[:20_000].T
    nearest[np.arange(len(nearest)), np.arange(len(nearest))] = -1
    near = float(np.median(nearest.max(axis=1)))
    length = np.sqrt(1 / near**2 - 1)  # of noise that turns a vector so far
    for start in range(0, len(vectors), BATCH):
        whole = np.array(vectors[start : start + BATCH])[:, None]
        noise = np.random.default_rng(start).standard_normal((len(whole), regions, whole.shape[2]), np.float32)
        each = whole + (length / np.sqrt(whole.shape[2])) * noise
        each[:, 0] = whole[:, 0]
        yield unit(each)


def edge_int8(folder: Path) -> Figures:
    """Qdrant's graph; one byte a number in memory, the nearest compared again by their vectors on disk."""
    return edge_with_graph(folder, "int8")


def edge_binary(folder: Path) -> Figures:
    """Qdrant's graph; one bit a number in memory, the nearest compared again by their vectors on disk."""
    return edge_with_graph(folder, "binary")


def edge_with_graph(folder: Path, quantization: Literal["int8", "binary"]) -> Figures:
    """What `ServerStorage` asks of a Qdrant server, done by the same engine here."""
    import qdrant_edge as engine

    from mindreader.photo_index.checks import COLLECTION_FIELD
    from mindreader.photo_index.server import ServerStorage

    vectors, queries, best = loaded(folder)
    name = f"edge-{quantization}"
    built = in_another_process(fill_edge, folder, name)
    built += in_another_process(build_graph, folder, quantization)
    before = resident()
    shard = engine.EdgeShard.load(str(folder / name), graph_config(vectors.shape[1], quantization))
    asked_of_a_server = ServerStorage(quantization=quantization).search_params
    assert asked_of_a_server is not None and asked_of_a_server.quantization is not None, "it quantizes"
    more = asked_of_a_server.quantization.oversampling
    again = engine.QuantizationSearchParams(rescore=True, oversampling=more)
    params = engine.SearchParams(quantization=again)
    one = engine.Filter(must=[engine.FieldCondition(COLLECTION_FIELD, match=engine.MatchAny([ONE]))])

    def search(query: Vectors, where: engine.Filter | None = None) -> list[int]:
        nearest = engine.Query.Nearest(query.tolist())
        asked = engine.QueryRequest(limit=LIMIT, query=nearest, filter=where, params=params)
        return [int(str(hit.id)) - 1 for hit in shard.query(asked)]

    found = measured(before, search, lambda query: search(query, one), queries, best)
    shard.close()
    return found | {"build": built, "disk": size(folder / name)}


def fill_edge(folder: Path, name: str) -> None:
    """Write every point, durably, as embed workers do."""
    from mindreader.photo_index import IndexPoint
    from mindreader.photo_index.edge import EdgePhotoIndex

    vectors = loaded(folder)[0]
    index = EdgePhotoIndex(folder / name, vectors.shape[1])
    for start in range(0, len(vectors), BATCH):
        rows = range(start, min(start + BATCH, len(vectors)))
        index.upsert([IndexPoint(i + 1, vectors[i], i % COLLECTIONS + 1, day=i % 3650) for i in rows])
    index.close()


def fill_edge_regions(folder: Path, name: str, regions: int) -> None:
    """Write every photo with its regions, durably, as embed workers do."""
    from mindreader.boxes import WHOLE, Box
    from mindreader.photo_index import IndexPoint, Regions
    from mindreader.photo_index.edge import EdgePhotoIndex

    vectors = loaded(folder)[0]
    boxes = (WHOLE, *(Box(i / regions, 0, (i + 1) / regions, 1) for i in range(regions - 1)))
    index = EdgePhotoIndex(folder / name, vectors.shape[1], regions=True)
    for block, each in enumerate(regional(vectors, regions)):
        first = block * BATCH
        index.upsert(
            [
                IndexPoint(i + 1, own[0], i % COLLECTIONS + 1, day=i % 3650, regions=Regions(boxes, own))
                for i, own in enumerate(each, start=first)
            ]
        )
    index.close()


def build_graph(folder: Path, quantization: str) -> None:
    """Let the engine bring the points into the wanted form."""
    import qdrant_edge as engine

    config = graph_config(loaded(folder)[0].shape[1], quantization)
    shard = engine.EdgeShard.load(str(folder / f"edge-{quantization}"), config)
    while shard.optimize():
        pass
    shard.close()


def graph_config(dimension: int, quantization: str) -> EdgeConfig:
    import qdrant_edge as engine

    quantized = (
        engine.ScalarQuantizationConfig(engine.ScalarType.Int8, quantile=0.99, always_ram=True)
        if quantization == "int8"
        else engine.BinaryQuantizationConfig(always_ram=True)
    )
    return engine.EdgeConfig(
        vectors=engine.EdgeVectorParams(
            size=dimension,
            distance=engine.Distance.Cosine,
            quantization_config=quantized,
            memory=engine.Memory.Cold,
        ),
        hnsw_config=engine.HnswIndexConfig(m=16, ef_construct=100, full_scan_threshold=10_000),
        optimizers=engine.EdgeOptimizersConfig(indexing_threshold=10_000),
    )


def in_another_process(work: Callable[..., None], *given: object) -> float:
    """Seconds it took; what it left in memory is gone with its process."""
    began = time.perf_counter()
    with ProcessPoolExecutor(1, get_context("spawn")) as processes:
        processes.submit(work, *given).result()
    return time.perf_counter() - began


def numpy_brute_force(folder: Path) -> Figures:
    """One matrix product."""
    vectors, queries, best = loaded(folder)
    before = resident()
    began = time.perf_counter()
    held = np.array(vectors)
    built = time.perf_counter() - began
    of_one = np.arange(ONE - 1, len(held), COLLECTIONS)

    def search(query: Vectors, rows: NDArray[np.int64] | None = None) -> list[int]:
        scores = (held if rows is None else held[rows]) @ query
        nearest = np.argpartition(-scores, LIMIT)[:LIMIT]
        return [int(i) for i in (nearest if rows is None else rows[nearest])]

    return measured(before, search, lambda query: search(query, of_one), queries, best) | {"build": built}


def faiss_hnsw(folder: Path) -> Figures:
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

    return measured(before, search, None, queries, best) | {"build": built}


def faiss_int8(folder: Path) -> Figures:
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

    return measured(before, search, None, queries, best) | {"build": built}


REGIONAL = "Qdrant Edge, regions (MindReader)"
ENGINES: dict[str, Callable[[Path], Figures]] = {
    "Qdrant Edge, exact (MindReader)": edge,
    REGIONAL: edge_regions,
    "Qdrant Edge, graph, int8": edge_int8,
    "Qdrant Edge, graph, binary": edge_binary,
    "numpy brute force": numpy_brute_force,
    "FAISS HNSW": faiss_hnsw,
    "FAISS int8 scan, rescored": faiss_int8,
}


def loaded(folder: Path) -> tuple[Vectors, Vectors, NDArray[np.int64]]:
    vectors = np.load(folder / "vectors.npy", mmap_mode="r")
    return vectors, np.load(folder / "queries.npy"), np.load(folder / "best.npy")


def measured(
    before: tuple[int, int],
    search: Callable[[Vectors], list[int]],
    search_one: Callable[[Vectors], object] | None,
    queries: Vectors,
    best: NDArray[np.int64],
) -> Figures:
    """Times and recall, and what is in memory after all that."""
    found: Figures = {"everything": times(search, queries), "recall": recall(search, queries, best)}
    if search_one is not None:
        found["collection"] = times(search_one, queries)
    after = resident()
    return found | {"bytes": after[0] - before[0], "anonymous": after[1] - before[1]}


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


def resident() -> tuple[int, int]:
    """Bytes of this process in memory, and those of them no file holds; without the file the vectors came from."""
    total, anonymous, of_vectors = 0, 0, False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        field, _, value = line.partition(":")
        if field == "Rss":
            total += 0 if of_vectors else int(value.split()[0]) * 1024
        elif field == "Anonymous":
            anonymous += int(value.split()[0]) * 1024
        elif " " in field:  # where a mapping begins
            of_vectors = line.endswith("vectors.npy")
    return total, anonymous


def forget(folder: Path) -> None:
    """Drop files from the system's cache: it maps what lies there around what is read, which would count as memory."""
    for file in folder.rglob("*"):
        if file.is_file():
            with file.open("rb") as opened:
                os.fsync(opened.fileno())
                os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def size(folder: Path) -> int:
    """Bytes of its files, holes left out."""
    return sum(file.stat().st_blocks * 512 for file in folder.rglob("*") if file.is_file())


if __name__ == "__main__":
    main()
