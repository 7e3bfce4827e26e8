"""What a device makes of the networks: photos and searches a second, share of its peak, and where the time goes.

    .venv/bin/python bench/gpu.py --photos ../shared/data/photos              # on the GPU, if there is one
    .venv/bin/python bench/gpu.py --photos ../shared/data/photos --device cpu

The peak is what a large bfloat16 matrix product reaches on the same device in the same run. Operations are counted by
torch (`FlopCounterMode`): a multiplication and an addition are two. Without a GPU, and without `--device cpu`,
nothing is measured, and the script says so.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.flop_counter import FlopCounterMode

from mindreader.bundles import default_bundle_folder, read_bundle
from mindreader.bundles.manifest import PROJECTION_FILE
from mindreader.imaging import decode_photo, photo_array
from mindreader.inference.engines.torch_engine import TorchEngine, TorchPhotoEncoder
from mindreader.inference.loading import load_photo_encoder
from mindreader.inference.query_model import Painting, QueryModel
from mindreader.inference.sketches.readings import MOST_READINGS
from mindreader.networks.compute import Compute, choose_compute

_REPEATS = 7
_MAX_PIXELS = 10**8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, required=True, help="Folder of photos to decode.")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 8, 32, 128, 512])
    parser.add_argument("--decode-threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--compile", action="store_true", help="Also with torch.compile.")
    asked = parser.parse_args()
    if asked.device.startswith("cuda") and not torch.cuda.is_available():
        raise SystemExit("There is no GPU here, so nothing was measured. With --device cpu the processor is.")
    compute = choose_compute(asked.device)
    name = torch.cuda.get_device_name() if compute.device.type == "cuda" else "processor"
    peak = peak_flops(compute)
    arithmetic = "bfloat16" if compute.bfloat16 else "float32"
    print(f"{name}, {arithmetic}; peak of a matrix product {peak / 1e12:.2f} TFLOP/s")
    bundle = read_bundle(default_bundle_folder())
    engine, description = TorchEngine(compute), bundle.space.encoder
    network, side = load_photo_encoder(description, bundle.weights(PROJECTION_FILE)), description.input_size
    encoder = TorchPhotoEncoder(compute.place(network), side, compute)
    print(f"\nE2 ({description.name}, {side} px)")
    embedding(encoder, side, compute, asked.batches, peak)
    if asked.compile:
        network.compile()
        print("\nE2, compiled")
        embedding(encoder, side, compute, asked.batches, peak)
    print("\nG and E1, 3 imaginary images each")
    searching(QueryModel(bundle, engine), asked.batches)
    print("\nWhat comes before E2")
    feeding(side, compute, asked.photos, asked.decode_threads)


def peak_flops(compute: Compute) -> float:
    """Operations a second of the largest matrix product that is quickly done."""
    side = 8192 if compute.device.type == "cuda" else 2048
    kind = torch.bfloat16 if compute.bfloat16 else torch.float32
    left, right = (torch.randn(side, side, device=compute.device, dtype=kind) for _ in range(2))
    return 2 * side**3 / timed(lambda: left @ right, compute)


def embedding(encoder: TorchPhotoEncoder, side: int, compute: Compute, batches: list[int], peak: float) -> None:
    """Photos a second, from pixels in memory to vectors in memory."""
    with FlopCounterMode(display=False) as counter:
        encoder.embed(np.zeros((1, side, side, 3), np.uint8))
    each = counter.get_total_flops()
    print(f"{each / 1e9:.2f} GFLOP a photo: at the peak {peak / each:,.0f} photos/s")
    for size in batches:
        photos = np.random.default_rng(0).integers(0, 256, (size, side, side, 3), dtype=np.uint8)
        encoder._at_once = size
        rate = size / timed(partial(encoder.embed, photos), compute)
        print(f"  batch {size:5}  {rate:10,.0f} photos/s  {rate * each / peak:7.1%} of the peak")


def searching(model: QueryModel, batches: list[int]) -> None:
    """Searches a second: what waiting together is worth."""
    looks = np.full((2, model.sketch_size, model.sketch_size), 255, dtype=np.uint8)
    for size in [size for size in batches if size <= 32]:

        def search(size: int = size) -> None:
            queries = model.query_each([looks] * size)
            model.paint_each([Painting(looks[0], np.stack([query] * MOST_READINGS), 0) for query in queries])

        rate = size / timed(search, None)
        print(f"  {size:5} at once  {rate:10,.1f} searches/s")


def feeding(side: int, compute: Compute, folder: Path, threads: int) -> None:
    """Decoding, and the way to the device: what E2 must not wait for."""
    files = list(itertools.islice(sorted(path for path in folder.rglob("*") if path.is_file()), 256))

    def pixels(path: Path) -> NDArray[np.uint8]:
        return photo_array(decode_photo(path, max_pixels=_MAX_PIXELS, min_side=side).image, side)

    with ThreadPoolExecutor(threads) as pool:
        started = time.perf_counter()
        photos = np.stack(list(pool.map(pixels, files)))
        rate = len(files) / (time.perf_counter() - started)
    size = sum(path.stat().st_size for path in files) / len(files)
    print(f"  decoding, {threads} threads  {rate:10,.0f} photos/s (files of {size / 1000:,.0f} kB)")
    seconds = timed(lambda: torch.from_numpy(photos).to(compute.device, copy=True), compute)
    print(f"  copying           {len(photos) / seconds:10,.0f} photos/s")
    if compute.device.type == "cuda":
        pinned = torch.from_numpy(photos).pin_memory()
        seconds = timed(lambda: pinned.to(compute.device, non_blocking=True), compute)
        print(f"  copying, pinned   {len(photos) / seconds:10,.0f} photos/s")


def timed(work: Callable[[], object], compute: Compute | None) -> float:
    """Median seconds, after two runs that do not count."""
    times = []
    for _ in range(_REPEATS + 2):
        started = time.perf_counter()
        work()
        if compute is not None and compute.device.type == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - started)
    return statistics.median(times[2:])


if __name__ == "__main__":
    main()
