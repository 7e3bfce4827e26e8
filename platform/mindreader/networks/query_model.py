"""The two halves of a model at work: `PhotoEncoder` (E2) for photos, `QueryModel` (G and E1) for sketches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import safetensors.torch
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from safetensors import SafetensorError
from torch import Tensor, nn

from mindreader.bundles import Bundle
from mindreader.errors import BundleError
from mindreader.networks.compute import Compute
from mindreader.networks.descriptions import EncoderDescription, encoder_description
from mindreader.networks.encoders import Encoder, pretrained_encoder
from mindreader.networks.generator import Generator, GeneratorSizes, SeededNoise


class PhotoEncoder:
    """E2, ready to embed photos."""

    def __init__(self, description: EncoderDescription, compute: Compute) -> None:
        self.description = description
        self._compute = compute
        self._network = compute.place(pretrained_encoder(description))

    def embed(self, photos: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Embed photos (B, S, S, 3), S the description's input size; returns unit vectors (B, D)."""
        with torch.inference_mode(), self._compute.autocast():
            embeddings: Tensor = self._network(_images(photos, self._compute.device))
        return embeddings.float().cpu().numpy()


@dataclass(frozen=True)
class Imagined:
    """What G made of one sketch, and how E1 reads it."""

    imaginary_images: NDArray[np.uint8]
    """(N, S, S, 3), one for each seed."""
    embeddings: NDArray[np.float32]
    """(N, D) unit vectors."""


class QueryModel:
    """G and E1 of one bundle, ready to answer sketches."""

    def __init__(self, bundle: Bundle, compute: Compute) -> None:
        """Load the weights.

        Raises:
            BundleError: the weight files do not fit the manifest.
        """
        manifest = bundle.manifest
        self.image_size = manifest.generator.image_size
        self._encoder_size = manifest.query_encoder.input_size
        self._compute = compute
        generator = Generator(GeneratorSizes(**manifest.generator.model_dump()))
        encoder = Encoder(encoder_description(manifest.query_encoder.architecture))
        _load(generator, bundle, "generator.safetensors")
        _load(encoder, bundle, "query_encoder.safetensors")
        self._generator = compute.place(generator.eval().requires_grad_(False))
        self._encoder = compute.place(encoder.eval().requires_grad_(False))

    def imagine(self, sketch: NDArray[np.uint8], seeds: Sequence[int]) -> Imagined:
        """Imagine one sketch (S, S) once for each seed, and embed each imaginary image."""
        imaginary = self.imagine_batch(np.repeat(sketch[None], len(seeds), axis=0), seeds)
        return Imagined(_pixels(imaginary), self.embed(imaginary))

    def imagine_batch(self, sketches: NDArray[np.uint8], seeds: Sequence[int]) -> Tensor:
        """Imaginary images (B, 3, S, S) in [0, 1] of sketches (B, S, S), each with its own seed."""
        images = torch.from_numpy(sketches).to(self._compute.device).unsqueeze(1).float() / 255
        with torch.inference_mode(), self._compute.autocast():
            imaginary: Tensor = self._generator(images, SeededNoise(seeds))
        return imaginary.float()

    def embed(self, images: Tensor) -> NDArray[np.float32]:
        """E1's unit vectors (B, D) of images (B, 3, H, W) in [0, 1]."""
        with torch.inference_mode(), self._compute.autocast():
            embeddings: Tensor = self._encoder(resized(images, self._encoder_size))
        return embeddings.float().cpu().numpy()


def resized(images: Tensor, size: int) -> Tensor:
    """Images (B, 3, H, W) at `size` × `size`, antialiased; untouched when they have that size."""
    if images.shape[-1] == size:
        return images
    return F.interpolate(images, (size, size), mode="bilinear", antialias=True, align_corners=False)


def _images(photos: NDArray[np.uint8], device: torch.device) -> Tensor:
    # NHWC memory seen as NCHW is channels_last already: no copy but the one to the device.
    return torch.from_numpy(photos).to(device).permute(0, 3, 1, 2).float() / 255


def _pixels(images: Tensor) -> NDArray[np.uint8]:
    pixels: NDArray[np.uint8] = (images * 255).round().byte().permute(0, 2, 3, 1).contiguous().cpu().numpy()
    return pixels


def _load(network: nn.Module, bundle: Bundle, name: str) -> None:
    try:
        weights = safetensors.torch.load_file(bundle.weights(name))
        if not all(bool(torch.isfinite(w).all()) for w in weights.values() if w.is_floating_point()):
            raise BundleError(f"{name} holds numbers that are not finite.")
        network.load_state_dict(weights)
    except (SafetensorError, RuntimeError) as error:
        raise BundleError(f"{name} does not fit {bundle.manifest.name}: {str(error).splitlines()[0]}") from None
