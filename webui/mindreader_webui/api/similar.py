"""Search by a photo, or by something in it, in place of a sketch."""

from flask import Response
from sqlalchemy.orm import Session

from mindreader.boxes import Box
from mindreader.catalog import Photo, TokenScope
from mindreader.errors import NotReadyError
from mindreader.library.files.previews import framed
from mindreader.library.photos import visible_photo
from mindreader.messages import PhotoFrame, SimilarRequest
from mindreader.model_versions.registry import active_version
from mindreader.networks.descriptions import SpaceDescription
from mindreader_webui.access import USER, access
from mindreader_webui.api.common import answer, blueprint, id_in_path
from mindreader_webui.api.photo_results import grouped_results
from mindreader_webui.api.schemas.photos import PhotoPath
from mindreader_webui.api.schemas.searches import VersionName
from mindreader_webui.api.schemas.similar import SimilarPhotos, SimilarQuery
from mindreader_webui.api.search_filters import index_filter
from mindreader_webui.auth import current_account
from mindreader_webui.lanes import Lane
from mindreader_webui.services import Services, current_services
from mindreader_workers import client

similar = blueprint("similar", __name__, "Search by a photo", USER)


@similar.get(f"/photos/{id_in_path('photo_id')}/similar", responses={200: SimilarPhotos})
@access(USER, scope=TokenScope.READ, rate="search_rate", lane=Lane.WORKER)
def similar_photos(path: PhotoPath, query: SimilarQuery) -> Response:
    """Photos like this one, or like what lies in a frame in it, the most similar first."""
    services, user = current_services(), current_account()
    with services.catalog.snapshot() as session:
        photo = visible_photo(session, user, None, path.photo_id).photo
        where = index_filter(session, user, query)
        side = frame_side(session)
    frame = None if query.box is None else photo_frame(services, photo, query.box, side)
    asked = SimilarRequest(photo_id=photo.id, frame=frame, where=where, limit=query.limit)
    found = client.similar(services.celery, asked, services.settings.search_timeout)
    with services.catalog.snapshot() as session:
        return answer(
            SimilarPhotos(
                model_version=VersionName(id=found.model_version_id, name=found.model_version),
                results=grouped_results(session, user, found.hits, where),
                score_threshold=found.score_threshold,
            )
        )


def frame_side(session: Session) -> int:
    """Side of the square that E2 takes, in pixels.

    Raises:
        NotReadyError: no model version is active.
    """
    version = active_version(session)
    if version is None:
        raise NotReadyError("No model version is active. Ask an administrator to activate one.")
    return SpaceDescription.from_json(version.space.description).encoder.input_size


def photo_frame(services: Services, photo: Photo, box: Box, side: int) -> PhotoFrame:
    """What lies in a box of a photo, as a worker takes it.

    Raises:
        NotFoundError, OriginalAwayError, PhotoRejectedError, OSError: as `mindreader.library.files.previews.framed`.
    """
    pixels = framed(services.catalog, services.blobs, services.settings, photo, box, side)
    return PhotoFrame(side=side, pixels=pixels.tobytes())
