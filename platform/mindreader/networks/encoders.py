"""E1 and E2: an ImageNet network cut at its embedding layer, with its middle layers at hand.

Paper: Guo et al. 2017, section 3.1; both encoders share one architecture, E2 stays fixed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from mindreader.errors import InvalidInputError, NotReadyError
from mindreader.networks import torchvision_shim  # noqa: F401  # before timm and torchvision
from mindreader.networks.descriptions import EncoderDescription
from mindreader.networks.weights import find_weights, read_weights

import timm  # isort: skip
import torchvision  # isort: skip

_LARGEST_NETWORK = 2 * 10**9
_LARGEST_UNTRAINED = 150 * 10**6
"""VGG-16 and ViT-B are smaller. Random weights need no file, so nothing else keeps a network from being any size."""
_MOST_FILE_BYTES_PER_WEIGHT = 16
"""Of a published file: numbers of 8 bytes, and twice as many as the network uses of them (a classifier, say)."""
_FILE_SLACK_BYTES = 64 * 2**20


@dataclass(frozen=True)
class Features:
    """What an encoder reads in a batch of images."""

    embedding: Tensor
    """(B, D), neither projected nor normalised."""
    middle: tuple[Tensor, ...]
    """One (B, C, h, w) for each of the description's middle layers."""


class WithoutInitialWeights(TorchFunctionMode):
    """Networks that are built in this context keep whatever was in their memory: all of it is loaded at once.

    Drawing random weights takes more than half of the time it takes to build an encoder.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        given = kwargs or {}
        if getattr(func, "__module__", None) == "torch.nn.init":
            return args[0] if args else given["tensor"]
        return func(*args, **given)


class Encoder(nn.Module):
    """An image encoder after its `EncoderDescription`, with a linear projection where one is wanted.

    Weights are random until loaded.

    Raises:
        InvalidInputError: there is no network of that name.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, description: EncoderDescription) -> None:
        super().__init__()
        self.description = description
        self.network = _build(description)
        self.projection: nn.Module = nn.Identity()
        self.register_buffer("mean", torch.tensor(description.mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(description.std).view(1, 3, 1, 1), persistent=False)

    def features(self, images: Tensor) -> Features:
        """Read `images`, (B, 3, H, W) in [0, 1]; any size the network takes, no resizing here."""
        seen: dict[str, Tensor] = {}

        def keep(layer: str) -> Callable[[nn.Module, object, Tensor], None]:
            return lambda _module, _inputs, output: seen.update({layer: _as_map(output, self.network)})

        layers = self.description.middle_layers
        # For this call only: hooks that stay would follow the network into its copies.
        hooks = [self.network.get_submodule(layer).register_forward_hook(keep(layer)) for layer in layers]
        try:
            embedding = self._embedding(images)
        finally:
            for hook in hooks:
                hook.remove()
        return Features(embedding, tuple(seen[layer] for layer in layers))

    def forward(self, images: Tensor) -> Tensor:
        """Embeddings (B, K), L2-normalised, of `images` (B, 3, H, W) in [0, 1]; safe to call from several threads.

        K is the projection's dimension, or the network's own D without one.
        """
        return self.project(self._embedding(images))

    def project(self, embedding: Tensor) -> Tensor:
        """Unit vectors (B, K) of the network's own embeddings (B, D); always in float32, as distances need it."""
        with torch.autocast(embedding.device.type, enabled=False):
            return F.normalize(self.projection(F.normalize(embedding.float(), dim=1)), dim=1)

    def _embedding(self, images: Tensor) -> Tensor:
        embedding: Tensor = self.network((images - self.mean) / self.std)
        return embedding.flatten(1)

    def add_projection(self, weight: Tensor, bias: Tensor) -> None:
        """Project the network's unit embeddings (B, D) to (B, K): `weight` (K, D), `bias` (K,)."""
        self.projection = nn.Linear(weight.shape[1], weight.shape[0])
        self.projection.load_state_dict({"weight": weight, "bias": bias})

    def load_published_weights(self) -> None:
        """Load the weights the description names.

        Raises:
            NotReadyError: the weights cannot be found or read, or are not of this network.
        """
        seed = self.description.weights.untrained_seed
        if seed is not None:
            self.network = nn.Identity()  # first, or both would take memory
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                self.network = _build(self.description)
            return
        own = self.network.state_dict()
        count = sum(weights.numel() for weights in own.values())
        most_bytes = _MOST_FILE_BYTES_PER_WEIGHT * count + _FILE_SLACK_BYTES
        published = read_weights(find_weights(self.description, most_bytes))
        # The Lite packages carry another implementation's names; the order of the tensors is the same.
        if not own.keys() <= published.keys():
            published = dict(zip(own, published.values(), strict=False))
        try:
            self.network.load_state_dict({name: published[name] for name in own})
        except (KeyError, RuntimeError) as error:
            reason = str(error).splitlines()[0]
            raise NotReadyError(f"The weights of {self.description.name} do not fit the network: {reason}") from None


def _build(description: EncoderDescription) -> nn.Module:
    if (description.library, description.embedding_layer) == ("torchvision", "classifier.4"):
        network = _whole_network(description.library, description.architecture)
        layers = network.get_submodule("classifier")
        network.classifier = layers[:5]  # type: ignore[index]  # to relu7, before its dropout
        return network
    return bare_network(description.library, description.architecture)


def bare_network(library: str, architecture: str) -> nn.Module:
    """A library's image classifier with random weights, cut before its last layer; nothing is fetched for it.

    Raises:
        InvalidInputError: the library has no such image classifier.
    """
    network = _whole_network(library, architecture)
    if library == "timm":
        return network
    # torchvision calls the last layers by one of these names; their last linear layer is the classifier proper.
    head = next(name for name in ("fc", "classifier", "heads", "head") if hasattr(network, name))
    layers = getattr(network, head)
    if isinstance(layers, nn.Linear):
        setattr(network, head, nn.Identity())
        return network
    linear = [i for i, layer in enumerate(layers) if isinstance(layer, nn.Linear)]
    if not linear:
        raise InvalidInputError(f"torchvision's {architecture} ends in no linear layer, so it cannot be an encoder.")
    layers[linear[-1]] = nn.Identity()
    return network


def require_loadable(library: str, architecture: str, *, untrained: bool = False) -> int:
    """Check that a library has a network, without spending memory on it; returns how many weights it has.

    Args:
        untrained: with random weights, of which there may be fewer.

    Raises:
        InvalidInputError: there is none that is an image classifier, or it is too large.
    """
    _require_image_classifier(library, architecture)
    size = _count_weights(library, architecture)
    if size > _LARGEST_NETWORK:
        raise InvalidInputError(f"{architecture} has {size:,} weights; {_LARGEST_NETWORK:,} is the most.")
    if untrained and size > _LARGEST_UNTRAINED:
        raise InvalidInputError(
            f"{architecture} has {size:,} weights; with random weights in place of published ones "
            f"{_LARGEST_UNTRAINED:,} is the most."
        )
    return size


@cache
def _count_weights(library: str, architecture: str) -> int:
    if library == "torchvision":  # whose RegNets cannot be built without memory
        return int(torchvision.models.get_model_weights(architecture).DEFAULT.meta["num_params"])
    with torch.device("meta"), WithoutInitialWeights():
        return sum(weights.numel() for weights in bare_network(library, architecture).parameters())


def _whole_network(library: str, architecture: str) -> nn.Module:
    _require_image_classifier(library, architecture)
    network: nn.Module = (
        timm.create_model(architecture, pretrained=False, num_classes=0)
        if library == "timm"
        else torchvision.models.get_model(architecture, weights=None)
    )
    return network


def _require_image_classifier(library: str, architecture: str) -> None:
    if library == "torchvision":
        # Its networks for other purposes, such as detection, fetch weights of their own accord.
        if architecture not in torchvision.models.list_models(module=torchvision.models):
            raise InvalidInputError(
                f"torchvision has no image classifier {architecture!r}. "
                "`torchvision.models.list_models(module=torchvision.models)` lists those it has."
            )
        return
    if not timm.is_model(architecture.partition(".")[0]):
        raise InvalidInputError(f"timm has no network {architecture!r}. `timm.list_models()` lists those it has.")
    try:
        timm.get_pretrained_cfg(architecture)
    except RuntimeError as error:
        raise InvalidInputError(f"timm has no weights {architecture!r}: {error}") from None


def _as_map(output: Tensor, network: nn.Module) -> Tensor:
    """A layer's output as (B, C, h, w), where it is tokens (B, N, C) or has its channels last."""
    if output.dim() == 3:
        tokens = output[:, int(getattr(network, "num_prefix_tokens", 1)) :]
        side = round(tokens.shape[1] ** 0.5)
        return tokens.transpose(1, 2).reshape(len(tokens), -1, side, side)
    return output.permute(0, 3, 1, 2) if getattr(network, "output_fmt", "NCHW") == "NHWC" else output


def pretrained_encoder(description: EncoderDescription) -> Encoder:
    """The fixed photo encoder E2: published weights, evaluation mode, no gradients.

    Raises:
        NotReadyError: the weights cannot be found.
    """
    with WithoutInitialWeights():
        encoder = Encoder(description)
    encoder.load_published_weights()
    return encoder.eval().requires_grad_(False)
