"""celery whose photo encoder only takes its time: `python -m tests.support.slow_encoder -A … worker …`.

What is left is everything around E2: leases, decoding, index, catalog.
"""

from __future__ import annotations

import os
import runpy
import time

import numpy as np

from mindreader.inference.photo_encoder import PhotoEncoder

SECONDS = "SLOW_ENCODER_SECONDS"
"""Environment variable: what a photo costs."""


def embed(self: PhotoEncoder, photos: np.ndarray) -> np.ndarray:
    """Embeddings of no photo, after as long as they would have taken."""
    time.sleep(float(os.environ[SECONDS]) * len(photos))
    vectors = np.random.default_rng(len(photos)).normal(size=(len(photos), DIMENSION))
    return vectors.astype(np.float32)


if __name__ == "__main__":
    DIMENSION = int(os.environ["SLOW_ENCODER_DIMENSION"])
    PhotoEncoder.embed = embed  # type: ignore[method-assign]  # in its place
    runpy.run_module("celery", run_name="__main__", alter_sys=True)
