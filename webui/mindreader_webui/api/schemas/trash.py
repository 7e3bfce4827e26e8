"""The shapes of requests about the bin."""

from pydantic import BaseModel, Field

from mindreader.catalog import Photo as PhotoRow
from mindreader.library.trash import BinnedCollection as CollectionRow
from mindreader_webui.api.common import PREFIX
from mindreader_webui.api.schemas.common import Id, Moment, Request
from mindreader_webui.api.schemas.photos import labels


class BinQuery(Request):
    """Which photos of the bin to list."""

    after: Id | None = Field(None, description="Continue below this photo id.")
    limit: int = Field(60, ge=1, le=200)


class BinnedPath(BaseModel):
    """A photo in the bin by its id."""

    binned_photo_id: int


class BinnedCollectionPath(BaseModel):
    """A collection in the bin by its id."""

    binned_collection_id: int


class BinnedPhoto(BaseModel):
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
    def of(cls, row: PhotoRow) -> "BinnedPhoto":
        """From the catalog."""
        assert row.deleted_at is not None
        url = f"{PREFIX}/bin/photos/{row.id}/thumbnail"
        return cls(**labels(row), id=row.id, deleted_at=row.deleted_at, thumbnail_url=url)


class BinnedCollection(BaseModel):
    """A deleted collection, and how many photos it comes back with."""

    id: int
    name: str
    photos: int
    deleted_at: Moment

    @classmethod
    def of(cls, binned: CollectionRow) -> "BinnedCollection":
        """From the catalog."""
        row = binned.collection
        assert row.deleted_at is not None
        return cls(id=row.id, name=row.name, photos=binned.photos, deleted_at=row.deleted_at)


class Bin(BaseModel):
    """What the caller deleted and can still restore; ask for `after=next` for more photos."""

    days: int = Field(description="How long things stay in the bin.")
    collections: list[BinnedCollection]
    photos: list[BinnedPhoto]
    total: int = Field(description="Of the photos that were deleted one by one.")
    next: int | None
