"""How close a search over HTTP comes to bare G + E1 + index query on the same sketch, and what grouping copies adds.

    make bench     or     .venv/bin/python bench/search.py --points 20000 --searches 60

A whole embedded server runs in this process; all are measured in turn, and the ratios of their medians
(search over HTTP / bare, with copies grouped / with each) are the figures to quote.
"""

from __future__ import annotations

import argparse
import io
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import httpx
import numpy as np
from PIL import Image, ImageDraw
from sqlalchemy import insert

from mindreader.boxes import WHOLE, Box
from mindreader.bundles import default_bundle_folder, read_bundle
from mindreader.catalog import Catalog, Photo, PhotoFingerprint
from mindreader.imaging import Sketch
from mindreader.imaging.fingerprints import FINGERPRINT_BYTES
from mindreader.inference.query_model import Painting, QueryModel
from mindreader.inference.sketches.looks import looks_at
from mindreader.inference.sketches.readings import LOOKED_AT, find_readings
from mindreader.model_versions.registry import active_version
from mindreader.photo_index import IndexFilter, IndexPoint, PhotoIndex, Regions
from mindreader.settings import Settings, load_settings
from mindreader_webui.server import server_in_background
from mindreader_webui.services import Services
from mindreader_workers.embedded import EmbeddedWorkers
from mindreader_workers.worker import Worker

AIM = 1.25
REGIONS = (WHOLE, WHOLE, Box(0, 0, 0.6, 0.6), Box(0.4, 0, 1, 0.6), Box(0, 0.4, 0.6, 1), Box(0.4, 0.4, 1, 1))
"""Of each photo, in a space with regions."""
WARM = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=10_000)
    parser.add_argument("--searches", type=int, default=40)
    parser.add_argument("--clients", type=int, default=8, help="People who search at the same time.")
    parser.add_argument("--regions", default="none", help="As MINDREADER_REGIONS.")
    parser.add_argument("--engine", default="auto", help="As MINDREADER_ENGINE.")
    parser.add_argument("--compiled-models", default="", help="As MINDREADER_COMPILED_MODELS.")
    parser.add_argument("--json", action="store_true", help="Print seconds: `bare`, `http`, and searches `at_once`.")
    options = parser.parse_args()
    more = {"MINDREADER_ENGINE": options.engine, "MINDREADER_REGIONS": options.regions}
    if options.compiled_models:
        more["MINDREADER_COMPILED_MODELS"] = options.compiled_models
    with tempfile.TemporaryDirectory() as folder, Searched.started(Path(folder), options.points, **more) as searched:
        for _ in range(WARM):
            searched.turn()
        turns = [searched.turn() for _ in range(options.searches)]
        at_once = searched.at_once(options.clients, 2 * options.searches)
        engine, most = searched.worker.engine, searched.settings.imaginary_images
    bare, http, ungrouped = (statistics.median(times) for times in zip(*turns, strict=True))
    if options.json:
        print(json.dumps({"bare": bare, "http": http, "at_once": at_once}))
        return
    print(f"points {options.points}, {most} readings at most, {engine.name}, {engine.arithmetic}")
    print(f"bare E1 + query + G  {bare * 1000:7.1f} ms (median)")
    print(f"search over HTTP     {http * 1000:7.1f} ms (median)")
    print(f"ratio                {http / bare:7.2f}  (aim: {AIM} or less)")
    print(
        f"with every copy      {ungrouped * 1000:7.1f} ms (median); grouping takes {http / ungrouped:.3f} times as long"
    )
    gain = at_once * http
    print(f"{options.clients} people at once     {at_once:7.1f} searches/s, {gain:.2f} times as many as one person's")


class Searched:
    """A whole embedded server in this process, a library of random vectors, and sketches to search it with."""

    def __init__(self, settings: Settings, worker: Worker, http: httpx.Client, points: int) -> None:
        self.settings, self.worker, self._http = settings, worker, http
        collection = http.post("/collections", json={"name": "bench"}).json()["id"]
        with worker.catalog.snapshot() as session:
            version = active_version(session)
        assert version is not None, "a new installation has one"
        self._index = worker.indexes.of(version.space)
        add_rows(worker.catalog, points, collection)
        fill(self._index, points, version.space.dimension, collection)
        self._model = QueryModel(read_bundle(default_bundle_folder()), worker.engine)
        self._where, self._seeds = IndexFilter((collection,)), count()

    @classmethod
    @contextmanager
    def started(cls, folder: Path, points: int, **more: str) -> Iterator[Searched]:
        """A server with settings of its own, for as long as the context lasts."""
        made: list[EmbeddedWorkers] = []

        def workers(services: Services) -> EmbeddedWorkers:
            made.append(EmbeddedWorkers(services.celery, services.settings, services.catalog, services.blobs))
            return made[0]

        ours = {"MINDREADER_DATA_DIR": str(folder), "MINDREADER_PORT": "0", "MINDREADER_SEARCH_RATE": "100000/minute"}
        settings = load_settings(ours | more)
        with server_in_background(settings, workers) as url:
            token = (settings.secrets_dir / "local_token").read_text()
            headers = {"Authorization": f"Bearer {token}"}
            with httpx.Client(base_url=f"{url}/api/v1", headers=headers, timeout=60) as http:
                yield cls(settings, made[0]._worker, http, points)

    def turn(self) -> tuple[float, float, float]:
        """Seconds of a bare search, of one over HTTP, and of one with every copy.

        Each has a sketch of its own, for one that is known already is not stored again.
        """
        first, second, third = (png(next(self._seeds)) for _ in range(3))
        return (
            timed(lambda: bare_search(self._model, self._index, first, self._where, self.settings.imaginary_images)),
            timed(lambda: search(self._http, second)),
            timed(lambda: search(self._http, third, duplicates="all")),
        )

    def at_once(self, clients: int, searches: int) -> float:
        """Searches a second, where so many people search at the same time."""
        sketches = [png(next(self._seeds)) for _ in range(searches)]

        def all_of_them() -> None:
            with ThreadPoolExecutor(clients) as people:
                list(people.map(lambda sketch: search(self._http, sketch), sketches))

        return searches / timed(all_of_them)


def timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def bare_search(model: QueryModel, index: PhotoIndex, sketch: bytes, where: IndexFilter, most: int) -> None:
    """The same by the networks and the index alone: a query, the photos it finds, their readings painted."""
    looks = looks_at(Sketch.read(sketch, max_bytes=10**7).image, model.sketch_size)
    query = model.query(looks)
    found = [hit.photo_id for hit in index.search(query, LOOKED_AT, where)]
    regions = index.regions(found)
    nearest = np.stack([regions[i].vectors[(regions[i].vectors @ query).argmax()] for i in found])
    readings = find_readings(query, found, nearest, most)
    model.paint(Painting(looks[0], np.stack([reading.vector for reading in readings]), 0))


def search(http: httpx.Client, sketch: bytes, **form: str) -> None:
    http.post("/searches", files={"sketch": sketch}, data={"limit": "40", **form}).raise_for_status()


def fill(index: PhotoIndex, points: int, dimension: int, collection: int) -> None:
    random = np.random.default_rng(0)
    for start in range(0, points, 1000):
        regions = REGIONS if index.has_regions else REGIONS[:1]
        vectors = random.normal(size=(min(1000, points - start), len(regions), dimension)).astype(np.float32)
        index.upsert(
            [
                IndexPoint(
                    1 + start + i, own[0], collection, regions=Regions(regions, own) if index.has_regions else None
                )
                for i, own in enumerate(vectors)
            ]
        )


def add_rows(catalog: Catalog, points: int, collection: int) -> None:
    """A photo for each point, no two of which look alike."""
    random = np.random.default_rng(0)
    # Their dates are known: else the worker reads them, beside the searches that are measured.
    like_all = {"collection_id": collection, "filename": "a.jpg", "media_type": "image/jpeg", "size_bytes": 1}
    like_all |= {"width": 4, "height": 3, "date_source": "file"}
    with catalog.transaction() as session:
        for first in range(1, points + 1, 1000):
            ids = range(first, min(first + 1000, points + 1))
            photos = [{"id": i, "sha256": f"{i:064x}"} | like_all for i in ids]
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
