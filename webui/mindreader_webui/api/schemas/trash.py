"""The shapes of requests about the trash."""

from pydantic import BaseModel, Field

from mindreader.catalog import Photo as PhotoRow
from mindreader.library.trash import TrashedCollection as CollectionRow
from mindreader_webui.api.common import PREFIX
from mindreader_webui.api.schemas.common import Id, Moment, Request
from mindreader_webui.api.schemas.photos import labels


class TrashQuery(Request):
    """Which photos of the trash to list."""

    after: Id | None = Field(None, description="Continue below this photo id.")
    limit: int = Field(60, ge=1, le=200)


class TrashedPhotoPath(BaseModel):
    """A photo in the trash by its id."""

    trashed_photo_id: int


class TrashedCollectionPath(BaseModel):
    """A collection in the trash by its id."""

    trashed_collection_id: int


class TrashedPhoto(BaseModel):
    """A deleted photo."""

    id: int
    filename: str
    collection_id: int
    collection: str
    category: str | None
    width: int
    height: int
    deleted_at: Moment
    thumbnail_url: str

    @classmethod
    def of(cls, row: PhotoRow) -> "TrashedPhoto":
        """From the catalog."""
        assert row.deleted_at is not None
        url = f"{PREFIX}/trash/photos/{row.id}/thumbnail"
        return cls(**labels(row), id=row.id, deleted_at=row.deleted_at, thumbnail_url=url)


class TrashedCollection(BaseModel):
    """A deleted collection, and how many photos it comes back with."""

    id: int
    name: str
    photos: int
    deleted_at: Moment

    @classmethod
    def of(cls, trashed: CollectionRow) -> "TrashedCollection":
        """From the catalog."""
        row = trashed.collection
        assert row.deleted_at is not None
        return cls(id=row.id, name=row.name, photos=trashed.photos, deleted_at=row.deleted_at)


class Trash(BaseModel):
    """What the caller deleted and can still restore; ask for `after=next` for more photos."""

    days: int = Field(description="How long things stay in the trash.")
    collections: list[TrashedCollection]
    photos: list[TrashedPhoto]
    total: int = Field(description="Of the photos that were deleted one by one.")
    next: int | None
