"""How close a search over HTTP comes to bare G + E1 + index query on the same sketch, and what grouping copies adds.

    make bench     or     .venv/bin/python bench/search.py --points 20000 --searches 60

A whole embedded server runs in this process; all are measured in turn, and the ratios of their medians
(search over HTTP / bare, with copies grouped / with each) are the figures to quote.
"""

from __future__ import annotations

import argparse
import io
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
from PIL import Image, ImageDraw
from sqlalchemy import insert

from mindreader.bundles import default_bundle_folder, read_bundle
from mindreader.catalog import Catalog, Photo, PhotoFingerprint
from mindreader.imaging import Sketch
from mindreader.imaging.fingerprints import FINGERPRINT_BYTES
from mindreader.inference.looks import looks_at
from mindreader.inference.query_model import Painting, QueryModel
from mindreader.inference.readings import LOOKED_AT, find_readings
from mindreader.photo_index import IndexFilter, IndexPoint, PhotoIndex
from mindreader.settings import load_settings
from mindreader_webui.server import running_server
from mindreader_workers.embedded import EmbeddedWorkers


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=10_000)
    parser.add_argument("--searches", type=int, default=40)
    parser.add_argument("--clients", type=int, default=8, help="People who search at the same time.")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), options.points, options.searches, options.clients)


def measure(folder: Path, points: int, searches: int, clients: int) -> None:
    settings = load_settings(
        {"MINDREADER_DATA_DIR": str(folder), "MINDREADER_PORT": "0", "MINDREADER_SEARCH_RATE": "100000/minute"}
    )
    made: list[EmbeddedWorkers] = []

    def workers(services) -> EmbeddedWorkers:
        made.append(EmbeddedWorkers(services.celery, services.settings, services.catalog, services.blobs))
        return made[0]

    from threading import Thread

    with running_server(settings, workers) as server:
        Thread(target=server.run, daemon=True).start()
        token = (settings.secrets_dir / "local_token").read_text()
        with httpx.Client(
            base_url=f"{server.url}/api/v1", headers={"Authorization": f"Bearer {token}"}, timeout=60
        ) as http:
            collection = http.post("/collections", json={"name": "bench"}).json()["id"]
            worker = made[0]._worker
            space = read_bundle(default_bundle_folder()).space
            index = worker.indexes.get(space.key, space.dimension)
            add_rows(worker.catalog, points, collection)
            fill(index, points, space.dimension, collection)
            model = QueryModel(read_bundle(default_bundle_folder()), worker.engine)
            where = IndexFilter((collection,))
            sketches, others = ([png(first + seed) for seed in range(searches)] for first in (0, searches))
            bare, over_http, ungrouped = [], [], []
            # Each search has a sketch of its own, for one that is known already is not stored again.
            for sketch, another in zip(sketches, others, strict=True):
                started = time.perf_counter()
                bare_search(model, index, sketch, where, settings.imaginary_images)
                bare.append(time.perf_counter() - started)
                started = time.perf_counter()
                search(http, sketch)
                over_http.append(time.perf_counter() - started)
                started = time.perf_counter()
                search(http, another, duplicates="all")
                ungrouped.append(time.perf_counter() - started)
            started = time.perf_counter()
            with ThreadPoolExecutor(clients) as people:
                list(people.map(lambda sketch: search(http, sketch), sketches * 2))
            at_once = 2 * searches / (time.perf_counter() - started)
    bare_ms, http_ms, all_ms = (statistics.median(times[5:]) * 1000 for times in (bare, over_http, ungrouped))
    engine = f"{worker.engine.name}, {worker.engine.arithmetic}"
    print(f"points {points}, {settings.imaginary_images} readings at most, {engine}")
    print(f"bare E1 + query + G  {bare_ms:7.1f} ms (median)")
    print(f"search over HTTP     {http_ms:7.1f} ms (median)")
    print(f"ratio                {http_ms / bare_ms:7.2f}  (aim: 1.3 or less)")
    print(f"with every copy      {all_ms:7.1f} ms (median); grouping takes {http_ms / all_ms:.3f} times as long")
    gain = at_once * statistics.median(over_http[5:])
    print(f"{clients} people at once     {at_once:7.1f} searches a second, {gain:.2f} times as many as one person's")


def bare_search(model: QueryModel, index: PhotoIndex, sketch: bytes, where: IndexFilter, most: int) -> None:
    """The same by the networks and the index alone: a query, the photos it finds, their readings painted."""
    looks = looks_at(Sketch.read(sketch, max_bytes=10**7).image, model.image_size)
    query = model.query(looks)
    found = [hit.photo_id for hit in index.search(query, LOOKED_AT, where)]
    vectors = index.vectors(found)
    readings = find_readings(query, found, np.stack([vectors[i] for i in found]), most)
    model.paint(Painting(looks[0], np.stack([reading.vector for reading in readings]), 0))


def search(http: httpx.Client, sketch: bytes, **form: str) -> None:
    http.post("/searches", files={"sketch": sketch}, data={"limit": "40", **form}).raise_for_status()


def fill(index, points: int, dimension: int, collection: int) -> None:
    random = np.random.default_rng(0)
    for start in range(0, points, 1000):
        vectors = random.normal(size=(min(1000, points - start), dimension)).astype(np.float32)
        index.upsert([IndexPoint(1 + start + i, vector, collection) for i, vector in enumerate(vectors)])


def add_rows(catalog: Catalog, points: int, collection: int) -> None:
    """A photo for each point, no two of which look alike."""
    random = np.random.default_rng(0)
    like_all = {"filename": "a.jpg", "media_type": "image/jpeg", "size_bytes": 1, "width": 4, "height": 3}
    with catalog.transaction() as session:
        for first in range(1, points + 1, 1000):
            ids = range(first, min(first + 1000, points + 1))
            photos = [{"id": i, "sha256": f"{i:064x}", "collection_id": collection} | like_all for i in ids]
            session.execute(insert(Photo), photos)
            light, contrast = random.uniform(70, 190, (len(ids), 1)), random.uniform(15, 60, (len(ids), 1))
            pictures = light + contrast * random.normal(size=(len(ids), FINGERPRINT_BYTES))
            looks = [
                {"photo_id": i, "picture": each.clip(0, 255).astype(np.uint8).tobytes()}
                for i, each in zip(ids, pictures, strict=True)
            ]
            session.execute(insert(PhotoFingerprint), looks)


def png(seed: int) -> bytes:
    random = np.random.default_rng(seed)
    image = Image.new("L", (512, 512), 255)
    points = [tuple(map(float, point)) for point in random.integers(60, 450, (8, 2))]
    ImageDraw.Draw(image).line(points, fill=0, width=8)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


if __name__ == "__main__":
    main()
