"""How close embedding through the worker comes to the bare forward pass of E2 on the same photos.

    make bench     or     .venv/bin/python bench/embedding.py --photos DIR --count 512

Both are measured in turn in one run; the ratio (bare time / worker time) is the figure to quote.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from sqlalchemy import select, update

from mindreader.blobs import BlobStore, original_key
from mindreader.bundles import default_bundle_folder, read_bundle
from mindreader.catalog import Catalog, Collection, Embedding, EmbeddingSpace, EmbeddingState, Photo, User
from mindreader.imaging import decode_photo, photo_array
from mindreader.model_versions.registry import install
from mindreader.photo_index import PhotoIndexes
from mindreader.settings import load_settings
from mindreader_workers.worker import Worker

DATA = Path(os.environ.get("MINDREADER_DATA", Path(__file__).parents[2] / "shared" / "data"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, default=DATA / "photos", help="folder with photos, searched deeply")
    parser.add_argument("--count", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    files = sorted(path for path in options.photos.rglob("*") if path.is_file())
    if not files:
        raise SystemExit(f"no photos in {options.photos}: give --photos DIR")
    step = max(1, len(files) // options.count)
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), files[::step][: options.count], options.rounds)


def measure(folder: Path, files: list[Path], rounds: int) -> None:
    settings = load_settings({"MINDREADER_DATA_DIR": str(folder)})
    worker = Worker(settings, Catalog(settings.catalog_url), BlobStore(settings.blobs_root), PhotoIndexes(settings))
    space = fill(worker, files)
    embedder = worker.embedder(space)
    size = embedder._input_size
    pixels = np.stack([photo_array(decode_photo(f, max_pixels=10**9, min_side=size).image, size) for f in files])
    bare, through, stages = [], [], []
    for _ in range(rounds + 1):
        bare.append(timed(lambda: forward(embedder, pixels, embedder._batch_size)))
        requeue(worker)
        started = time.perf_counter()
        stages.append(embedder.work(seconds=3600).timer.seconds)
        through.append(time.perf_counter() - started)
    bare, through, stages = bare[1:], through[1:], stages[1:]  # the first round warms everything up
    ratio = statistics.median(b / t for b, t in zip(bare, through, strict=True))
    print(f"photos {len(files)}, batch {embedder._batch_size}, {worker.engine.name}, {worker.engine.arithmetic}")
    print(f"bare E2      {len(files) / statistics.median(bare):8.1f} photos/s")
    print(f"worker       {len(files) / statistics.median(through):8.1f} photos/s")
    print(f"ratio        {ratio:8.2f}  (aim: 0.8 or more)")
    print("stages, seconds the worker waited: " + ", ".join(f"{k} {v:.2f}" for k, v in stages[-1].items()))
    worker.close()


def fill(worker: Worker, files: list[Path]) -> EmbeddingSpace:
    worker.catalog.migrate()
    version = install(worker.catalog, worker.kept, read_bundle(default_bundle_folder()))
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
        return session.scalars(select(EmbeddingSpace)).one()


def requeue(worker: Worker) -> None:
    with worker.catalog.transaction() as session:
        session.execute(update(Embedding).values(state=EmbeddingState.PENDING, attempts=0))


def forward(embedder, pixels: np.ndarray, batch: int) -> None:
    for start in range(0, len(pixels), batch):
        embedder._encoder.embed(pixels[start : start + batch])


def timed(work) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
