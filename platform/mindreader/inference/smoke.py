"""A smoke test of a bundle: load both halves, use them once, and see how fast E2 is here."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mindreader.bundles import Bundle
from mindreader.errors import BundleError
from mindreader.inference.engines.protocol import Engine
from mindreader.inference.photo_encoder import PhotoEncoder
from mindreader.inference.query_model import QueryModel
from mindreader.networks.checks import encoder_bytes
from mindreader.vectors import usable

_BATCH = 8
_SEEDS = (0, 1)
_SAME = 1e-5
"""Largest difference between numbers of embeddings that say the same of everything."""
_TORCH_BYTES = 2**30 // 2
"""What torch takes before it has any network."""


@dataclass(frozen=True)
class BundleCheck:
    """What a bundle that works showed of itself."""

    image_size: int
    """Side of imaginary images in pixels."""
    dimension: int
    """K, length of the embeddings."""
    photos_per_second: float
    """E2 alone, on as many at once as are fastest."""
    encoder_bytes: int
    """Memory E2's weights take."""


def check_bundle(bundle: Bundle, engine: Engine, memory: int | None = None) -> BundleCheck:
    """Use a bundle once, as the workers do: a few sketches through G and E1, a few pictures through E2.

    Args:
        memory: bytes there are; None for as many as it takes.

    Raises:
        BundleError: something in it does not fit, or would not fit into the memory; or its embeddings say nothing:
            they are zero, not finite, or the same for every picture.
        NotReadyError: the photo encoder's published weights cannot be found.
    """
    if memory is not None:
        _check_memory(bundle, memory)
    model, encoder = QueryModel(bundle, engine), PhotoEncoder.of_bundle(bundle, engine)
    sketches = _sketches(model.sketch_size)
    queries = model.queries(np.repeat(sketches, len(_SEEDS), axis=0), [*_SEEDS] * len(sketches))
    photos = _pictures(encoder.description.input_size)
    embeddings = encoder.embed(photos)
    if not embeddings.shape[1] == queries.shape[1] == bundle.space.dimension:
        raise BundleError(
            f"E1 makes embeddings of length {queries.shape[1]}, E2 of {embeddings.shape[1]}; the space has "
            f"{bundle.space.dimension} dimensions."
        )
    _check_embeddings("E1", queries)
    _check_embeddings("E2", embeddings)
    return BundleCheck(model.image_size, embeddings.shape[1], _photos_per_second(encoder, photos), encoder.weight_bytes)


def _photos_per_second(encoder: PhotoEncoder, photos: NDArray[np.uint8]) -> float:
    many = np.resize(photos, (max(_BATCH, encoder.tune()), *photos.shape[1:]))
    encoder.embed(many)  # the first time, memory is asked for
    started = time.perf_counter()
    encoder.embed(many)
    return len(many) / max(time.perf_counter() - started, 1e-6)


def _check_embeddings(encoder: str, embeddings: NDArray[np.float32]) -> None:
    if not np.isfinite(embeddings).all():
        raise BundleError(f"{encoder} makes embeddings that are not finite.")
    if not usable(embeddings).all():
        raise BundleError(f"{encoder} makes embeddings that are zero and point nowhere.")
    if float(np.abs(embeddings - embeddings[0]).max()) < _SAME:
        raise BundleError(f"{encoder} makes the same embedding of everything, so that nothing could be found.")


def _check_memory(bundle: Bundle, memory: int) -> None:
    """Reckon from the networks' names before any of them is built."""
    photo, query = encoder_bytes(bundle.space.encoder), encoder_bytes(bundle.query_encoder)
    # While one is loaded, it, the file and a copy are there at once.
    needed = _TORCH_BYTES + photo + query + 2 * max(photo, query)
    if needed > memory:
        raise BundleError(
            "The networks of this bundle ({photo}, {query}) would take about {needed:,} MB while they are loaded, more "
            "than the {allowed:,} MB a trial may take. Take smaller ones, or set MINDREADER_BUNDLE_TRIAL_MEMORY to "
            "more.",
            photo=bundle.space.encoder.name,
            query=bundle.query_encoder.name,
            needed=needed // 2**20,
            allowed=memory // 2**20,
        )


def _sketches(side: int) -> NDArray[np.uint8]:
    """White paper, and a cross on it: (2, side, side)."""
    blank = np.full((side, side), 255, dtype=np.uint8)
    cross = blank.copy()
    half, quarter = side // 2, side // 4
    cross[quarter:-quarter, half - 1 : half + 1] = cross[half - 1 : half + 1, quarter:-quarter] = 0
    return np.stack([blank, cross])


def _pictures(side: int) -> NDArray[np.uint8]:
    """Black, white, a slope of grey, and noise: (8, side, side, 3)."""
    pictures = np.random.default_rng(0).integers(0, 256, (_BATCH, side, side, 3), dtype=np.uint8)
    pictures[0], pictures[1] = 0, 255
    pictures[2] = np.linspace(0, 255, side).astype(np.uint8)[:, None, None]
    return pictures
