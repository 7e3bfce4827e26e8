"""Photos found by a search, as the API shows them."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from mindreader import messages
from mindreader.catalog import Photo, User
from mindreader.library.collections import may_change
from mindreader.library.photos import visible_copies, visible_photos
from mindreader.photo_index import IndexFilter
from mindreader_webui.api.responses import data_url
from mindreader_webui.api.schemas.photos import labels, photo_page_address, photo_urls
from mindreader_webui.api.schemas.regions import Region
from mindreader_webui.api.schemas.searches import (
    MOST_COPIES,
    MOST_PHOTOS_SHOWN,
    PhotoCopy,
    Reading,
    ReadingPhoto,
    SearchResult,
)

_NAMED_BY = 5
"""The nearest photos of a reading; those at its edge would give it another name than what is shown of it."""


def results_and_readings(
    session: Session, user: User, found: messages.SearchAnswer, where: IndexFilter, *, grouped: bool
) -> tuple[list[SearchResult], list[Reading]]:
    """What a sketch found, as `grouped_results` or `results_of` says, and what it may show, by photos that are still
    there and visible. All of these photos are read at once.
    """
    read_from = [photo_id for reading in found.readings for photo_id in reading.photo_ids]
    if grouped:
        photos = visible_copies(session, user, [*_with_copies(found.hits), *read_from], where)
        results = _grouped(user, found.hits, photos)
    else:
        photos = visible_photos(session, user, [*(hit.photo_id for hit in found.hits), *read_from])
        results = _ungrouped(user, found.hits, photos)
    visible = {photo.id: photo for photo in photos}
    readings = [_reading(each, [visible[i] for i in each.photo_ids if i in visible]) for each in found.readings]
    return results, readings


def results_of(session: Session, user: User, hits: Sequence[messages.SearchHit]) -> list[SearchResult]:
    """The hits that are still there and visible: the index may know a photo a moment longer than the catalog."""
    return _ungrouped(user, hits, visible_photos(session, user, [hit.photo_id for hit in hits]))


def grouped_results(
    session: Session, user: User, hits: Sequence[messages.SearchHit], where: IndexFilter
) -> list[SearchResult]:
    """A result for each hit, with its copies that are there, visible and let through.

    Where the photo of a hit is gone or hidden since, its best copy takes its place.
    """
    return _grouped(user, hits, visible_copies(session, user, _with_copies(hits), where))


def _with_copies(hits: Sequence[messages.SearchHit]) -> list[int]:
    return [each for hit in hits for each in (hit.photo_id, *hit.copies)]


def _ungrouped(user: User, hits: Sequence[messages.SearchHit], photos: Sequence[Photo]) -> list[SearchResult]:
    visible = {photo.id: photo for photo in photos}
    return [_result(user, visible[hit.photo_id], hit) for hit in hits if hit.photo_id in visible]


def _grouped(user: User, hits: Sequence[messages.SearchHit], photos: Sequence[Photo]) -> list[SearchResult]:
    groups = _Groups(photos)
    results = []
    for hit in hits:
        group = groups.take(hit)
        if group:
            shown, *copies = sorted(group, key=lambda photo: photo.id != hit.photo_id)
            results.append(_result(user, shown, hit, copies))
    return results


def _reading(reading: messages.ImaginedReading, photos: Sequence[Photo]) -> Reading:
    by_bytes = {photo.sha256: photo for photo in reversed(photos)}  # of equal bytes, the first
    shown = [photo for photo in photos if by_bytes[photo.sha256] is photo][:MOST_PHOTOS_SHOWN]
    return Reading(
        url=data_url(reading.imaginary_image, messages.IMAGINARY_MEDIA_TYPE),
        name=_most_common([photo.category.name for photo in photos[:_NAMED_BY] if photo.category is not None]),
        picked=reading.picked,
        photo_ids=[photo.id for photo in photos],
        photos=[ReadingPhoto(photo_id=each.id, filename=each.filename, **photo_urls(each.id)) for each in shown],
    )


def _most_common(names: Sequence[str]) -> str | None:
    """Of equally common ones the first."""
    return max(names, key=names.count, default=None)


class _Groups:
    """Photos that were found, until they are taken with the hit they belong to."""

    def __init__(self, found: Sequence[Photo]) -> None:
        self._digests, self._places = dict[int, str](), dict[int, int]()
        self._by_digest: defaultdict[str, list[Photo]] = defaultdict(list)
        for place, photo in enumerate(found):
            self._digests[photo.id], self._places[photo.id] = photo.sha256, place
            self._by_digest[photo.sha256].append(photo)

    def take(self, hit: messages.SearchHit) -> list[Photo]:
        """The photos of a hit and those with the bytes of one of them, in the order found; no hit after it has them."""
        digests = {self._digests[each] for each in (hit.photo_id, *hit.copies) if each in self._digests}
        group = [photo for digest in digests for photo in self._by_digest.pop(digest, ())]
        return sorted(group, key=lambda photo: self._places[photo.id])


def copies_in(copies: Sequence[Photo]) -> dict[str, Any]:
    """Copies of a photo as the API names them, the first of many, and how many there are."""
    return {"also_in": [_copy(each) for each in copies[:MOST_COPIES]], "also_in_count": len(copies)}


def _result(user: User, photo: Photo, hit: messages.SearchHit, copies: Sequence[Photo] = ()) -> SearchResult:
    return SearchResult(
        photo_id=photo.id,
        score=hit.score,
        boxes=[Region.of(box) for box in hit.boxes],
        may_change=may_change(user, photo.collection),
        **copies_in(copies),
        **labels(photo),
        **photo_urls(photo.id),
    )


def _copy(photo: Photo) -> PhotoCopy:
    return PhotoCopy(
        photo_id=photo.id,
        filename=photo.filename,
        collection_id=photo.collection_id,
        collection=photo.collection.name,
        width=photo.width,
        height=photo.height,
        page=photo_page_address(photo),
    )
