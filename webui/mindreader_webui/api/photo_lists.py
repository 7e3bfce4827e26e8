"""Lists of photos in an order one can jump about in: how many there are of each day, pages from anywhere, and ids."""

from flask import Response
from sqlalchemy.orm import Session

from mindreader.library.photo_lists import PhotoList
from mindreader.model_versions.registry import active_space_id
from mindreader_webui.access import USER
from mindreader_webui.api.common import answer, blueprint
from mindreader_webui.api.schemas.photo_lists import (
    ListedPhoto,
    ListedPhotos,
    PhotoDays,
    PhotoIdsQuery,
    PhotoListQuery,
    PhotoPageQuery,
    PhotoRun,
    PhotoRuns,
)
from mindreader_webui.auth import current_account
from mindreader_webui.services import current_services

photo_lists = blueprint("photo_lists", __name__, "Lists of photos", USER)


@photo_lists.get("/photos/days", responses={200: PhotoDays})
def photo_days(query: PhotoListQuery) -> Response:
    """The days of a list of photos and how many stand on each, in its order.

    A photo without a date stands on the day of its upload (UTC).
    """
    with current_services().catalog.snapshot() as session:
        return answer(PhotoDays.of(_list(session, query).days()))


@photo_lists.get("/photos", responses={200: ListedPhotos})
def listed_photos(query: PhotoPageQuery) -> Response:
    """A page of a list of photos, from any place on: fewer than asked for are the last ones."""
    with current_services().catalog.snapshot() as session:
        views = _list(session, query).page(query.place, query.limit)
    user, order = current_account(), query.photo_order
    return answer(ListedPhotos(photos=[ListedPhoto.listed(view, user, order) for view in views]))


@photo_lists.get("/photos/ids", responses={200: PhotoRuns})
def listed_ids(query: PhotoIdsQuery) -> Response:
    """The ids of a part of a list, with the collections they are in: enough to do something with all of them."""
    with current_services().catalog.snapshot() as session:
        photos = _list(session, query)
        runs, total = photos.runs(query.place, query.limit), photos.total()
    return answer(PhotoRuns(total=total, runs=[PhotoRun.of(run) for run in runs]))


def _list(session: Session, query: PhotoListQuery) -> PhotoList:
    space_id = active_space_id(session)
    return PhotoList.of(session, current_account(), space_id, query.filter, query.photo_order)
