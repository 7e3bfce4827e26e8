"""Describe any encoder that timm or torchvision publishes, so that it can be E2: ``timm:NAME``, ``torchvision:NAME``.

The description holds the SHA-256 of the very weights file found, so the embedding space stays exactly one encoder.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from mindreader.errors import InvalidInputError, NotReadyError
from mindreader.networks import torchvision_shim  # noqa: F401  # before timm and torchvision
from mindreader.networks.descriptions import ENCODERS, EncoderDescription, WeightsSource, encoder_description
from mindreader.networks.encoders import bare_network, require_loadable
from mindreader.networks.weights import LOCAL_FOLDER_VARIABLE, hub_file

import timm  # isort: skip
import torchvision  # isort: skip

_MIDDLE = 3
_LARGEST_INPUT = 1024


def find_encoder(name: str, *, untrained_seed: int | None = None) -> EncoderDescription:
    """An encoder MindReader knows by name, or any published one by ``timm:NAME`` or ``torchvision:NAME``.

    Args:
        untrained_seed: describe it with random weights of this seed, for machines that cannot reach the real ones.

    Raises:
        InvalidInputError: there is no such encoder.
        NotReadyError: its weights can neither be found nor fetched.
    """
    library, colon, network = name.partition(":")
    if name in ENCODERS or not colon:
        found = encoder_description(name)
        return found if untrained_seed is None else _untrained(found, untrained_seed)
    if library == "timm":
        return _timm(name, network, untrained_seed)
    if library == "torchvision":
        return _torchvision(name, network, untrained_seed)
    raise InvalidInputError(f"{name!r} is no encoder. Write timm:NAME or torchvision:NAME.")


def _untrained(known: EncoderDescription, seed: int) -> EncoderDescription:
    return replace(known, name=f"{known.name}-untrained", weights=WeightsSource(untrained_seed=seed))


def _timm(name: str, network: str, untrained_seed: int | None) -> EncoderDescription:
    require_loadable("timm", network)
    settings = timm.get_pretrained_cfg(network)
    hub = settings.hf_hub_id if settings else None
    if settings is None or (untrained_seed is None and not hub):
        raise InvalidInputError(f"timm publishes no weights for {network!r} that could be fetched from its hub.")
    filename = f"{network}.safetensors"
    weights = (
        _with_checksum(WeightsSource(hub=hub or "", filename=filename))
        if untrained_seed is None
        else WeightsSource(untrained_seed=untrained_seed)
    )
    return _probed(name, "timm", network, settings.input_size[-1], settings.mean, settings.std, weights)


def _torchvision(name: str, network: str, untrained_seed: int | None) -> EncoderDescription:
    require_loadable("torchvision", network)
    published = torchvision.models.get_model_weights(network).DEFAULT
    filename = published.url.rsplit("/", 1)[1]
    weights = (
        _with_checksum(WeightsSource(filename=filename, url=published.url))
        if untrained_seed is None
        else WeightsSource(untrained_seed=untrained_seed)
    )
    view = published.transforms()
    return _probed(name, "torchvision", network, view.crop_size[0], tuple(view.mean), tuple(view.std), weights)


def _with_checksum(source: WeightsSource) -> WeightsSource:
    """The source with the SHA-256 of its file, taken from the local folder or fetched."""
    folder = os.environ.get(LOCAL_FOLDER_VARIABLE)
    local = Path(folder) / source.filename if folder else None
    path = local if local and local.is_file() else hub_file(source)
    with path.open("rb") as file:
        return replace(source, sha256=hashlib.file_digest(file, "sha256").hexdigest())


def _probed(
    name: str,
    library: str,
    architecture: str,
    size: int,
    mean: tuple[float, ...],
    std: tuple[float, ...],
    weights: WeightsSource,
) -> EncoderDescription:
    """The description, its dimension and middle layers read off the network itself."""
    if size > _LARGEST_INPUT:
        raise InvalidInputError(f"{name} takes images of {size} pixels; {_LARGEST_INPUT} is the most.")
    network = bare_network(library, architecture).eval()
    layers, dimension = _look_inside(network, size)
    flexible = _takes(network, size // 2)
    return EncoderDescription(
        name=name,
        library=library,  # type: ignore[arg-type]
        architecture=architecture,
        embedding_layer="",
        middle_layers=layers,
        dimension=dimension,
        input_size=size,
        mean=(mean[0], mean[1], mean[2]),
        std=(std[0], std[1], std[2]),
        weights=weights,
        flexible=flexible,
    )


def _takes(network: nn.Module, size: int) -> bool:
    """Whether a network takes images of that size; many transformers take one size only."""
    try:
        with torch.inference_mode():
            network(torch.zeros(1, 3, size, size))
    except (RuntimeError, AssertionError, ValueError):
        return False
    return True


def _look_inside(network: nn.Module, size: int) -> tuple[tuple[str, ...], int]:
    """Up to three layers at different depths whose output is a map (or tokens), and the embedding's length."""
    maps: dict[int, str] = {}
    tokens: list[str] = []

    def watch(layer: str) -> torch.utils.hooks.RemovableHandle:
        def note(_module: nn.Module, _inputs: object, output: object) -> None:
            if isinstance(output, Tensor) and output.dim() == 4 and 1 < output.shape[2] < size:
                maps[output.shape[2]] = layer  # the last one of each resolution
            if isinstance(output, Tensor) and output.dim() == 3 and "block" in layer:
                tokens.append(layer)

        return network.get_submodule(layer).register_forward_hook(note)

    # Two levels deep are the stages and blocks; deeper lie their parts.
    hooks = [watch(layer) for layer, _ in network.named_modules() if layer and layer.count(".") < 2]
    try:
        with torch.inference_mode():
            embedding: Tensor = network(torch.zeros(1, 3, size, size))
    except (RuntimeError, AssertionError) as error:
        raise NotReadyError(f"The network cannot be run at {size} pixels: {error}") from None
    finally:
        for hook in hooks:
            hook.remove()
    # Not the first, which is half the image's size and costly to compare; tokens have one resolution only.
    deepening = [maps[side] for side in sorted(maps, reverse=True)][1 : _MIDDLE + 1]
    spread = [tokens[len(tokens) * (i + 1) // (_MIDDLE + 1)] for i in range(_MIDDLE)] if tokens else []
    return tuple(deepening if len(deepening) > 1 else spread or deepening), embedding.flatten(1).shape[1]
