"""Search by a sketch."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from flask import Response, current_app, request, send_file
from sqlalchemy.orm import Session

from mindreader import messages
from mindreader.blobs import sketch_key
from mindreader.catalog import Photo, Search, TokenScope, User
from mindreader.embedding.rebuild import is_being_rebuilt
from mindreader.errors import NotReadyError
from mindreader.imaging import Sketch, decoders
from mindreader.library.photos import Searchable as Counted
from mindreader.library.photos import searchable, visible_photos
from mindreader.model_versions.registry import active_space_id
from mindreader.observability.timing import StageTimer
from mindreader.search.history import forget_searches, own_search, remember_search, search_page
from mindreader_webui.access import USER, access, sketch_body
from mindreader_webui.api.common import answer, blueprint, id_in_path, multipart, no_content
from mindreader_webui.api.photo_results import results_and_readings
from mindreader_webui.api.responses import kept_by_who_may_see_it
from mindreader_webui.api.schemas.regions import Frame, Region
from mindreader_webui.api.schemas.searches import (
    PastSearch,
    Rebuilding,
    Searchable,
    SearchAnswer,
    Searches,
    SearchesQuery,
    SearchForm,
    SearchPath,
    VersionName,
)
from mindreader_webui.api.search_filters import index_filter
from mindreader_webui.api.similar import frame_side, photo_frame
from mindreader_webui.auth import current_account
from mindreader_webui.lanes import Lane
from mindreader_webui.metrics import observe_search
from mindreader_webui.problems import invalid_fields
from mindreader_webui.services import Services, current_services
from mindreader_workers import client

searches = blueprint("searches", __name__, "Search by a sketch", USER)

_ONE = f"/searches/{id_in_path('search_id')}"
_PNG: dict[str | int | HTTPStatus, Any] = {
    200: {"description": "The sketch.", "content": {"image/png": {"schema": {"type": "string", "format": "binary"}}}}
}


@searches.post("/searches", responses={200: SearchAnswer}, openapi_extensions=multipart(SearchForm))
@access(USER, scope=TokenScope.READ, max_body=sketch_body, rate="search_rate", lane=Lane.WORKER)
def search() -> Response:
    """Find the photos that a sketch looks like, best first.

    While a damaged photo index is being built anew, only photos that are back are found, and the answer says so; 503
    while none is.
    """
    timer, services, user = StageTimer(), current_services(), current_account()
    form = _sent_form()
    sketch = decoders(services.settings).sketch(form.sketch, services.settings.sketch_max_bytes)
    with services.catalog.snapshot() as session:
        asked = _request(session, user, form, sketch, services.settings.imaginary_images)
        space_id = active_space_id(session)
        _refuse_while_empty(session, space_id, asked)
        framed = _framed_photos(session, user, form)
        side = frame_side(session) if framed else 0
    if framed:
        frames = tuple(photo_frame(services, photo, frame.box, side) for photo, frame in framed)
        asked = asked.model_copy(update={"frames": frames})
    counted: dict[int | None, Counted] = {}

    def meanwhile() -> None:
        """What needs nothing of the worker's, and takes time: to encode, to write safely, to count."""
        services.blobs.put(sketch_key(sketch.sha256), sketch.png)
        if space_id is not None:
            with services.catalog.snapshot() as session:
                counted[space_id] = searchable(session, space_id, asked.where)

    found = client.search(services.celery, asked, services.settings.search_timeout, meanwhile)
    timings = found.timings_ms | {"total": round(timer.total * 1000, 2)}
    observe_search(current_app, timings)
    search_id = _remember(services, user, form.live, asked, found, timings)
    with services.catalog.snapshot() as session:
        # Another version may have become active.
        count = counted.get(found.space_id) or searchable(session, found.space_id, asked.where)
        return answer(_answer(session, user, search_id, asked, found, count, timings))


@searches.get("/searches", responses={200: Searches})
def history(query: SearchesQuery) -> Response:
    """The caller's own searches, the newest first, each sketch once; ask for `after=next` to go on."""
    with current_services().catalog.snapshot() as session:
        page = search_page(session, current_account(), query.after, query.limit)
        return answer(Searches(searches=[PastSearch.of(row) for row in page.items], next=page.next))


@searches.get(f"{_ONE}/sketch", responses=_PNG)
def past_sketch(path: SearchPath) -> Response:
    """The sketch of one of the caller's own searches."""
    services = current_services()
    with services.catalog.snapshot() as session:
        row = own_search(session, current_account(), path.search_id)
    content = services.blobs.open(sketch_key(row.sketch_sha256))
    return kept_by_who_may_see_it(send_file(content, "image/png"))


@searches.delete("/searches", responses={204: None})
def forget_history() -> Response:
    """Forget all of the caller's searches, and their sketches."""
    services = current_services()
    with services.catalog.transaction() as session:
        unused = forget_searches(session, current_account())
    _delete_sketches(services, unused)
    return no_content()


def _sent_form() -> SearchForm:
    single = ("limit", "round", "fit", "place", "taken_from", "taken_until", "duplicates", "live")
    several = ("collection_id", "category", "like", "unlike", "reading", "frame")
    values = {name: request.form.get(name) for name in single if name in request.form}
    lists = {name: request.form.getlist(name) for name in several}
    sketch = request.files.get("sketch")
    sent = values | lists | ({} if sketch is None else {"sketch": sketch.stream.read()})
    with invalid_fields():
        return SearchForm.model_validate(sent)


def _request(session: Session, user: User, form: SearchForm, sketch: Sketch, readings: int) -> messages.SearchRequest:
    """What to ask the worker: only in what the caller may see, and by the feedback of photos the caller may see."""
    visible = {photo.id for photo in visible_photos(session, user, [*form.like, *form.unlike, *form.reading])}
    with invalid_fields():
        return messages.SearchRequest(
            sketch=sketch,
            where=index_filter(session, user, form),
            limit=form.limit,
            most_readings=readings,
            round=form.round,
            reading=tuple(each for each in form.reading if each in visible),
            fit=form.fit,
            place=form.place,
            like=tuple(each for each in form.like if each in visible),
            unlike=tuple(each for each in form.unlike if each in visible),
            grouped=form.duplicates == "group",
        )


def _framed_photos(session: Session, user: User, form: SearchForm) -> list[tuple[Photo, Frame]]:
    """The frames in photos that the caller may see."""
    visible = {photo.id: photo for photo in visible_photos(session, user, [frame.photo_id for frame in form.frame])}
    return [(visible[frame.photo_id], frame) for frame in form.frame if frame.photo_id in visible]


def _refuse_while_empty(session: Session, space_id: int | None, asked: messages.SearchRequest) -> None:
    """Say why nothing could be found, instead of finding nothing.

    Raises:
        NotReadyError: the photo index is being built anew, and none of the photos that are searched is back.
    """
    if space_id is None or not is_being_rebuilt(session, space_id):
        return
    count = searchable(session, space_id, asked.where)
    if count.total and not count.indexed:
        raise NotReadyError(
            "The photo index is being rebuilt. Photos that are back: {done} of {total}. Try again soon.",
            done=count.indexed,
            total=count.total,
        )


def _rebuilding(session: Session, space_id: int, count: Counted) -> Rebuilding | None:
    if count.indexed == count.total or not is_being_rebuilt(session, space_id):
        return None
    return Rebuilding(done=count.indexed, total=count.total)


def _remember(
    services: Services,
    user: User,
    live: bool,
    asked: messages.SearchRequest,
    found: messages.SearchAnswer,
    timings: dict[str, float],
) -> int:
    """Keep which sketch was answered by what."""
    row = Search(
        user_id=user.id,
        sketch_sha256=asked.sketch.sha256,
        model_version_id=found.model_version_id,
        seeds=[asked.round],
        timings_ms=timings,
        live=live,
    )
    with services.catalog.transaction() as session:
        unused = remember_search(session, row)
    _delete_sketches(services, unused)
    return row.id


def _delete_sketches(services: Services, digests: Sequence[str]) -> None:
    for digest in digests:
        services.blobs.delete(sketch_key(digest))


def _answer(
    session: Session,
    user: User,
    search_id: int,
    asked: messages.SearchRequest,
    found: messages.SearchAnswer,
    count: Counted,
    timings: dict[str, float],
) -> SearchAnswer:
    results, readings = results_and_readings(session, user, found, asked.where, grouped=asked.grouped)
    return SearchAnswer(
        id=search_id,
        model_version=VersionName(id=found.model_version_id, name=found.model_version),
        readings=readings,
        answerable=found.answerable,
        results=results,
        parts=[Region.of(box) for box in found.parts],
        score_threshold=found.score_threshold,
        searchable=Searchable(indexed=count.indexed, total=count.total),
        rebuilding=_rebuilding(session, found.space_id, count),
        timings_ms=timings,
    )
