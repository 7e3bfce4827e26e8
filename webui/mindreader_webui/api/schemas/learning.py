"""A model version that learns this library."""

from typing import Literal

from pydantic import BaseModel, Field

from mindreader.catalog import Training as TrainingRow
from mindreader.catalog import TrainingState
from mindreader.learning.trainings import Prospect
from mindreader_webui.api.schemas.common import Moment
from mindreader_webui.i18n import translated


class Training(BaseModel):
    """A model version learns this library: how far it is, or how it ended."""

    id: int
    state: TrainingState
    stage: Literal["preparing", "training", "comparing"] | None = Field(description="Null before a worker has begun.")
    step: int = Field(description="Of the stage.")
    steps: int
    seconds_left: float | None = Field(description="Of training; null where nobody can tell.")
    from_version: str | None = Field(description="Name of the version that learns; null once it is removed.")
    result_version_id: int | None = Field(description="The version that came of it; null before, and once removed.")
    result_version: str | None
    problem: str | None = Field(description="Why it failed.")
    requested_by: str | None
    created_at: Moment
    finished_at: Moment | None

    @classmethod
    def of(cls, row: TrainingRow) -> "Training":
        """From the catalog."""
        left = row.seconds_left if row.state == TrainingState.RUNNING else None
        return cls(
            id=row.id,
            state=TrainingState(row.state),
            stage=row.stage,  # type: ignore[arg-type]  # pydantic checks it
            step=row.step,
            steps=row.steps,
            seconds_left=None if left is None else round(left, 1),
            from_version=row.from_version.name if row.from_version else None,
            result_version_id=row.result_version_id,
            result_version=row.result_version.name if row.result_version else None,
            problem=translated(row.problem),
            requested_by=row.requested_by.name if row.requested_by else None,
            created_at=row.created_at,
            finished_at=row.finished_at,
        )


class Learning(BaseModel):
    """What would be learned, if it were begun now, and the newest training."""

    version: str | None = Field(description="Name of the active version, which would learn.")
    photos: int = Field(description="That are in its index.")
    hindrance: str | None = Field(description="Why nothing can be learned now, and what to do; null where it can.")
    seconds: float | None = Field(description="How long it takes about; null where nobody can tell.")
    learns_from_use: bool = Field(description="Whether it also learns from sketches that people saved.")
    is_served: bool = Field(description="Whether a worker takes what is to be learned.")
    training: Training | None

    @classmethod
    def of(cls, seen: Prospect, newest: TrainingRow | None, *, learns_from_use: bool, is_served: bool) -> "Learning":
        """From the catalog and the settings."""
        return cls(
            version=seen.version.name if seen.version else None,
            photos=seen.photos,
            hindrance=translated(seen.hindrance),
            seconds=None if seen.seconds is None else round(seen.seconds, 1),
            learns_from_use=learns_from_use,
            is_served=is_served,
            training=Training.of(newest) if newest else None,
        )
