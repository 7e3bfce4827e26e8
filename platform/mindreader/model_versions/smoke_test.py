"""Try a bundle before anybody depends on it: load both halves, use them once, and see how fast E2 is here."""

from __future__ import annotations

import time

import numpy as np

from mindreader.bundles.store import BundleStore
from mindreader.errors import BundleError
from mindreader.inference.photo_encoder import PhotoEncoder
from mindreader.inference.query_model import QueryModel
from mindreader.messages import SmokeTest
from mindreader.networks.compute import Compute

_BATCH = 8
_SEEDS = (0, 1)


def smoke_test(kept: BundleStore, sha256: str, compute: Compute) -> SmokeTest:
    """Use a kept bundle once, as the workers do.

    Raises:
        BundleError: something in it does not fit.
        NotReadyError: its files, or the photo encoder's published weights, cannot be found.
    """
    bundle = kept.read(sha256, sha256[:8])
    model, encoder = QueryModel(bundle, compute), PhotoEncoder.of_bundle(bundle, compute)
    imagined = model.imagine(np.full((model.image_size,) * 2, 255, dtype=np.uint8), _SEEDS)
    photos = np.zeros((_BATCH, encoder.description.input_size, encoder.description.input_size, 3), dtype=np.uint8)
    embeddings = encoder.embed(photos)
    if not embeddings.shape[1] == imagined.queries.shape[1] == bundle.space.dimension:
        raise BundleError(
            f"E1 makes embeddings of length {imagined.queries.shape[1]}, E2 of {embeddings.shape[1]}; the space has "
            f"{bundle.space.dimension} dimensions."
        )
    if not np.isfinite(imagined.queries).all():
        raise BundleError("E1 makes embeddings that are not finite.")
    started = time.perf_counter()
    encoder.embed(photos)
    seconds = max(time.perf_counter() - started, 1e-6)
    return SmokeTest(
        photos_per_second=round(_BATCH / seconds, 2), encoder_bytes=encoder.weight_bytes, device=str(compute.device)
    )
