"""Photos and pages of them."""

from datetime import datetime
from typing import Any, Self

from pydantic import AwareDatetime, BaseModel, Field, NaiveDatetime, model_validator
from pydantic_core import PydanticCustomError

from mindreader.catalog import EmbeddingState
from mindreader.catalog import Photo as PhotoRow
from mindreader.catalog import User as UserRow
from mindreader.dates import DateSource
from mindreader.library.collections import may_change
from mindreader.library.photos import PhotoView
from mindreader_webui.api.common import PREFIX
from mindreader_webui.api.schemas.common import Id, Moment, Request
from mindreader_webui.i18n import translated


class PhotoUrls(BaseModel):
    """Where the pictures of a photo are."""

    thumbnail_url: str
    preview_url: str = Field(description="A copy of at most 2048 pixels a side, made when it is first asked for.")
    original_url: str


def photo_urls(photo_id: int) -> dict[str, Any]:
    """Addresses of a photo's thumbnail, preview and original."""
    base = f"{PREFIX}/photos/{photo_id}"
    return {"thumbnail_url": f"{base}/thumbnail", "preview_url": f"{base}/preview", "original_url": f"{base}/original"}


def photo_page_address(row: PhotoRow) -> str:
    """Address of the page of its collection that shows a photo."""
    return f"/library/{row.collection_id}?photo={row.id}"


_MAY_CHANGE = "Whether the caller may label, move and delete it."
AWAY = (
    "Its file lies in a folder of the server and is not there now, or its disk is away: the thumbnail is shown, the "
    "original cannot be opened."
)
_TAKEN_AT = "By the camera's own clock, without a zone."
_FOLDER = "The folder it lay in when it was uploaded, from the one that was chosen on; null where that is not known."
_DATE_SOURCE = (
    "Who says so: a person; the file itself (`exif`, `digitized`, `xmp`, `iptc`); a file beside it (`sidecar`, "
    "`takeout`); the `library` it was taken over from; its name; or a guess (`modified`: when a program last wrote it; "
    "`file`: the file's time, by which no search finds it). Null where that is not known yet."
)


class Photo(PhotoUrls):
    """A photo, its state in the active model version's embedding space."""

    id: int
    filename: str
    folder: str | None = Field(description=_FOLDER)
    collection_id: int
    collection: str
    category_id: int | None
    category: str | None
    width: int
    height: int
    size_bytes: int
    media_type: str
    taken_at: datetime | None = Field(description=_TAKEN_AT)
    date_source: DateSource | None = Field(description=_DATE_SOURCE)
    away: bool = Field(description=AWAY)
    created_at: Moment
    state: EmbeddingState
    error: str | None
    may_change: bool = Field(description=_MAY_CHANGE)

    @classmethod
    def of(cls, view: PhotoView, user: UserRow) -> "Photo":
        """From the catalog, as this user sees it."""
        row = view.photo
        return cls(
            **labels(row),
            **photo_urls(row.id),
            id=row.id,
            category_id=row.category_id,
            may_change=may_change(user, row.collection),
            created_at=row.created_at,
            state=view.state,
            error=translated(view.error),
        )


def labels(row: PhotoRow) -> dict[str, Any]:
    """What lists of photos and search results both say of a photo."""
    return {
        "filename": row.filename,
        "folder": row.folder,
        "collection_id": row.collection_id,
        "collection": row.collection.name,
        "category": row.category.name if row.category else None,
        "width": row.width,
        "height": row.height,
        "size_bytes": row.size_bytes,
        "media_type": row.media_type,
        "taken_at": row.taken_at,
        "date_source": row.date_source,
        "away": row.is_away,
    }


class Photos(BaseModel):
    """Some photos, the newest first; ask for `after=next` to go on."""

    photos: list[Photo]
    next: int | None


class PhotoQuery(Request):
    """Which photos to list."""

    after: Id | None = Field(None, description="Continue below this photo id.")
    limit: int = Field(60, ge=1, le=200)
    category_id: Id | None = None
    state: EmbeddingState | None = None
    before: AwareDatetime | None = Field(None, description="Only photos uploaded before this moment, with its zone.")


class PhotoChange(Request):
    """What to change; a field left out stays as it is, and null takes it away."""

    category: str | None = None
    taken_at: NaiveDatetime | None = Field(None, description=_TAKEN_AT)

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if not self.model_fields_set:
            raise PydanticCustomError("nothing_to_change", "Send category or taken_at")
        return self


class PhotoPath(BaseModel):
    """A photo by its id."""

    photo_id: int
