"""Whether an encoder that a bundle describes exists, and is as described; asked before its weights are looked for."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from mindreader.errors import BundleError, MindReaderError
from mindreader.networks.descriptions import ENCODERS, EncoderDescription
from mindreader.networks.encoders import Encoder, require_loadable


@lru_cache(maxsize=16)
def check_encoder(description: EncoderDescription, input_size: int) -> None:
    """Build an encoder with random weights and show it one black image; those MindReader knows are taken as they are.

    Args:
        input_size: side of the image in pixels.

    Raises:
        BundleError: there is no such network, it does not take images of that size, its layers are not the ones
            described, or its embeddings have another length.
    """
    if ENCODERS.get(description.name) == description:
        return
    try:
        _check_encoder(description, input_size)
    except BundleError:
        raise
    except MindReaderError as error:
        raise BundleError(error.detail) from None
    except Exception as error:  # hundreds of networks, each of which fails in its own way
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise BundleError(
            f"The encoder {description.name} cannot read images of {input_size} pixels: {reason}"
        ) from error


def _check_encoder(description: EncoderDescription, input_size: int) -> None:
    require_loadable(description.library, description.architecture)
    encoder = Encoder(description).eval()
    modules = dict(encoder.network.named_modules())
    for layer in (description.embedding_layer, *description.middle_layers):
        if layer not in modules:
            raise BundleError(f"The encoder {description.name} has no layer {layer!r}.")
    seen: list[Tensor] = []
    modules[description.embedding_layer].register_forward_hook(lambda _module, _inputs, output: seen.append(output))
    with torch.inference_mode():
        embedding = encoder.features(torch.zeros(1, 3, input_size, input_size)).embedding
    if embedding.shape != (1, description.dimension):
        raise BundleError(
            f"The encoder {description.name} makes embeddings of length {embedding.shape[1]}, not of "
            f"{description.dimension} as the bundle says."
        )
    # Its numbers are compared too: a layer on the way may well have as many.
    if seen[-1].numel() != embedding.numel() or not torch.allclose(seen[-1].flatten(1), embedding, equal_nan=True):
        raise BundleError(
            f"The embeddings of {description.name} do not come from its layer {description.embedding_layer!r}."
        )
