"""Many photos at once: label, date, delete, move, copy, download; and which files are here already."""

from datetime import UTC, datetime

from flask import Response

from mindreader.catalog import TokenScope
from mindreader.library.bulk_edit import (
    copy_photos,
    count_in_folders,
    delete_photos,
    move_photos,
    set_categories,
    set_dates,
    visible_selection,
)
from mindreader.library.files.existing_files import existing_photos
from mindreader.library.stored_copies import store_originals
from mindreader.library.zip_download import zip_of
from mindreader.originals import Originals
from mindreader_webui.access import SMALL_BODY, USER, access
from mindreader_webui.api.common import answer, blueprint, id_in_path
from mindreader_webui.api.responses import image_response
from mindreader_webui.api.schemas.bulk import (
    ArchiveQuery,
    CategoryOfSelection,
    ChangedPhotos,
    Copied,
    DateOfSelection,
    DeletedPhotos,
    Digests,
    ExistingFile,
    ExistingFiles,
    LabelledPhotos,
    Moved,
    Selection,
    TargetOfSelection,
)
from mindreader_webui.api.schemas.collections import CollectionPath
from mindreader_webui.auth import current_account
from mindreader_webui.lanes import Lane
from mindreader_webui.services import change, current_services

bulk = blueprint("bulk", __name__, "Many photos at once", USER)

_ZIP = "application/zip"


@bulk.post("/photos/category", responses={200: LabelledPhotos})
def label(body: CategoryOfSelection) -> Response:
    """Give photos another category, or none; for their collections' owners and administrators."""
    with change() as session:
        before = set_categories(session, current_account(), body.photo_ids, body.category)
    return answer(LabelledPhotos.with_categories(body, before))


@bulk.post("/photos/date", responses={200: ChangedPhotos})
def date(body: DateOfSelection) -> Response:
    """Say when photos were taken, all at the same moment; for their collections' owners and administrators."""
    with change() as session:
        count = set_dates(session, current_account(), body.photo_ids, body.taken_at)
    return answer(ChangedPhotos.of(body, count))


@bulk.post("/photos/delete", responses={200: DeletedPhotos})
def delete(body: Selection) -> Response:
    """Put photos into the trash; for their collections' owners and administrators.

    Those shown from a folder are hidden: their files stay.
    """
    with change() as session:
        stay = count_in_folders(session, body.photo_ids)
        count = delete_photos(session, current_account(), body.photo_ids)
    gone = ChangedPhotos.of(body, count).gone
    return answer(DeletedPhotos(changed=count, gone=gone, files_stay=stay))


@bulk.post("/photos/move", responses={200: Moved})
def move(body: TargetOfSelection) -> Response:
    """Put photos into another collection; for the owners of both and administrators."""
    with change() as session:
        moved = move_photos(session, current_account(), body.photo_ids, body.collection_id)
    return answer(Moved(moved=moved.moved, duplicates=list(moved.duplicates), replaced=moved.replaced))


@bulk.post("/photos/copy", responses={200: Copied})
@access(USER, lane=Lane.LONG)
def copy(body: TargetOfSelection) -> Response:
    """Put photos into a further collection; for everyone who may see them and the collection's owner.

    Their bytes are not stored a second time; those of photos shown from a folder are stored then.
    """
    services = current_services()
    stores = services.catalog, services.blobs, services.settings
    store_originals(*stores, current_account(), body.photo_ids)
    with change() as session:
        copied = copy_photos(session, current_account(), body.photo_ids, body.collection_id)
    return answer(Copied(photo_ids=list(copied.photo_ids), duplicates=list(copied.duplicates)))


@bulk.get("/photos/archive", responses=image_response(_ZIP))
@access(USER, lane=Lane.DOWNLOAD)
def archive(query: ArchiveQuery) -> Response:
    """The originals as one zip file; for everyone who may see them."""
    services = current_services()
    with services.catalog.snapshot() as session:
        photos = visible_selection(session, current_account(), query.photo_ids)
    originals = Originals(services.catalog, services.blobs, services.settings)
    response = Response(zip_of(originals, photos), mimetype=_ZIP)
    name = f"photos-{datetime.now(UTC):%Y-%m-%d-%H%M}.zip"
    response.headers["Content-Disposition"] = f"attachment; filename={name}"
    response.headers["Cache-Control"] = "no-store"
    return response


@bulk.post(f"/collections/{id_in_path('collection_id')}/existing", responses={200: ExistingFiles})
@access(USER, scope=TokenScope.READ, max_body=2 * SMALL_BODY)  # a thousand digests
def existing(path: CollectionPath, body: Digests) -> Response:
    """Say which files need not be sent, by their SHA-256; for who may upload into the collection."""
    user = current_account()
    with current_services().catalog.snapshot() as session:
        found = existing_photos(session, user, path.collection_id, body.sha256)
    return answer(ExistingFiles(existing=[ExistingFile.of(photo, user.id) for photo in found]))
