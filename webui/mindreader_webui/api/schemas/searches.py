"""Searches: what is asked, what is found, what was asked before."""

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from mindreader.catalog import Search as SearchRow
from mindreader.dates import DateSource
from mindreader_webui.api.common import PREFIX
from mindreader_webui.api.schemas.common import Id, Moment, Request
from mindreader_webui.api.schemas.photos import _DATE_SOURCE, _FOLDER, _MAY_CHANGE, _TAKEN_AT, AWAY, PhotoUrls
from mindreader_webui.api.schemas.regions import FrameField, Region

_MOST_ROUNDS = 10_000
MOST_PHOTOS_SHOWN = 3
"""Of a reading."""
MOST_PARTS = 3
"""Things read apart in a drawing."""


class SearchForm(BaseModel):
    """A sketch, and where and how to search."""

    model_config = ConfigDict(extra="forbid")

    sketch: bytes = Field(
        json_schema_extra={"format": "binary"}, description="An image of a drawing, a photo of one on paper, or an SVG."
    )
    limit: int = Field(20, ge=1, le=1000)
    round: int = Field(
        0, ge=0, le=_MOST_ROUNDS, description="One more each time to imagine again: further readings, or other noise."
    )
    reading: list[Id] = Field(
        default=[], max_length=100, description="The reading that was picked, by its `photo_ids`; none if none was."
    )
    fit: bool = Field(
        True, description="Fit the drawing to the sheet. Without it, its place on the sheet and its size count."
    )
    place: bool = Field(
        False,
        description="Photos that have it where it was drawn on the sheet, and as large, come first. Where photos are "
        "not searched by their regions, the same as `fit=false`.",
    )
    like: list[Id] = Field(default=[], max_length=20, description="Find more like these photos.")
    unlike: list[Id] = Field(default=[], max_length=20, description="Find less like these photos.")
    frame: list[FrameField] = Field(
        default=[],
        max_length=5,
        description="Find more like what lies in these frames, each `PHOTO:left,top,right,bottom` with shares of "
        "a photo's width and height, from 0 to 1.",
    )
    collection_id: list[Id] = Field(default=[], description="Search only in these collections.")
    category: list[str] = Field(default=[], description="Find only photos with one of these categories.")
    taken_from: date | None = Field(None, description="Find only photos taken on this day or later.")
    taken_until: date | None = Field(None, description="Find only photos taken on this day or earlier.")
    duplicates: Literal["group", "all"] = Field(
        "group",
        description="Copies of one picture (equal bytes, or the same shot resized or recompressed) are one result that "
        "counts once towards the limit; with `all` each is a result of its own.",
    )
    live: bool = Field(
        False,
        description="Made while the person is still drawing: in the history the next live search takes its "
        "place, until one that is not live, for the same sketch, keeps it.",
    )


class PhotoCopy(BaseModel):
    """Another photo of the same picture."""

    photo_id: int
    filename: str
    collection_id: int
    collection: str
    width: int
    height: int
    page: str = Field(description="The page of its collection that shows it.")


MOST_COPIES = 20
"""Named for a result."""


class SearchResult(PhotoUrls):
    """A photo found."""

    photo_id: int
    score: float = Field(
        description="Cosine similarity in [-1, 1], higher is nearer; with `place`, and a share for that."
    )
    filename: str
    folder: str | None = Field(description=_FOLDER)
    collection_id: int
    collection: str
    category: str | None
    width: int
    height: int
    size_bytes: int
    media_type: str
    taken_at: datetime | None = Field(description=_TAKEN_AT)
    date_source: DateSource | None = Field(description=_DATE_SOURCE)
    away: bool = Field(description=AWAY)
    may_change: bool = Field(description=_MAY_CHANGE)
    boxes: list[Region] = Field(
        default=[],
        max_length=MOST_PARTS,
        description="Where in the photo what was drawn was found: one box, or one for each of the answer's `parts` "
        "where they all were; none where it is the photo as a whole.",
    )
    also_in: list[PhotoCopy] = Field(
        default=[],
        max_length=MOST_COPIES,
        description="Copies of the same picture that this search may find and the caller may see: the first of them, "
        "the best first.",
    )
    also_in_count: int = Field(0, description="How many copies there are.")


class ReadingPhoto(PhotoUrls):
    """A photo a reading was read from."""

    photo_id: int
    filename: str


class Reading(BaseModel):
    """One thing the sketch may show, with the imaginary image of it."""

    url: str = Field(description="A data: URL with a JPEG.")
    name: str | None = Field(description="The category most of its nearest photos have; null where they have none.")
    picked: bool = Field(description="It was picked, and searches.")
    photo_ids: list[int] = Field(
        description="The photos it was read from: what to send as `reading` to pick it. None if nothing can be found."
    )
    photos: list[ReadingPhoto] = Field(
        max_length=MOST_PHOTOS_SHOWN, description="Those nearest to it, of different pictures where there are some."
    )


class VersionName(BaseModel):
    """The model version that answered."""

    id: int
    name: str


class Searchable(BaseModel):
    """How many of the photos searched can be found yet."""

    indexed: int
    total: int


class Rebuilding(BaseModel):
    """The photo index was damaged and is being built anew: how many of the photos searched are back."""

    done: int
    total: int


class SearchAnswer(BaseModel):
    """What a sketch found, best first."""

    id: int
    model_version: VersionName
    readings: list[Reading] = Field(description="What the sketch may show, the most likely first; one or more.")
    results: list[SearchResult]
    parts: list[Region] = Field(
        default=[],
        max_length=MOST_PARTS,
        description="The things in the drawing that were read apart too, by where they are on the sheet; none where it "
        "was read as one.",
    )
    answerable: bool | None = Field(
        description="False: nothing that was searched seems to be what was drawn, and the results are only the "
        "nearest. Null where there are too few photos to tell, or a reading was picked."
    )
    score_threshold: float | None = Field(
        description="Results with a lower score are no more like the sketch than any photo may be by chance; null "
        "where there are too few photos to tell."
    )
    searchable: Searchable
    rebuilding: Rebuilding | None = Field(
        description="While a damaged photo index is being built anew, so that photos are missing; else null."
    )
    timings_ms: dict[str, float]


class SearchesQuery(Request):
    """Which past searches to list."""

    after: Id | None = Field(None, description="Continue below this search id.")
    limit: int = Field(24, ge=1, le=200)


class PastSearch(BaseModel):
    """A search the caller made."""

    id: int
    sketch_url: str
    model_version: str
    created_at: Moment

    @classmethod
    def of(cls, row: SearchRow) -> "PastSearch":
        """From the catalog."""
        return cls(
            id=row.id,
            sketch_url=f"{PREFIX}/searches/{row.id}/sketch",
            model_version=row.model_version.name,
            created_at=row.created_at,
        )


class Searches(BaseModel):
    """Some past searches, the newest first; ask for `after=next` to go on."""

    searches: list[PastSearch]
    next: int | None


class SearchPath(BaseModel):
    """A search by its id."""

    search_id: int
