"""Weights of a bundle, read from its safetensors files into networks."""

from __future__ import annotations

from pathlib import Path

import safetensors.torch
import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from torch import Tensor, nn

from mindreader.bundles import Bundle
from mindreader.errors import BundleError
from mindreader.networks.descriptions import EncoderDescription


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


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file.

    Raises:
        BundleError: it cannot be read, or holds numbers that are not finite.
    """
    try:
        weights: dict[str, Tensor] = safetensors.torch.load_file(path)
    except (SafetensorError, OSError) as error:
        raise BundleError(f"{path.name} cannot be read: {str(error).splitlines()[0]}") from None
    if not all(bool(torch.isfinite(w).all()) for w in weights.values() if w.is_floating_point()):
        raise BundleError(f"{path.name} holds numbers that are not finite.")
    return weights


def load_weights(network: nn.Module, bundle: Bundle, name: str) -> None:
    """Put the weights of a bundle's file into a network.

    Raises:
        BundleError: the file cannot be read, or does not fit the network.
    """
    weights = read_weights(bundle.weights(name))
    own = {key: value.dtype for key, value in network.state_dict().items()}
    # Copied: what safetensors reads is the file itself, which may go away.
    copies = {key: weight.to(own.get(key, weight.dtype), copy=True) for key, weight in weights.items()}
    try:
        network.load_state_dict(copies, assign=True)
    except RuntimeError as error:
        raise BundleError(f"{name} does not fit {bundle.manifest.name}: {str(error).splitlines()[0]}") from None
