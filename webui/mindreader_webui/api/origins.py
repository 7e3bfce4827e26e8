"""Where photos come from that were taken over from another photo library."""

from flask import Response

from mindreader.catalog import TokenScope
from mindreader.library.files.origins import add_origin, photos_from
from mindreader_webui.access import SMALL_BODY, USER, access
from mindreader_webui.api.common import answer, blueprint, id_in_path, no_content
from mindreader_webui.api.schemas.origins import AllTakenOver, NewOrigin, OriginIds, TakenOver
from mindreader_webui.api.schemas.photos import PhotoPath
from mindreader_webui.auth import current_account
from mindreader_webui.services import current_services

origins = blueprint("origins", __name__, "Photos taken over from other libraries", USER)


@origins.post("/origins/existing", responses={200: AllTakenOver})
@access(USER, scope=TokenScope.READ, max_body=2 * SMALL_BODY)  # a thousand ids
def existing_origins(body: OriginIds) -> Response:
    """Say which photos of another library the caller's collections have already, by their ids there."""
    with current_services().catalog.snapshot() as session:
        found = photos_from(session, current_account(), body.kind, body.ids)
    return answer(AllTakenOver(existing=[TakenOver.of(external_id, photo) for external_id, photo in found]))


@origins.post(f"/photos/{id_in_path('photo_id')}/origins", responses={204: None})
def note(path: PhotoPath, body: NewOrigin) -> Response:
    """Say what the photo is in another library; for the collection's owner and administrators."""
    with current_services().catalog.transaction() as session:
        add_origin(session, current_account(), path.photo_id, body.origin)
    return no_content()
