"""Clients upload at once while embed workers are killed and Redis is restarted: every photo is there once, and the
metrics say so.

    make test-services PHOTOS=5000     the whole of it; `make test-all` runs a short form
"""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.deployments import Cluster
from tests.support.invariants import check, settle
from tests.support.patrons import Patron, Record
from tests.support.photos import write_photos
from tests.support.services import postgres_programs, wait_until

PHOTOS = int(os.environ.get("PHOTOS", "240"))
CLIENTS = 8
AT_ONCE = 5
SECONDS_BETWEEN_KILLS = 20.0 if PHOTOS > 1000 else 4.0
TOKEN = "a long token"


@pytest.fixture
def cluster(tmp_path, quick_bundle):
    if postgres_programs() is None:
        pytest.skip("PostgreSQL is not installed: `make system-packages`")
    deployment = Cluster(tmp_path / "cluster", MINDREADER_METRICS_TOKEN=TOKEN, MINDREADER_EMBED_BATCH_SIZE="16")
    deployment.install(quick_bundle)
    deployment.start()
    yield deployment
    deployment.close()


class Killer(threading.Thread):
    """Kills one embed worker after another, and restarts Redis once; a supervisor starts what has ended."""

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(daemon=True)
        self.cluster, self.killed, self.over = cluster, 0, threading.Event()

    def run(self) -> None:
        while not self.over.wait(SECONDS_BETWEEN_KILLS):
            self.cluster.kill_embed_worker(self.killed % self.cluster.embed_workers)
            self.killed += 1
            if self.killed == 2:
                self.cluster.redis.stop()
                time.sleep(1)
                self.cluster.redis.start()
            time.sleep(0.5)
            self.cluster.start_worker()


def upload(cluster: Cluster, collection: int, paths) -> Record:
    """One client, who asks again until it is answered."""
    record = Record()
    with cluster.api() as api:
        patron = Patron(api, record, collection)
        for first in range(0, len(paths), AT_ONCE):
            wait_until(partial(patron.upload, paths[first : first + AT_ONCE]), "an upload")
    return record


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_nothing_is_lost_and_nothing_is_there_twice(cluster, tmp_path, sketch_png):
    photos = write_photos(tmp_path / "photos", PHOTOS, side=160)
    with cluster.api() as api:
        patron = Patron(api)
        wait_until(lambda: patron.search(sketch_png) is not None, "the first search")
    killer = Killer(cluster)
    killer.start()
    began = time.monotonic()
    with ThreadPoolExecutor(CLIENTS) as pool:
        shares = [photos[number::CLIENTS] for number in range(CLIENTS)]
        for record in pool.map(lambda share: upload(cluster, patron.collection, share), shares):
            patron.record.created |= record.created
    uploaded = time.monotonic() - began
    wait_until(lambda: killer.killed >= 3, "three kills")
    killer.over.set()
    killer.join()
    settle(cluster.settings, seconds=1800)
    print(  # noqa: T201
        f"{PHOTOS} photos by {CLIENTS} clients in {uploaded:.0f} s, embedded after {time.monotonic() - began:.0f} s, "
        f"{killer.killed} workers killed, Redis restarted once"
    )
    assert len(patron.record.created) == PHOTOS
    with cluster.api() as patron.api:
        assert patron.indexed() == PHOTOS
        wait_until(lambda: patron.search(sketch_png) is not None, "a search")
    every_one = {"indexed": PHOTOS, "pending": 0, "leased": 0, "failed": 0, "skipped": 0}
    # Every few seconds the catalog is asked for them.
    wait_until(lambda: _states(_metrics(cluster)) == every_one, "the metrics")
    metrics = _metrics(cluster)
    assert metrics["mindreader_photos",] == PHOTOS
    assert metrics["mindreader_urgent_photos",] == 0
    cluster.stop()
    check(cluster.settings, patron.record)


def _states(metrics: dict[tuple, float]) -> dict[str, float]:
    return {labels[1][1]: value for (name, *labels), value in metrics.items() if name == "mindreader_embeddings"}


def _metrics(cluster: Cluster) -> dict[tuple, float]:
    with cluster.api() as api:
        address = str(api.base_url).partition("/api/")[0] + "/metrics"
    answer = httpx.get(address, headers={"Authorization": f"Bearer {TOKEN}"}).raise_for_status()
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }
