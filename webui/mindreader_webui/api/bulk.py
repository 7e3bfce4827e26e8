"""Many photos at once: label, delete, move, download; and which files are here already."""

from datetime import UTC, datetime

from flask import Response

from mindreader.library.bulk_edit import delete_photos, move_photos, set_categories, visible_selection
from mindreader.library.existing_files import existing_photos
from mindreader.library.zip_download import zip_of
from mindreader_webui.api.common import answer, blueprint, id_in_path
from mindreader_webui.api.responses import image_response
from mindreader_webui.api.schemas.bulk import (
    ArchiveQuery,
    CategoryOfSelection,
    ChangedPhotos,
    Digests,
    ExistingFile,
    ExistingFiles,
    Moved,
    Selection,
    TargetOfSelection,
)
from mindreader_webui.api.schemas.collections import CollectionPath
from mindreader_webui.auth import current_account
from mindreader_webui.services import current_services
from mindreader_workers.client import wake_embedders

selections = blueprint("selections", __name__, "Many photos at once")

_ZIP = "application/zip"


@selections.post("/photos/category", responses={200: ChangedPhotos})
def label(body: CategoryOfSelection) -> Response:
    """Give photos another category, or none; for their collections' owners and administrators."""
    services = current_services()
    with services.catalog.transaction() as session:
        count = set_categories(session, current_account(), body.photo_ids, body.category)
    wake_embedders(services.celery)
    return answer(ChangedPhotos.of(body, count))


@selections.post("/photos/delete", responses={200: ChangedPhotos})
def delete(body: Selection) -> Response:
    """Put photos into the trash; for their collections' owners and administrators."""
    services = current_services()
    with services.catalog.transaction() as session:
        count = delete_photos(session, current_account(), body.photo_ids)
    wake_embedders(services.celery)  # they also purge
    return answer(ChangedPhotos.of(body, count))


@selections.post("/photos/move", responses={200: Moved})
def move(body: TargetOfSelection) -> Response:
    """Put photos into another collection; for the owners of both and administrators."""
    services = current_services()
    with services.catalog.transaction() as session:
        moved = move_photos(session, current_account(), body.photo_ids, body.collection_id)
    wake_embedders(services.celery)
    return answer(Moved(moved=moved.moved, duplicates=list(moved.duplicates)))


@selections.get("/photos/archive", responses=image_response(_ZIP))
def archive(query: ArchiveQuery) -> Response:
    """The originals as one zip file; for everyone who may see them."""
    services = current_services()
    with services.catalog.snapshot() as session:
        photos = visible_selection(session, current_account(), query.photo_ids)
    response = Response(zip_of(services.blobs, photos), mimetype=_ZIP)
    name = f"photos-{datetime.now(UTC):%Y-%m-%d-%H%M}.zip"
    response.headers["Content-Disposition"] = f"attachment; filename={name}"
    response.headers["Cache-Control"] = "no-store"
    return response


@selections.post(f"/collections/{id_in_path('collection_id')}/existing", responses={200: ExistingFiles})
def existing(path: CollectionPath, body: Digests) -> Response:
    """Say which files need not be sent, by their SHA-256; for who may upload into the collection."""
    user = current_account()
    with current_services().catalog.snapshot() as session:
        found = existing_photos(session, user, path.collection_id, body.sha256)
    return answer(ExistingFiles(existing=[ExistingFile.of(photo, user.id) for photo in found]))
