"""The query side of a model at work: G imagines from a sketch, E1 embeds what it imagined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from mindreader.bundles import Bundle
from mindreader.inference.weights import check_fits, check_size, load_weights, needs_projection, resized
from mindreader.networks.checks import check_encoder
from mindreader.networks.compute import Compute
from mindreader.networks.encoders import Encoder, WithoutInitialWeights
from mindreader.networks.generator import Generator, GeneratorSizes, SeededNoise


@dataclass(frozen=True)
class Imagined:
    """What G made of one sketch, and what to search with."""

    imaginary_images: NDArray[np.uint8]
    """(N, S, S, 3), one for each seed."""
    queries: NDArray[np.float32]
    """(N, K) unit vectors: E1's embedding of each imaginary image, with its share of the sketch's own."""


class QueryNetworks:
    """G and E1 at work, wherever their weights come from: a bundle, or a training that still runs."""

    def __init__(
        self, generator: nn.Module, encoder: nn.Module, encoder_size: int, sketch_weight: float, compute: Compute
    ) -> None:
        """Use two networks as they are, in evaluation mode and on the device of `compute`.

        Args:
            generator: a `Generator`; its sizes say whether it is conditioned on E1's embedding of the sketch.
            encoder: E1, from images (B, 3, S1, S1) in [0, 1] to unit vectors (B, K).
            encoder_size: S1, side of the images E1 reads, in pixels.
            sketch_weight: how much E1's embedding of the sketch counts beside that of the imaginary image.
        """
        assert isinstance(generator, Generator)
        self.image_size = generator.sizes.image_size
        self._generator, self._encoder, self._compute = generator, encoder, compute
        self._encoder_size, self._sketch_weight = encoder_size, sketch_weight
        self._conditioned = generator.sizes.condition > 0

    def imagine(self, sketch: NDArray[np.uint8], seeds: Sequence[int]) -> Imagined:
        """Imagine one sketch (S, S) once for each seed; each imaginary image gives a query."""
        return self.imagine_each([(sketch, seeds)])[0]

    def imagine_each(self, asked: Sequence[tuple[NDArray[np.uint8], Sequence[int]]]) -> list[Imagined]:
        """What `imagine` gives for each of several sketches (S, S) with their seeds, all in one batch."""
        images = self._sketch_images(np.stack([sketch for sketch, _ in asked]))
        read = self._read(images)
        # Rows of one sketch stand together: one for each of its seeds.
        rows = torch.tensor([len(seeds) for _, seeds in asked], device=images.device)
        repeated = None if read is None else read.repeat_interleave(rows, dim=0)
        seeds = [seed for _, own in asked for seed in own]
        imaginary = self._imagined(images.repeat_interleave(rows, dim=0), repeated, seeds)
        pixels, queries = to_pixels(imaginary), self._queries(imaginary, repeated).cpu().numpy()
        ends = np.cumsum([len(own) for _, own in asked])[:-1]
        return [Imagined(*each) for each in zip(np.split(pixels, ends), np.split(queries, ends), strict=True)]

    def queries(self, sketches: NDArray[np.uint8], seeds: Sequence[int]) -> NDArray[np.float32]:
        """What `imagine` gives as queries (B, K), for a batch of sketches (B, S, S), each with its own seed."""
        images = self._sketch_images(sketches)
        read = self._read(images)
        return self._queries(self._imagined(images, read, seeds), read).cpu().numpy()

    def imagine_batch(self, sketches: NDArray[np.uint8], seeds: Sequence[int]) -> Tensor:
        """Imaginary images (B, 3, S, S) in [0, 1] of sketches (B, S, S), each with its own seed."""
        images = self._sketch_images(sketches)
        return self._imagined(images, self._read(images), seeds)

    def embed_sketches(self, sketches: NDArray[np.uint8]) -> NDArray[np.float32]:
        """E1's unit vectors (B, K) of sketches (B, S, S) themselves, without G: what a conditioned G is told."""
        return self.embed(self._sketch_images(sketches).expand(-1, 3, -1, -1))

    def embed(self, images: Tensor) -> NDArray[np.float32]:
        """E1's unit vectors (B, K) of images (B, 3, H, W) in [0, 1]."""
        return self._embedded(images).cpu().numpy()

    def _sketch_images(self, sketches: NDArray[np.uint8]) -> Tensor:
        return torch.from_numpy(sketches).to(self._compute.device).unsqueeze(1).float() / 255

    def _read(self, sketches: Tensor) -> Tensor | None:
        """E1's reading (B, K) of the sketches, where anything is made of it."""
        wanted = self._conditioned or self._sketch_weight > 0
        return self._embedded(sketches.expand(-1, 3, -1, -1)) if wanted else None

    def _imagined(self, sketches: Tensor, read: Tensor | None, seeds: Sequence[int]) -> Tensor:
        with torch.inference_mode(), self._compute.autocast():
            imaginary: Tensor = self._generator(sketches, SeededNoise(seeds), read if self._conditioned else None)
        return imaginary.float()

    def _queries(self, imaginary: Tensor, read: Tensor | None) -> Tensor:
        seen = self._embedded(imaginary)
        return seen if read is None else F.normalize(seen + self._sketch_weight * read, dim=1)

    def _embedded(self, images: Tensor) -> Tensor:
        with torch.inference_mode(), self._compute.autocast():
            embeddings: Tensor = self._encoder(resized(images, self._encoder_size))
        return embeddings.float()


class QueryModel(QueryNetworks):
    """G and E1 of one bundle, ready to answer sketches."""

    def __init__(self, bundle: Bundle, compute: Compute) -> None:
        """Load the weights.

        Raises:
            BundleError: E1 is no encoder, or not the one described, or the weight files do not fit the manifest.
        """
        manifest = bundle.manifest
        encoder_size = manifest.query_encoder.input_size
        # Without memory until the weights are there: the sizes are only what the manifest says.
        with torch.device("meta"):
            generator = Generator(GeneratorSizes(**manifest.generator.model_dump()))
            check_fits(generator, bundle, "generator.safetensors")
        check_size(bundle.query_encoder, bundle, "query_encoder.safetensors")
        check_encoder(bundle.query_encoder, encoder_size)
        with torch.device("meta"):
            check_fits(_query_encoder(bundle), bundle, "query_encoder.safetensors")
        encoder = _query_encoder(bundle)
        load_weights(generator, bundle, "generator.safetensors")
        load_weights(encoder, bundle, "query_encoder.safetensors")
        super().__init__(
            compute.place(generator.eval().requires_grad_(False)),
            compute.place(encoder.eval().requires_grad_(False)),
            encoder_size,
            manifest.query_encoder.sketch_weight,
            compute,
        )


def _query_encoder(bundle: Bundle) -> Encoder:
    """E1 without weights yet."""
    space = bundle.space
    with WithoutInitialWeights():
        encoder = Encoder(bundle.query_encoder)
    if needs_projection(encoder.description, space.dimension, space.projection is not None):
        size = encoder.description.dimension
        encoder.add_projection(torch.zeros(space.dimension, size), torch.zeros(space.dimension))
    return encoder


def to_pixels(images: Tensor) -> NDArray[np.uint8]:
    """Images (B, 3, H, W) in [0, 1] as pixels (B, H, W, 3)."""
    pixels: NDArray[np.uint8] = (images * 255).round().byte().permute(0, 2, 3, 1).contiguous().cpu().numpy()
    return pixels
