"""Folders that are shown in place: added, changed, looked at, asked to be scanned, and given up."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session, contains_eager

from mindreader.catalog import Catalog, Collection, Folder, FolderFile, OfflineReason, Photo, User, Visibility
from mindreader.catalog.models import now
from mindreader.errors import ConflictError, NotFoundError
from mindreader.folders.patterns import checked_patterns
from mindreader.folders.roots import absence_of, checked_root
from mindreader.folders.scanning.missing import (
    count_missing,
    count_refused,
    count_waiting,
    forget_missing,
    is_refused,
    set_offline,
)
from mindreader.library.collections import create_collection, delete_collection
from mindreader.paging import Page, read_page
from mindreader.settings import Settings


@dataclass(frozen=True)
class FolderOptions:
    """How a folder is shown; None leaves a thing as it is, or takes its default for a new folder."""

    watch: bool | None = None
    excludes: Sequence[str] | None = None
    categories_from_folders: bool | None = None


@dataclass(frozen=True)
class FolderView:
    """A folder with what a person wants to know of it. Its collection is loaded."""

    folder: Folder
    photos: int
    waiting: int
    """Files that are to be read."""
    missing: int
    """Files that were there, and are not."""
    refused: int
    """Files that cannot be photos, or could not be read."""


def add_folder(
    session: Session, user: User, settings: Settings, path: str, name: str, options: FolderOptions
) -> Folder:
    """Make a new, private collection of a folder, and ask for its first scan.

    Raises:
        InvalidInputError: the folder may not be shown or is none, or the name or a pattern cannot be used.
        ConflictError: the user has a collection of that name, or another collection shows the folder, or one below or
            above it.
    """
    root = checked_root(path, settings)
    _check_apart(session, root, None)
    folder = Folder(
        collection_id=create_collection(session, user, name, Visibility.PRIVATE).id,
        path=str(root),
        watch=bool(options.watch),
        excludes=checked_patterns(options.excludes or ()),
        categories_from_folders=bool(options.categories_from_folders),
        scan_requested_at=now(),
    )
    session.add(folder)
    session.flush()
    return folder


def change_folder(
    session: Session, settings: Settings, folder_id: int, path: str | None, options: FolderOptions
) -> None:
    """Change how a folder is shown, or say where it is now; the next scan, which is asked for, sees to the rest.

    A folder that was renamed keeps its photos: the files in it are known by their names in it, sizes and times.

    Raises:
        NotFoundError: there is no such folder.
        InvalidInputError, ConflictError: as `add_folder`.
    """
    folder = the_folder(session, folder_id)
    if path is not None:
        root = checked_root(path, settings)
        _check_apart(session, root, folder_id)
        folder.path = str(root)
    if options.watch is not None:
        folder.watch = options.watch
    if options.excludes is not None:
        folder.excludes = checked_patterns(options.excludes)
    if options.categories_from_folders is not None:
        folder.categories_from_folders = options.categories_from_folders
    folder.scan_requested_at = now()


def the_folder(session: Session, folder_id: int) -> Folder:
    """A folder whose collection is not deleted; the collection is loaded.

    Raises:
        NotFoundError: there is none.
    """
    found = session.scalar(_living().where(Folder.id == folder_id))
    if found is None:
        raise NotFoundError("There is no such folder.")
    return found


def folders(session: Session) -> Sequence[Folder]:
    """All folders whose collections are not deleted, by the names of these."""
    return session.scalars(_living().order_by(func.lower(Collection.name), Folder.id)).all()


def folder_view(session: Session, folder: Folder) -> FolderView:
    """A folder with its numbers."""
    photos = (Photo.collection_id == folder.collection_id, Photo.deleted_at.is_(None))
    return FolderView(
        folder,
        photos=session.scalar(select(func.count()).select_from(Photo).where(*photos)) or 0,
        waiting=count_waiting(session, folder.id),
        missing=count_missing(session, folder.id),
        refused=count_refused(session, folder.id),
    )


def request_scan(session: Session, folder_id: int) -> None:
    """Ask for a scan; one that goes on counts for it.

    Raises:
        NotFoundError: there is no such folder.
    """
    the_folder(session, folder_id).scan_requested_at = now()


def request_verification(session: Session, folder_id: int) -> None:
    """Ask for every file's bytes to be read and compared with what they were.

    Raises:
        NotFoundError: there is no such folder.
    """
    folder = the_folder(session, folder_id)
    folder.verify_requested_at = now()


def forget(catalog: Catalog, settings: Settings, folder_id: int) -> int:
    """Take files that are missing for deleted: remove their photos, some at a time; returns how many files.

    Raises:
        NotFoundError: there is no such folder.
        ConflictError: the folder itself is not there.
    """
    with catalog.snapshot() as session:
        folder = the_folder(session, folder_id)
    if absence_of(Path(folder.path), settings, had_files=True) is not None:
        raise ConflictError(
            "The folder {path} is not there, so nothing in it can be told from what is deleted. Connect its disk; or "
            "remove the folder from MindReader.",
            path=folder.path,
        )
    forgotten = 0
    after: int | None = 0
    while after is not None:
        with catalog.transaction() as session:
            some, after = forget_missing(session, folder, None, after)
        forgotten += some
    if folder.offline_reason == OfflineReason.LOST:
        with catalog.transaction() as session:
            set_offline(session, folder, None)
    return forgotten


def remove_folder(session: Session, user: User, folder_id: int) -> None:
    """Put a folder's collection into the trash; the files stay as they are.

    Raises:
        NotFoundError: there is no such folder.
    """
    delete_collection(session, user, the_folder(session, folder_id).collection_id)


def refused_files(session: Session, folder_id: int, *, after: int, limit: int) -> Page[FolderFile]:
    """Files that cannot be photos, with the reason, by id above `after`.

    Raises:
        NotFoundError: there is no such folder.
    """
    the_folder(session, folder_id)
    query = select(FolderFile).where(*is_refused(folder_id), FolderFile.id > after).order_by(FolderFile.id)
    return read_page(session, query, limit, lambda row: row[0].id).map(lambda row: row[0])


def _living() -> Select[Folder]:
    living: ColumnElement[bool] = Collection.deleted_at.is_(None)
    return select(Folder).join(Folder.collection).where(living).options(contains_eager(Folder.collection))


def _check_apart(session: Session, root: Path, folder_id: int | None) -> None:
    real = Path(os.path.realpath(root))
    for other in folders(session):
        theirs = Path(os.path.realpath(other.path))
        if other.id != folder_id and (real.is_relative_to(theirs) or theirs.is_relative_to(real)):
            raise ConflictError(
                "The collection {collection} shows {path} already. Choose a folder that is neither in it nor around "
                "it.",
                collection=other.collection.name,
                path=other.path,
            )
