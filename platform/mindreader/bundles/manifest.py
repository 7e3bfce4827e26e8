"""`bundle.json`: what a model bundle says of itself."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

WEIGHT_FILES = ("generator.safetensors", "query_encoder.safetensors")

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class GeneratorRecord(_Strict):
    """How G is built (see `mindreader.networks.generator.GeneratorSizes`)."""

    image_size: int = Field(ge=32, le=1024, description="Side of sketch and imaginary image in pixels.")
    base_channels: int = Field(ge=1, le=256)
    upsampling: Literal["transposed", "resize"]
    norm: Literal["batch", "group"]


class QueryEncoderRecord(_Strict):
    """How E1 is built."""

    architecture: str = Field(description="Name of an encoder of `mindreader.networks.descriptions`.")
    input_size: int = Field(ge=32, le=1024, description="Side of its square input in pixels.")


class SpaceRecord(_Strict):
    """The embedding space the bundle targets."""

    photo_encoder: str = Field(description="Name of E2 in `mindreader.networks.descriptions`.")
    key: str = Field(pattern=r"^[0-9a-f]{16}$")
    description: dict[str, Any]


class TrainingRecord(_Strict):
    """How the bundle came to be, so that it can be made again."""

    command: str
    data: str = Field(description="Sources and terms of the training data.")
    steps: int = Field(ge=0)
    hours: float = Field(ge=0)
    hardware: str
    seed: int


class BundleManifest(_Strict):
    """The whole of `bundle.json`."""

    schema_version: Literal[1] = 1
    name: str = Field(min_length=1, max_length=100)
    preset: str
    space: SpaceRecord
    generator: GeneratorRecord
    query_encoder: QueryEncoderRecord
    files: dict[str, Sha256] = Field(description="SHA-256 of each weight file.")
    training: TrainingRecord
    metrics: list[dict[str, Any]] = Field(
        default_factory=list,
        description="Evaluations, each with its protocol, as `mindreader evaluate` prints them.",
    )
