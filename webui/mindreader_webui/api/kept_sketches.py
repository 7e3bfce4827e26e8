"""Sketches people keep under a name."""

from flask import Response

from mindreader.search.user_sketches import delete_kept, keep_sketch, kept_page
from mindreader_webui.api.common import answer, blueprint, id_in_path, no_content
from mindreader_webui.api.schemas.sketches import (
    KeptSketch,
    KeptSketches,
    KeptSketchesQuery,
    KeptSketchPath,
    NewKeptSketch,
)
from mindreader_webui.auth import current_account
from mindreader_webui.services import current_services

kept_sketches = blueprint("kept_sketches", __name__, "Sketches kept under a name")


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
