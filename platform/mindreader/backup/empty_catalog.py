"""Fill the catalog of an empty MindReader, all of it or nothing: for restores and moves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, inspect, literal, select, table, text

from mindreader.catalog import Catalog
from mindreader.catalog.copying import is_known_revision, read_snapshot, revision_of
from mindreader.errors import ConflictError
from mindreader.settings import Settings

_NEVER_EMPTY = ("user_account", "photo")


def check_empty(settings: Settings) -> None:
    """See that the catalog of these settings can be filled.

    Raises:
        ConflictError: it holds users or photos, or a newer MindReader has used it.
    """
    catalog = Catalog(settings.catalog_url)
    is_sqlite, database = catalog.engine.dialect.name == "sqlite", catalog.engine.url.database or ""
    try:
        if not is_sqlite or Path(database).exists():  # connecting would make the file
            with read_snapshot(catalog) as connection:
                _refuse_unless_empty(connection)
    finally:
        catalog.close()


@contextmanager
def empty_target_transaction(settings: Settings) -> Iterator[Connection]:
    """A transaction in the empty catalog of these settings, with today's tables; an error leaves it empty.

    Raises:
        ConflictError: as `check_empty`; somebody may have been quicker.
    """
    catalog = Catalog(settings.catalog_url)
    try:
        catalog.migrate()
        with catalog.engine.begin() as connection:
            if connection.dialect.name == "postgresql":  # SQLite has one writer anyway
                connection.execute(text("LOCK TABLE user_account, photo IN EXCLUSIVE MODE"))
            _refuse_unless_empty(connection)
            yield connection
    finally:
        catalog.close()


def _refuse_unless_empty(connection: Connection) -> None:
    revision = revision_of(connection)
    if revision is not None and not is_known_revision(revision):
        raise ConflictError("A newer MindReader has used this catalog. Use that one, or a new catalog.")
    present = set(inspect(connection).get_table_names())
    for name in _NEVER_EMPTY:
        if name in present and connection.scalar(select(literal(1)).select_from(table(name)).limit(1)):
            raise ConflictError(
                "This MindReader holds users or photos already. Take an empty one: set MINDREADER_DATA_DIR to a new "
                "folder (and MINDREADER_DATABASE_URL to a new database, if you use one)."
            )
