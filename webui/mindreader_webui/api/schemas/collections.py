"""Collections, and the outcome of each uploaded file."""

from typing import Literal

from pydantic import BaseModel, Field

from mindreader.catalog import User as UserRow
from mindreader.catalog import Visibility
from mindreader.library.collections import CollectionSummary
from mindreader_webui.api.schemas.common import EmbeddingCounts, Moment, Request
from mindreader_webui.api.schemas.photos import photo_urls


class CategoryCount(BaseModel):
    """A category and how many photos carry it."""

    id: int
    name: str
    photos: int


class NewCollection(Request):
    """A collection to add."""

    name: str
    visibility: Visibility = Visibility.PRIVATE


class CollectionChange(Request):
    """What to change; a field left out stays as it is."""

    name: str | None = None
    visibility: Visibility | None = None


class Collection(BaseModel):
    """A collection, its counts for the active model version's embedding space."""

    id: int
    name: str
    visibility: Visibility
    owner: str
    mine: bool
    shows_folder: bool = Field(description="Its photos stay in a folder of the server; nothing is uploaded into it.")
    created_at: Moment
    photos: int
    embedding: EmbeddingCounts
    categories: list[CategoryCount]
    people: list[str] = Field(description="Names of those it is shared with, for those who may change that.")
    cover_url: str | None = Field(description="The thumbnail of its newest photo.")

    @classmethod
    def of(cls, summary: CollectionSummary, user: UserRow) -> "Collection":
        """From the catalog, as this user sees it."""
        row = summary.collection
        return cls(
            id=row.id,
            name=row.name,
            visibility=Visibility(row.visibility),
            owner=row.owner.name,
            mine=row.owner_id == user.id,
            shows_folder=summary.shows_folder,
            created_at=row.created_at,
            photos=summary.photos,
            embedding=EmbeddingCounts(**summary.embedding),
            categories=[CategoryCount(id=c.id, name=c.name, photos=c.photos) for c in summary.categories],
            people=list(summary.people),
            cover_url=None if summary.cover is None else photo_urls(summary.cover)["thumbnail_url"],
        )


class Collections(BaseModel):
    """All collections the caller may see."""

    collections: list[Collection]


class FileOutcome(BaseModel):
    """What became of one uploaded file."""

    file: str
    status: Literal["created", "duplicate", "rejected"]
    photo_id: int | None
    reason: str | None


class Outcomes(BaseModel):
    """What became of each file, in the order they were sent."""

    outcomes: list[FileOutcome]


class CollectionPath(BaseModel):
    """A collection by its id."""

    collection_id: int
