"""Sketches a user keeps."""

from pydantic import BaseModel, Field, model_validator

from mindreader.catalog import UserSketch as UserSketchRow
from mindreader.search.user_sketches import MOST_POINTS, Stroke
from mindreader_webui.api.schemas.common import Id, Moment, Request


class NewUserSketch(Request):
    """A sketch to keep."""

    name: str
    strokes: list[Stroke] = Field(min_length=1, max_length=MOST_POINTS)

    @model_validator(mode="after")
    def _not_too_many_points(self) -> "NewUserSketch":
        if sum(len(stroke.points) for stroke in self.strokes) > MOST_POINTS:
            raise ValueError(f"A sketch has at most {MOST_POINTS} points")
        return self


class UserSketch(BaseModel):
    """A sketch somebody keeps."""

    id: int
    name: str
    strokes: list[Stroke]
    created_at: Moment

    @classmethod
    def of(cls, row: UserSketchRow) -> "UserSketch":
        """From the catalog."""
        return cls.model_validate(row, from_attributes=True)


class UserSketches(BaseModel):
    """Some of a user's sketches, the newest first; ask for `after=next` to go on."""

    sketches: list[UserSketch]
    next: int | None


class UserSketchesQuery(Request):
    """Which page of the user's sketches."""

    after: Id | None = Field(None, description="Only sketches with a smaller id: `next` of the page before.")
    limit: int = Field(24, ge=1, le=100)


class UserSketchPath(BaseModel):
    """A user's sketch."""

    user_sketch_id: int
