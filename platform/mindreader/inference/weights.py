"""Weights of a bundle, read from its safetensors files into networks."""

from __future__ import annotations

from pathlib import Path

import safetensors.torch
import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from torch import Tensor, nn

from mindreader.bundles import Bundle
from mindreader.bundles.weight_files import read_header
from mindreader.errors import BundleError
from mindreader.networks.checks import encoder_bytes
from mindreader.networks.descriptions import EncoderDescription

_MOST_BYTES_FOR_ONE = 8
"""Of memory for one in the file: numbers of one byte become four, and a classifier that is cut off may be counted."""
_SLACK_BYTES = 64 * 2**20


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
    shrinks = images.shape[-1] > size  # what grows has nothing to be smoothed
    return F.interpolate(images, (size, size), mode="bilinear", antialias=shrinks, align_corners=False)


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


def check_size(encoder: EncoderDescription, bundle: Bundle, name: str) -> None:
    """See that a bundle's file is large enough to hold the weights of an encoder, before the encoder is built.

    Raises:
        BundleError: it is not, or there is no such encoder.
    """
    needed, held = encoder_bytes(encoder), bundle.weights(name).stat().st_size
    if needed > _MOST_BYTES_FOR_ONE * held + _SLACK_BYTES:
        raise BundleError(
            f"{name} does not fit {bundle.manifest.name}: its {held:,} bytes cannot hold the weights of "
            f"{encoder.name}, which take {needed:,}."
        )


def check_fits(outline: nn.Module, bundle: Bundle, name: str) -> None:
    """See by the header of a bundle's file that it holds the weights of a network, before either takes memory.

    Args:
        outline: the network on torch's device `meta`.

    Raises:
        BundleError: the file cannot be read, or does not fit the network.
    """
    wanted = {key: tuple(value.shape) for key, value in outline.state_dict().items()}
    held = {tensor.name: tensor.shape for tensor in read_header(bundle.weights(name))}
    for key in [*wanted, *held]:
        if wanted.get(key) != held.get(key):
            raise BundleError(
                f"{name} does not fit {bundle.manifest.name}: {key:.100} is {_shape(held.get(key))} there and "
                f"{_shape(wanted.get(key))} in the network."
            )


def _shape(shape: tuple[int, ...] | None) -> str:
    return "missing" if shape is None else f"of shape {shape}"


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
