"""Collections, and uploads into them."""

import logging
from dataclasses import dataclass
from datetime import datetime

from flask import Response, request
from pydantic import BaseModel, Field
from werkzeug.datastructures import FileStorage

from mindreader.library.collections import (
    change_collection,
    create_collection,
    delete_collection,
    fillable_collection,
    summaries,
    summary,
    visible_collection,
)
from mindreader.library.files.upload import Beside, Outcome, add_photo, safe_filename
from mindreader.library.photos import PhotoFilter, photo_page
from mindreader.model_versions.registry import active_space_id
from mindreader_webui.access import USER, access
from mindreader_webui.api.common import answer, blueprint, id_in_path, multipart, no_content
from mindreader_webui.api.schemas.collections import (
    Collection,
    CollectionChange,
    CollectionPath,
    Collections,
    FileOutcome,
    NewCollection,
    Outcomes,
)
from mindreader_webui.api.schemas.common import utc
from mindreader_webui.api.schemas.origins import sent_origin
from mindreader_webui.api.schemas.photos import Photo, PhotoQuery, Photos
from mindreader_webui.auth import current_account
from mindreader_webui.i18n import translated
from mindreader_webui.lanes import Lane
from mindreader_webui.problems import InvalidFieldsError
from mindreader_webui.services import change, current_services
from mindreader_webui.uploads import path_of
from mindreader_workers.client import wake_embedders

log = logging.getLogger(__name__)

collections = blueprint("collections", __name__, "Collections and uploads into them", USER)

_ONE = f"/collections/{id_in_path('collection_id')}"
_STORAGE_FAILED = "The server could not keep this file. Send it again later; if that fails too, tell an administrator."


class UploadForm(BaseModel):
    """Photo files. Every other field comes as often as there are files, in their order (empty for none), or never."""

    file: list[bytes] = Field(json_schema_extra={"items": {"type": "string", "format": "binary"}})
    category: list[str] | None = None
    modified: list[str] | None = Field(
        None, description="When the file was last written, as `2019-03-21T10:11:12`, by the clock where it lies."
    )
    xmp: list[str] | None = Field(None, description="Text of the XMP file beside it; its beginning will do.")
    takeout: list[str] | None = Field(None, description="Text of the JSON file beside it, by Google Takeout.")
    folder: list[str] | None = Field(
        None, description="Path of the folder it lies in, from the one that was chosen on: `Pictures/2019/March`."
    )
    origin: list[str] | None = Field(
        None, description="What it is in the photo library it comes from: a `SentOrigin` as JSON."
    )


@dataclass(frozen=True)
class _SentFile:
    file: FileStorage
    category: str | None
    beside: Beside


@collections.get("/collections", responses={200: Collections})
def list_collections() -> Response:
    """All collections the caller may see, by name."""
    user = current_account()
    with current_services().catalog.snapshot() as session:
        found = summaries(session, user, active_space_id(session))
    return answer(Collections(collections=[Collection.of(each, user) for each in found]))


@collections.post("/collections", responses={201: Collection})
def add_collection(body: NewCollection) -> Response:
    """Add an empty collection."""
    with current_services().catalog.transaction() as session:
        made = create_collection(session, current_account(), body.name, body.visibility)
    return answer(_shown(made.id), 201)


@collections.get(_ONE, responses={200: Collection})
def show_collection(path: CollectionPath) -> Response:
    """One collection."""
    return answer(_shown(path.collection_id))


@collections.patch(_ONE, responses={200: Collection})
def edit_collection(path: CollectionPath, body: CollectionChange) -> Response:
    """Rename a collection, share it or take it back; for its owner and administrators."""
    with current_services().catalog.transaction() as session:
        change_collection(session, current_account(), path.collection_id, body.name, body.visibility)
    return answer(_shown(path.collection_id))


@collections.delete(_ONE, responses={204: None})
def remove_collection(path: CollectionPath) -> Response:
    """Put a collection with its photos into the trash; for its owner and administrators."""
    with change() as session:
        delete_collection(session, current_account(), path.collection_id)
    return no_content()


@collections.get(f"{_ONE}/photos", responses={200: Photos})
def list_photos(path: CollectionPath, query: PhotoQuery) -> Response:
    """The collection's photos, the newest first, page by page."""
    before = query.before and utc(query.before)
    only = PhotoFilter(query.category_id, query.state, before)
    user = current_account()
    with current_services().catalog.snapshot() as session:
        visible_collection(session, user, path.collection_id)
        space_id = active_space_id(session)
        page = photo_page(session, path.collection_id, space_id, only, after=query.after, limit=query.limit)
    return answer(Photos(photos=[Photo.of(view, user) for view in page.items], next=page.next))


@collections.post(f"{_ONE}/photos", responses={200: Outcomes}, openapi_extensions=multipart(UploadForm))
@access(USER, max_body=lambda settings: settings.request_max_bytes, lane=Lane.LONG)
def upload_photos(path: CollectionPath) -> Response:
    """Upload photos; each file has its own outcome, and one that is refused does not stop the others."""
    services = current_services()
    with services.catalog.snapshot() as session:
        fillable_collection(session, current_account(), path.collection_id)
    outcomes = [_take_in(path.collection_id, sent) for sent in _sent_files()]
    if any(outcome.status == "created" for outcome in outcomes):
        wake_embedders(services.celery)
    return answer(Outcomes(outcomes=outcomes))


def _sent_files() -> list[_SentFile]:
    files = request.files.getlist("file")
    if not files:
        raise InvalidFieldsError([{"field": "file", "message": "Send at least one photo file"}])
    fields = zip(
        files,
        _one_each("category", len(files)),
        map(_moment, _one_each("modified", len(files))),
        _one_each("xmp", len(files)),
        _one_each("takeout", len(files)),
        map(sent_origin, _one_each("origin", len(files))),
        _one_each("folder", len(files)),
        strict=True,
    )
    return [
        _SentFile(file, category or None, Beside(modified, xmp, takeout, folder, *origin))
        for file, category, modified, xmp, takeout, origin, folder in fields
    ]


def _one_each(field: str, files: int) -> list[str]:
    sent = request.form.getlist(field)
    if sent and len(sent) != files:
        wrong = f"Send one for each of the {files} files, or none; {len(sent)} came"
        raise InvalidFieldsError([{"field": field, "message": wrong}])
    return sent or [""] * files


def _moment(text: str) -> datetime | None:
    """Without a zone: it is by the clock where the file lies."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=None) if text else None
    except ValueError:
        wrong = [{"field": "modified", "message": "Write times as 2019-03-21T10:11:12"}]
        raise InvalidFieldsError(wrong) from None


def _take_in(collection_id: int, sent: _SentFile) -> FileOutcome:
    services = current_services()
    stores = services.catalog, services.blobs, services.settings
    name = safe_filename(sent.file.filename or "")
    try:
        outcome = add_photo(*stores, collection_id, name, path_of(sent.file), sent.category, sent.beside)
    except OSError:
        log.exception("%s could not be kept", name)
        outcome = Outcome("rejected", None, _STORAGE_FAILED)
    return FileOutcome(file=name, status=outcome.status, photo_id=outcome.photo_id, reason=translated(outcome.reason))


def _shown(collection_id: int) -> Collection:
    user = current_account()
    with current_services().catalog.snapshot() as session:
        return Collection.of(summary(session, user, active_space_id(session), collection_id), user)
