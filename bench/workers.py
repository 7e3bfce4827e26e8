"""What a second and a third embed worker bring: processes of their own on one catalog, one S3 store and one index.

    .venv/bin/python bench/workers.py --photos 600

With the real E2, three workers on two cores can at best not be slower than one. With an E2 that sleeps, as one on a GPU
of its own would seem from here, three should be nearly three times as fast: what they share is the catalog, the store,
the index. That is `tests/support/qdrant_server.py`, which takes one request at a time.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from sqlalchemy import func, select

from mindreader.blobs import BlobStore
from mindreader.bundles import default_bundle_folder, read_bundle
from mindreader.catalog import Catalog, Embedding, EmbeddingState
from mindreader.embedding.queue import URGENT
from mindreader.operations.worker_status import is_alive, workers
from mindreader_workers.celery_app import make_celery
from mindreader_workers.client import wake_embedders
from tests.support.deployments import Cluster
from tests.support.library import add_collection, add_photos, jpeg
from tests.support.services import wait_until
from tests.support.slow_encoder import SECONDS

SLEEP_SECONDS = 0.05
REPOSITORY = str(Path(__file__).parents[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=int, default=600)
    photos = parser.parse_args().photos
    print(f"{photos} photos of 160 px, batches of 16")
    print("| E2 | 1 worker | 3 workers | ratio | aim |")
    print("|---|---|---|---|---|")
    real = rate(1, photos, slow=False), rate(3, photos, slow=False)
    print(row("real, 2 cores", *real, "1.0"), flush=True)
    slow = rate(1, photos, slow=True), rate(3, photos, slow=True)
    print(row(f"sleeps {SLEEP_SECONDS * 1000:.0f} ms a photo", *slow, "2.7"))


def row(encoder: str, one: float, three: float, aim: str) -> str:
    return f"| {encoder} | {one:.1f} photos/s | {three:.1f} photos/s | {three / one:.2f} | {aim} |"


def rate(count: int, photos: int, *, slow: bool) -> float:
    """Photos a second, from the moment all workers wait for work."""
    with tempfile.TemporaryDirectory() as folder, cluster(Path(folder), count, slow) as deployed:
        catalog, blobs = Catalog(deployed.settings.catalog_url), BlobStore(deployed.settings.blobs_root)
        collection = add_collection(catalog)
        warmed = 16 * count * 2
        add(catalog, blobs, deployed, collection, range(warmed))
        wait_until(lambda: indexed(catalog) == warmed and working(catalog) >= count, "warm workers", seconds=300)
        began = add(catalog, blobs, deployed, collection, range(warmed, warmed + photos))
        wait_until(lambda: indexed(catalog) == warmed + photos, "all photos", seconds=1200)
        seconds = time.perf_counter() - began
        catalog.close()
    return photos / seconds


@contextmanager
def cluster(folder: Path, count: int, slow: bool) -> Iterator[Cluster]:
    bundle = read_bundle(default_bundle_folder())
    variables = {"MINDREADER_EMBED_BATCH_SIZE": "16", "MINDREADER_LEASE_SECONDS": "120", "PYTHONPATH": REPOSITORY}
    variables |= {SECONDS: str(SLEEP_SECONDS), "SLOW_ENCODER_DIMENSION": str(bundle.space.dimension)}
    module = "tests.support.slow_encoder" if slow else "celery"
    deployed = Cluster(folder, embed_workers=count, module=module, **variables)
    try:
        deployed.install(bundle)
        deployed.start()
        yield deployed
    finally:
        deployed.close()


def add(catalog: Catalog, blobs: BlobStore, deployed: Cluster, collection: int, numbers: range) -> float:
    """Photos that are all there at one moment, and a call for every worker; returns when."""
    photos = [jpeg(number) for number in numbers]
    add_photos(catalog, blobs, deployed.settings, collection, photos, priority=URGENT)
    celery = make_celery(deployed.settings)
    began = time.perf_counter()
    for _ in range(deployed.embed_workers):
        wake_embedders(celery)
    return began


def indexed(catalog: Catalog) -> int:
    with catalog.snapshot() as session:
        done = Embedding.state == EmbeddingState.INDEXED
        return session.scalar(select(func.count()).select_from(Embedding).where(done)) or 0


def working(catalog: Catalog) -> int:
    with catalog.snapshot() as session:
        return sum(worker.queue == "embed" and is_alive(worker) for worker in workers(session))


if __name__ == "__main__":
    main()
