"""The shapes of requests and answers about model versions, embedding spaces, jobs and workers."""

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from mindreader.catalog import EmbeddingSpace, ModelVersion
from mindreader.embedding.spaces import Cost as CostView
from mindreader.embedding.spaces import SpaceCounts
from mindreader.library.files.system_folders import skipped_folders
from mindreader.region_schemes import Precision
from mindreader.settings import Settings
from mindreader_webui.api.schemas.common import EmbeddingCounts, Moment, Request


class Cost(BaseModel):
    """What building a space takes, if it were begun now."""

    photos: int
    seconds: float | None = Field(description="At the rate measured when its bundle was tried; null if it was not.")
    index_bytes: int = Field(description="Disk for the photo index.")
    memory_bytes: int = Field(description="Memory for the photo encoder, and for what of the index is searched there.")


class AddableRegions(BaseModel):
    """Regions a model version may get, and what building its space with them takes."""

    regions: str = Field(description="Name of a scheme.")
    precision: Precision = Field(description="In which the photo encoder computes; int8 by OpenVINO alone.")
    cost: Cost


class Model(BaseModel):
    """A model version."""

    id: int
    name: str
    active: bool
    space_id: int
    space_key: str
    photo_encoder: str
    regions: str = Field(description='Its scheme of regions; "none" where each photo has one vector.')
    addable_regions: list[AddableRegions] = Field(
        description="Schemes its bundle is not registered with yet, the best first; for administrators, in the list."
    )
    metrics: list[dict[str, Any]]
    created_at: Moment
    activated_at: Moment | None = Field(description="When it last began to answer searches; null if it never did.")

    @classmethod
    def of(cls, row: ModelVersion, addable: Sequence[AddableRegions] = ()) -> "Model":
        """From the catalog."""
        return cls(
            id=row.id,
            name=row.name,
            active=row.active,
            space_id=row.space_id,
            space_key=row.space.key,
            photo_encoder=row.space.photo_encoder,
            regions=row.space.regions,
            addable_regions=list(addable),
            metrics=row.metrics,
            created_at=row.created_at,
            activated_at=row.activated_at,
        )


class NewRegions(Request):
    """Which regions a version is to have."""

    regions: str = Field(max_length=100, description="Name of a scheme, as in `addable_regions`.")


class Models(BaseModel):
    """All model versions, the newest first."""

    models: list[Model]


class ActiveModel(BaseModel):
    """The model version that answers searches."""

    id: int
    name: str
    space_key: str


class UploadRules(BaseModel):
    """What uploads are held to, so that what will be refused need not be sent."""

    file_max_bytes: int
    request_max_bytes: int
    skipped_folders: list[str] = Field(
        description="Names of folders that are passed over; small and capital letters alike, * for any characters."
    )

    @classmethod
    def of(cls, settings: Settings) -> "UploadRules":
        """As the settings say."""
        return cls(
            file_max_bytes=settings.upload_max_bytes,
            request_max_bytes=settings.request_max_bytes,
            skipped_folders=list(skipped_folders(settings.skip_folders)),
        )


class Status(BaseModel):
    """How far the photos are that the caller may see."""

    version: str
    embedding: EmbeddingCounts
    embedding_trouble: str | None = Field(
        description="What keeps photos waiting, as the workers say it to administrators; null where nothing does."
    )
    active_model: ActiveModel | None
    uploads: UploadRules


class BundleForm(BaseModel):
    """A model bundle to bring in."""

    model_config = ConfigDict(extra="forbid")

    bundle: bytes = Field(json_schema_extra={"format": "binary"}, description="A zip file with a bundle.json.")


class ActivationQuery(Request):
    """How to activate."""

    incomplete: bool = Field(False, description="Even if photos are still waiting and would not be found yet.")


class Space(BaseModel):
    """An embedding space: one exact photo encoder, with or without regions."""

    id: int
    key: str
    photo_encoder: str
    regions: str = Field(description='Its scheme of regions; "none" where each photo has one vector.')
    dimension: int
    state: Literal["known", "open", "dropping"]
    counts: EmbeddingCounts
    cost: Cost
    created_at: Moment

    @classmethod
    def of(cls, row: EmbeddingSpace, counts: SpaceCounts, cost: CostView) -> "Space":
        """From the catalog."""
        state: Literal["known", "open", "dropping"] = "open" if row.opened_at else "known"
        return cls(
            id=row.id,
            key=row.key,
            photo_encoder=row.photo_encoder,
            regions=row.regions,
            dimension=row.dimension,
            state="dropping" if row.drop_requested_at else state,
            counts=EmbeddingCounts.model_validate(counts, from_attributes=True),
            cost=Cost.model_validate(cost, from_attributes=True),
            created_at=row.created_at,
        )


class Spaces(BaseModel):
    """All embedding spaces, in the order they became known."""

    spaces: list[Space]


class ModelPath(BaseModel):
    """A model version by its id."""

    model_version_id: int


class SpacePath(BaseModel):
    """An embedding space by its id."""

    space_id: int
