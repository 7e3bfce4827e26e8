"""Lists of photos in an order one can jump about in."""

from datetime import date
from typing import Literal, Self

from pydantic import AwareDatetime, BaseModel, Field

from mindreader.catalog import EmbeddingState
from mindreader.catalog import User as UserRow
from mindreader.library.photo_lists import DayCount as DayCountRow
from mindreader.library.photo_lists import ListFilter, PhotoOrder, Place, SortKey, day_in
from mindreader.library.photo_lists import PhotoRun as PhotoRunRow
from mindreader.library.photos import PhotoView
from mindreader.text import normalised, visible_text
from mindreader_webui.api.schemas.common import Id, Request, utc
from mindreader_webui.api.schemas.photos import Photo

MOST_SKIPPED = 10_000_000
MOST_PHOTOS = 500
MOST_IDS = 10_000


class PhotoListQuery(Request):
    """Which photos, and in which order."""

    collection_id: Id | None = Field(None, description="Of this collection; else of all the caller may see.")
    category: str | None = Field(None, max_length=200, description="Name of their category.")
    state: EmbeddingState | None = None
    taken_from: date | None = Field(None, description="Taken on this day or later; none without a date.")
    taken_until: date | None = Field(None, description="Taken on this day or earlier; none without a date.")
    uploaded_from: AwareDatetime | None = Field(None, description="Uploaded at this moment, with its zone, or later.")
    uploaded_before: AwareDatetime | None = Field(None, description="Uploaded before this moment, with its zone.")
    sort: SortKey = Field(
        SortKey.TAKEN, description="`taken`: by date, or by upload where there is none; `uploaded`; or `name`."
    )
    order: Literal["ascending", "descending"] = "descending"

    @property
    def filter(self) -> ListFilter:
        """As the catalog says it."""
        return ListFilter(
            collection_id=self.collection_id,
            category=None if self.category is None else normalised(visible_text(self.category)),
            state=self.state,
            taken_from=self.taken_from,
            taken_until=self.taken_until,
            uploaded_from=self.uploaded_from and utc(self.uploaded_from),
            uploaded_before=self.uploaded_before and utc(self.uploaded_before),
        )

    @property
    def photo_order(self) -> PhotoOrder:
        """As the catalog says it."""
        return PhotoOrder(self.sort, self.order == "descending")


class _PlaceQuery(PhotoListQuery):
    day: date | None = Field(
        None, description="Begin with this day's first photo in the list, or the next there is; not by name."
    )
    skip: int = Field(0, ge=0, le=MOST_SKIPPED, description="Pass over so many photos from there.")

    @property
    def place(self) -> Place:
        """Where the page begins."""
        return Place(self.day, self.skip)


class PhotoPageQuery(_PlaceQuery):
    """A page of a list."""

    limit: int = Field(120, ge=1, le=MOST_PHOTOS)


class PhotoIdsQuery(_PlaceQuery):
    """A part of a list."""

    limit: int = Field(1000, ge=1, le=MOST_IDS)


class DayCount(BaseModel):
    """How many photos stand on a day."""

    day: date | None = Field(description="Null where the order knows no days: by name.")
    photos: int


class PhotoDays(BaseModel):
    """The days of a list in its order, with what is on each."""

    total: int
    days: list[DayCount]

    @classmethod
    def of(cls, days: list[DayCountRow]) -> Self:
        """From the catalog."""
        return cls(total=sum(each.photos for each in days), days=[DayCount(**vars(each)) for each in days])


class ListedPhoto(Photo):
    """A photo and where it stands."""

    day: date | None = Field(description="The day it stands on in this list.")

    @classmethod
    def listed(cls, view: PhotoView, user: UserRow, order: PhotoOrder) -> Self:
        """From the catalog, as this user sees it."""
        return cls(**Photo.of(view, user).model_dump(), day=day_in(order, view.photo))


class ListedPhotos(BaseModel):
    """A page of a list."""

    photos: list[ListedPhoto]


class PhotoRun(BaseModel):
    """Photos of one collection that follow each other in a list."""

    collection_id: int
    collection: str
    may_change: bool = Field(description="Whether the caller may label, move and delete them.")
    photo_ids: list[int]

    @classmethod
    def of(cls, run: PhotoRunRow) -> Self:
        """From the catalog."""
        return cls(**vars(run))


class PhotoRuns(BaseModel):
    """A part of a list: what is needed to do something with its photos, without showing them."""

    total: int = Field(description="How many photos the list has by now.")
    runs: list[PhotoRun]
