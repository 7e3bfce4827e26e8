"""Sketches people keep under a name."""

from flask import Response
from pydantic import BaseModel, Field, model_validator

from mindreader.catalog import KeptSketch as KeptSketchRow
from mindreader.use_cases.kept_sketches import MOST_POINTS, Stroke, delete_kept, keep_sketch, kept_page
from mindreader_webui.api.common import answer, blueprint, id_in_path, no_content
from mindreader_webui.api.schemas import Id, Moment, Request
from mindreader_webui.auth import current_account
from mindreader_webui.services import current_services

kept_sketches = blueprint("kept_sketches", __name__, "Sketches kept under a name")


class NewKeptSketch(Request):
    """A sketch to keep."""

    name: str
    strokes: list[Stroke] = Field(min_length=1, max_length=MOST_POINTS)

    @model_validator(mode="after")
    def _not_too_many_points(self) -> "NewKeptSketch":
        if sum(len(stroke.points) for stroke in self.strokes) > MOST_POINTS:
            raise ValueError(f"A sketch has at most {MOST_POINTS} points")
        return self


class KeptSketch(BaseModel):
    """A sketch somebody keeps."""

    id: int
    name: str
    strokes: list[Stroke]
    created_at: Moment

    @classmethod
    def of(cls, row: KeptSketchRow) -> "KeptSketch":
        """From the catalog."""
        return cls.model_validate(row, from_attributes=True)


class KeptSketches(BaseModel):
    """Some kept sketches, the newest first; ask for `after=next` to go on."""

    sketches: list[KeptSketch]
    next: int | None


class KeptSketchesQuery(Request):
    """Which page of the kept sketches."""

    after: Id | None = Field(None, description="Only sketches with a smaller id: `next` of the page before.")
    limit: int = Field(24, ge=1, le=100)


class KeptSketchPath(BaseModel):
    """A kept sketch."""

    kept_sketch_id: int


@kept_sketches.get("/kept-sketches", responses={200: KeptSketches})
def list_kept(query: KeptSketchesQuery) -> Response:
    """The sketches the caller keeps."""
    with current_services().catalog.snapshot() as session:
        page = kept_page(session, current_account(), query.after, query.limit)
        return answer(KeptSketches(sketches=[KeptSketch.of(row) for row in page.sketches], next=page.next))


@kept_sketches.post("/kept-sketches", responses={201: KeptSketch})
def keep(body: NewKeptSketch) -> Response:
    """Keep a sketch under a name."""
    with current_services().catalog.transaction() as session:
        return answer(KeptSketch.of(keep_sketch(session, current_account(), body.name, body.strokes)), 201)


@kept_sketches.delete(f"/kept-sketches/{id_in_path('kept_sketch_id')}", responses={204: None})
def delete_sketch(path: KeptSketchPath) -> Response:
    """Keep a sketch no longer."""
    with current_services().catalog.transaction() as session:
        delete_kept(session, current_account(), path.kept_sketch_id)
    return no_content()
