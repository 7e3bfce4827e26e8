"""How fast each engine runs E2, E1 and G, and how close the product comes to the fastest of them.

    .venv/bin/pip install onnx onnxruntime      # to have ONNX Runtime in the tables
    .venv/bin/python bench/engines.py --photos DIR --json

Everything is measured in one run; engines are asked in turn, and ratios are medians over the turns. `e2` has the photos
a second of each engine at its best batch. `worker` compares the product's embedding (lease, decode, E2, upsert, mark)
with the fastest engine that makes the same embeddings, and with the same worker on torch; `worker_large` the last once
more on JPEGs of 12 megapixels. `search` compares a search over HTTP with its networks and index alone, and with torch.
"""

from __future__ import annotations

import argparse
import io
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import embedding
import numpy as np
import torch
from PIL import Image

from mindreader.bundles import default_bundle_folder, read_bundle
from mindreader.bundles.manifest import PROJECTION_FILE
from mindreader.host.machine import multiplies_bfloat16, processors
from mindreader.inference.engines.compiled_models import (
    MODEL,
    CompiledModels,
    bundle_source,
    convert_in_a_program,
    photo_encoder_source,
)
from mindreader.inference.engines.conversion import _network, _tensors
from mindreader.inference.engines.openvino_library import openvino
from mindreader.networks.compute import choose_compute

INT8 = "openvino int8"
"""What no other engine computes: embeddings of a space of their own."""

Run = Callable[[int], None]
"""Runs a network once, with a batch of so many."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, default=embedding.DATA / "photos", help="photos, searched deeply")
    parser.add_argument("--count", type=int, default=256)
    parser.add_argument(
        "--large", type=int, default=48, help="JPEGs of 12 megapixels, made of those photos; 0 for none"
    )
    parser.add_argument("--points", type=int, default=10_000)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="for each engine and batch")
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 2, 4, 8, 16, 32])
    parser.add_argument("--compile", action="store_true", help="torch.compile too: a minute for each network and batch")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        tables = networks(Path(folder), asked.batches, asked.seconds, asked.compile)
        best = {engine: max(rates.values()) for engine, rates in tables["e2"].items()}
        result: dict[str, Any] = {"e2": best, "tables": tables}
        files = embedding.photo_files(asked.photos, asked.count)
        result["worker"] = worker(Path(folder) / "small", files, asked.turns, best)
        if asked.large:
            large = list(large_photos(Path(folder) / "photos", files, asked.large))
            result["worker_large"] = worker(Path(folder) / "large", large, asked.turns, best)
        result["search"] = searches(Path(folder), asked.points, asked.turns)
    print(json.dumps(result, indent=2) if asked.json else "\n".join(told(result)))


def told(result: dict[str, Any]) -> Iterator[str]:
    """The figures, to be read."""
    for network, engines in result["tables"].items():
        batches = sorted({batch for rates in engines.values() for batch in rates})
        yield f"{network:18}" + "".join(f"{batch:>9}" for batch in batches) + "   a second, by batch"
        for engine, rates in engines.items():
            yield f"{engine:18}" + "".join(f"{rates.get(batch, float('nan')):9.1f}" for batch in batches)
    for part in ("worker", "worker_large", "search"):
        yield f"{part}: " + ", ".join(f"{name} {value}" for name, value in result.get(part, {}).items())


def networks(
    folder: Path, batches: list[int], seconds: float, compiles: bool
) -> dict[str, dict[str, dict[int, float]]]:
    """Times a second that each engine runs each network, by batch."""
    bundle = read_bundle(default_bundle_folder())
    sources = {
        "e2": photo_encoder_source(bundle.space.encoder, bundle.weights(PROJECTION_FILE)),
        "e1": bundle_source("query_encoder", bundle),
        "g": bundle_source("generator", bundle),
    }
    models = CompiledModels(folder / "compiled", convert_in_a_program)
    in_int8 = models.folder_of(photo_encoder_source(bundle.space.encoder, bundle.weights(PROJECTION_FILE), "int8"))
    tables: dict[str, dict[str, dict[int, float]]] = {}
    for name, source in sources.items():
        network, (examples, *_) = _network(source)
        engines = dict(runs(network, examples, models.folder_of(source) / MODEL, folder / f"{name}.onnx", compiles))
        if name == "e2":
            engines[INT8] = openvino_run(in_int8 / MODEL, examples, "bf16" if multiplies_bfloat16() else "f32")
        rates: dict[str, dict[int, float]] = {engine: {} for engine in engines}
        for batch in batches:
            for engine, run in engines.items():
                rates[engine][batch] = round(batch * rate(run, batch, seconds), 1)
        tables[name] = rates
    return tables


def rate(run: Run, batch: int, seconds: float) -> float:
    """Runs a second."""
    run(batch)
    runs, started = 0, time.perf_counter()
    while (passed := time.perf_counter() - started) < seconds:
        run(batch)
        runs += 1
    return runs / passed


def runs(
    network: torch.nn.Module, examples: tuple[np.ndarray, ...], model: Path, onnx: Path, compiles: bool
) -> Iterator[tuple[str, Run]]:
    """Each engine with a network."""
    yield from torch_runs(network, examples, compiles)
    with_onnx = onnx_run(network, examples, onnx)
    if with_onnx is not None:
        yield "onnxruntime float32", with_onnx
    yield "openvino float32", openvino_run(model, examples, "f32")
    if multiplies_bfloat16():
        yield "openvino bfloat16", openvino_run(model, examples, "bf16")


def many(examples: tuple[np.ndarray, ...], batch: int) -> list[np.ndarray]:
    return [np.resize(each, (batch, *each.shape[1:])) for each in examples]


def torch_runs(network: torch.nn.Module, examples: tuple[np.ndarray, ...], compiles: bool) -> Iterator[tuple[str, Run]]:
    network = choose_compute("cpu").place(network.eval())
    kinds = {"float32": False} | ({"bfloat16": True} if multiplies_bfloat16() else {})
    modules: dict[str, Any] = {"torch": network} | ({"torch.compile": torch.compile(network)} if compiles else {})
    for name, module in modules.items():
        for kind, low in kinds.items():

            def run(batch: int, module: Any = module, low: bool = low) -> None:
                with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=low):
                    module(*map(torch.from_numpy, many(examples, batch)))

            try:
                run(2)
            except Exception as error:  # no compiler here, or something it cannot compile
                print(f"{name} {kind} is left out: {str(error).splitlines()[0][:100]}")
                continue
            yield f"{name} {kind}", run


def onnx_run(network: torch.nn.Module, examples: tuple[np.ndarray, ...], path: Path) -> Run | None:
    try:
        import onnxruntime
    except ImportError:
        return None
    names = [f"input{number}" for number in range(len(examples))]
    try:
        torch.onnx.export(
            network,
            _tensors(examples, 2),
            path,
            input_names=names,
            dynamic_axes={name: {0: "batch"} for name in names},
            dynamo=False,
        )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = processors()
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # an operation it does not know
        print(f"onnxruntime is left out: {str(error).splitlines()[0][:100]}")
        return None
    taken = [each.name for each in session.get_inputs()]
    return lambda batch: session.run(
        None, {name: each for name, each in zip(names, many(examples, batch), strict=True) if name in taken}
    )


def openvino_run(model: Path, examples: tuple[np.ndarray, ...], precision: str) -> Run:
    """As many requests at work as there are processors, each by one thread; a small batch is one request's."""
    ov = openvino()
    options = {
        "PERFORMANCE_HINT": "THROUGHPUT",
        "NUM_STREAMS": processors(),
        "INFERENCE_NUM_THREADS": processors(),
        "INFERENCE_PRECISION_HINT": precision,
        "ENABLE_CPU_PINNING": False,
    }
    compiled = ov.Core().compile_model(model, "CPU", options)
    queue = ov.AsyncInferQueue(compiled, processors())

    def run(batch: int) -> None:
        # A batch for each request, or half of it where that is more than a few.
        parts = [many(examples, part) for part in (batch - batch // 2, batch // 2) if part]
        for part in parts:
            queue.start_async(part, share_inputs=True)
        queue.wait_all()

    return run


def worker(folder: Path, files: list[Path], turns: int, best: dict[str, float]) -> dict[str, float]:
    """The product's embedding against the fastest engine and against torch."""
    with ExitStack() as stack:
        libraries = {}
        for engine in ("auto", "torch"):
            settings = {"MINDREADER_ENGINE": engine, "MINDREADER_COMPILED_MODELS": str(folder.parent / "compiled")}
            libraries[engine] = embedding.Library(folder / engine, files, **settings)
            stack.callback(libraries[engine].close)
        ours, torchs = libraries["auto"], libraries["torch"]
        rounds = [
            (ours.bare_seconds(), torchs.bare_seconds(), ours.worker_seconds(), torchs.worker_seconds())
            for _ in range(turns + 1)
        ][1:]
    bare, bare_torch, through, through_torch = zip(*rounds, strict=True)
    # The product's own engine is the fastest of those that make the same embeddings, unless a table says otherwise.
    own = max(best.get("openvino bfloat16", 0), best.get("openvino float32", 0))
    faster = max(1.0, max(rate for engine, rate in best.items() if engine != INT8) / own) if own else 1.0
    count = len(files)
    return {
        "photos_per_s": round(count / statistics.median(through), 1),
        "torch_worker_photos_per_s": round(count / statistics.median(through_torch), 1),
        "bare_photos_per_s": round(count / statistics.median(bare), 1),
        "torch_bare_photos_per_s": round(count / statistics.median(bare_torch), 1),
        "ratio_to_fastest": round(embedding.median_ratio(bare, through) / faster, 3),
        "ratio_to_torch_worker": round(embedding.median_ratio(through_torch, through), 3),
    }


def large_photos(folder: Path, files: list[Path], count: int) -> Iterator[Path]:
    """JPEGs of 12 megapixels with a sensor's noise, as cameras write them."""
    folder.mkdir()
    random = np.random.default_rng(0)
    for number, file in enumerate(files[:count]):
        picture = Image.open(file).convert("RGB").resize((4000, 3000), Image.Resampling.BICUBIC)
        noisy = np.asarray(picture).astype(np.int16) + random.normal(0, 4, (3000, 4000, 1)).astype(np.int16)
        buffer = io.BytesIO()
        Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=90)
        path = folder / f"{number}.jpg"
        path.write_bytes(buffer.getvalue())
        yield path


def searches(folder: Path, points: int, turns: int) -> dict[str, float]:
    """A search over HTTP against its networks and index alone, and against torch; and eight people at once.

    Each server in a process of its own: those of one process share their queue.
    """
    seen: dict[str, list[dict[str, float]]] = {"auto": [], "torch": []}
    options = ["--points", str(points), "--searches", str(5 * turns), "--json"]
    options += ["--compiled-models", str(folder / "compiled")]
    for _ in range(2):
        for engine, found in seen.items():
            command = [sys.executable, str(Path(__file__).with_name("search.py")), *options, "--engine", engine]
            printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            found.append(json.loads(printed.splitlines()[-1]))
    ours, torchs = (
        {name: statistics.median(each[name] for each in found) for name in found[0]} for found in seen.values()
    )
    return {
        "ms": round(1000 * ours["http"], 1),
        "bare_ms": round(1000 * ours["bare"], 1),
        "torch_ms": round(1000 * torchs["http"], 1),
        "torch_bare_ms": round(1000 * torchs["bare"], 1),
        "ratio_to_bare": round(ours["http"] / ours["bare"], 3),
        "ratio_to_torch": round(torchs["http"] / ours["http"], 3),
        "eight_at_once_per_s": round(ours["at_once"], 1),
        "eight_at_once_to_torch": round(ours["at_once"] / torchs["at_once"], 3),
    }


if __name__ == "__main__":
    main()
