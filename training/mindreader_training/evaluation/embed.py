"""Photos and sketches of a data set through a model's networks, in chunks that fit into memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from mindreader.inference.photo_encoder import PhotoEncoder
from mindreader.inference.query_model import QueryModel, to_pixels
from mindreader_training.data.datasets import Item, load_photos, load_sketches

Embeddings = NDArray[np.float32]
Pixels = NDArray[np.uint8]
_CHUNK = 64


def embed_photos(encoder: PhotoEncoder, photos: Sequence[Item]) -> Embeddings:
    """E2's unit vectors (N, K) of the photos."""
    size = encoder.description.input_size
    return np.concatenate([encoder.embed(load_photos(chunk, size)) for chunk in _chunks(photos)])


def embed_sketches(sketches: Sequence[Item], size: int, embed: Callable[[Pixels], Embeddings]) -> Embeddings:
    """Unit vectors (Q, K) of the sketches, by a function from sketches (B, size, size) to unit vectors (B, K)."""
    return np.concatenate([embed(load_sketches(chunk, size)) for chunk in _chunks(sketches)])


def one_look_queries(model: QueryModel, sketches: Sequence[Item]) -> Embeddings:
    """The row `generator_and_query_encoder` of most protocols, (Q, K): sketches as drawn, and one imaginary image."""
    return embed_sketches(sketches, model.sketch_size, lambda drawn: model.queries(drawn, [0] * len(drawn)))


def imaginary_pixels(model: QueryModel, sketches: Sequence[Item], seed: int = 0) -> Pixels:
    """One imaginary image for each sketch: pixels (N, S, S, 3)."""
    return np.concatenate(
        [
            to_pixels(model.imagine_batch(load_sketches(chunk, model.sketch_size), [seed] * len(chunk)))
            for chunk in _chunks(sketches)
        ]
    )


def rgb(sketches: Pixels) -> Pixels:
    """Sketches (B, S, S) as if they were photos (B, S, S, 3)."""
    return np.repeat(sketches[..., None], 3, axis=3)


def _chunks(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    return (items[i : i + _CHUNK] for i in range(0, len(items), _CHUNK))
