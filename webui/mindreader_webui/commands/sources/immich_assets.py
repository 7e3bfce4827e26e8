"""Photos and albums as Immich's API describes them, as far as they are needed here."""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field

_LEFT_ASIDE = {"hidden": "hidden photos", "locked": "photos in the locked folder", "archive": "archived photos"}


class Exif(BaseModel):
    """What Immich read from a file."""

    date_time_original: AwareDatetime | None = Field(None, alias="dateTimeOriginal")
    file_size: int | None = Field(None, alias="fileSizeInByte", ge=0)


class Asset(BaseModel):
    """A photo or a video."""

    id: UUID
    owner_id: UUID = Field(alias="ownerId")
    type: str
    filename: str = Field(alias="originalFileName")
    path: str = Field("", alias="originalPath")
    checksum: str
    """SHA-1 in base64: of the original, or of its path where it lies in an external library."""
    created: AwareDatetime = Field(alias="fileCreatedAt")
    modified: AwareDatetime | None = Field(None, alias="fileModifiedAt")
    local_time: AwareDatetime | None = Field(None, alias="localDateTime")
    """By the camera's own clock, written as if that were UTC."""
    exif: Exif | None = Field(None, alias="exifInfo")
    visibility: str = "timeline"
    is_archived: bool = Field(False, alias="isArchived")
    is_trashed: bool = Field(False, alias="isTrashed")
    is_offline: bool = Field(False, alias="isOffline")

    @property
    def size(self) -> int:
        """Bytes of the original; 0 where Immich does not say."""
        return (self.exif and self.exif.file_size) or 0

    def has_content(self, digest: bytes) -> bool:
        """Whether a file with this SHA-1 is the original, as far as Immich says."""
        of_path = hashlib.sha1(f"path:{self.path}".encode(), usedforsecurity=False).digest()
        return self.checksum in (_in_base64(digest), _in_base64(of_path))

    @property
    def taken_at(self) -> datetime | None:
        """When it was taken, by the camera's own clock; None where Immich only guesses from the file's time."""
        said = self.exif.date_time_original if self.exif else None
        if said is None or said == self.modified:
            return None
        return (self.local_time or said).replace(tzinfo=None)

    def why_left_aside(self, owner: UUID) -> str | None:
        """What it is, where it is not taken: videos, what is in the trash, hidden, or somebody else's."""
        if self.owner_id != owner:
            return "photos and videos of other people"
        if self.type != "IMAGE":
            return "videos" if self.type == "VIDEO" else "files that are no photos"
        if self.is_trashed:
            return "photos in the trash"
        if self.is_archived:
            return _LEFT_ASIDE["archive"]
        if self.is_offline:
            return "photos whose disk is away"
        return _LEFT_ASIDE.get(self.visibility)


def _in_base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


class AssetPage(BaseModel):
    """Some of the assets."""

    items: list[Asset]
    next_page: str | None = Field(None, alias="nextPage")


class FoundAssets(BaseModel):
    """The answer to a search."""

    assets: AssetPage


class AssetId(BaseModel):
    """An asset that is only named."""

    id: UUID


class Album(BaseModel):
    """An album; its assets are only there where it is asked for alone."""

    id: UUID
    name: str = Field(alias="albumName")
    asset_count: int = Field(0, alias="assetCount")
    assets: list[AssetId] = []


class Me(BaseModel):
    """Whose API key it is."""

    id: UUID


class Numbers(BaseModel):
    """How many there are."""

    images: int
    videos: int


class Version(BaseModel):
    """Immich's own version."""

    major: int
    minor: int
    patch: int


class Pong(BaseModel):
    """The answer of a server that is there."""

    res: Literal["pong"]
