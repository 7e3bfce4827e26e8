"""The catalog's tables. Times are UTC without a zone, as both SQLite and PostgreSQL keep them alike."""

from __future__ import annotations

import enum
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Double,
    ForeignKey,
    Index,
    LargeBinary,
    MetaData,
    String,
    TextClause,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from mindreader.dates import DateSource
from mindreader.region_schemes import NO_REGIONS

LONGEST_FOLDER = 1000


def now() -> datetime:
    """The present moment as the catalog stores it."""
    return datetime.now(UTC).replace(tzinfo=None)


class Base(DeclarativeBase):
    """Base of all tables; constraints have fixed names, so that migrations can name them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class Role(enum.StrEnum):
    """What a user may do."""

    ADMIN = "admin"
    MEMBER = "member"


class TokenScope(enum.StrEnum):
    """What a program may do with an access token of its user."""

    READ = "read"
    """Look and search."""
    WRITE = "write"
    """Also upload, label, share and delete."""
    FULL = "full"
    """Everything the user may do: also administer, and make tokens."""


class Visibility(enum.StrEnum):
    """Who may see a collection besides its owner: chosen people (`CollectionShare`), or everyone who is signed in."""

    PRIVATE = "private"
    SHARED = "shared"


class EmbeddingState(enum.StrEnum):
    """Where a photo stands on its way into one embedding space's photo index."""

    PENDING = "pending"
    LEASED = "leased"
    INDEXED = "indexed"
    FAILED = "failed"
    SKIPPED = "skipped"
    """It failed, and a person decided to leave it out for good."""


class FolderFileState(enum.StrEnum):
    """What a scan made of a file in a folder."""

    WAITING = "waiting"
    """It is new, or has changed: its bytes are to be read."""
    PHOTO = "photo"
    """It belongs to `photo_id`. Without one its photo was deleted for good, and no scan brings it back."""
    REFUSED = "refused"
    """It cannot be a photo, or cannot be read."""


class OfflineReason(enum.StrEnum):
    """Why a folder is taken to be away, and nothing it lacks to be deleted."""

    GONE = "gone"
    EMPTY = "empty"
    UNREADABLE = "unreadable"
    LOST = "lost"
    """More than a tenth of its files went at once."""
    NOT_ALLOWED = "not_allowed"
    """The settings no longer let it be shown."""


class JobState(enum.StrEnum):
    """Where a batch job stands."""

    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


class TrainingState(enum.StrEnum):
    """Where a training stands that lets a model version learn this library."""

    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    FAILED = "failed"


def _one_of(column: str, values: type[enum.StrEnum]) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


class User(Base):
    """A person."""

    __tablename__ = "user_account"
    __table_args__ = (_one_of("role", Role),)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100), unique=True)
    password_hash: Mapped[str] = mapped_column(String(255))
    role: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[datetime] = mapped_column(default=now)
    disabled_at: Mapped[datetime | None]
    """Since then nobody comes in with this account; what belongs to it stays."""


class ApiToken(Base):
    """A bearer token of a program; only its SHA-256 is kept."""

    __tablename__ = "api_token"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(100))
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    scope: Mapped[str] = mapped_column(String(16), default=TokenScope.FULL, server_default=TokenScope.FULL)
    created_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime | None]
    """It speaks for nobody from then on; None: it works until it is revoked."""
    last_used_at: Mapped[datetime | None]
    is_local: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Of the command line on a machine the server runs on; a start of the server makes it anew."""

    user: Mapped[User] = relationship()


class BrowserSession(Base):
    """Somebody signed in with a browser; only the SHA-256 of the secret in its cookie is kept."""

    __tablename__ = "browser_session"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"), index=True)
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    user_agent: Mapped[str] = mapped_column(String(200))
    address: Mapped[str] = mapped_column(String(45))
    """From where they signed in: IPv4 or IPv6, or empty."""
    created_at: Mapped[datetime] = mapped_column(default=now)
    last_used_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime] = mapped_column(index=True)

    user: Mapped[User] = relationship()


class UserIdentity(Base):
    """Who a user is at an OpenID Connect provider, which gives a subject to nobody else."""

    __tablename__ = "user_identity"
    __table_args__ = (UniqueConstraint("issuer", "subject"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"), index=True)
    issuer: Mapped[str] = mapped_column(String(500))
    subject: Mapped[str] = mapped_column(String(255))
    label: Mapped[str] = mapped_column(String(200))
    """By which the user knows it again: the e-mail address or name there, when they were linked."""
    created_at: Mapped[datetime] = mapped_column(default=now)


class Collection(Base):
    """Photos that belong together and are private or shared together.

    A deleted collection keeps its row, with `deleted_at`, until its photos are gone; its name is free at once.
    """

    __tablename__ = "collection"
    __table_args__ = (
        _one_of("visibility", Visibility),
        Index(
            "uq_collection_owner_id_name",
            "owner_id",
            "name",
            unique=True,
            sqlite_where=text("deleted_at IS NULL"),
            postgresql_where=text("deleted_at IS NULL"),
        ),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    name: Mapped[str] = mapped_column(String(200))
    visibility: Mapped[str] = mapped_column(String(16), default=Visibility.PRIVATE)
    created_at: Mapped[datetime] = mapped_column(default=now)
    deleted_at: Mapped[datetime | None]

    owner: Mapped[User] = relationship()


class CollectionShare(Base):
    """A person who may look at a collection of another."""

    __tablename__ = "collection_share"

    collection_id: Mapped[int] = mapped_column(ForeignKey("collection.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[int] = mapped_column(
        ForeignKey("user_account.id", ondelete="CASCADE"), primary_key=True, index=True
    )

    user: Mapped[User] = relationship()


class PublicLink(Base):
    """A link that shows photos to whoever has it, without an account; only the SHA-256 of its secret is kept.

    It shows either a collection, as it is when somebody looks, or the photos a search found (`PublicLinkPhoto`).
    """

    __tablename__ = "public_link"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"), index=True)
    """Who made it; it shows only what they may share."""
    collection_id: Mapped[int | None] = mapped_column(ForeignKey("collection.id", ondelete="CASCADE"), index=True)
    """None: it shows what a search found."""
    sketch_sha256: Mapped[str | None] = mapped_column(String(64))
    """Of the search's sketch."""
    title: Mapped[str] = mapped_column(String(200))
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    downloads: Mapped[bool]
    """Whether originals are shown, too."""
    created_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime]
    opened: Mapped[int] = mapped_column(default=0)
    """How often its page was opened."""
    last_opened_at: Mapped[datetime | None]

    user: Mapped[User] = relationship()
    collection: Mapped[Collection | None] = relationship()


class PublicLinkPhoto(Base):
    """A photo that a link to a search's result shows, while it is there and its maker may share it."""

    __tablename__ = "public_link_photo"

    link_id: Mapped[int] = mapped_column(ForeignKey("public_link.id", ondelete="CASCADE"), primary_key=True)
    photo_id: Mapped[int] = mapped_column(ForeignKey("photo.id", ondelete="CASCADE"), primary_key=True, index=True)
    position: Mapped[int]
    """In what was found, the best first; from 1."""


class Category(Base):
    """A label of photos within one collection."""

    __tablename__ = "category"
    __table_args__ = (UniqueConstraint("collection_id", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    collection_id: Mapped[int] = mapped_column(ForeignKey("collection.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(200))


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - date(1970, 1, 1)).days


def start_of_day(number: int) -> datetime:
    """The first moment of a day numbered as `day_number` does; the last one there is, if it lies beyond."""
    try:
        return datetime(1970, 1, 1) + timedelta(days=number)  # the catalog's times have no zone
    except OverflowError:
        return datetime.max


_THERE = text("deleted_at IS NULL")


def _order(name: str, *columns: TextClause | str) -> Index:
    """Photos that are not deleted, in an order of `mindreader.library.photo_lists`."""
    return Index(f"ix_photo_{name}", *columns, sqlite_where=_THERE, postgresql_where=_THERE)


def _orders(name: str, key: TextClause | str) -> tuple[Index, Index]:
    """Within a collection, and through all of them; with what lists are counted and filtered by."""
    within = _order(f"collection_{name}", "collection_id", key, "id", "category_id")
    return within, _order(name, key, "id", "collection_id", "category_id")


class Photo(Base):
    """A photo in a collection. Its id is the point id in every photo index and is never used twice.

    A deleted photo keeps its row, with `deleted_at`, until its points and blobs are gone.
    """

    __tablename__ = "photo"
    __table_args__ = (
        UniqueConstraint("collection_id", "sha256"),
        Index("ix_photo_collection_id_id", "collection_id", "id"),  # pages of a collection, however large
        Index(
            "ix_photo_deleted_at",
            "deleted_at",
            sqlite_where=text("deleted_at IS NOT NULL"),
            postgresql_where=text("deleted_at IS NOT NULL"),
        ),
        *_orders("taken", text("coalesce(taken_at, created_at)")),
        *_orders("uploaded", "created_at"),
        *_orders("name", text("lower(filename)")),
        Index(
            "ix_photo_dates_unread",
            "id",
            sqlite_where=text("date_source IS NULL"),
            postgresql_where=text("date_source IS NULL"),
        ),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    collection_id: Mapped[int] = mapped_column(ForeignKey("collection.id"))
    category_id: Mapped[int | None] = mapped_column(ForeignKey("category.id", ondelete="SET NULL"), index=True)
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    filename: Mapped[str] = mapped_column(String(1024))
    folder: Mapped[str | None] = mapped_column(String(LONGEST_FOLDER))
    """Where it lay before it was uploaded: a path below the folder that was chosen, and that one's name before it."""
    media_type: Mapped[str] = mapped_column(String(64))
    size_bytes: Mapped[int]
    width: Mapped[int]
    height: Mapped[int]
    taken_at: Mapped[datetime | None]
    """By the camera's own clock, without a zone."""
    date_source: Mapped[str | None] = mapped_column(String(16))
    """Who says so, a `DateSource`; None until its dates are read (see `mindreader.library.files.dates`)."""
    created_at: Mapped[datetime] = mapped_column(default=now)
    deleted_at: Mapped[datetime | None]
    is_away: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Its original lies in a folder and is not there now: it can be found and looked at, and is not embedded."""

    collection: Mapped[Collection] = relationship()
    category: Mapped[Category | None] = relationship()

    @property
    def day(self) -> int | None:
        """When it was taken, in days since 1970-01-01; None where nobody knows, or only the file's time tells."""
        if self.taken_at is None or self.date_source == DateSource.FILE:
            return None
        return day_number(self.taken_at.date())


class Folder(Base):
    """A folder of the server whose photos are a collection and stay where they lie (see `mindreader.folders`)."""

    __tablename__ = "folder"
    __table_args__ = (_one_of("offline_reason", OfflineReason),)

    id: Mapped[int] = mapped_column(primary_key=True)
    collection_id: Mapped[int] = mapped_column(ForeignKey("collection.id", ondelete="CASCADE"), unique=True)
    path: Mapped[str] = mapped_column(String(4096))
    """Absolute, on the server."""
    watch: Mapped[bool]
    """Whether what changes there is taken up at once."""
    excludes: Mapped[list[str]] = mapped_column(JSON)
    """Patterns of files and sub-folders that are left out (see `mindreader.folders.patterns`)."""
    categories_from_folders: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(default=now)
    offline_reason: Mapped[str | None] = mapped_column(String(16))
    """An `OfflineReason`; None: it is there."""
    offline_since: Mapped[datetime | None]
    scan_requested_at: Mapped[datetime | None]
    verify_requested_at: Mapped[datetime | None]
    scanned_at: Mapped[datetime | None]
    """When the last scan ended."""
    progress: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    """Of the work at hand, as `mindreader.folders.scanning.reports.Progress`."""
    last_scan: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    """What the last scan saw, as `mindreader.folders.scanning.reports.ScanReport`."""
    lease_owner: Mapped[str | None] = mapped_column(String(100))
    lease_until: Mapped[datetime | None]
    """One scanner at a time is at work in it."""

    collection: Mapped[Collection] = relationship()


class FolderFile(Base):
    """A file in a folder as it was when it was last looked at. Names are bytes, as most systems have them."""

    __tablename__ = "folder_file"
    __table_args__ = (
        _one_of("state", FolderFileState),
        UniqueConstraint("folder_id", "directory", "name"),
        Index(
            "ix_folder_file_waiting",
            "folder_id",
            "directory",
            "name",
            sqlite_where=text("state = 'waiting'"),
            postgresql_where=text("state = 'waiting'"),
        ),
        Index(
            "ix_folder_file_refused",
            "folder_id",
            "id",
            sqlite_where=text("state = 'refused'"),
            postgresql_where=text("state = 'refused'"),
        ),
        Index(
            "ix_folder_file_missing",
            "folder_id",
            sqlite_where=text("missing_since IS NOT NULL"),
            postgresql_where=text("missing_since IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    folder_id: Mapped[int] = mapped_column(ForeignKey("folder.id", ondelete="CASCADE"))
    directory: Mapped[bytes] = mapped_column(LargeBinary)
    """Path of the sub-folder below the folder, with / between its parts; empty for the folder itself."""
    name: Mapped[bytes] = mapped_column(LargeBinary)
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    mtime_ns: Mapped[int] = mapped_column(BigInteger)
    """When it was last written, in nanoseconds since 1970 (UTC)."""
    state: Mapped[str] = mapped_column(String(16), default=FolderFileState.WAITING)
    sha256: Mapped[str | None] = mapped_column(String(64), index=True)
    """Of the bytes that were read last."""
    photo_id: Mapped[int | None] = mapped_column(ForeignKey("photo.id", ondelete="SET NULL"), index=True)
    problem: Mapped[str | None] = mapped_column(String(1000))
    """Why it was refused."""
    found_at: Mapped[datetime] = mapped_column(default=now)
    """When this size and time were first seen."""
    missing_since: Mapped[datetime | None]


class PhotoFingerprint(Base):
    """What a photo looks like (`mindreader.imaging.fingerprints`); empty where nothing can be said."""

    __tablename__ = "photo_fingerprint"

    photo_id: Mapped[int] = mapped_column(ForeignKey("photo.id", ondelete="CASCADE"), primary_key=True)
    picture: Mapped[bytes] = mapped_column(LargeBinary)


class PhotoOrigin(Base):
    """What a photo is in another photo library, from which it was taken over (`mindreader.library.files.origins`)."""

    __tablename__ = "photo_origin"
    __table_args__ = (Index("ix_photo_origin_external", "kind", "external_id"),)

    photo_id: Mapped[int] = mapped_column(ForeignKey("photo.id", ondelete="CASCADE"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    external_id: Mapped[str] = mapped_column(String(100), primary_key=True)
    url: Mapped[str] = mapped_column(String(1000))
    """Its page there."""


class EmbeddingSpace(Base):
    """One exact photo encoder (see `mindreader.networks.descriptions`); it has one photo index.

    Every photo is queued for it from `opened_at` on; before that it costs nothing (see `mindreader.embedding.spaces`).
    """

    __tablename__ = "embedding_space"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(16), unique=True)
    photo_encoder: Mapped[str] = mapped_column(String(100))
    dimension: Mapped[int]
    description: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(default=now)
    opened_at: Mapped[datetime | None]
    drop_requested_at: Mapped[datetime | None]
    """Since then a worker is to remove the index; until it has, the space cannot be opened again."""
    photos_per_second: Mapped[float | None] = mapped_column(Double)
    """How fast a worker's E2 was when its bundle was tried."""
    encoder_bytes: Mapped[int | None] = mapped_column(BigInteger)
    """Memory of E2's weights."""

    @property
    def regions(self) -> str:
        """Name of its scheme of regions (`mindreader.region_schemes`); "none" where photos have one vector each."""
        return str(self.description.get("regions", NO_REGIONS))

    @property
    def has_regions(self) -> bool:
        """Whether its photos are embedded region by region."""
        return self.regions != NO_REGIONS


class Embedding(Base):
    """The work queue: one row for each photo and embedding space (see `mindreader.embedding.embedder`)."""

    __tablename__ = "embedding"
    __table_args__ = (
        _one_of("state", EmbeddingState),
        Index("ix_embedding_queue", "space_id", "state", "priority", "photo_id"),
        Index("ix_embedding_recent", "space_id", "updated_at"),
        Index(
            "ix_embedding_labels_stale",
            "space_id",
            "photo_id",
            sqlite_where=text("labels_stale"),
            postgresql_where=text("labels_stale"),
        ),
    )

    photo_id: Mapped[int] = mapped_column(ForeignKey("photo.id", ondelete="CASCADE"), primary_key=True)
    space_id: Mapped[int] = mapped_column(ForeignKey("embedding_space.id", ondelete="CASCADE"), primary_key=True)
    state: Mapped[str] = mapped_column(String(16), default=EmbeddingState.PENDING)
    priority: Mapped[int] = mapped_column(default=0)
    attempts: Mapped[int] = mapped_column(default=0)
    error: Mapped[str | None] = mapped_column(String(1000))
    lease_owner: Mapped[str | None] = mapped_column(String(100))
    lease_until: Mapped[datetime | None]
    labels_stale: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Its point still has the collection, category or day the photo had before."""
    updated_at: Mapped[datetime] = mapped_column(default=now, onupdate=now)

    photo: Mapped[Photo] = relationship()


class ModelVersion(Base):
    """A registered bundle: G and E1 for one embedding space, with or without regions. At most one is active.

    Its files are kept in the blob store under `bundle_sha256` (see `mindreader.bundles.store`).
    """

    __tablename__ = "model_version"
    __table_args__ = (
        UniqueConstraint("bundle_sha256", "space_id"),
        Index(
            "uq_model_version_active",
            "active",
            unique=True,
            sqlite_where=text("active"),
            postgresql_where=text("active"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    bundle_sha256: Mapped[str] = mapped_column(String(64))
    space_id: Mapped[int] = mapped_column(ForeignKey("embedding_space.id"))
    metrics: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    active: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(default=now)
    activated_at: Mapped[datetime | None]
    """When it last began to answer searches; None: it never did."""

    space: Mapped[EmbeddingSpace] = relationship()


class Job(Base):
    """Embedding all photos of a moment in one space. While it goes on its progress is counted from `Embedding`."""

    __tablename__ = "job"
    __table_args__ = (_one_of("state", JobState),)

    id: Mapped[int] = mapped_column(primary_key=True)
    space_id: Mapped[int] = mapped_column(ForeignKey("embedding_space.id", ondelete="CASCADE"))
    state: Mapped[str] = mapped_column(String(16), default=JobState.RUNNING)
    last_photo_id: Mapped[int] = mapped_column(default=0)
    """Photos with a greater id were uploaded later and do not belong to it."""
    requested_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id", ondelete="SET NULL"))
    created_at: Mapped[datetime] = mapped_column(default=now)
    finished_at: Mapped[datetime | None]
    final_counts: Mapped[dict[str, int] | None] = mapped_column(JSON)
    """Its photos by state when it ended: the space may be built anew, or dropped. None for what ended before 0012."""

    space: Mapped[EmbeddingSpace] = relationship()
    requested_by: Mapped[User | None] = relationship()


class Training(Base):
    """A model version's query encoder learns this library (see `mindreader.learning`). At most one goes on."""

    __tablename__ = "training"
    __table_args__ = (
        _one_of("state", TrainingState),
        Index(
            "uq_training_ongoing",
            "ongoing",
            unique=True,
            sqlite_where=text("ongoing"),
            postgresql_where=text("ongoing"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    state: Mapped[str] = mapped_column(String(16), default=TrainingState.RUNNING)
    ongoing: Mapped[bool]
    """It is running or paused."""
    from_version_id: Mapped[int | None] = mapped_column(ForeignKey("model_version.id", ondelete="SET NULL"))
    """The version that learns."""
    result_version_id: Mapped[int | None] = mapped_column(ForeignKey("model_version.id", ondelete="SET NULL"))
    """The version that came of it."""
    requested_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id", ondelete="SET NULL"))
    stage: Mapped[str | None] = mapped_column(String(16))
    """What is being done: a `mindreader.learning.trainings.Stage`; None before anybody has begun."""
    step: Mapped[int] = mapped_column(default=0)
    steps: Mapped[int] = mapped_column(default=0)
    """Of the stage."""
    seconds_left: Mapped[float | None] = mapped_column(Double)
    attempts: Mapped[int] = mapped_column(default=0)
    """How often its program was killed since somebody started or resumed it."""
    problem: Mapped[str | None] = mapped_column(String(1000))
    """Why it failed."""
    lease_owner: Mapped[str | None] = mapped_column(String(100))
    lease_until: Mapped[datetime | None]
    """One learner at a time is at it."""
    created_at: Mapped[datetime] = mapped_column(default=now)
    finished_at: Mapped[datetime | None]

    from_version: Mapped[ModelVersion | None] = relationship(foreign_keys=from_version_id)
    result_version: Mapped[ModelVersion | None] = relationship(foreign_keys=result_version_id)
    requested_by: Mapped[User | None] = relationship()


class Search(Base):
    """An answered search: the sketch (a blob) and what answered it; the imaginary images follow from the seeds."""

    __tablename__ = "search"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"), index=True)
    sketch_sha256: Mapped[str] = mapped_column(String(64))
    model_version_id: Mapped[int] = mapped_column(ForeignKey("model_version.id"))
    seeds: Mapped[list[int]] = mapped_column(JSON)
    timings_ms: Mapped[dict[str, float]] = mapped_column(JSON)
    live: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Made while the person was drawing. Of each person the last one is kept (see `mindreader.search.history`)."""
    created_at: Mapped[datetime] = mapped_column(default=now)

    model_version: Mapped[ModelVersion] = relationship()


class BenchmarkSketch(Base):
    """A sketch kept to compare model versions with; its PNG is a blob."""

    __tablename__ = "saved_sketch"  # its first name: migrations only add

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200), unique=True)
    category: Mapped[str | None] = mapped_column(String(200))
    """Name of the category it should find, where a figure is wanted."""
    sketch_sha256: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(default=now)


class UserSketch(Base):
    """A sketch a person keeps under a name, to draw on or to search with again."""

    __tablename__ = "kept_sketch"  # its first name: migrations only add
    __table_args__ = (UniqueConstraint("user_id", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(200))
    strokes: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    """As `mindreader.search.user_sketches.Stroke` describes them."""
    created_at: Mapped[datetime] = mapped_column(default=now)


class WorkerProcess(Base):
    """A worker, and when a task last ran in it: a process that exists may still do nothing."""

    __tablename__ = "worker_process"

    name: Mapped[str] = mapped_column(String(200), primary_key=True)
    queue: Mapped[str] = mapped_column(String(16))
    device: Mapped[str] = mapped_column(String(100))
    started_at: Mapped[datetime] = mapped_column(default=now)
    last_task_at: Mapped[datetime | None]
    tasks: Mapped[int] = mapped_column(default=0)
    photos: Mapped[int] = mapped_column(default=0)
    stage_seconds: Mapped[dict[str, float] | None] = mapped_column(JSON)
    """How long it has worked on each stage of embedding, altogether."""
    last_error: Mapped[str | None] = mapped_column(String(1000))
