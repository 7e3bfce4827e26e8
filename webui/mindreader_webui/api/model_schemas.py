"""The shapes of requests and answers about model versions, embedding spaces, jobs and workers."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from mindreader.catalog import EmbeddingSpace, JobState, ModelVersion, WorkerProcess
from mindreader.use_cases.jobs import FailedPage, JobView
from mindreader.use_cases.jobs import FailedPhoto as FailedPhotoView
from mindreader.use_cases.liveness import works_lately
from mindreader.use_cases.spaces import Cost as CostView
from mindreader.use_cases.spaces import SpaceCounts
from mindreader_webui.api.common import MAX_ID
from mindreader_webui.api.schemas import EmbeddingCounts, Moment, PhotoUrls, Request, photo_urls
from mindreader_webui.words import translated


class Model(BaseModel):
    """A model version."""

    id: int
    name: str
    active: bool
    space_id: int
    space_key: str
    photo_encoder: str
    metrics: list[dict[str, Any]]
    created_at: Moment

    @classmethod
    def of(cls, row: ModelVersion) -> "Model":
        """From the catalog."""
        return cls(
            id=row.id,
            name=row.name,
            active=row.active,
            space_id=row.space_id,
            space_key=row.space.key,
            photo_encoder=row.space.photo_encoder,
            metrics=row.metrics,
            created_at=row.created_at,
        )


class Models(BaseModel):
    """All model versions, the newest first."""

    models: list[Model]


class ActiveModel(BaseModel):
    """The model version that answers searches."""

    id: int
    name: str
    space_key: str


class Status(BaseModel):
    """How far the photos are that the caller may see."""

    version: str
    embedding: EmbeddingCounts
    active_model: ActiveModel | None


class BundleForm(BaseModel):
    """A model bundle to bring in."""

    model_config = ConfigDict(extra="forbid")

    bundle: bytes = Field(json_schema_extra={"format": "binary"}, description="A zip file with a bundle.json.")


class ActivationQuery(Request):
    """How to activate."""

    incomplete: bool = Field(False, description="Even if photos are still waiting and would not be found yet.")


class Cost(BaseModel):
    """What building a space takes, if it were begun now."""

    photos: int
    seconds: float | None = Field(description="At the rate measured when its bundle was tried; null if it was not.")
    index_bytes: int = Field(description="Disk for the photo index.")
    memory_bytes: int = Field(description="Memory for the photo encoder, and for the index, which is searched there.")


class Space(BaseModel):
    """An embedding space: one exact photo encoder."""

    id: int
    key: str
    photo_encoder: str
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
            dimension=row.dimension,
            state="dropping" if row.drop_requested_at else state,
            counts=EmbeddingCounts.model_validate(counts, from_attributes=True),
            cost=Cost.model_validate(cost, from_attributes=True),
            created_at=row.created_at,
        )


class Spaces(BaseModel):
    """All embedding spaces, in the order they became known."""

    spaces: list[Space]


class Job(BaseModel):
    """A job and how far it is."""

    id: int
    state: JobState
    space_id: int
    photo_encoder: str
    total: int
    done: int = Field(description="Indexed.")
    failed: int
    skipped: int
    waiting: int
    photos_per_second: float = Field(description="Over the last minute.")
    seconds_left: float | None = Field(description="At that rate; null when nothing moves.")
    requested_by: str | None
    created_at: Moment
    finished_at: Moment | None

    @classmethod
    def of(cls, view: JobView) -> "Job":
        """From the catalog."""
        row, counts = view.job, view.counts
        return cls(
            id=row.id,
            state=JobState(row.state),
            space_id=row.space_id,
            photo_encoder=row.space.photo_encoder,
            total=counts.total,
            done=counts.indexed,
            failed=counts.failed,
            skipped=counts.skipped,
            waiting=counts.waiting,
            photos_per_second=round(view.photos_per_second, 2),
            seconds_left=None if view.seconds_left is None else round(view.seconds_left, 1),
            requested_by=row.requested_by.name if row.requested_by else None,
            created_at=row.created_at,
            finished_at=row.finished_at,
        )


class Jobs(BaseModel):
    """All jobs, the newest first."""

    jobs: list[Job]


class FailedQuery(Request):
    """Which failed photos to list."""

    after: int = Field(0, ge=0, le=MAX_ID, description="Continue above this photo id.")
    limit: int = Field(60, ge=1, le=200)


class FailedPhoto(PhotoUrls):
    """A photo that could not be embedded."""

    photo_id: int
    filename: str
    collection: str
    reason: str
    attempts: int
    skipped: bool

    @classmethod
    def of(cls, view: FailedPhotoView) -> "FailedPhoto":
        """From the catalog."""
        return cls(
            **photo_urls(view.photo.id),
            photo_id=view.photo.id,
            filename=view.photo.filename,
            collection=view.photo.collection.name,
            reason=translated(view.reason),
            attempts=view.attempts,
            skipped=view.skipped,
        )


class FailedPhotos(BaseModel):
    """Some failed photos, by id; ask for `after=next` to go on."""

    photos: list[FailedPhoto]
    next: int | None

    @classmethod
    def of(cls, page: FailedPage) -> "FailedPhotos":
        """From the catalog."""
        return cls(photos=[FailedPhoto.of(view) for view in page.photos], next=page.next)


class Changed(BaseModel):
    """How many photos something was done to."""

    photos: int


class Worker(BaseModel):
    """A worker process."""

    name: str
    queue: str
    device: str
    works: bool = Field(description="Whether a task ran in it within the last two minutes.")
    started_at: Moment
    last_task_at: Moment | None
    tasks: int
    photos: int
    last_error: str | None

    @classmethod
    def of(cls, row: WorkerProcess) -> "Worker":
        """From the catalog."""
        return cls(
            name=row.name,
            queue=row.queue,
            device=row.device,
            works=works_lately(row),
            started_at=row.started_at,
            last_task_at=row.last_task_at,
            tasks=row.tasks,
            photos=row.photos,
            last_error=row.last_error,
        )


class Workers(BaseModel):
    """All workers heard of in the last day."""

    workers: list[Worker]


class System(BaseModel):
    """The system as a whole; sizes in bytes, null where a thing lies on another machine."""

    users: int
    collections: int
    photos: int
    binned_photos: int = Field(description="Deleted, and not removed for good yet.")
    original_bytes: int
    waiting: int = Field(description="Photos to embed, over all embedding spaces.")
    failed: int
    catalog_bytes: int | None
    index_bytes: int | None
    disk_free_bytes: int
    disk_bytes: int
    catalog: str
    broker: str
    photo_index: str
    blobs: str


class ModelPath(BaseModel):
    """A model version by its id."""

    model_version_id: int


class SpacePath(BaseModel):
    """An embedding space by its id."""

    space_id: int


class JobPath(BaseModel):
    """A job by its id."""

    job_id: int


class JobPhotoPath(BaseModel):
    """A photo of a job."""

    job_id: int
    photo_id: int
