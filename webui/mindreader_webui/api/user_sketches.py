"""Sketches people keep under a name."""

from flask import Response

from mindreader.search.user_sketches import MOST_POINTS, add_user_sketch, delete_user_sketch, user_sketch_page
from mindreader_webui.access import USER, access
from mindreader_webui.api.common import answer, blueprint, id_in_path, no_content
from mindreader_webui.api.schemas.sketches import (
    NewUserSketch,
    UserSketch,
    UserSketches,
    UserSketchesQuery,
    UserSketchPath,
)
from mindreader_webui.auth import current_account
from mindreader_webui.services import current_services

user_sketches = blueprint("user_sketches", __name__, "Sketches kept under a name", USER)


@user_sketches.get("/user-sketches", responses={200: UserSketches})
def list_user_sketches(query: UserSketchesQuery) -> Response:
    """The sketches the caller keeps."""
    with current_services().catalog.snapshot() as session:
        page = user_sketch_page(session, current_account(), query.after, query.limit)
        return answer(UserSketches(sketches=[UserSketch.of(row) for row in page.items], next=page.next))


@user_sketches.post("/user-sketches", responses={201: UserSketch})
@access(USER, max_body=MOST_POINTS * 32)  # three numbers and what stands between them
def save_sketch(body: NewUserSketch) -> Response:
    """Keep a sketch under a name."""
    with current_services().catalog.transaction() as session:
        return answer(UserSketch.of(add_user_sketch(session, current_account(), body.name, body.strokes)), 201)


@user_sketches.delete(f"/user-sketches/{id_in_path('user_sketch_id')}", responses={204: None})
def delete_sketch(path: UserSketchPath) -> Response:
    """Keep a sketch no longer."""
    with current_services().catalog.transaction() as session:
        delete_user_sketch(session, current_account(), path.user_sketch_id)
    return no_content()
