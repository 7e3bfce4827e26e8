"""Jobs and the photos that failed in them."""

from pydantic import BaseModel, Field

from mindreader.catalog import JobState
from mindreader.embedding.jobs import FailedPhoto as FailedPhotoView
from mindreader.embedding.jobs import JobView
from mindreader.paging import Page
from mindreader_webui.api.common import MAX_ID
from mindreader_webui.api.schemas.common import Moment, Request
from mindreader_webui.api.schemas.photos import PhotoUrls, photo_urls
from mindreader_webui.i18n import translated


class Job(BaseModel):
    """A job and how far it is; of one that has ended, how far it had come then."""

    id: int
    state: JobState
    space_id: int
    photo_encoder: str
    total: int
    done: int = Field(description="Indexed.")
    failed: int
    skipped: int
    waiting: int = Field(description="Still to be embedded; 0 once it has ended.")
    photos_per_second: float = Field(description="Over the last minute.")
    seconds_left: float | None = Field(description="At that rate; null when nothing moves.")
    requested_by: str | None
    created_at: Moment
    finished_at: Moment | None
    set_aside: str | None = Field(
        description="The folder that a damaged photo index was set aside as, of the job that builds it anew; else null."
    )

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
            waiting=view.waiting,
            photos_per_second=round(view.photos_per_second, 2),
            seconds_left=None if view.seconds_left is None else round(view.seconds_left, 1),
            requested_by=row.requested_by.name if row.requested_by else None,
            created_at=row.created_at,
            finished_at=row.finished_at,
            set_aside=view.set_aside,
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
    def of(cls, page: Page[FailedPhotoView]) -> "FailedPhotos":
        """From the catalog."""
        return cls(photos=[FailedPhoto.of(view) for view in page.items], next=page.next)


class ChangedJobPhotos(BaseModel):
    """How many photos of a job something was done to."""

    photos: int


class JobPath(BaseModel):
    """A job by its id."""

    job_id: int


class JobPhotoPath(BaseModel):
    """A photo of a job."""

    job_id: int
    photo_id: int
