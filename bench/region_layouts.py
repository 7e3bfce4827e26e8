"""Ways of keeping regions of photos in Qdrant Edge, beside whole photos, in one run: what decision 15 chose between.

    .venv/bin/python bench/region_layouts.py --photos 100000 --regions 7 --dim 256

Vectors are drawn around 200 centres, regions around their photos. Each layout is filled, and its memory measured, in a
process of its own; then one process has all of them open and asks them in turn, so that times can be compared whatever
else the machine does. `cpu` is the processor time of a search, all its threads together. Where a layout finds photos by
points, one for each region, `LIMIT` photos are asked for as `LIMIT * regions` points, which are always enough.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import qdrant_edge as engine
from numpy.typing import NDArray

from mindreader.vectors import unit

Vectors = NDArray[np.float32]

LIMIT = 20
BATCH = 500
COLLECTIONS = 500
QUERIES = 40
NEVER = 2**40


@dataclass(frozen=True)
class Layout:
    """One way of keeping R vectors of a photo."""

    name: str
    kind: str
    """`whole` (the first vector only), `points` (a point for each region) or `multivector`."""
    quantization: engine.ScalarQuantizationConfig | engine.TurboQuantQuantizationConfig | None = None
    datatype: engine.VectorStorageDatatype = engine.VectorStorageDatatype.Float32
    optimized: bool = False
    """Whether the engine must rewrite everything before it quantizes: int8, without a graph."""

    def config(self, dimension: int) -> engine.EdgeConfig:
        multi = engine.MultiVectorConfig(engine.MultiVectorComparator.MaxSim) if self.kind == "multivector" else None
        vectors = engine.EdgeVectorParams(
            size=dimension,
            distance=engine.Distance.Cosine,
            multivector_config=multi,
            quantization_config=self.quantization,
            datatype=self.datatype,
            memory=engine.Memory.Cold if self.quantization else None,
        )
        return engine.EdgeConfig(
            vectors=vectors,
            hnsw_config=engine.HnswIndexConfig(m=0, ef_construct=4, full_scan_threshold=10),
            optimizers=engine.EdgeOptimizersConfig(indexing_threshold=1000 if self.optimized else NEVER),
        )

    def points(self, photo: int, vectors: Vectors) -> list[engine.Point]:
        labels = {"collection_id": photo % COLLECTIONS + 1}
        if self.kind == "multivector":
            boxes = [[0.0, 0.0, 1.0, 1.0]] * len(vectors)
            return [engine.Point(photo + 1, vectors.tolist(), labels | {"boxes": boxes})]
        if self.kind == "points":
            ids = range(photo * len(vectors) + 1, (photo + 1) * len(vectors) + 1)
            return [engine.Point(i, v.tolist(), labels) for i, v in zip(ids, vectors, strict=True)]
        return [engine.Point(photo + 1, vectors[0].tolist(), labels)]

    def search(self, shard: engine.EdgeShard, query: Vectors, regions: int, where: engine.Filter | None) -> list[int]:
        nearest = engine.Query.Nearest([query.tolist()] if self.kind == "multivector" else query.tolist())
        params = None
        if self.quantization:
            again = engine.QuantizationSearchParams(rescore=True, oversampling=2.0)
            params = engine.SearchParams(quantization=again)
        limit = LIMIT * (regions if self.kind == "points" else 1)
        found = shard.query(engine.QueryRequest(limit=limit, query=nearest, filter=where, params=params))
        each = regions if self.kind == "points" else 1
        return list(dict.fromkeys((int(str(hit.id)) - 1) // each for hit in found))[:LIMIT]


LAYOUTS = {
    layout.name: layout
    for layout in (
        Layout("whole photos, exact", "whole"),
        Layout("a point for each region", "points"),
        Layout("multivector, float32", "multivector"),
        Layout("multivector, float16", "multivector", datatype=engine.VectorStorageDatatype.Float16),
        Layout(
            "multivector, int8, rescored",
            "multivector",
            engine.ScalarQuantizationConfig(engine.ScalarType.Int8, quantile=0.99, always_ram=True),
            optimized=True,
        ),
        Layout("multivector, TurboQuant 4 bits, rescored", "multivector", engine.TurboQuantQuantizationConfig()),
    )
}


def photos(count: int, regions: int, dimension: int) -> Iterator[tuple[int, Vectors]]:
    """Number of a batch's first photo, and unit vectors (B, R, D)."""
    centres = np.random.default_rng(0).normal(size=(200, dimension)).astype(np.float32)
    for start in range(0, count, BATCH):
        random = np.random.default_rng(start + 1)
        size = min(BATCH, count - start)
        whole = centres[random.integers(0, 200, size)] + random.standard_normal((size, dimension), np.float32)
        each = whole[:, None] + random.standard_normal((size, regions, dimension), np.float32)
        yield start, unit(each)


def fill(layout: Layout, folder: Path, count: int, regions: int, dimension: int) -> dict[str, float]:
    """Write, each batch flushed; the engine's part of the time only."""
    folder.mkdir()
    shard = engine.EdgeShard.load(str(folder), layout.config(dimension))
    schema = engine.IntegerIndexParams(lookup=True, range=False)
    shard.update(engine.UpdateOperation.create_field_index("collection_id", schema))
    wall = cpu = 0.0
    for start, vectors in photos(count, regions, dimension):
        points = [point for i, each in enumerate(vectors) for point in layout.points(start + i, each)]
        began, used = time.perf_counter(), time.process_time()
        shard.update(engine.UpdateOperation.upsert_points(points))
        shard.flush()
        wall, cpu = wall + time.perf_counter() - began, cpu + time.process_time() - used
    began = time.perf_counter()
    while layout.optimized and shard.optimize():
        pass
    optimize = time.perf_counter() - began
    shard.close()
    disk = sum(file.stat().st_blocks * 512 for file in folder.rglob("*") if file.is_file())
    return {"photos/s": count / wall, "photos/cpu s": count / cpu, "optimize s": optimize, "disk": disk / count}


def memory(layout: Layout, folder: Path, count: int, regions: int, dimension: int) -> dict[str, float]:
    """Bytes a photo that a process with the index open holds, after searches."""
    before = resident()
    shard = engine.EdgeShard.load(str(folder), layout.config(dimension))
    for query in queries(dimension):
        layout.search(shard, query, regions, None)
    after = resident()
    shard.close()
    return {name: (after[name] - before[name]) / count for name in before}


def search(folder: Path, count: int, regions: int, dimension: int) -> dict[str, dict[str, float]]:
    """All layouts in turn, query by query."""
    shards = {
        name: engine.EdgeShard.load(str(folder / slug(name)), LAYOUTS[name].config(dimension)) for name in LAYOUTS
    }
    asked = queries(dimension)
    scores = np.concatenate([(each @ asked.T).max(axis=1) for _, each in photos(count, regions, dimension)])
    best = np.argsort(-scores, axis=0)[:LIMIT].T
    filters = {"everything": None, "1 collection": among(1), "400 collections": among(400)}
    found: dict[str, dict[str, float]] = {name: {} for name in LAYOUTS}
    for what, where in filters.items():
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in LAYOUTS}
        hit: dict[str, list[float]] = {name: [] for name in LAYOUTS}
        for query, right in zip(asked, best, strict=True):
            for name, shard in shards.items():
                began, used = time.perf_counter(), time.process_time()
                ids = LAYOUTS[name].search(shard, query, regions, where)
                taken[name].append((time.perf_counter() - began, time.process_time() - used))
                hit[name].append(len({*ids} & {*right.tolist()}) / LIMIT)
        for name in LAYOUTS:
            wall, cpu = (np.array(each) * 1e3 for each in zip(*taken[name], strict=True))
            found[name] |= {f"{what} ms": float(np.median(wall)), f"{what} least ms": float(wall.min())}
            found[name] |= {f"{what} cpu ms": float(np.median(cpu))}
            if where is None:
                found[name]["recall@20"] = float(np.mean(hit[name]))
    return found


def among(collections: int) -> engine.Filter:
    allowed = engine.MatchAny(list(range(1, collections + 1)))
    return engine.Filter(must=[engine.FieldCondition("collection_id", match=allowed)])


def queries(dimension: int) -> Vectors:
    """Unit vectors (Q, D), near photos."""
    made = np.concatenate([each[:, 0] for _, each in photos(QUERIES, 1, dimension)])[:QUERIES]
    return unit(made + 0.03 * np.random.default_rng(1).standard_normal(made.shape, np.float32))


def resident() -> dict[str, float]:
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return {name: int(status[name].split()[0]) * 1024.0 for name in ("VmRSS", "RssAnon")}


def slug(name: str) -> str:
    return name.replace(" ", "-").replace(",", "")


def main() -> None:
    """Read the command line; measure every layout."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=100_000)
    parser.add_argument("--regions", type=int, default=7)
    parser.add_argument("--dim", type=int, default=256)
    parser.add_argument("--child", nargs=3, metavar=("WORK", "LAYOUT", "FOLDER"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    sizes = asked.photos, asked.regions, asked.dim
    if asked.child:
        work, name, folder = asked.child
        if work == "search":
            print(json.dumps(search(Path(folder), *sizes)))
        else:
            done = {"fill": fill, "memory": memory}[work]
            print(json.dumps(done(LAYOUTS[name], Path(folder), *sizes)))
        return
    with tempfile.TemporaryDirectory() as folder:
        found: dict[str, dict[str, float]] = {}
        for name in LAYOUTS:
            place = Path(folder) / slug(name)
            found[name] = child(asked, "fill", name, place) | child(asked, "memory", name, place)
            print(name, found[name], flush=True)
        searched = child(asked, "search", "", Path(folder))
        for name, each in searched.items():
            print(name, {what: round(value, 4) for what, value in each.items()})


def child(asked: argparse.Namespace, work: str, name: str, folder: Path) -> dict[str, Any]:
    sizes = [f"--{what}={getattr(asked, what)}" for what in ("photos", "regions", "dim")]
    command = [sys.executable, __file__, *sizes, "--child", work, name, str(folder)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    main()
