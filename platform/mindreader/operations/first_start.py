"""Whether a catalog that is empty is a new one, or the wrong one."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

from sqlalchemy import inspect, text

from mindreader.blobs import BlobStore
from mindreader.catalog import Catalog
from mindreader.catalog.copying import read_snapshot
from mindreader.errors import ConflictError
from mindreader.settings import Settings

# What a start fills first, before accounts: whatever photos and indexes there are belong to an embedding space, and
# another process may have opened the index of one while a start is still under way.
_FILLED_BY_A_START = "embedding_space"


def check_not_forgotten(catalog: Catalog, blobs: BlobStore, settings: Settings) -> None:
    """Refuse a catalog that no MindReader has started with where photos or an index of some lie already.

    Raises:
        ConflictError: the catalog that belonged to them is gone or elsewhere; the message says what can be done.
    """
    if not _is_new(catalog):
        return
    # Of photos in folders only thumbnails are there.
    found = next(chain(blobs.keys("originals"), blobs.keys("thumbnails")), None)
    traces = f"photos lie in {settings.blobs_root}" if found else _index_in(settings)
    if traces:
        raise ConflictError(
            "The catalog {catalog} is new and empty, but {traces}. Should they belong to another catalog, set "
            "MINDREADER_DATABASE_URL to it. If it is lost, bring a backup back with `mindreader restore`. To do "
            "without it for good, start once with --begin-anew.",
            catalog=catalog.engine.url.render_as_string(hide_password=True),
            traces=traces,
        )


def _is_new(catalog: Catalog) -> bool:
    database = catalog.engine.url.database or ""
    if catalog.engine.dialect.name == "sqlite" and not Path(database).exists():  # connecting would make the file
        return True
    with read_snapshot(catalog) as connection:
        if _FILLED_BY_A_START not in inspect(connection).get_table_names():
            return True
        return connection.scalar(text(f"SELECT 1 FROM {_FILLED_BY_A_START} LIMIT 1")) is None  # noqa: S608  # nosec B608  # a constant


def _index_in(settings: Settings) -> str:
    folder = settings.index_dir
    is_there = folder.is_dir() and any(entry.is_dir() for entry in folder.iterdir())
    return f"an index of photos lies in {folder}" if is_there else ""
