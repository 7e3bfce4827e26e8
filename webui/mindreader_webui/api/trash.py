"""The trash: list, restore, remove for good."""

from flask import Response

from mindreader.imaging import THUMBNAIL_MEDIA_TYPE
from mindreader.library.collections import summary
from mindreader.library.trash import (
    empty_trash,
    remove_collection,
    remove_photos,
    restore_collection,
    restore_photos,
    trash_of,
    trashed_photo,
)
from mindreader.model_versions.registry import active_space_id
from mindreader_webui.access import USER
from mindreader_webui.api.common import answer, blueprint, id_in_path, no_content
from mindreader_webui.api.photo_files import thumbnail_of
from mindreader_webui.api.responses import image_response, kept_by_who_may_see_it
from mindreader_webui.api.schemas.bulk import ChangedPhotos, Selection
from mindreader_webui.api.schemas.collections import Collection
from mindreader_webui.api.schemas.trash import (
    Trash,
    TrashedCollection,
    TrashedCollectionPath,
    TrashedPhoto,
    TrashedPhotoPath,
    TrashQuery,
)
from mindreader_webui.auth import current_account
from mindreader_webui.services import change, current_services

trash = blueprint("trash", __name__, "What was deleted and can be restored", USER)

_ONE_COLLECTION = f"/trash/collections/{id_in_path('trashed_collection_id')}"


@trash.get("/trash", responses={200: Trash})
def show_trash(query: TrashQuery) -> Response:
    """What was deleted from the caller's collections; of the photos, the newest first, page by page."""
    services = current_services()
    with services.catalog.snapshot() as session:
        found = trash_of(session, current_account(), services.settings, after=query.after, limit=query.limit)
        body = Trash(
            days=services.settings.trash_days,
            collections=[TrashedCollection.of(each) for each in found.collections],
            photos=[TrashedPhoto.of(row) for row in found.photos.items],
            total=found.total,
            next=found.photos.next,
        )
    return answer(body)


@trash.delete("/trash", responses={204: None})
def empty() -> Response:
    """Remove everything in the caller's trash for good."""
    with change() as session:
        empty_trash(session, current_account())
    return no_content()


@trash.get(f"/trash/photos/{id_in_path('trashed_photo_id')}/thumbnail", responses=image_response(THUMBNAIL_MEDIA_TYPE))
def trashed_thumbnail(path: TrashedPhotoPath) -> Response:
    """A small copy of a photo in the trash."""
    services = current_services()
    with services.catalog.snapshot() as session:
        photo = trashed_photo(session, current_account(), services.settings, path.trashed_photo_id)
    return kept_by_who_may_see_it(thumbnail_of(photo, photo.filename))


@trash.post("/trash/photos/restore", responses={200: ChangedPhotos})
def restore(body: Selection) -> Response:
    """Put photos back into their collections."""
    services = current_services()
    with change() as session:
        count = restore_photos(session, current_account(), services.settings, body.photo_ids)
    return answer(ChangedPhotos.of(body, count))


@trash.post("/trash/photos/remove", responses={200: ChangedPhotos})
def remove(body: Selection) -> Response:
    """Remove photos in the trash for good."""
    services = current_services()
    with change() as session:
        count = remove_photos(session, current_account(), services.settings, body.photo_ids)
    return answer(ChangedPhotos.of(body, count))


@trash.post(f"{_ONE_COLLECTION}/restore", responses={200: Collection})
def restore_one_collection(path: TrashedCollectionPath) -> Response:
    """Put a collection back with its photos; if its name is taken now, it gets a new one."""
    services, user = current_services(), current_account()
    with change() as session:
        collection_id = restore_collection(session, user, services.settings, path.trashed_collection_id).id
    with services.catalog.snapshot() as session:
        return answer(Collection.of(summary(session, user, active_space_id(session), collection_id), user))


@trash.delete(_ONE_COLLECTION, responses={204: None})
def remove_one_collection(path: TrashedCollectionPath) -> Response:
    """Remove a collection in the trash for good, with all its photos."""
    services = current_services()
    with change() as session:
        remove_collection(session, current_account(), services.settings, path.trashed_collection_id)
    return no_content()
