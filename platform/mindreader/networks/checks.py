"""Whether an encoder that a bundle describes exists, and is as described; asked before its weights are looked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

import torch
from torch import Tensor

from mindreader.errors import BundleError, MindReaderError
from mindreader.networks.descriptions import ENCODERS, EncoderDescription
from mindreader.networks.encoders import Encoder, require_loadable

_FLOAT_BYTES = 4


@lru_cache(maxsize=16)
def encoder_bytes(description: EncoderDescription) -> int:
    """Memory an encoder's weights take once it is built, known without building it.

    Raises:
        BundleError: there is no such network, or it is larger than MindReader takes.
    """
    untrained = description.weights.untrained_seed is not None
    with _refusing():
        return _FLOAT_BYTES * require_loadable(description.library, description.architecture, untrained=untrained)


@contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except MindReaderError as error:
        raise BundleError(error.detail) from None


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
    encoder_bytes(description)
    try:
        with _refusing():
            _check_encoder(description, input_size)
    except BundleError:
        raise
    except MemoryError:
        raise
    except Exception as error:  # hundreds of networks, each of which fails in its own way
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise BundleError(
            f"The encoder {description.name} cannot read images of {input_size} pixels: {reason}"
        ) from error


def _check_encoder(description: EncoderDescription, input_size: int) -> None:
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
