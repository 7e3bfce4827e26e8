"""E1 and E2: an ImageNet network cut at its embedding layer, with its middle layers at hand.

Paper: Guo et al. 2017, section 3.1; both encoders share one architecture, E2 stays fixed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mindreader.networks import torchvision_shim  # noqa: F401  # before timm and torchvision
from mindreader.networks.descriptions import EncoderDescription
from mindreader.networks.weights import find_weights

import timm  # isort: skip
import torchvision  # isort: skip


@dataclass(frozen=True)
class Features:
    """What an encoder reads in a batch of images."""

    embedding: Tensor
    """(B, D), not normalised."""
    middle: tuple[Tensor, ...]
    """One (B, C, h, w) for each of the description's middle layers."""


class Encoder(nn.Module):
    """An image encoder after its `EncoderDescription`; weights are random until loaded."""

    mean: Tensor
    std: Tensor

    def __init__(self, description: EncoderDescription) -> None:
        super().__init__()
        self.description = description
        self.network = _build(description)
        self.register_buffer("mean", torch.tensor(description.mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(description.std).view(1, 3, 1, 1), persistent=False)

    def features(self, images: Tensor) -> Features:
        """Read `images`, (B, 3, H, W) in [0, 1]; any size the network takes, no resizing here."""
        seen: dict[str, Tensor] = {}

        def keep(layer: str) -> Callable[[nn.Module, object, Tensor], None]:
            return lambda _module, _inputs, output: seen.update({layer: output})

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
        """Embeddings (B, D), L2-normalised, of `images` (B, 3, H, W) in [0, 1]; safe to call from several threads."""
        return F.normalize(self._embedding(images).float(), dim=1)

    def _embedding(self, images: Tensor) -> Tensor:
        embedding: Tensor = self.network((images - self.mean) / self.std)
        return embedding.flatten(1)

    def load_published_weights(self) -> None:
        """Load the ImageNet weights the description names.

        Raises:
            NotReadyError: the weights cannot be found.
        """
        published = torch.load(find_weights(self.description), map_location="cpu", weights_only=True)
        own = self.network.state_dict()
        # The Lite packages carry another implementation's names; the order of the tensors is the same.
        renamed = dict(
            zip(list(published) if published.keys() == own.keys() else own, published.values(), strict=False)
        )
        self.network.load_state_dict({name: renamed[name] for name in own})


def _build(description: EncoderDescription) -> nn.Module:
    if description.library == "timm":
        network: nn.Module = timm.create_model(description.architecture, pretrained=False)
        network.classifier = nn.Identity()  # 1.3 M parameters nobody reads
        return network
    network = torchvision.models.get_model(description.architecture, weights=None)
    network.classifier = network.get_submodule("classifier")[:5]  # type: ignore[index]  # to relu7, before its dropout
    return network


def pretrained_encoder(description: EncoderDescription) -> Encoder:
    """The fixed photo encoder E2: published weights, evaluation mode, no gradients.

    Raises:
        NotReadyError: the weights cannot be found.
    """
    encoder = Encoder(description)
    encoder.load_published_weights()
    return encoder.eval().requires_grad_(False)
