"""Model versions, and how far everything is."""

from importlib.metadata import version

from flask import Response

from mindreader.use_cases.collections import embedding_totals
from mindreader.use_cases.models import activate, active_version, versions
from mindreader_webui.api.common import answer, blueprint, id_in_path
from mindreader_webui.api.schemas import ActiveModel, EmbeddingCounts, Model, ModelPath, Models, Status
from mindreader_webui.auth import current_account, require_admin
from mindreader_webui.services import current_services

models = blueprint("models", __name__, "Model versions, and how far everything is")


@models.get("/status", responses={200: Status})
def status() -> Response:
    """How far the photos are that the caller may see, and which model version answers."""
    with current_services().catalog.snapshot() as session:
        active = active_version(session)
        counts = embedding_totals(session, current_account(), active.space_id if active else None)
    model = ActiveModel(id=active.id, name=active.name, space_key=active.space.key) if active else None
    return answer(
        Status(
            version=version("mindreader"),
            embedding=EmbeddingCounts(**counts),
            active_model=model,
        )
    )


@models.get("/models", responses={200: Models})
def list_models() -> Response:
    """All model versions, the newest first."""
    with current_services().catalog.snapshot() as session:
        return answer(Models(models=[Model.of(row) for row in versions(session)]))


@models.post(f"/models/{id_in_path('model_version_id')}/activate", responses={200: Model})
def activate_model(path: ModelPath) -> Response:
    """Let this version answer searches from now on; for administrators."""
    require_admin()
    with current_services().catalog.transaction() as session:
        return answer(Model.of(activate(session, path.model_version_id)))
