"""The two halves of a model at work: `PhotoEncoder` (E2) for photos, `QueryModel` (G and E1) for sketches."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from safetensors import SafetensorError
from torch import Tensor, nn

from mindreader.bundles import Bundle
from mindreader.bundles.manifest import PROJECTION_FILE
from mindreader.bundles.weight_files import check_projection
from mindreader.errors import BundleError, NotReadyError
from mindreader.networks.batches import fastest_batch
from mindreader.networks.checks import check_encoder
from mindreader.networks.compute import Compute
from mindreader.networks.descriptions import EncoderDescription
from mindreader.networks.encoders import Encoder, pretrained_encoder
from mindreader.networks.generator import Generator, GeneratorSizes, SeededNoise

log = logging.getLogger(__name__)

_AT_ONCE_ON_A_PROCESSOR = 8
"""What a layer makes of more no longer stays in the processor's caches (docs/performance.md)."""
_FEWEST_ON_A_GPU, _MOST_ON_A_GPU = 32, 1024


class PhotoEncoder:
    """E2, ready to embed photos."""

    def __init__(self, encoder: EncoderDescription, compute: Compute, projection: Path | None = None) -> None:
        """Load E2 and the projection of its space, if that has one.

        Args:
            projection: safetensors file with ``weight`` (K, D) and ``bias`` (K,).

        Raises:
            NotReadyError: E2's published weights cannot be found.
            BundleError: the projection does not fit.
        """
        self.description = encoder
        self._compute = compute
        network = pretrained_encoder(encoder)
        if projection is not None:
            _add_projection(network, projection)
        self._network = compute.place(network.eval().requires_grad_(False))
        self._at_once = _AT_ONCE_ON_A_PROCESSOR if compute.device.type == "cpu" else _MOST_ON_A_GPU

    @classmethod
    def of_bundle(cls, bundle: Bundle, compute: Compute) -> PhotoEncoder:
        """E2 of the embedding space a bundle targets.

        Raises:
            NotReadyError: E2's published weights cannot be found, or are not of this network.
            BundleError: E2 is no encoder, or not the one described, or the projection does not fit.
        """
        space = bundle.space
        check_encoder(space.encoder, space.encoder.input_size)
        if space.projection is not None:
            check_projection(bundle)
        return cls(space.encoder, compute, bundle.weights(PROJECTION_FILE) if space.projection else None)

    @property
    def weight_bytes(self) -> int:
        """Memory its weights take."""
        return sum(tensor.nbytes for tensor in self._network.state_dict().values())

    def tune(self) -> int:
        """Find out how many photos at once a GPU is fastest with, which takes some seconds, and embed by as many."""
        if self._compute.device.type != "cpu":
            self._at_once = fastest_batch(self._seconds_of_a_batch, _FEWEST_ON_A_GPU, _MOST_ON_A_GPU)
        return self._at_once

    def _seconds_of_a_batch(self, size: int) -> float:
        side = self.description.input_size
        photos = np.zeros((size, side, side, 3), dtype=np.uint8)
        self.embed_images(_images(photos, self._compute.device))  # the first time, memory is asked for
        started = time.perf_counter()
        self.embed_images(_images(photos, self._compute.device))
        return time.perf_counter() - started

    def embed(self, photos: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Embed photos (B, S, S, 3), S the description's input size; returns unit vectors (B, K).

        They go through the network by as many as the device is fast with. Where so many do not fit into its memory, it
        is fewer, also later.

        Raises:
            NotReadyError: not even one photo fits.
        """
        done: list[NDArray[np.float32]] = []
        start = 0
        while start < len(photos):
            part = photos[start : start + self._at_once]
            try:
                done.append(self.embed_images(_images(part, self._compute.device)))
                start += len(part)
            except torch.OutOfMemoryError:
                self._take_less(len(part))
        return np.concatenate(done)

    def _take_less(self, too_many: int) -> None:
        if too_many == 1:
            raise NotReadyError(
                f"Not even one photo fits into the memory of {self._compute.device}. Stop other programs that use it, "
                "or set MINDREADER_DEVICE=cpu."
            )
        self._at_once = too_many // 2
        torch.cuda.empty_cache()
        log.warning("%d photos do not fit into memory at once; from now on %d", too_many, self._at_once)

    def embed_images(self, images: Tensor) -> NDArray[np.float32]:
        """Embed images (B, 3, H, W) in [0, 1], photos or not; returns unit vectors (B, K)."""
        with torch.inference_mode(), self._compute.autocast():
            embeddings: Tensor = self._network(resized(images, self.description.input_size))
        return embeddings.float().cpu().numpy()


@dataclass(frozen=True)
class Imagined:
    """What G made of one sketch, and what to search with."""

    imaginary_images: NDArray[np.uint8]
    """(N, S, S, 3), one for each seed."""
    queries: NDArray[np.float32]
    """(N, K) unit vectors: E1's embedding of each imaginary image, with its share of the sketch's own."""


class QueryModel:
    """G and E1 of one bundle, ready to answer sketches."""

    def __init__(self, bundle: Bundle, compute: Compute) -> None:
        """Load the weights.

        Raises:
            BundleError: E1 is no encoder, or not the one described, or the weight files do not fit the manifest.
        """
        manifest, space = bundle.manifest, bundle.space
        check_encoder(bundle.query_encoder, manifest.query_encoder.input_size)
        self.image_size = manifest.generator.image_size
        self._encoder_size = manifest.query_encoder.input_size
        self._compute = compute
        self._conditioned = manifest.generator.condition > 0
        self._sketch_weight = manifest.query_encoder.sketch_weight
        # Without memory until the weights are there: the sizes are only what the manifest says.
        with torch.device("meta"):
            generator = Generator(GeneratorSizes(**manifest.generator.model_dump()))
        encoder = Encoder(bundle.query_encoder)
        if needs_projection(encoder.description, space.dimension, space.projection is not None):
            size = encoder.description.dimension
            encoder.add_projection(torch.zeros(space.dimension, size), torch.zeros(space.dimension))
        _load(generator, bundle, "generator.safetensors")
        _load(encoder, bundle, "query_encoder.safetensors")
        self._generator = compute.place(generator.eval().requires_grad_(False))
        self._encoder = compute.place(encoder.eval().requires_grad_(False))

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
        pixels, queries = _pixels(imaginary), self._queries(imaginary, repeated).cpu().numpy()
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


def needs_projection(query_encoder: EncoderDescription, dimension: int, projected: bool) -> bool:
    """Whether E1 ends in a projection layer: where E2 does, or where its own embeddings have another length.

    Args:
        dimension: K, of the embedding space.
        projected: whether the space has a projection.
    """
    return projected or query_encoder.dimension != dimension


def resized(images: Tensor, size: int) -> Tensor:
    """Images (B, 3, H, W) at `size` × `size`, antialiased; untouched when they have that size."""
    if images.shape[-1] == size:
        return images
    return F.interpolate(images, (size, size), mode="bilinear", antialias=True, align_corners=False)


def _images(photos: NDArray[np.uint8], device: torch.device) -> Tensor:
    # NHWC memory seen as NCHW is channels_last already: no copy but the one to the device.
    pixels = torch.from_numpy(photos)
    if device.type == "cuda":  # from pinned memory the copy runs beside what the GPU is still at
        pixels = pixels.pin_memory()
    return pixels.to(device, non_blocking=True).permute(0, 3, 1, 2).float() / 255


def _pixels(images: Tensor) -> NDArray[np.uint8]:
    pixels: NDArray[np.uint8] = (images * 255).round().byte().permute(0, 2, 3, 1).contiguous().cpu().numpy()
    return pixels


def _add_projection(network: Encoder, path: Path) -> None:
    weights = _read(path)
    try:
        network.add_projection(weights["weight"].float(), weights["bias"].float())
    except (KeyError, IndexError, RuntimeError) as error:
        raise BundleError(f"{path.name} is no projection: {str(error).splitlines()[0]}") from None
    if weights["weight"].shape[1] != network.description.dimension:
        raise BundleError(f"{path.name} does not fit the embeddings of {network.description.name}.")


def _read(path: Path) -> dict[str, Tensor]:
    try:
        weights: dict[str, Tensor] = safetensors.torch.load_file(path)
    except (SafetensorError, OSError) as error:
        raise BundleError(f"{path.name} cannot be read: {str(error).splitlines()[0]}") from None
    if not all(bool(torch.isfinite(w).all()) for w in weights.values() if w.is_floating_point()):
        raise BundleError(f"{path.name} holds numbers that are not finite.")
    return weights


def _load(network: nn.Module, bundle: Bundle, name: str) -> None:
    weights = _read(bundle.weights(name))
    own = {key: value.dtype for key, value in network.state_dict().items()}
    # Copied: what safetensors reads is the file itself, which may go away.
    copies = {key: weight.to(own.get(key, weight.dtype), copy=True) for key, weight in weights.items()}
    try:
        network.load_state_dict(copies, assign=True)
    except RuntimeError as error:
        raise BundleError(f"{name} does not fit {bundle.manifest.name}: {str(error).splitlines()[0]}") from None
