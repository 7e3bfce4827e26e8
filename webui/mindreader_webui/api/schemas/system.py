"""Workers and the state of the system."""

from pydantic import BaseModel, Field

from mindreader.catalog import WorkerProcess
from mindreader.operations.worker_status import is_alive
from mindreader_webui.api.schemas.common import Moment


class Worker(BaseModel):
    """A worker process."""

    name: str
    queue: str
    device: str
    alive: bool = Field(description="Whether a task ran in it within the last two minutes.")
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
            alive=is_alive(row),
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
    trashed_photos: int = Field(description="Deleted, and not removed for good yet.")
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
