"""How close embedding through the worker comes to the bare forward pass of E2 on the same photos.

    make bench     or     .venv/bin/python bench/embedding.py --photos DIR --count 512

Both are measured in turn in one run; the ratio (bare time / worker time) is the figure to quote. bench/engines.py
compares engines the same way.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from sqlalchemy import select, update

from mindreader.blobs import BlobStore, original_key
from mindreader.bundles import default_bundle_folder, read_bundle
from mindreader.catalog import Catalog, Collection, Embedding, EmbeddingSpace, EmbeddingState, Photo, User
from mindreader.imaging import decode_photo, photo_array
from mindreader.inference.photo_encoder import PhotoEncoder
from mindreader.model_versions.registry import install
from mindreader.photo_index import PhotoIndexes
from mindreader.settings import load_settings
from mindreader_training.data.datasets import evenly_spread
from mindreader_workers.worker import Worker

DATA = Path(os.environ.get("MINDREADER_DATA", Path(__file__).parents[2] / "shared" / "data"))
AIM, REGIONS_AIM = 0.85, 0.25


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, default=DATA / "photos", help="folder with photos, searched deeply")
    parser.add_argument("--count", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--regions", default="none", help="Scheme of the space's regions; E2 alone sees whole photos.")
    options = parser.parse_args()
    files = photo_files(options.photos, options.count)
    with tempfile.TemporaryDirectory() as folder:
        library = Library(Path(folder), files, regions=options.regions)
        engine = library.worker.engine
        rounds = [(library.bare_seconds(), library.worker_seconds()) for _ in range(options.rounds + 1)][1:]
        stages = library.stages
        library.close()
    bare, through = zip(*rounds, strict=True)
    print(f"photos {len(files)}, {engine.name}, {engine.arithmetic}")
    print(f"bare E2      {len(files) / statistics.median(bare):8.1f} photos/s")
    print(f"worker       {len(files) / statistics.median(through):8.1f} photos/s")
    aim = AIM if options.regions == "none" else REGIONS_AIM
    print(f"ratio        {median_ratio(bare, through):8.2f}  (aim: {aim} or more)")
    print("stages, seconds the worker waited: " + ", ".join(f"{k} {v:.2f}" for k, v in stages.items()))


def photo_files(folder: Path, count: int) -> list[Path]:
    """So many photos, evenly spread over a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    if not files:
        raise SystemExit(f"no photos in {folder}: give --photos DIR")
    return list(evenly_spread(files, count))


def median_ratio(first: Sequence[float], second: Sequence[float]) -> float:
    """Of times that were measured in turn."""
    return statistics.median(a / b for a, b in zip(first, second, strict=True))


class Library:
    """Photos in a catalog of their own, and a worker that embeds them as often as it is asked."""

    def __init__(self, folder: Path, files: list[Path], regions: str = "none", **settings: str) -> None:
        self.settings = load_settings({"MINDREADER_DATA_DIR": str(folder)} | settings)
        catalog, blobs = Catalog(self.settings.catalog_url), BlobStore(self.settings.blobs_root)
        self.worker = Worker(self.settings, catalog, blobs, PhotoIndexes(self.settings))
        self._embedder = self.worker.embedder(fill(self.worker, files, regions))
        self._bare = PhotoEncoder.of_bundle(read_bundle(default_bundle_folder()), self.worker.engine)
        self._bare.tune()
        side = self._bare.description.input_size
        decoded = (decode_photo(file, max_pixels=10**9, min_side=side) for file in files)
        self._pixels = np.stack([photo_array(each.image, side) for each in decoded])
        self.stages: dict[str, float] = {}

    def bare_seconds(self) -> float:
        """E2 alone."""
        batch = self._embedder._batch_size
        started = time.perf_counter()
        for start in range(0, len(self._pixels), batch):
            self._bare.embed(self._pixels[start : start + batch])
        return time.perf_counter() - started

    def worker_seconds(self) -> float:
        """Lease, decode, E2, upsert, mark."""
        with self.worker.catalog.transaction() as session:
            session.execute(update(Embedding).values(state=EmbeddingState.PENDING, attempts=0))
        started = time.perf_counter()
        self.stages = dict(self._embedder.work(seconds=3600).timer.seconds)
        return time.perf_counter() - started

    def close(self) -> None:
        """End it."""
        self.worker.close()


def fill(worker: Worker, files: list[Path], regions: str) -> EmbeddingSpace:
    worker.catalog.migrate()
    version = install(worker.catalog, worker.kept, read_bundle(default_bundle_folder()), regions)
    with worker.catalog.transaction() as session:
        collection = Collection(owner=User(name="bench", password_hash="", role="admin"), name="bench")
        session.add(collection)
        for file in files:
            content = file.read_bytes()
            sha256 = hashlib.sha256(content).hexdigest()
            worker.blobs.put(original_key(sha256), content)
            photo = Photo(
                collection=collection,
                sha256=sha256,
                filename=file.name,
                media_type="image/webp",
                size_bytes=len(content),
                width=1,
                height=1,
            )
            session.add(Embedding(photo=photo, space_id=version.space_id))
    with worker.catalog.snapshot() as session:
        return session.scalars(select(EmbeddingSpace).where(EmbeddingSpace.id == version.space_id)).one()


if __name__ == "__main__":
    main()
