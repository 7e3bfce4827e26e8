"""`bundle.json`: what a model bundle says of itself."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

WEIGHT_FILES = ("generator.safetensors", "query_encoder.safetensors")
PROJECTION_FILE = "photo_projection.safetensors"
"""Weights of the embedding space's projection; in the bundle if and only if the space has one."""

BundleName = Annotated[str, Field(max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")]
"""Of one line."""
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class GeneratorRecord(_Strict):
    """How G is built (see `mindreader.networks.descriptions.GeneratorSizes`)."""

    image_size: int = Field(ge=32, le=1024, description="Side of its sketch and its imaginary image, in pixels.")
    base_channels: int = Field(ge=1, le=256)
    upsampling: Literal["transposed", "resize"]
    norm: Literal["batch", "group"]
    condition: int = Field(ge=0, le=65_536, description="Length of the condition; 0 for none.")

    @field_validator("image_size")
    @classmethod
    def _is_a_power_of_two(cls, size: int) -> int:
        if size.bit_count() != 1:
            raise ValueError("it must be a power of two, as G halves the image down to one pixel")
        return size


class QueryEncoderRecord(_Strict):
    """How E1 is built."""

    architecture: str = Field(description="Name of an encoder MindReader knows, or E2's.")
    input_size: int = Field(ge=32, le=1024, description="Side of its square input in pixels.")
    sketch_weight: float = Field(
        ge=0, le=100, description="What E1 reads in the sketch counts this much beside the imaginary image; 0: nothing."
    )
    sketch_size: int | None = Field(
        default=None,
        ge=32,
        le=1024,
        exclude_if=lambda size: size is None,
        description="Side of the sketches that G and E1 are given, in pixels; if absent, G's image size.",
    )


class SpaceRecord(_Strict):
    """The embedding space the bundle targets."""

    photo_encoder: str = Field(description="Name of E2.")
    key: str = Field(pattern=r"^[0-9a-f]{16}$")
    description: dict[str, Any] = Field(description="A `mindreader.networks.descriptions.SpaceDescription`.")


class TrainingRecord(_Strict):
    """How the bundle came to be, so that it can be made again."""

    command: str
    data: str = Field(description="Sources and terms of the training data.")
    steps: int = Field(ge=0, description="Steps really made.")
    stopped_by_dev: list[str] = Field(
        default_factory=list, description="Phases that ended early because the split `dev` got no better."
    )
    hours: float = Field(ge=0)
    hardware: str
    seed: int


class GoldenRecord(_Strict):
    """What one sketch found when the bundle was made: the same files must find the same again."""

    protocol: str
    sketch: str = Field(description="Path within the data set.")
    found: list[str] = Field(description="Paths of the first photos, best first.")


class BundleManifest(_Strict):
    """The whole of `bundle.json`."""

    schema_version: Literal[1] = 1
    name: BundleName = Field(description="Of one line.")
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
    golden: list[GoldenRecord] = Field(default_factory=list)
