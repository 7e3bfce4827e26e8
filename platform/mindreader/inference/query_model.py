"""The query side of a model at work: E1 reads a sketch, G imagines from it, E1 embeds what it imagined."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mindreader.bundles import Bundle
from mindreader.imaging import sketch_array
from mindreader.inference.engines.protocol import Engine, Imagines, ReadsImages
from mindreader.inference.noise import draw_noise
from mindreader.networks.descriptions import GeneratorSizes
from mindreader.vectors import unit

QUERY_SEED = 0
"""Of the noise in the imaginary image that searches: a search is the same each time."""

_Images = NDArray[np.float32]
"""(B, 3, S, S) in [0, 1]."""
_Vectors = NDArray[np.float32]
"""(B, K), of length 1."""


@dataclass(frozen=True, eq=False)
class Painting:
    """What G is to paint from one sketch."""

    sketch: NDArray[np.uint8]
    """(S, S), S the model's `sketch_size`, black strokes 0 on white 255."""
    subjects: NDArray[np.float32]
    """(N, K): what each imaginary image is of, as points of the embedding space. A G without condition knows none."""
    seed: int
    """Of the first image's noise; the others have the next ones."""


class QueryNetworks:
    """G and E1 at work, on whichever engine and wherever their weights come from: a bundle, or a training that runs.

    Sketches are of `sketch_size`, as E1 reads them; G is given them at its own `image_size`, that of imaginary images.
    """

    def __init__(
        self, sizes: GeneratorSizes, imagine: Imagines, read: ReadsImages, sketch_weight: float, sketch_size: int
    ) -> None:
        """Use two networks as they are.

        Args:
            sizes: of G; they say whether it is conditioned on E1's embedding of the sketch.
            imagine: G.
            read: E1.
            sketch_weight: how much E1's embedding of the sketch counts beside that of the imaginary image.
            sketch_size: side of the sketches, in pixels; at least `sizes.image_size`.
        """
        self.sketch_size, self.image_size = sketch_size, sizes.image_size
        self._sizes, self._imagine, self._encode = sizes, imagine, read
        self._sketch_weight = np.float32(sketch_weight)

    def query(self, looks: NDArray[np.uint8]) -> NDArray[np.float32]:
        """What to search with (K,), of length 1, for one sketch by its looks (L, S, S)."""
        return self.query_each([looks])[0]

    def query_each(self, asked: Sequence[NDArray[np.uint8]]) -> list[NDArray[np.float32]]:
        """What `query` gives for each of several sketches by their looks (L, S, S), all in one batch.

        E1's embedding of what G imagines from the first look, and the mean of E1's embeddings of all looks with their
        share. An imaginary image counts as one look does.
        """
        ends = np.cumsum([len(looks) for looks in asked])
        starts = [end - len(looks) for end, looks in zip(ends, asked, strict=True)]
        sketches = np.concatenate(asked)
        read = self._read(sketches)
        conditions = None if read is None else read[starts]
        seen = self._encode(self._imagined(sketches[starts], conditions, [QUERY_SEED] * len(asked)))
        if read is None:
            return list(seen)
        total = [
            image / len(own) + self._sketch_weight * unit(own.mean(axis=0))
            for image, own in zip(seen, np.split(read, ends[:-1]), strict=True)
        ]
        return list(unit(np.stack(total)))

    def paint(self, painting: Painting) -> NDArray[np.uint8]:
        """Imaginary images (N, I, I, 3), I the `image_size`, of one sketch: one for each subject."""
        return self.paint_each([painting])[0]

    def paint_each(self, asked: Sequence[Painting]) -> list[NDArray[np.uint8]]:
        """What `paint` gives for each of several, all in one batch."""
        rows = [len(each.subjects) for each in asked]
        sketches = np.repeat(np.stack([each.sketch for each in asked]), rows, axis=0)
        subjects = np.concatenate([each.subjects for each in asked])
        seeds = [each.seed + place for each, own in zip(asked, rows, strict=True) for place in range(own)]
        pixels = to_pixels(self._imagined(sketches, subjects, seeds))
        return np.split(pixels, np.cumsum(rows)[:-1])

    def queries(self, sketches: NDArray[np.uint8], seeds: Sequence[int]) -> _Vectors:
        """Queries (B, K) of sketches (B, S, S) by one look each, for G's noise of these seeds."""
        read = self._read(sketches)
        seen = self._encode(self._imagined(sketches, read, seeds))
        return seen if read is None else unit(seen + self._sketch_weight * read)

    def imagine_batch(self, sketches: NDArray[np.uint8], seeds: Sequence[int]) -> _Images:
        """Imaginary images (B, 3, I, I) in [0, 1] of sketches (B, S, S), each with its own seed."""
        return self._imagined(sketches, self._read(sketches), seeds)

    def embed_sketches(self, sketches: NDArray[np.uint8]) -> _Vectors:
        """E1's unit vectors (B, K) of sketches (B, S, S) themselves, without G: what a conditioned G is told."""
        return self._encode(_as_images(sketches))

    def embed(self, images: _Images) -> _Vectors:
        """E1's unit vectors (B, K) of imaginary images (B, 3, I, I) in [0, 1]."""
        return self._encode(images)

    def rest(self) -> None:
        """Give back the memory that only work takes."""
        self._imagine.rest()
        self._encode.rest()

    def _read(self, sketches: NDArray[np.uint8]) -> _Vectors | None:
        """E1's reading (B, K) of the sketches, where anything is made of it."""
        wanted = self._sizes.condition > 0 or self._sketch_weight > 0
        return self.embed_sketches(sketches) if wanted else None

    def _imagined(self, sketches: NDArray[np.uint8], read: _Vectors | None, seeds: Sequence[int]) -> _Images:
        fitting = self._at_image_size(sketches)
        return self._imagine(fitting, draw_noise(self._sizes, seeds), read if self._sizes.condition else None)

    def _at_image_size(self, sketches: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Sketches (B, S, S) as G reads them, (B, I, I)."""
        if self.sketch_size == self.image_size:
            return sketches
        return np.stack([sketch_array(Image.fromarray(sketch), self.image_size) for sketch in sketches])


class QueryModel(QueryNetworks):
    """G and E1 of one bundle, ready to answer sketches."""

    def __init__(self, bundle: Bundle, engine: Engine) -> None:
        """Load the weights.

        Raises:
            BundleError: E1 is no encoder, or not the one described, or the weight files do not fit the manifest.
        """
        weight = bundle.manifest.query_encoder.sketch_weight
        with ThreadPoolExecutor(2) as pool:  # the first time here each may take seconds
            generator, query_encoder = pool.submit(engine.generator, bundle), pool.submit(engine.query_encoder, bundle)
        super().__init__(bundle.generator, generator.result(), query_encoder.result(), weight, bundle.sketch_size)


def _as_images(sketches: NDArray[np.uint8]) -> _Images:
    grey = sketches[:, None].astype(np.float32) / np.float32(255)
    return np.repeat(grey, 3, axis=1)


def to_pixels(images: _Images) -> NDArray[np.uint8]:
    """Images (B, 3, H, W) in [0, 1] as pixels (B, H, W, 3)."""
    return np.ascontiguousarray((images * 255).round().astype(np.uint8).transpose(0, 2, 3, 1))
