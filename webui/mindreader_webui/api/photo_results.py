"""Photos found by a search, as the API shows them."""

from sqlalchemy.orm import Session

from mindreader import messages
from mindreader.catalog import User
from mindreader.library.photos import visible_photos
from mindreader_webui.api.schemas.photos import labels, photo_urls
from mindreader_webui.api.schemas.searches import SearchResult


def results_of(session: Session, user: User, hits: tuple[messages.SearchHit, ...]) -> list[SearchResult]:
    """The hits that are still there and visible: the index may know a photo a moment longer than the catalog."""
    scores = {hit.photo_id: hit.score for hit in hits}
    return [
        SearchResult(photo_id=photo.id, score=scores[photo.id], **labels(photo), **photo_urls(photo.id))
        for photo in visible_photos(session, user, list(scores))
    ]
