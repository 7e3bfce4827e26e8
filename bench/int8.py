"""What int8 does to E2: speed, and how well its embeddings retrieve, beside float32 and bfloat16.

    .venv/bin/pip install nncf
    .venv/bin/python bench/int8.py --data DATA

E2 of the default bundle, calibrated on photos of the training split, by NNCF: once all of it, once with the layers at
both ends left as they are. Photos of the protocol dev retrieve each other (`photo_to_photo`), and its sketches, read by
E1 and G as in a search, retrieve them (`product`). Speeds are of several turns, in each of which all are measured.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mindreader.bundles import default_bundle_folder, read_bundle
from mindreader.bundles.manifest import PROJECTION_FILE
from mindreader.host.machine import processors
from mindreader.inference.engines.choose import choose_engine
from mindreader.inference.engines.compiled_models import (
    MODEL,
    CompiledModels,
    convert_in_a_program,
    photo_encoder_source,
)
from mindreader.inference.engines.openvino_library import openvino
from mindreader.inference.query_model import QueryModel
from mindreader.settings import load_settings
from mindreader.vectors import unit
from mindreader_training.data.datasets import evenly_spread, load_photos
from mindreader_training.data.layouts import read_dataset
from mindreader_training.data.protocols import protocol
from mindreader_training.evaluation.embed import one_look_queries
from mindreader_training.evaluation.metrics import Scores, retrieval_scores
from mindreader_training.int8 import quantized

AT_BOTH_ENDS = (3, 2)
_LAYERS = ("Convolution", "GroupConvolution", "MatMul")
_BATCH = 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("MINDREADER_DATA", "../shared/data")))
    parser.add_argument("--calibrate", type=int, default=300, help="photos")
    parser.add_argument("--seconds", type=float, default=1, help="of a turn")
    parser.add_argument("--turns", type=int, default=5)
    asked = parser.parse_args()
    ov = openvino()
    bundle = read_bundle(default_bundle_folder())
    source = photo_encoder_source(bundle.space.encoder, bundle.weights(PROJECTION_FILE))
    side = bundle.space.encoder.input_size
    train, dev = read_dataset(asked.data, "train", 0).photos, protocol(asked.data, "dev", 0).dataset
    calibration = load_photos(evenly_spread(train, asked.calibrate), side)
    photos, labels = load_photos(dev.photos, side), dev.labels(dev.photos)
    model = QueryModel(bundle, choose_engine(load_settings({})).load())
    queries, wanted = one_look_queries(model, dev.sketches), dev.labels(dev.sketches)
    with tempfile.TemporaryDirectory() as folder:
        path = CompiledModels(Path(folder), convert_in_a_program).folder_of(source) / MODEL
        core = ov.Core()
        models = {"float32": (core.read_model(path), "f32"), "bfloat16": (core.read_model(path), "bf16")}
        for name, kept in (("int8, all of it", (0, 0)), ("int8, but the ends", AT_BOTH_ENDS)):
            model = core.read_model(path)
            models[name] = quantized(model, calibration, ends(model, kept)), "bf16"
        compiled = {
            name: core.compile_model(model, "CPU", options(precision)) for name, (model, precision) in models.items()
        }
        rates = [
            [photos_per_second(ov, each, photos, asked.seconds) for each in compiled.values()]
            for _ in range(asked.turns)
        ]
        vectors = {name: embedded(each, photos) for name, each in compiled.items()}
    for (name, found), rate in zip(vectors.items(), np.median(rates, axis=0), strict=True):
        cosine = (found * vectors["float32"]).sum(axis=1).mean()
        to_photo = mean_precision(retrieval_scores(found, labels, found, labels, leave_self_out=True))
        product = mean_precision(retrieval_scores(queries, wanted, found, labels))
        print(
            f"{name:20} {rate:7.1f} photos/s, cosine to float32 {cosine:.4f} in the mean, mAP photo to photo "
            f"{to_photo:.4f}, product {product:.4f}"
        )


def mean_precision(scores: Scores) -> float:
    return float(scores.values["map"].mean())


def options(precision: str) -> dict[str, Any]:
    return {
        "PERFORMANCE_HINT": "THROUGHPUT",
        "NUM_STREAMS": processors(),
        "INFERENCE_NUM_THREADS": processors(),
        "INFERENCE_PRECISION_HINT": precision,
        "ENABLE_CPU_PINNING": False,
    }


def ends(model: Any, kept: tuple[int, int]) -> list[str]:
    first, last = kept
    layers = [each.get_friendly_name() for each in model.get_ordered_ops() if each.get_type_name() in _LAYERS]
    return layers[:first] + layers[len(layers) - last :]


def embedded(compiled: Any, photos: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Unit vectors: what is quantized need not be of length 1."""
    request, starts = compiled.create_infer_request(), range(0, len(photos), _BATCH)
    parts = (request.infer([photos[i : i + _BATCH]], share_inputs=True)[0].copy() for i in starts)
    return unit(np.concatenate(list(parts)))


def photos_per_second(ov: Any, compiled: Any, photos: NDArray[np.uint8], seconds: float) -> float:
    queue, done = ov.AsyncInferQueue(compiled, processors()), 0
    started = time.perf_counter()
    while (passed := time.perf_counter() - started) < seconds:
        queue.start_async([photos[:_BATCH]], share_inputs=True)
        done += _BATCH
    queue.wait_all()
    return done / passed


if __name__ == "__main__":
    main()
