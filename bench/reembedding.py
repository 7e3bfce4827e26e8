"""How much a re-embedding of the whole library slows searches down, and how long a switch of models takes.

    .venv/bin/python bench/reembedding.py --data ../shared/data --photos 600

A server process of its own embeds real photos with the shipped model; then the same photos are embedded for another
space (the shipped bundle with its projection turned, so that E2 costs the same) while searches go on. The ratio of
the median search times, during and before, is the figure to quote. Then the new version is activated and taken back
while searches go on.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import httpx
import numpy as np
import safetensors.numpy
from search import png

from mindreader.bundles import Bundle, default_bundle_folder, pack_bundle, read_bundle, write_bundle
from mindreader.bundles.manifest import PROJECTION_FILE, SpaceRecord
from mindreader.networks.descriptions import ProjectionDescription

_AT_ONCE = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--photos", type=int, default=600)
    parser.add_argument("--searches", type=int, default=40, help="Before; during the job as many as there is time for.")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), sorted((asked.data / "photos").rglob("*.*"))[: asked.photos], asked.searches)


def measure(folder: Path, photos: list[Path], searches: int) -> None:
    data = folder / "data"
    environment = {**os.environ, "MINDREADER_DATA_DIR": str(data), "MINDREADER_SEARCH_RATE": "100000/minute"}
    command = [str(Path(sys.executable).parent / "mindreader"), "serve", "--port", "0"]
    server = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        with connected(data) as api:
            upload(api, photos)
            before = [timed_search(api, seed) for seed in range(searches)][5:]
            pack_bundle(turned(folder / "turned"), folder / "turned.zip")
            with (folder / "turned.zip").open("rb") as file:
                model = api.post("/models", files={"bundle": file}).raise_for_status().json()
            job = api.post(f"/spaces/{model['space_id']}/build").raise_for_status().json()["id"]
            during: list[float] = []
            started = time.monotonic()
            while api.get(f"/jobs/{job}").json()["state"] == "running":
                during.append(timed_search(api, len(during)))
                time.sleep(0.1)
            rate = len(photos) / (time.monotonic() - started)
            first = next(known["id"] for known in api.get("/models").json()["models"] if known["active"])
            with ThreadPoolExecutor(1) as beside:
                switches = []
                for version in (model["id"], first):
                    searched = beside.submit(lambda: [timed_search(api, seed) for seed in range(10)])
                    switches.append(timed_switch(api, version))
                    searched.result()
    finally:
        server.terminate()
        server.wait()
    for name, times in (("before", before), ("during the job", during)):
        median, slow = statistics.median(times) * 1000, np.percentile(times, 95) * 1000
        print(f"search {name:15} {median:7.1f} ms median, {slow:7.1f} ms 95th percentile, {len(times)} searches")
    print(f"{len(photos)} photos embedded again at {rate:.1f} a second")
    print(f"activated in {switches[0]:.3f} s, taken back in {switches[1]:.3f} s, searches going on (aim: 1 s or less)")
    print(f"ratio                  {statistics.median(during) / statistics.median(before):7.2f}  (aim: 1.5 or less)")


def connected(data: Path) -> httpx.Client:
    stop_at = time.monotonic() + 120
    while not (data / "server.json").exists():
        if time.monotonic() > stop_at:
            raise SystemExit("The server did not start.")
        time.sleep(0.1)
    url = json.loads((data / "server.json").read_text())["url"]
    token = (data / "secrets" / "local_token").read_text()
    return httpx.Client(base_url=f"{url}/api/v1", headers={"Authorization": f"Bearer {token}"}, timeout=300)


def upload(api: httpx.Client, photos: list[Path]) -> None:
    collection = api.post("/collections", json={"name": "bench"}).json()["id"]
    for start in range(0, len(photos), _AT_ONCE):
        files = [("file", (path.name, path.read_bytes())) for path in photos[start : start + _AT_ONCE]]
        api.post(f"/collections/{collection}/photos", files=files).raise_for_status()
    while True:
        counts = api.get("/status").json()["embedding"]
        if counts["pending"] + counts["leased"] == 0:
            return
        time.sleep(0.5)


def timed_search(api: httpx.Client, seed: int) -> float:
    sketch = png(seed)
    started = time.perf_counter()
    api.post("/searches", files={"sketch": sketch}, data={"limit": "20"}).raise_for_status()
    return time.perf_counter() - started


def timed_switch(api: httpx.Client, version: int) -> float:
    started = time.perf_counter()
    api.post(f"/models/{version}/activate").raise_for_status()
    return time.perf_counter() - started


def turned(folder: Path) -> Bundle:
    """The shipped bundle for another space: its projection is turned, which changes no distance."""
    shipped = read_bundle(default_bundle_folder())
    weights = {name: shipped.weights(name).read_bytes() for name in shipped.manifest.files}
    projection = safetensors.numpy.load(weights[PROJECTION_FILE])
    size = projection["weight"].shape[0]
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(size, size)))[0]
    moved = {name: (turn @ array.astype(np.float64)).astype(array.dtype) for name, array in projection.items()}
    weights[PROJECTION_FILE] = safetensors.numpy.save(moved)
    described = ProjectionDescription(size, hashlib.sha256(weights[PROJECTION_FILE]).hexdigest())
    space = replace(shipped.space, projection=described)
    record = SpaceRecord(photo_encoder=space.encoder.name, key=space.key, description=space.as_json())
    manifest = shipped.manifest.model_copy(update={"name": "turned", "space": record})
    return write_bundle(folder, manifest, weights, "# Turned")


if __name__ == "__main__":
    main()
