"""Compare model versions side by side, on one sketch or a saved set; judge the active one on one's own photos."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean, median

from flask import Response, request
from sqlalchemy.orm import Session

from mindreader import messages
from mindreader.blobs import sketch_key
from mindreader.catalog import ModelVersion, User
from mindreader.errors import InvalidInputError
from mindreader.imaging import Sketch, decoders
from mindreader.library.collections import visible_collection_ids
from mindreader.library.photos import searchable
from mindreader.model_versions.registry import version_by_id
from mindreader.photo_index import IndexFilter
from mindreader.search.benchmark_sketches import add_benchmark_sketch, benchmark_sketches, remove_benchmark_sketch
from mindreader.text import shown_name
from mindreader_webui.access import ADMIN, USER, access, sketch_body
from mindreader_webui.api.common import answer, blueprint, id_in_path, multipart, no_content
from mindreader_webui.api.photo_results import results_of
from mindreader_webui.api.responses import data_url
from mindreader_webui.api.schemas.comparisons import (
    BenchmarkSketch,
    BenchmarkSketches,
    BenchmarkSketchForm,
    BenchmarkSketchPath,
    ComparedSketch,
    ComparedVersion,
    Comparison,
    ComparisonForm,
    Quality,
    VersionAnswer,
)
from mindreader_webui.api.schemas.searches import Searchable
from mindreader_webui.auth import current_account
from mindreader_webui.i18n import translated
from mindreader_webui.lanes import Lane
from mindreader_webui.problems import InvalidFieldsError, invalid_fields
from mindreader_webui.services import Services, current_services
from mindreader_workers import client

comparisons = blueprint("comparisons", __name__, "Compare model versions", ADMIN)

_PRECISION_AT = (5, 20)
_QUALITY_SECONDS = 120.0


@dataclass(frozen=True)
class _Compared:
    name: str
    category: str | None
    """That it should find, if that is known."""
    sketch: Sketch


@comparisons.post("/comparisons", responses={200: Comparison}, openapi_extensions=multipart(ComparisonForm))
@access(ADMIN, max_body=sketch_body, lane=Lane.LONG)
def compare() -> Response:
    """Ask several versions the same: one sketch, or all saved ones if none is sent. For administrators."""
    services, user = current_services(), current_account()
    form = _comparison_form()
    with services.catalog.snapshot() as session:
        chosen = [version_by_id(session, number) for number in form.model_version_id]
        collections = tuple(visible_collection_ids(session, user))
        sketches = _sketches(services, session)
    answers = [[_ask(services, sketch, version, collections, form) for version in chosen] for sketch in sketches]
    with services.catalog.snapshot() as session:
        compared = [
            _compared(session, user, sketch, row, form.limit) for sketch, row in zip(sketches, answers, strict=True)
        ]
        judged = [
            _judged(session, version, place, compared, answers, collections) for place, version in enumerate(chosen)
        ]
    overlaps = [sketch.overlap for sketch in compared]
    return answer(Comparison(versions=judged, sketches=compared, mean_overlap=round(fmean(overlaps), 4)))


@comparisons.get("/benchmark-sketches", responses={200: BenchmarkSketches})
def list_benchmark_sketches() -> Response:
    """The sketches kept for comparisons; for administrators."""
    with current_services().catalog.snapshot() as session:
        return answer(BenchmarkSketches(sketches=[BenchmarkSketch.of(row) for row in benchmark_sketches(session)]))


@comparisons.post(
    "/benchmark-sketches", responses={201: BenchmarkSketch}, openapi_extensions=multipart(BenchmarkSketchForm)
)
@access(ADMIN, max_body=sketch_body)
def save_sketch() -> Response:
    """Keep a sketch for comparisons; for administrators."""
    services = current_services()
    sketch = _sent_sketch(services)
    if sketch is None:
        raise InvalidFieldsError([{"field": "sketch", "message": "Send a sketch as an image file"}])
    services.blobs.put(sketch_key(sketch.sha256), sketch.png)
    with services.catalog.transaction() as session:
        saved = add_benchmark_sketch(session, request.form.get("name", ""), request.form.get("category"), sketch.sha256)
        return answer(BenchmarkSketch.of(saved), 201)


@comparisons.delete(f"/benchmark-sketches/{id_in_path('benchmark_sketch_id')}", responses={204: None})
def remove_sketch(path: BenchmarkSketchPath) -> Response:
    """Remove a benchmark sketch; for administrators."""
    with current_services().catalog.transaction() as session:
        remove_benchmark_sketch(session, path.benchmark_sketch_id)
    return no_content()


@comparisons.get("/quality", responses={200: Quality})
@access(USER, lane=Lane.WORKER)
def quality() -> Response:
    """How well the photos of each of the caller's categories find each other, with the protocol."""
    services = current_services()
    with services.catalog.snapshot() as session:
        collections = visible_collection_ids(session, current_account())
    found = client.library_quality(services.celery, collections, _QUALITY_SECONDS)
    return answer(Quality.model_validate(found.model_dump() | {"protocol": translated(found.protocol)}))


def _comparison_form() -> ComparisonForm:
    values = {name: request.form.get(name) for name in ("limit",) if name in request.form}
    lists = {"model_version_id": request.form.getlist("model_version_id")}
    with invalid_fields():
        return ComparisonForm.model_validate(values | lists)


def _sent_sketch(services: Services) -> Sketch | None:
    sent = request.files.get("sketch")
    if sent is None:
        return None
    return decoders(services.settings).sketch(sent.stream.read(), services.settings.sketch_max_bytes)


def _sketches(services: Services, session: Session) -> list[_Compared]:
    if (sent := _sent_sketch(services)) is not None:
        return [_Compared("sketch", None, sent)]
    kept = [
        _Compared(row.name, row.category, Sketch.from_png(services.blobs.get(sketch_key(row.sketch_sha256))))
        for row in benchmark_sketches(session)
    ]
    if not kept:
        raise InvalidInputError("Send a sketch, or save some first: there is nothing to compare with.")
    return kept


def _ask(
    services: Services, asked: _Compared, version: ModelVersion, collections: tuple[int, ...], form: ComparisonForm
) -> messages.SearchAnswer:
    request_ = messages.SearchRequest(
        sketch=asked.sketch,
        where=IndexFilter(collections),
        limit=form.limit,
        most_readings=1,
        model_version_id=version.id,
    )
    return client.search(services.celery, request_, services.settings.search_timeout)


def _compared(
    session: Session, user: User, asked: _Compared, row: Sequence[messages.SearchAnswer], limit: int
) -> ComparedSketch:
    answers = [
        VersionAnswer(
            model_version_id=found.model_version_id,
            imaginary_url=data_url(found.readings[0].imaginary_image, messages.IMAGINARY_MEDIA_TYPE),
            results=results_of(session, user, found.hits),
            milliseconds=round(sum(found.timings_ms.values()), 2),
        )
        for found in row
    ]
    found = [{result.photo_id for result in each.results} for each in answers]
    shared = [len(one & other) / max(1, len(one | other)) for one, other in combinations(found, 2)]
    return ComparedSketch(name=asked.name, category=asked.category, answers=answers, overlap=round(fmean(shared), 4))


def _judged(
    session: Session,
    version: ModelVersion,
    place: int,
    compared: Sequence[ComparedSketch],
    answers: Sequence[Sequence[messages.SearchAnswer]],
    collections: tuple[int, ...],
) -> ComparedVersion:
    count = searchable(session, version.space_id, IndexFilter(collections))
    labelled = [sketch for sketch in compared if sketch.category]
    return ComparedVersion(
        id=version.id,
        name=version.name,
        median_milliseconds=round(median(sum(row[place].timings_ms.values()) for row in answers), 2),
        searchable=Searchable(indexed=count.indexed, total=count.total),
        labelled_sketches=len(labelled),
        precision={str(k): share for k in _PRECISION_AT if (share := _precision(labelled, place, k)) is not None},
    )


def _precision(labelled: Sequence[ComparedSketch], place: int, k: int) -> float | None:
    """Mean over the labelled sketches of the share of the first k photos that is right; None where nothing tells."""
    judged = [_right(sketch, place, k) for sketch in labelled]
    shares = [share for share in judged if share is not None]
    return round(fmean(shares), 4) if shares else None


def _right(sketch: ComparedSketch, place: int, k: int) -> float | None:
    """Of the first k photos, those of the category asked for. Photos without a category are left out, missing places
    are wrong; None if no place is left."""
    first = [result.category for result in sketch.answers[place].results[:k]]
    places = k - first.count(None)
    wanted = shown_name(sketch.category or "").casefold()
    right = sum(shown_name(category).casefold() == wanted for category in first if category is not None)
    return right / places if places else None
