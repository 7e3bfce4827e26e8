"""Single photos: look, label, delete, try again, and their bytes."""

from dataclasses import asdict

from flask import Response

from mindreader.catalog import Photo as PhotoRow
from mindreader.errors import OriginalAwayError
from mindreader.imaging import THUMBNAIL_MEDIA_TYPE, Camera
from mindreader.library.files.origins import origins_of
from mindreader.library.files.previews import camera_of
from mindreader.library.photos import (
    delete_photo,
    retry_photo,
    set_category,
    set_taken_at,
    visible_copies,
    visible_photo,
)
from mindreader.model_versions.registry import active_space_id
from mindreader.originals import Originals
from mindreader.photo_index import IndexFilter
from mindreader_webui.access import USER, access
from mindreader_webui.api.common import answer, blueprint, id_in_path, no_content
from mindreader_webui.api.photo_files import original_of, preview_of, thumbnail_of
from mindreader_webui.api.photo_results import copies_in
from mindreader_webui.api.responses import image_response, kept_by_who_may_see_it
from mindreader_webui.api.schemas.origins import PhotoOrigin
from mindreader_webui.api.schemas.photo_details import CameraDetails, PhotoDetails
from mindreader_webui.api.schemas.photos import Photo, PhotoChange, PhotoPath
from mindreader_webui.auth import current_account
from mindreader_webui.lanes import Lane
from mindreader_webui.services import change, current_services

photos = blueprint("photos", __name__, "Single photos", USER)

_ONE = f"/photos/{id_in_path('photo_id')}"


@photos.get(_ONE, responses={200: Photo})
def show_photo(path: PhotoPath) -> Response:
    """One photo."""
    return answer(_shown(path.photo_id))


@photos.get(f"{_ONE}/details", responses={200: PhotoDetails})
@access(USER, lane=Lane.LONG)
def details(path: PhotoPath) -> Response:
    """What is asked of one photo alone: how it was taken, as its file says, where it comes from, where else it is."""
    photo, services, user = _photo(path.photo_id), current_services(), current_account()
    with services.catalog.snapshot() as session:
        copies = visible_copies(session, user, [photo.id], IndexFilter())
        origins = [PhotoOrigin(kind=each.kind, url=each.url) for each in origins_of(session, photo.id)]
    originals = Originals(services.catalog, services.blobs, services.settings)
    try:
        camera = camera_of(originals, services.settings, photo.sha256)
    except OriginalAwayError:
        camera = Camera()
    others = [copy for copy in copies if copy.id != photo.id]
    return answer(PhotoDetails(camera=CameraDetails(**asdict(camera)), origins=origins, **copies_in(others)))


@photos.patch(_ONE, responses={200: Photo})
def edit_photo(path: PhotoPath, body: PhotoChange) -> Response:
    """Give the photo another category or date, or none; for the collection's owner and administrators."""
    with change() as session:
        if "category" in body.model_fields_set:
            set_category(session, current_account(), path.photo_id, body.category)
        if "taken_at" in body.model_fields_set:
            set_taken_at(session, current_account(), path.photo_id, body.taken_at)
    return answer(_shown(path.photo_id))


@photos.delete(_ONE, responses={204: None})
def remove_photo(path: PhotoPath) -> Response:
    """Put the photo into the trash; for the collection's owner and administrators."""
    with change() as session:
        delete_photo(session, current_account(), path.photo_id)
    return no_content()


@photos.post(f"{_ONE}/retry", responses={202: None})
def retry(path: PhotoPath) -> Response:
    """Embed a failed photo again; for the collection's owner and administrators."""
    with change() as session:
        retry_photo(session, current_account(), path.photo_id)
    return no_content(202)


@photos.get(f"{_ONE}/thumbnail", responses=image_response(THUMBNAIL_MEDIA_TYPE))
def thumbnail(path: PhotoPath) -> Response:
    """A small copy of the photo."""
    photo = _photo(path.photo_id)
    return kept_by_who_may_see_it(thumbnail_of(photo, photo.filename))


@photos.get(f"{_ONE}/preview", responses=image_response(THUMBNAIL_MEDIA_TYPE))
@access(USER, lane=Lane.LONG)
def preview(path: PhotoPath) -> Response:
    """A copy of the photo for looking at it: at most 2048 pixels a side, never enlarged, made when first asked for."""
    photo = _photo(path.photo_id)
    return kept_by_who_may_see_it(preview_of(photo, photo.filename))


@photos.get(f"{_ONE}/original", responses=image_response("image/*"))
def original(path: PhotoPath) -> Response:
    """The photo as it was uploaded."""
    return kept_by_who_may_see_it(original_of(_photo(path.photo_id)))


def _photo(photo_id: int) -> PhotoRow:
    with current_services().catalog.snapshot() as session:
        return visible_photo(session, current_account(), None, photo_id).photo


def _shown(photo_id: int) -> Photo:
    user = current_account()
    with current_services().catalog.snapshot() as session:
        return Photo.of(visible_photo(session, user, active_space_id(session), photo_id), user)
