"""The shapes of requests and answers."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from mindreader.catalog import ApiToken as TokenRow
from mindreader.catalog import EmbeddingState, Role, TokenScope, Visibility
from mindreader.catalog import Photo as PhotoRow
from mindreader.catalog import Search as SearchRow
from mindreader.catalog import User as UserRow
from mindreader.use_cases.collections import CollectionSummary
from mindreader.use_cases.photos import PhotoView
from mindreader_webui.api.common import MAX_ID, PREFIX
from mindreader_webui.words import translated

Id = Annotated[int, Field(ge=1, le=MAX_ID)]
# The catalog keeps UTC without saying so; answers say so.
Moment = Annotated[datetime, AfterValidator(lambda moment: moment.replace(tzinfo=UTC))]


class Request(BaseModel):
    """What a caller sends; a misspelt field is an error, not a silent default."""

    model_config = ConfigDict(extra="forbid")


class Problem(BaseModel):
    """An error (RFC 9457)."""

    type: str = Field(description="Stable name of the kind of error, a URN.")
    title: str
    status: int
    detail: str = Field(description="What happened and what to do, for a person.")
    instance: str
    request_id: str = Field(description="Also in the header X-Request-ID and in the logs of server and worker.")
    errors: list[dict[str, str]] | None = Field(None, description="Each field that cannot be used, with the reason.")


class Credentials(Request):
    """Name and password."""

    name: str
    password: str


class NewUser(Credentials):
    """A user to add."""

    role: Role = Role.MEMBER


class User(BaseModel):
    """A person, or the command line of the server's machine before the first person."""

    id: int
    name: str
    role: Role

    @classmethod
    def of(cls, row: UserRow) -> "User":
        """From the catalog."""
        return cls(id=row.id, name=row.name, role=Role(row.role))


class Users(BaseModel):
    """Everyone."""

    users: list[User]


class UserChange(Request):
    """What to change; a field left out stays as it is."""

    password: str | None = None
    role: Role | None = None


class PasswordChange(Request):
    """The password one has, and the one one wants."""

    old: str
    new: str


class HeirQuery(Request):
    """Who takes over what a removed user leaves."""

    heir_id: Id | None = Field(None, description="The user who gets the collections; needed if there are any.")


class UserPath(BaseModel):
    """A user by their id."""

    user_id: int


class NewToken(Request):
    """An access token to make."""

    name: str
    scope: TokenScope = Field(
        TokenScope.WRITE,
        description="`read`: look and search. `write`: also upload, label, share and delete. `full`: everything you "
        "may do, also administer and make tokens.",
    )


class Token(BaseModel):
    """An access token, without its secret."""

    id: int
    name: str
    scope: TokenScope
    created_at: Moment

    @classmethod
    def of(cls, row: TokenRow) -> "Token":
        """From the catalog."""
        return cls(id=row.id, name=row.name, scope=TokenScope(row.scope), created_at=row.created_at)


class IssuedToken(Token):
    """A new access token; its secret is shown this once."""

    token: str


class Tokens(BaseModel):
    """The caller's access tokens."""

    tokens: list[Token]


class EmbeddingCounts(BaseModel):
    """Photos by where they stand on their way into the photo index."""

    pending: int
    leased: int
    indexed: int
    failed: int
    skipped: int


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


class PhotoUrls(BaseModel):
    """Where the pictures of a photo are."""

    thumbnail_url: str
    original_url: str


def photo_urls(photo_id: int) -> dict[str, Any]:
    """Addresses of a photo's thumbnail and original."""
    base = f"{PREFIX}/photos/{photo_id}"
    return {"thumbnail_url": f"{base}/thumbnail", "original_url": f"{base}/original"}


_TAKEN_AT = "The camera's own time, without a zone."


class Photo(PhotoUrls):
    """A photo, its state in the active model version's embedding space."""

    id: int
    filename: str
    collection_id: int
    collection: str
    category_id: int | None
    category: str | None
    width: int
    height: int
    size_bytes: int
    media_type: str
    taken_at: datetime | None = Field(description=_TAKEN_AT)
    created_at: Moment
    state: EmbeddingState
    error: str | None

    @classmethod
    def of(cls, view: PhotoView) -> "Photo":
        """From the catalog."""
        row = view.photo
        return cls(
            **labels(row),
            **photo_urls(row.id),
            id=row.id,
            category_id=row.category_id,
            size_bytes=row.size_bytes,
            media_type=row.media_type,
            created_at=row.created_at,
            state=view.state,
            error=translated(view.error),
        )


def labels(row: PhotoRow) -> dict[str, Any]:
    """What lists of photos and search results both say of a photo."""
    return {
        "filename": row.filename,
        "collection_id": row.collection_id,
        "collection": row.collection.name,
        "category": row.category.name if row.category else None,
        "width": row.width,
        "height": row.height,
        "taken_at": row.taken_at,
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
    """The photo's new category; null takes it away."""

    category: str | None


class SearchResult(PhotoUrls):
    """A photo found."""

    photo_id: int
    score: float = Field(description="Cosine similarity in [-1, 1], higher is nearer.")
    filename: str
    collection_id: int
    collection: str
    category: str | None
    width: int
    height: int
    taken_at: datetime | None = Field(description=_TAKEN_AT)


class ImaginaryImage(BaseModel):
    """What G made of the sketch with one seed."""

    seed: int
    url: str = Field(description="A data: URL with a WebP image.")


class VersionName(BaseModel):
    """The model version that answered."""

    id: int
    name: str


class Searchable(BaseModel):
    """How many of the photos searched can be found yet."""

    indexed: int
    total: int


class SearchAnswer(BaseModel):
    """What a sketch found, best first."""

    id: int
    model_version: VersionName
    imaginary_images: list[ImaginaryImage]
    results: list[SearchResult]
    guess_below: float | None = Field(
        description="Results with a lower score are no more like the sketch than any photo may be by chance; null "
        "where there are too few photos to tell."
    )
    searchable: Searchable
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


class CollectionPath(BaseModel):
    """A collection by its id."""

    collection_id: int


class PhotoPath(BaseModel):
    """A photo by its id."""

    photo_id: int


class TokenPath(BaseModel):
    """A token by its id."""

    token_id: int
