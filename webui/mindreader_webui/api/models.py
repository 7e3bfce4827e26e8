"""Model versions and their embedding spaces: bring in, try, build, switch, roll back, remove."""

import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from flask import Response, request
from sqlalchemy.orm import Session

from mindreader.bundles import Bundle
from mindreader.bundles.archive import unpack_bundle
from mindreader.catalog import ModelVersion, Role
from mindreader.embedding.spaces import cost
from mindreader.errors import MindReaderError, NotReadyError
from mindreader.library.collections import embedding_totals
from mindreader.library.files.upload import safe_filename
from mindreader.model_versions.registry import (
    activate,
    active_version,
    add_regions,
    addable_regions,
    bundle_store,
    register_bundle,
    remove_version,
    version_by_id,
    versions,
    versions_of_bundle,
)
from mindreader.region_schemes import region_scheme
from mindreader_webui.access import ADMIN, SMALL_BODY, USER, access
from mindreader_webui.api.common import answer, blueprint, id_in_path, multipart, no_content
from mindreader_webui.api.schemas.common import EmbeddingCounts
from mindreader_webui.api.schemas.models import (
    ActivationQuery,
    ActiveModel,
    AddableRegions,
    BundleForm,
    Cost,
    Model,
    ModelPath,
    Models,
    NewRegions,
    Status,
    UploadRules,
)
from mindreader_webui.auth import current_account
from mindreader_webui.i18n import translated
from mindreader_webui.lanes import Lane
from mindreader_webui.problems import InvalidFieldsError
from mindreader_webui.services import Services, change, current_services
from mindreader_webui.uploads import UPLOADS_FOLDER, path_of
from mindreader_webui.waiting import embedding_trouble
from mindreader_workers import client

models = blueprint("models", __name__, "Model versions", USER)

_ONE = f"/models/{id_in_path('model_version_id')}"
_SMOKE_TEST_SECONDS = 600.0


@models.get("/status", responses={200: Status})
def status() -> Response:
    """How far the photos are that the caller may see, and which model version answers."""
    with current_services().catalog.snapshot() as session:
        active = active_version(session)
        counts = embedding_totals(session, current_account(), active.space_id if active else None)
        trouble = embedding_trouble(session, current_account())
    model = ActiveModel(id=active.id, name=active.name, space_key=active.space.key) if active else None
    return answer(
        Status(
            version=version("mindreader"),
            embedding=EmbeddingCounts(**counts),
            embedding_trouble=translated(trouble),
            active_model=model,
            uploads=UploadRules.of(current_services().settings),
        )
    )


@models.get("/models", responses={200: Models})
def list_models() -> Response:
    """All model versions, the newest first."""
    administers = current_account().role == Role.ADMIN
    with current_services().catalog.snapshot() as session:
        listed = versions(session)
        return answer(Models(models=[Model.of(row, _addable(session, row) if administers else ()) for row in listed]))


@models.post("/models", responses={201: Model}, openapi_extensions=multipart(BundleForm))
@access(ADMIN, max_body=lambda settings: settings.bundle_max_bytes + SMALL_BODY, lane=Lane.LONG)
def add_model() -> Response:
    """Bring in a bundle (a zip file): it is checked, tried by a worker, and then waits to be built or activated.

    For administrators. A bundle that is known already is repaired if its files were damaged.
    """
    services = current_services()
    with _unpacked(services) as bundle:
        kept = bundle_store(services.settings, services.blobs)
        kept.keep(bundle)
        try:
            trial = client.smoke_test(services.celery, bundle.sha256, _SMOKE_TEST_SECONDS)
        except MindReaderError:
            with services.catalog.snapshot() as session:
                known = versions_of_bundle(session, bundle.sha256)
            if not known:
                kept.remove(bundle.sha256)
            raise
        with services.catalog.transaction() as session:
            added = register_bundle(session, bundle, trial)
    _warm(services, added)
    return answer(Model.of(added), 201)


@models.post(f"{_ONE}/regions", responses={201: Model})
@access(ADMIN)
def add_regions_to_model(path: ModelPath, body: NewRegions) -> Response:
    """Register this version's bundle once more, for the same photo encoder with regions; for administrators.

    The new version stands beside the old one and costs nothing until its space is built.
    """
    with current_services().catalog.transaction() as session:
        return answer(Model.of(add_regions(session, path.model_version_id, body.regions)), 201)


@models.post(f"{_ONE}/activate", responses={200: Model})
@access(ADMIN, lane=Lane.WORKER)
def activate_model(path: ModelPath, query: ActivationQuery) -> Response:
    """Let this version answer searches from now on, or go back to it; for administrators.

    A worker loads it first: a version that cannot be loaded never takes the place of one that works.
    """
    services = current_services()
    with services.catalog.snapshot() as session:
        version_by_id(session, path.model_version_id)
    client.warm_up(services.celery, path.model_version_id, services.settings.search_timeout)
    with services.catalog.transaction() as session:
        return answer(Model.of(activate(session, path.model_version_id, incomplete=query.incomplete)))


@models.delete(_ONE, responses={204: None})
@access(ADMIN)
def remove_model(path: ModelPath) -> Response:
    """Forget a version that does not answer searches; a space nobody else uses is dropped. For administrators."""
    services = current_services()
    with change() as session:
        removed = remove_version(session, path.model_version_id)
    if removed.bundle_unused:
        bundle_store(services.settings, services.blobs).remove(removed.bundle_sha256)
    return no_content()


@contextmanager
def _unpacked(services: Services) -> Iterator[Bundle]:
    """The bundle that was sent, checked, in a folder of its own for as long as the context lasts."""
    sent = request.files.get("bundle")
    if sent is None:
        raise InvalidFieldsError([{"field": "bundle", "message": "Send a model bundle as a zip file"}])
    folder = Path(services.settings.data_dir, UPLOADS_FOLDER, f"bundle-{uuid.uuid4().hex}")
    try:
        yield unpack_bundle(path_of(sent), folder, safe_filename(sent.filename or ""))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _addable(session: Session, version: ModelVersion) -> list[AddableRegions]:
    return [
        AddableRegions(
            regions=name,
            precision=region_scheme(name).precision,
            cost=Cost.model_validate(cost(session, version.space, name), from_attributes=True),
        )
        for name in addable_regions(session, version)
    ]


def _warm(services: Services, added: ModelVersion) -> None:
    """Have a worker load it now, so that activating it takes no time."""
    try:
        client.warm_up(services.celery, added.id, services.settings.search_timeout)
    except NotReadyError:
        return  # it has been tried; activating it will load it again
