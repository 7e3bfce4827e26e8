"""The networks of a bundle as torch modules, everything about them checked before it takes memory."""

from __future__ import annotations

from pathlib import Path

import torch

from mindreader.bundles import Bundle
from mindreader.errors import BundleError
from mindreader.inference.weights import check_fits, check_size, load_weights, needs_projection, read_weights
from mindreader.networks.checks import check_encoder
from mindreader.networks.descriptions import EncoderDescription
from mindreader.networks.encoders import Encoder, WithoutInitialWeights, pretrained_encoder
from mindreader.networks.generator import Generator


def load_photo_encoder(description: EncoderDescription, projection: Path | None = None) -> Encoder:
    """E2 with published weights, and the projection of its space, if that has one; in evaluation mode.

    Args:
        projection: safetensors file with `weight` (K, D) and `bias` (K,).

    Raises:
        NotReadyError: E2's published weights cannot be found, or are not of this network.
        BundleError: it is no encoder, or not the one described, or the projection does not fit.
    """
    check_encoder(description, description.input_size)
    network = pretrained_encoder(description)
    if projection is not None:
        _add_projection(network, projection)
    return network.eval().requires_grad_(False)


def _add_projection(network: Encoder, path: Path) -> None:
    weights = read_weights(path)
    try:
        network.add_projection(weights["weight"].float(), weights["bias"].float())
    except (KeyError, IndexError, RuntimeError) as error:
        raise BundleError(f"{path.name} is no projection: {str(error).splitlines()[0]}") from None
    if weights["weight"].shape[1] != network.description.dimension:
        raise BundleError(f"{path.name} does not fit the embeddings of {network.description.name}.")


def load_generator(bundle: Bundle) -> Generator:
    """A bundle's G, in evaluation mode.

    Raises:
        BundleError: its weights do not fit the manifest.
    """
    # Without memory until the weights are there: the sizes are only what the manifest says.
    with torch.device("meta"):
        generator = Generator(bundle.generator)
        check_fits(generator, bundle, "generator.safetensors")
    load_weights(generator, bundle, "generator.safetensors")
    return generator.eval().requires_grad_(False)


def load_query_encoder(bundle: Bundle) -> Encoder:
    """A bundle's E1, in evaluation mode.

    Raises:
        BundleError: it is no encoder, or not the one described, or its weights do not fit the manifest.
    """
    check_size(bundle.query_encoder, bundle, "query_encoder.safetensors")
    check_encoder(bundle.query_encoder, bundle.manifest.query_encoder.input_size)
    with torch.device("meta"):
        check_fits(_query_encoder(bundle), bundle, "query_encoder.safetensors")
    encoder = _query_encoder(bundle)
    load_weights(encoder, bundle, "query_encoder.safetensors")
    return encoder.eval().requires_grad_(False)


def _query_encoder(bundle: Bundle) -> Encoder:
    """E1 without weights yet."""
    space = bundle.space
    with WithoutInitialWeights():
        encoder = Encoder(bundle.query_encoder)
    if needs_projection(encoder.description, space.dimension, space.projection is not None):
        size = encoder.description.dimension
        encoder.add_projection(torch.zeros(space.dimension, size), torch.zeros(space.dimension))
    return encoder
