"""Folders of the server that are shown in place."""

import os
from typing import Any

from pydantic import BaseModel, Field

from mindreader.catalog import FolderFile, OfflineReason
from mindreader.errors import Sentence
from mindreader.folders.registry import FolderView
from mindreader.paging import Page
from mindreader.text import repaired
from mindreader_webui.api.common import MAX_ID
from mindreader_webui.api.schemas.common import Moment, Request
from mindreader_webui.i18n import translated

_OFFLINE = {
    OfflineReason.GONE: Sentence("The folder is not there. Its photos stay; connect the disk again."),
    OfflineReason.EMPTY: Sentence(
        "The folder is empty, as if its disk were away. Its photos stay; connect the disk again."
    ),
    OfflineReason.UNREADABLE: Sentence(
        "The folder cannot be read. Its photos stay; let MindReader's user read it, or check the disk."
    ),
    OfflineReason.LOST: Sentence(
        "More than a tenth of the files went at once, as if a disk were away. Their photos stay; connect the disk "
        "again. If the files were deleted, have them forgotten."
    ),
    OfflineReason.NOT_ALLOWED: Sentence("MINDREADER_FOLDER_ROOTS does not allow this folder any more."),
}
_EXCLUDES = (
    "What is left out: `*` for any characters, `?` for one. A pattern with `/` is held against the path below the "
    "folder, one without against every name on it."
)
_WATCH = "Take up at once what changes there."
_CATEGORIES = "A photo's category is the name of the folder it lies in."


class NewFolder(Request):
    """A folder to show in place."""

    path: str = Field(description="Of the folder on the server, below one that MINDREADER_FOLDER_ROOTS names.")
    collection: str = Field(description="Name of the collection that is made of it.")
    watch: bool = Field(False, description=_WATCH)
    excludes: list[str] = Field([], description=_EXCLUDES)
    categories_from_folders: bool = Field(False, description=_CATEGORIES)


class FolderChange(Request):
    """What to change; a field left out stays as it is."""

    path: str | None = Field(None, description="Where the folder is now, after it was renamed or moved.")
    watch: bool | None = Field(None, description=_WATCH)
    excludes: list[str] | None = Field(None, description=_EXCLUDES)
    categories_from_folders: bool | None = Field(None, description=_CATEGORIES)


class FolderProgress(BaseModel):
    """How far a scan is."""

    phase: str = Field(description="`looking` at names, sizes and times; `reading` what is new; or `verifying`.")
    done: int = Field(description="Files.")
    total: int = Field(description="Files; 0 where that is not known.")
    rate: float = Field(description="Files a second.")
    seconds_left: float | None

    @classmethod
    def of(cls, stored: dict[str, Any]) -> "FolderProgress":
        """From the catalog."""
        return cls(**{name: stored[name] for name in cls.model_fields})


class FolderProblem(BaseModel):
    """Something in a folder that could not be looked at or read."""

    path: str = Field(description="Below the folder.")
    reason: str


class LastScan(BaseModel):
    """What the last scan saw. All numbers are files, but for `photos`."""

    files: int
    new: int
    changed: int
    moved: int = Field(description="The same bytes under another name: their photos stay what they were.")
    back: int = Field(description="Were missing, and are there again.")
    missing: int
    refused: int
    photos: int = Field(description="New photos.")
    forgotten: int
    seconds: float
    problem_count: int
    problems: list[FolderProblem] = Field(description="The first of them.")

    @classmethod
    def of(cls, stored: dict[str, Any]) -> "LastScan":
        """From the catalog."""
        problems = [
            FolderProblem(path=each["path"], reason=translated(Sentence.unpacked(each["reason"])))
            for each in stored["problems"]
        ]
        return cls(**{**stored, "problems": problems})


class Folder(BaseModel):
    """A folder of the server that is shown in place."""

    id: int
    path: str
    collection_id: int
    collection: str
    watch: bool
    excludes: list[str]
    categories_from_folders: bool
    photos: int
    waiting: int = Field(description="Files that are to be read.")
    missing: int = Field(description="Files that were there, and are not.")
    refused: int = Field(description="Files that cannot be photos, or could not be read.")
    offline: OfflineReason | None = Field(description="Why it is taken for away; null while it is there.")
    offline_sentence: str | None = Field(description="The same for a person, and what to do.")
    offline_since: Moment | None
    scan_requested: bool = Field(description="A scan was asked for and has not ended.")
    verify_requested: bool = Field(description="A verification was asked for and has not ended.")
    scanned_at: Moment | None = Field(description="When the last scan ended.")
    progress: FolderProgress | None
    last_scan: LastScan | None

    @classmethod
    def of(cls, view: FolderView) -> "Folder":
        """From the catalog."""
        row = view.folder
        offline = None if row.offline_reason is None else OfflineReason(row.offline_reason)
        return cls(
            id=row.id,
            path=row.path,
            collection_id=row.collection_id,
            collection=row.collection.name,
            watch=row.watch,
            excludes=row.excludes,
            categories_from_folders=row.categories_from_folders,
            photos=view.photos,
            waiting=view.waiting,
            missing=view.missing,
            refused=view.refused,
            offline=offline,
            offline_sentence=None if offline is None else translated(_OFFLINE[offline]),
            offline_since=row.offline_since,
            scan_requested=row.scan_requested_at is not None,
            verify_requested=row.verify_requested_at is not None,
            scanned_at=row.scanned_at,
            progress=None if row.progress is None else FolderProgress.of(row.progress),
            last_scan=None if row.last_scan is None else LastScan.of(row.last_scan),
        )


class Folders(BaseModel):
    """All folders that are shown in place, and where further ones may lie."""

    roots: list[str] = Field(description="What MINDREADER_FOLDER_ROOTS allows.")
    folders: list[Folder]


class ForgottenFiles(BaseModel):
    """How many files were forgotten."""

    files: int


class RefusedQuery(Request):
    """Which refused files to list."""

    after: int = Field(0, ge=0, le=MAX_ID, description="Continue above this id.")
    limit: int = Field(60, ge=1, le=200)


class RefusedFiles(BaseModel):
    """Some files of a folder that cannot be photos; ask for `after=next` to go on."""

    files: list[FolderProblem]
    next: int | None

    @classmethod
    def of(cls, page: Page[FolderFile]) -> "RefusedFiles":
        """From the catalog."""
        files = [
            FolderProblem(
                path=repaired(os.fsdecode(row.directory + b"/" + row.name if row.directory else row.name)),
                reason=translated(row.problem or ""),
            )
            for row in page.items
        ]
        return cls(files=files, next=page.next)


class FolderPath(BaseModel):
    """A folder by its id."""

    folder_id: int
