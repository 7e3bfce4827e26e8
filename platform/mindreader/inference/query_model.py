"""The query side of a model at work: E1 reads a sketch, G imagines from it, E1 embeds what it imagined."""

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

QUERY_SEED = 0
"""Of the noise in the imaginary image that searches: a search is the same each time."""


@dataclass(frozen=True, eq=False)
class Painting:
    """What G is to paint from one sketch."""

    sketch: NDArray[np.uint8]
    """(S, S), black strokes 0 on white 255."""
    subjects: NDArray[np.float32]
    """(N, K): what each imaginary image is of, as points of the embedding space. A G without condition knows none."""
    seed: int
    """Of the first image's noise; the others have the next ones."""


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

    def query(self, looks: NDArray[np.uint8]) -> NDArray[np.float32]:
        """What to search with (K,), of length 1, for one sketch by its looks (L, S, S)."""
        return self.query_each([looks])[0]

    def query_each(self, asked: Sequence[NDArray[np.uint8]]) -> list[NDArray[np.float32]]:
        """What `query` gives for each of several sketches by their looks (L, S, S), all in one batch.

        E1's embedding of what G imagines from the first look, and the mean of E1's embeddings of all looks with their
        share. An imaginary image counts as one look does.
        """
        ends = np.cumsum([len(looks) for looks in asked])
        images = self._sketch_images(np.concatenate(asked))
        starts = torch.tensor([end - len(looks) for end, looks in zip(ends, asked, strict=True)], device=images.device)
        read = self._read(images)
        conditions = None if read is None else read[starts]
        seen = self._embedded(self._imagined(images[starts], conditions, [QUERY_SEED] * len(asked)))
        if read is None:
            return list(seen.cpu().numpy())
        groups = torch.tensor_split(read, torch.as_tensor(ends[:-1]))
        total = [
            image / len(own) + self._sketch_weight * F.normalize(own.mean(dim=0), dim=0)
            for image, own in zip(seen, groups, strict=True)
        ]
        return list(F.normalize(torch.stack(total), dim=1).cpu().numpy())

    def paint(self, painting: Painting) -> NDArray[np.uint8]:
        """Imaginary images (N, S, S, 3) of one sketch, one for each subject."""
        return self.paint_each([painting])[0]

    def paint_each(self, asked: Sequence[Painting]) -> list[NDArray[np.uint8]]:
        """What `paint` gives for each of several, all in one batch."""
        rows = [len(each.subjects) for each in asked]
        sketches = self._sketch_images(np.repeat(np.stack([each.sketch for each in asked]), rows, axis=0))
        subjects = torch.from_numpy(np.concatenate([each.subjects for each in asked])).to(sketches.device)
        seeds = [each.seed + place for each, own in zip(asked, rows, strict=True) for place in range(own)]
        pixels = to_pixels(self._imagined(sketches, subjects, seeds))
        return np.split(pixels, np.cumsum(rows)[:-1])

    def queries(self, sketches: NDArray[np.uint8], seeds: Sequence[int]) -> NDArray[np.float32]:
        """Queries (B, K) of sketches (B, S, S) by one look each, for G's noise of these seeds."""
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
