"""Embedding spaces: what they cost, build, drop."""

from flask import Response

from mindreader.embedding.jobs import job_view, start_job
from mindreader.embedding.spaces import cost, request_drop, space_counts
from mindreader.embedding.spaces import spaces as all_spaces
from mindreader_webui.access import ADMIN
from mindreader_webui.api.common import answer, blueprint, id_in_path, no_content
from mindreader_webui.api.schemas.jobs import Job
from mindreader_webui.api.schemas.models import Space, SpacePath, Spaces
from mindreader_webui.auth import current_account
from mindreader_webui.services import change, current_services

spaces = blueprint("spaces", __name__, "Embedding spaces: what they cost, build, drop", ADMIN)

_SPACE = f"/spaces/{id_in_path('space_id')}"


@spaces.get("/spaces", responses={200: Spaces})
def list_spaces() -> Response:
    """All embedding spaces, how far each is, and what building it takes; for administrators."""
    with current_services().catalog.snapshot() as session:
        return answer(
            Spaces(
                spaces=[Space.of(row, space_counts(session, row.id), cost(session, row)) for row in all_spaces(session)]
            )
        )


@spaces.post(f"{_SPACE}/build", responses={201: Job})
def build_space(path: SpacePath) -> Response:
    """Embed every photo in this space, beside the one in use; for administrators."""
    services = current_services()
    with change() as session:
        job_id = start_job(session, path.space_id, current_account()).id
    with services.catalog.snapshot() as session:
        return answer(Job.of(job_view(session, job_id)), 201)


@spaces.delete(_SPACE, responses={202: None})
def drop_space(path: SpacePath) -> Response:
    """Give a space's index up; it can be built again. For administrators."""
    with change() as session:
        request_drop(session, path.space_id)
    return no_content(202)
