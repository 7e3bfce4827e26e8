"""Search by a sketch."""

import hashlib
import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from flask import Response, current_app, request, send_file
from pydantic import ValidationError
from sqlalchemy.orm import Session

from mindreader import messages
from mindreader.blobs import sketch_key
from mindreader.catalog import Search, User
from mindreader.imaging import decode_sketch, sketch_png
from mindreader.library.categories import category_ids
from mindreader.library.collections import visible_collection_ids
from mindreader.library.photos import Days, searchable, visible_photos
from mindreader.search.history import forget_searches, own_search, search_page
from mindreader_webui.api.common import answer, blueprint, id_in_path, multipart, no_content
from mindreader_webui.api.photo_results import results_of
from mindreader_webui.api.responses import data_url
from mindreader_webui.api.schemas.searches import (
    ImaginaryImage,
    PastSearch,
    Searchable,
    SearchAnswer,
    Searches,
    SearchesQuery,
    SearchForm,
    SearchPath,
    VersionName,
)
from mindreader_webui.auth import current_account
from mindreader_webui.metrics import observe_search
from mindreader_webui.problems import InvalidFieldsError
from mindreader_webui.services import Services, current_services
from mindreader_workers import client

searches = blueprint("searches", __name__, "Search by a sketch")

_ONE = f"/searches/{id_in_path('search_id')}"
_PNG: dict[str | int | HTTPStatus, Any] = {
    200: {"description": "The sketch.", "content": {"image/png": {"schema": {"type": "string", "format": "binary"}}}}
}
_FOREVER = "private, max-age=31536000, immutable"


@dataclass(frozen=True)
class _Place:
    """Where a search looks: only in what the caller may see, the photos it is led by included."""

    collection_ids: tuple[int, ...]
    category_ids: tuple[int, ...] | None
    days: Days
    like: tuple[int, ...]
    unlike: tuple[int, ...]


@searches.post("/searches", responses={200: SearchAnswer}, openapi_extensions=multipart(SearchForm))
def search() -> Response:
    """Find the photos that a sketch looks like, best first."""
    started = time.perf_counter()
    services, user = current_services(), current_account()
    form = _sent_form(services)
    png = sketch_png(decode_sketch(form.sketch, max_bytes=services.settings.sketch_max_bytes))
    with services.catalog.snapshot() as session:
        place = _place(session, user, form)
    asked = _request(form, png, place, services)
    sketch_sha256 = hashlib.sha256(png).hexdigest()
    found = client.search(
        services.celery,
        asked,
        services.settings.search_timeout,
        # The disk is slow to write safely: let it, while the worker imagines.
        meanwhile=lambda: services.blobs.put(sketch_key(sketch_sha256), png),
    )
    timings = found.timings_ms | {"total": round((time.perf_counter() - started) * 1000, 2)}
    observe_search(current_app, timings)
    search_id = _remember(services, user, sketch_sha256, asked, found, timings)
    with services.catalog.snapshot() as session:
        return answer(_answer(session, user, search_id, place, asked, found, timings))


@searches.get("/searches", responses={200: Searches})
def history(query: SearchesQuery) -> Response:
    """The caller's own searches, the newest first, each sketch once; ask for `after=next` to go on."""
    with current_services().catalog.snapshot() as session:
        page = search_page(session, current_account(), query.after, query.limit)
        return answer(Searches(searches=[PastSearch.of(row) for row in page.searches], next=page.next))


@searches.get(f"{_ONE}/sketch", responses=_PNG)
def past_sketch(path: SearchPath) -> Response:
    """The sketch of one of the caller's own searches."""
    services = current_services()
    with services.catalog.snapshot() as session:
        row = own_search(session, current_account(), path.search_id)
    content = services.blobs.open(sketch_key(row.sketch_sha256))
    response = send_file(content, "image/png")
    response.headers["Cache-Control"] = _FOREVER
    return response


@searches.delete("/searches", responses={204: None})
def forget_history() -> Response:
    """Forget all of the caller's searches, and their sketches."""
    services = current_services()
    with services.catalog.transaction() as session:
        unused = forget_searches(session, current_account())
    for digest in unused:
        services.blobs.delete(sketch_key(digest))
    return no_content()


def _sent_form(services: Services) -> SearchForm:
    single = ("limit", "seed", "chosen", "by_sketch", "taken_from", "taken_until")
    several = ("collection_id", "category", "like", "unlike")
    values = {name: request.form.get(name) for name in single if name in request.form}
    lists = {name: request.form.getlist(name) for name in several}
    sketch = request.files.get("sketch")
    sent = values | lists | ({} if sketch is None else {"sketch": sketch.stream.read()})
    try:
        form = SearchForm.model_validate(sent)
    except ValidationError as error:
        raise InvalidFieldsError.from_validation(error) from None
    if form.chosen >= services.settings.imaginary_images:
        wrong = f"There are {services.settings.imaginary_images} imaginary images, counted from 0"
        raise InvalidFieldsError([{"field": "chosen", "message": wrong}])
    return form


def _place(session: Session, user: User, form: SearchForm) -> _Place:
    visible = visible_collection_ids(session, user)
    asked = set(form.collection_id)
    collections = tuple(each for each in visible if not asked or each in asked)
    categories = category_ids(session, collections, form.category) if form.category else None
    led_by = {photo.id for photo in visible_photos(session, user, [*form.like, *form.unlike])}
    like, unlike = (tuple(each for each in ids if each in led_by) for ids in (form.like, form.unlike))
    return _Place(collections, categories, Days(form.taken_from, form.taken_until), like, unlike)


def _request(form: SearchForm, png: bytes, place: _Place, services: Services) -> messages.SearchRequest:
    first_day, last_day = place.days.numbers
    return messages.SearchRequest(
        sketch_png=png,
        collection_ids=place.collection_ids,
        category_ids=place.category_ids,
        first_day=first_day,
        last_day=last_day,
        limit=form.limit,
        seeds=tuple(range(form.seed, form.seed + services.settings.imaginary_images)),
        chosen=form.chosen,
        by_sketch=form.by_sketch,
        like=place.like,
        unlike=place.unlike,
    )


def _remember(
    services: Services,
    user: User,
    sketch_sha256: str,
    asked: messages.SearchRequest,
    found: messages.SearchAnswer,
    timings: dict[str, float],
) -> int:
    """Keep which sketch was answered by what."""
    with services.catalog.transaction() as session:
        row = Search(
            user_id=user.id,
            sketch_sha256=sketch_sha256,
            model_version_id=found.model_version_id,
            seeds=list(asked.seeds),
            timings_ms=timings,
        )
        session.add(row)
    return row.id


def _answer(
    session: Session,
    user: User,
    search_id: int,
    place: _Place,
    asked: messages.SearchRequest,
    found: messages.SearchAnswer,
    timings: dict[str, float],
) -> SearchAnswer:
    count = searchable(session, found.space_id, place.collection_ids, place.category_ids, place.days)
    images = zip(asked.seeds, found.imaginary_webp, strict=True)
    return SearchAnswer(
        id=search_id,
        model_version=VersionName(id=found.model_version_id, name=found.model_version),
        imaginary_images=[ImaginaryImage(seed=seed, url=data_url(webp)) for seed, webp in images],
        results=results_of(session, user, found.hits),
        score_threshold=found.score_threshold,
        searchable=Searchable(indexed=count.indexed, total=count.total),
        timings_ms=timings,
    )
