"""Public links: those who make them see one thing, their visitors another."""

from datetime import timedelta
from typing import Self

from pydantic import AwareDatetime, BaseModel, Field, model_validator
from pydantic_core import PydanticCustomError

from mindreader.catalog import Photo as PhotoRow
from mindreader.catalog import PublicLink as LinkRow
from mindreader.catalog.models import now
from mindreader.public_links.links import MOST_PHOTOS, Terms
from mindreader_webui.api.common import PREFIX
from mindreader_webui.api.schemas.common import Id, Moment, Request, utc

_DAYS = 30


class NewPublicLink(Request):
    """A link to make: to a collection, or to what a search found."""

    collection_id: Id | None = Field(None, description="The collection it shows, as it is when somebody looks.")
    search_id: Id | None = Field(None, description="The search whose sketch it shows.")
    photo_ids: list[Id] = Field(
        default=[], max_length=MOST_PHOTOS, description="What the search found, the best first; it shows these."
    )
    title: str = Field("", description="What a visitor reads above the photos of a search.")
    days: int = Field(_DAYS, ge=1, le=3650, description="How long it works.")
    expires_at: AwareDatetime | None = Field(None, description="Until when it works, in place of `days`.")
    downloads: bool = Field(False, description="Let visitors download originals, with all that stands in the files.")

    @model_validator(mode="after")
    def _shows_one_thing(self) -> Self:
        if (self.collection_id is None) == (self.search_id is None):
            raise PydanticCustomError("one_thing", "Send collection_id or search_id")
        if self.search_id is not None and not self.photo_ids:
            raise PydanticCustomError("no_photos", "Send the photo_ids the search found")
        return self

    @property
    def terms(self) -> Terms:
        """How long it works, counted from now, and what visitors may do."""
        if self.expires_at is None:
            return Terms(now() + timedelta(days=self.days), self.downloads)
        return Terms(utc(self.expires_at), self.downloads)


class PublicLink(BaseModel):
    """A link that shows photos to whoever has it, without its secret."""

    id: int
    title: str
    collection_id: int | None = Field(description="Null: it shows what a search found.")
    made_by: str
    downloads: bool
    created_at: Moment
    expires_at: Moment
    expired: bool
    opened: int = Field(description="How often its page was opened.")
    last_opened_at: Moment | None

    @classmethod
    def of(cls, row: LinkRow, made_by: str) -> Self:
        """From the catalog."""
        return cls(
            id=row.id,
            title=row.title,
            collection_id=row.collection_id,
            made_by=made_by,
            downloads=row.downloads,
            created_at=row.created_at,
            expires_at=row.expires_at,
            expired=row.expires_at <= now(),
            opened=row.opened,
            last_opened_at=row.last_opened_at,
        )


class IssuedPublicLink(PublicLink):
    """A new link; its address is shown this once."""

    url: str
    photos: int | None = Field(description="How many of the photos of a search it shows; null: a collection's.")


class PublicLinks(BaseModel):
    """Public links, the newest first."""

    links: list[PublicLink]
    allowed: bool = Field(
        description="Whether the server's administrator lets people make any, and shows those there are."
    )


class PublicLinksQuery(Request):
    """Whose links to list; the caller's own if nothing is said."""

    collection_id: Id | None = Field(None, description="Everybody's to this collection; for those who may change it.")
    everyone: bool = Field(False, description="Everybody's; for administrators.")


class PublicLinkPath(BaseModel):
    """A public link by its id."""

    link_id: int


class VisitPath(BaseModel):
    """A public link by its secret."""

    link_secret: str


class VisitedPhotoPath(VisitPath):
    """A photo that a public link shows."""

    photo_id: int


class VisitQuery(Request):
    """Which photos of a public link to list."""

    after: int | None = Field(None, ge=0, le=2**31 - 1, description="Where the page before says it goes on.")
    limit: int = Field(60, ge=1, le=200)


class Visit(BaseModel):
    """What a public link shows."""

    title: str
    photos: int
    downloads: bool
    sketch_url: str | None = Field(description="The sketch that was searched with, where it shows a search's result.")
    expires_at: Moment


class VisitedPhoto(BaseModel):
    """A photo as a visitor sees it: neither its name nor when or where it was taken."""

    id: int
    width: int
    height: int
    thumbnail_url: str
    preview_url: str
    original_url: str | None = Field(description="Null where the link allows no downloads.")

    @classmethod
    def of(cls, row: PhotoRow, secret: str, *, downloads: bool) -> Self:
        """From the catalog."""
        base = f"{visit_url(secret)}/photos/{row.id}"
        return cls(
            id=row.id,
            width=row.width,
            height=row.height,
            thumbnail_url=f"{base}/thumbnail",
            preview_url=f"{base}/preview",
            original_url=f"{base}/original" if downloads else None,
        )


class VisitedPhotos(BaseModel):
    """Some photos of a public link; ask for `after=next` to go on."""

    photos: list[VisitedPhoto]
    next: int | None


def visit_url(secret: str) -> str:
    """Where a public link's facts are."""
    return f"{PREFIX}/public/{secret}"
