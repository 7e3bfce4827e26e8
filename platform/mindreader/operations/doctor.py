"""Compare the catalog with blobs and photo indexes; the catalog is the truth, so repairing follows it."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from functools import partial

from sqlalchemy import func, select, text
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from mindreader.blobs import BlobStore
from mindreader.blobs.parallel import Progress, no_progress
from mindreader.catalog import Catalog, Embedding, EmbeddingSpace, EmbeddingState, ModelVersion, Photo
from mindreader.embedding import queue
from mindreader.embedding.rebuild import rebuild_damaged
from mindreader.embedding.spaces import is_open, spaces
from mindreader.errors import DamagedIndexError, NotReadyError
from mindreader.model_versions.registry import bundle_store
from mindreader.operations.finding import Check, Finding, findings_of, reason_of
from mindreader.operations.shown_folders import shown_folders
from mindreader.operations.stored_files import StoredFiles
from mindreader.photo_index import PhotoIndexes
from mindreader.settings import Settings

log = logging.getLogger(__name__)

_STALE_SECONDS = 3600


def diagnose(
    catalog: Catalog,
    blobs: BlobStore,
    indexes: PhotoIndexes,
    settings: Settings,
    *,
    repair: bool,
    content: bool = False,
    progress: Progress = no_progress,
) -> list[Finding]:
    """Look for everything that differs, and mend it if asked to; what cannot be looked at is a finding too.

    Args:
        content: read every original, thumbnail and preview, whatever there is of them.
        progress: told of the files that are looked at.
    """
    files = StoredFiles(catalog, blobs, settings, content=content, progress=progress)
    damage = findings_of([("catalog", lambda: _damaged_catalog(catalog))])
    repair = repair and not damage  # what is missing in a damaged catalog must not be removed elsewhere
    checks: list[Check] = [
        ("model versions", lambda: _no_active_version(catalog)),
        ("bundles", lambda: _lost_bundles(catalog, blobs, settings)),
        ("originals", files.originals),
        ("folders", lambda: shown_folders(catalog, settings, content=content, progress=progress)),
        ("thumbnails", lambda: files.thumbnails(repair=repair)),
        ("previews", lambda: files.previews(repair=repair)),
        ("queue", lambda: _missing_rows(catalog, repair)),
        ("damaged photo indexes", lambda: _damaged_indexes(catalog, indexes, repair)),
        ("photo indexes", lambda: iter(findings_of(_index_checks(catalog, indexes, repair)))),
    ]
    if repair:
        checks.append(("temporary files", lambda: _sweep(blobs)))
    return damage + findings_of(checks)


def _index_checks(catalog: Catalog, indexes: PhotoIndexes, repair: bool) -> list[Check]:
    return [
        (f"photo index of space {space.key}", partial(_index_differences, catalog, indexes, space, repair))
        for space in _spaces(catalog)
    ]


def _sweep(blobs: BlobStore) -> Iterator[Finding]:
    blobs.sweep_temporary(_STALE_SECONDS)
    return iter(())


def _damaged_catalog(catalog: Catalog) -> Iterator[Finding]:
    """SQLite's own look at every page of the file; then today's tables, which a damaged file is not given."""
    if catalog.engine.dialect.name == "sqlite":
        problems = _sqlite_problems(catalog)
        if problems:
            sentence = f"The catalog's file is damaged ({problems[0]}): stop MindReader and restore a backup."
            yield Finding("damaged-catalog", len(problems), sentence, False)
            return
    catalog.migrate()
    if catalog.engine.dialect.name == "sqlite" and (tables := _dangling(catalog)):
        named = ", ".join(sorted(set(tables)))
        sentence = f"{len(tables)} rows of the catalog ({named}) refer to others that are gone: restore a backup."
        yield Finding("dangling-row", len(tables), sentence, False)


def _sqlite_problems(catalog: Catalog) -> list[str]:
    try:
        with catalog.snapshot() as session:
            said = session.scalars(text("PRAGMA integrity_check")).all()
    except (DatabaseError, sqlite3.DatabaseError) as error:
        return [reason_of(error)]
    return [str(line) for line in said if line != "ok"]


def _dangling(catalog: Catalog) -> list[str]:
    with catalog.snapshot() as session:
        return [str(row[0]) for row in session.execute(text("PRAGMA foreign_key_check"))]


def repair_indexes(catalog: Catalog, indexes: PhotoIndexes) -> list[Finding]:
    """Mend the open spaces whose index holds another number of points than the catalog says; cheap where none does."""
    mended = []
    for space in _spaces(catalog):
        with catalog.snapshot() as session:
            counted = select(func.count()).select_from(Embedding)
            rows = counted.where(Embedding.space_id == space.id, Embedding.state == EmbeddingState.INDEXED)
            indexed = session.scalar(rows)
        if indexes.of(space).count() != indexed:
            mended += list(_index_differences(catalog, indexes, space, repair=True))
    for finding in mended:
        log.warning("%s", finding.sentence)
    return mended


def _no_active_version(catalog: Catalog) -> Iterator[Finding]:
    with catalog.snapshot() as session:
        active = session.scalar(select(ModelVersion.id).where(ModelVersion.active))
    if active is None:
        yield Finding("no-active-version", 1, "No model version is active: searches cannot be answered.", False)


def _lost_bundles(catalog: Catalog, blobs: BlobStore, settings: Settings) -> Iterator[Finding]:
    kept = bundle_store(settings, blobs)
    with catalog.snapshot() as session:
        versions = session.execute(select(ModelVersion.bundle_sha256, ModelVersion.name)).all()
    for sha256, name in versions:
        try:
            kept.read(sha256, name)
        except (NotReadyError, OSError) as error:
            yield Finding("lost-bundle", 1, f"{name}: {reason_of(error)}", False)


def _missing_rows(catalog: Catalog, repair: bool) -> Iterator[Finding]:
    """Photos that no one ever asked to embed for a space in use."""
    for space in _spaces(catalog):
        with catalog.snapshot() as session:
            queued = select(Embedding.photo_id).where(Embedding.space_id == space.id)
            lost = session.scalars(select(Photo.id).where(Photo.deleted_at.is_(None), Photo.id.not_in(queued))).all()
        if not lost:
            continue
        if repair:
            with catalog.transaction() as session:
                queue.enqueue_missing(session, space.id)
        yield Finding("not-queued", len(lost), f"{len(lost)} photos were never queued.{_done(repair)}", repair)


def _damaged_indexes(catalog: Catalog, indexes: PhotoIndexes, repair: bool) -> Iterator[Finding]:
    for space in _spaces(catalog):
        try:
            indexes.of(space)
        except DamagedIndexError as error:
            if repair:
                rebuild_damaged(catalog, indexes)
            done = " It was set aside, and its photos are embedded again." if repair else _done(repair)
            yield Finding("damaged-index", 1, f"{error.inside}: the photo index is damaged.{done}", repair)


def _index_differences(
    catalog: Catalog, indexes: PhotoIndexes, space: EmbeddingSpace, repair: bool
) -> Iterator[Finding]:
    try:
        index = indexes.of(space)
    except DamagedIndexError:
        return  # `_damaged_indexes` names it
    # The index first: a photo that is indexed in between then looks unexpected, not lost, and is checked again.
    points = set(index.ids())
    with catalog.snapshot() as session:
        indexed = set(_embedded(space.id, session, EmbeddingState.INDEXED))
        known = set(session.scalars(select(Photo.id).where(Photo.deleted_at.is_(None))))
    # Looked for once more: what was indexed between the two looks is not lost.
    if lost := sorted((indexed - points) - index.existing(indexed - points)):
        if repair:
            with catalog.transaction() as session:
                queue.requeue(session, lost, [EmbeddingState.INDEXED], space_id=space.id)
        sentence = f"{len(lost)} photos are not in the index of space {space.key}.{_done(repair)}"
        yield Finding("lost-point", len(lost), sentence, repair)
    if orphans := sorted(points - known):
        if repair:
            index.delete(orphans)
        sentence = f"{len(orphans)} points of space {space.key} have no photo.{_done(repair)}"
        yield Finding("orphan-point", len(orphans), sentence, repair)


def _embedded(space_id: int, session: Session, state: EmbeddingState) -> Iterator[int]:
    return iter(
        session.scalars(select(Embedding.photo_id).where(Embedding.space_id == space_id, Embedding.state == state))
    )


def _spaces(catalog: Catalog) -> list[EmbeddingSpace]:
    """The open ones: the others have no index, or are about to lose it."""
    with catalog.snapshot() as session:
        return [space for space in spaces(session) if is_open(space)]


def _done(repair: bool) -> str:
    return " Mended." if repair else " `mindreader doctor --repair` mends that."
