"""The shapes of requests about many photos at once, and about files that may be here already."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, Field, NaiveDatetime, field_validator

from mindreader.catalog import Photo as PhotoRow
from mindreader_webui.api.common import MAX_ID
from mindreader_webui.api.schemas.common import Id, Request
from mindreader_webui.api.schemas.photos import photo_page_address

MOST = 1000
"""Photos or files in one request."""


class Selection(Request):
    """Photos by their ids."""

    photo_ids: list[Id] = Field(min_length=1, max_length=MOST)


class CategoryOfSelection(Selection):
    """The photos' new category; null takes it away."""

    category: str | None


class DateOfSelection(Selection):
    """When the photos were taken; null says that nobody knows."""

    taken_at: NaiveDatetime | None = Field(description="By the camera's own clock, without a zone.")


class TargetOfSelection(Selection):
    """The collection that gets the photos."""

    collection_id: Id


class ChangedPhotos(BaseModel):
    """How many photos were changed; the others were gone already."""

    changed: int
    gone: int

    @classmethod
    def of(cls, asked: Selection, changed: int) -> "ChangedPhotos":
        """Of a selection in which some may have been named twice."""
        return cls(changed=changed, gone=len(set(asked.photo_ids)) - changed)


class EarlierCategory(BaseModel):
    """Photos that had the same category before."""

    category: str | None
    photo_ids: list[int]


class LabelledPhotos(ChangedPhotos):
    """How many photos got a category, and which they had: to take it back."""

    before: list[EarlierCategory]

    @classmethod
    def with_categories(cls, asked: Selection, before: Mapping[str | None, list[int]]) -> "LabelledPhotos":
        """With the photos found, by the category they had."""
        count = ChangedPhotos.of(asked, sum(map(len, before.values())))
        earlier = [EarlierCategory(category=name, photo_ids=ids) for name, ids in before.items()]
        return cls(changed=count.changed, gone=count.gone, before=earlier)


class DeletedPhotos(ChangedPhotos):
    """How many photos were deleted, and how many files of them stay where they lie."""

    files_stay: int = Field(description="Photos shown from folders of the server: their files are left as they are.")


class Moved(BaseModel):
    """How many photos were moved, and those that were left: the collection has them already."""

    moved: int
    duplicates: list[int]
    replaced: dict[int, int] = Field(
        description="Photos whose place a copy took that lay in that collection's trash, by their ids: the copy's id."
    )


class Copied(BaseModel):
    """The photos that were made, and those that were not copied: the collection has them already."""

    photo_ids: list[int]
    duplicates: list[int]


class ArchiveQuery(Request):
    """Photos by their ids, as `7,12-15`."""

    ids: str = Field(max_length=12 * MOST, pattern=r"^\d{1,10}(-\d{1,10})?(,\d{1,10}(-\d{1,10})?)*$")

    @field_validator("ids")
    @classmethod
    def _not_too_many(cls, ids: str) -> str:
        if sum(last - first + 1 for first, last in _ranges(ids)) > MOST:
            raise ValueError(f"Name at most {MOST} photos")
        if any(not 0 < first <= last <= MAX_ID for first, last in _ranges(ids)):
            raise ValueError("Write ids as 7,12-15, the smaller one first")
        return ids

    @property
    def photo_ids(self) -> list[int]:
        """Every id."""
        return [each for first, last in _ranges(self.ids) for each in range(first, last + 1)]


def _ranges(ids: str) -> list[tuple[int, int]]:
    pairs = (part.split("-") for part in ids.split(","))
    return [(int(pair[0]), int(pair[-1])) for pair in pairs]


Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256 of a file, in small hex digits.")]


class Digests(Request):
    """Files that may be here already."""

    sha256: list[Digest] = Field(min_length=1, max_length=MOST)


class ExistingFile(BaseModel):
    """A photo with the bytes of a file that was asked about."""

    sha256: str
    photo_id: int
    filename: str
    collection_id: int
    collection: str
    mine: bool
    page: str = Field(description="Where a person can look at it.")

    @classmethod
    def of(cls, row: PhotoRow, user_id: int) -> "ExistingFile":
        """From the catalog, as this user sees it."""
        return cls(
            sha256=row.sha256,
            photo_id=row.id,
            filename=row.filename,
            collection_id=row.collection_id,
            collection=row.collection.name,
            mine=row.collection.owner_id == user_id,
            page=photo_page_address(row),
        )


class ExistingFiles(BaseModel):
    """The files that are here already."""

    existing: list[ExistingFile]
