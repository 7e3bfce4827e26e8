"""A smoke test of a bundle: load both halves, use them once, and see how fast E2 is here."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from mindreader.bundles import Bundle
from mindreader.errors import BundleError
from mindreader.inference.photo_encoder import PhotoEncoder
from mindreader.inference.query_model import QueryModel
from mindreader.networks.compute import Compute

_BATCH = 8
_SEEDS = (0, 1)


@dataclass(frozen=True)
class BundleCheck:
    """What a bundle that works showed of itself."""

    image_size: int
    """Side of sketch and imaginary image in pixels."""
    dimension: int
    """K, length of the embeddings."""
    photos_per_second: float
    """E2 alone, on one batch of 8."""
    encoder_bytes: int
    """Memory E2's weights take."""


def check_bundle(bundle: Bundle, compute: Compute) -> BundleCheck:
    """Use a bundle once, as the workers do: a blank sketch through G and E1, black photos through E2.

    Raises:
        BundleError: something in it does not fit.
        NotReadyError: the photo encoder's published weights cannot be found.
    """
    model, encoder = QueryModel(bundle, compute), PhotoEncoder.of_bundle(bundle, compute)
    queries = model.imagine(np.full((model.image_size,) * 2, 255, dtype=np.uint8), _SEEDS).queries
    photos = np.zeros((_BATCH, encoder.description.input_size, encoder.description.input_size, 3), dtype=np.uint8)
    embeddings = encoder.embed(photos)
    if not embeddings.shape[1] == queries.shape[1] == bundle.space.dimension:
        raise BundleError(
            f"E1 makes embeddings of length {queries.shape[1]}, E2 of {embeddings.shape[1]}; the space has "
            f"{bundle.space.dimension} dimensions."
        )
    if not np.isfinite(queries).all():
        raise BundleError("E1 makes embeddings that are not finite.")
    started = time.perf_counter()
    encoder.embed(photos)  # the first time, memory was asked for
    seconds = max(time.perf_counter() - started, 1e-6)
    return BundleCheck(model.image_size, embeddings.shape[1], _BATCH / seconds, encoder.weight_bytes)
