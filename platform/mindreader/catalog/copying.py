"""Copy all rows of one catalog into another, SQLite or PostgreSQL alike.

Tables are read from the databases themselves, so a catalog of any revision can be copied, and a new table or
column needs nothing here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import JSON, Connection, MetaData, Table, TableClause, delete, func, insert, inspect, select, text

from mindreader.catalog.database import Catalog, alembic_config

_REVISION_TABLE = "alembic_version"
_BATCH = 1000


@contextmanager
def read_snapshot(catalog: Catalog) -> Iterator[Connection]:
    """A connection for reading that sees one moment of the catalog, however long it reads; it hinders no writer."""
    is_sqlite = catalog.engine.dialect.name == "sqlite"
    postgresql = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    with catalog.engine.connect() as connection:
        yield connection.execution_options(**({"read_only": True} if is_sqlite else postgresql))


def revision_of(connection: Connection) -> str | None:
    """The catalog's migration; None where there are no tables yet."""
    return MigrationContext.configure(connection).get_current_revision()


def latest_revision() -> str | None:
    """The newest migration this MindReader has."""
    return ScriptDirectory.from_config(alembic_config()).get_current_head()


def is_known_revision(revision: str) -> bool:
    """Whether this MindReader has the migration; it lacks those of a newer one."""
    try:
        return ScriptDirectory.from_config(alembic_config()).get_revision(revision) is not None
    except CommandError:
        return False


def count_rows(connection: Connection) -> dict[str, int]:
    """How many rows each table has."""
    names = _names(connection)
    return {name: connection.scalar(select(func.count()).select_from(TableClause(name))) or 0 for name in names}


def copy_rows(source: Connection, target: Connection, *, without: Collection[str] = ()) -> dict[str, int]:
    """Fill a catalog with the rows of another of the same revision; what it held before is removed.

    Args:
        without: names of tables that stay empty.

    Returns:
        How many rows each table has now.
    """
    tables = _tables(target)
    # The same database system describes tables of the same revision alike, and takes its time for it.
    is_alike = source.dialect.name == target.dialect.name
    sources = tables if is_alike else _tables(source, [table.name for table in tables])
    for table in reversed(tables):
        target.execute(delete(table))
    copied = {
        table.name: 0 if table.name in without else _copy_table(source, origin, target, table)
        for origin, table in zip(sources, tables, strict=True)
    }
    last_ids = _last_ids(source, sources)
    if target.dialect.name == "sqlite":
        _continue_sqlite_ids(target, last_ids)
    else:
        _continue_postgresql_ids(target, tables, last_ids)
    return copied


def _names(connection: Connection) -> list[str]:
    return [name for name in inspect(connection).get_table_names() if name != _REVISION_TABLE]


def _tables(connection: Connection, names: list[str] | None = None) -> list[Table]:
    """The tables as they are, those that others refer to first; or these, in this order."""
    metadata = MetaData()
    metadata.reflect(connection, only=_names(connection) if names is None else names)
    tables = metadata.sorted_tables if names is None else [metadata.tables[name] for name in names]
    for column in (column for table in tables for column in table.columns):
        if isinstance(column.type, JSON):
            column.type.none_as_null = bool(column.nullable)  # else an empty field would become the word `null`
    return tables


def _copy_table(source: Connection, origin: Table, target: Connection, table: Table) -> int:
    rows = source.execute(select(origin).execution_options(yield_per=_BATCH)).mappings()
    copied = 0
    for batch in rows.partitions():
        target.execute(insert(table), [dict(row) for row in batch])
        copied += len(batch)
    return copied


def _last_ids(connection: Connection, tables: list[Table]) -> dict[str, int]:
    """The highest id a table ever gave out, where the database remembers it: ids of purged photos stay unused."""
    if connection.dialect.name == "sqlite":
        return dict(connection.execute(text("SELECT name, seq FROM sqlite_sequence")).all())
    question = text("SELECT pg_sequence_last_value(CAST(:sequence AS regclass))")
    last = {name: connection.scalar(question, {"sequence": s}) for name, _, s in _sequences(connection, tables)}
    return {name: value for name, value in last.items() if value is not None}


def _continue_sqlite_ids(connection: Connection, last_ids: dict[str, int]) -> None:
    never_again = "SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE '%AUTOINCREMENT%'"
    present = _last_ids(connection, [])
    for name in connection.scalars(text(never_again)).all():
        last = max(present.get(name, 0), last_ids.get(name, 0))
        connection.execute(text("DELETE FROM sqlite_sequence WHERE name = :name"), {"name": name})
        connection.execute(text("INSERT INTO sqlite_sequence VALUES (:name, :last)"), {"name": name, "last": last})


def _continue_postgresql_ids(connection: Connection, tables: list[Table], last_ids: dict[str, int]) -> None:
    by_name = {table.name: table for table in tables}
    for name, column, sequence in _sequences(connection, tables):
        greatest = connection.scalar(select(func.max(by_name[name].columns[column]))) or 0
        if last := max(greatest, last_ids.get(name, 0)):
            go_on = text("SELECT setval(CAST(:sequence AS regclass), :last)")
            connection.execute(go_on, {"sequence": sequence, "last": last})


def _sequences(connection: Connection, tables: list[Table]) -> Iterator[tuple[str, str, str]]:
    """Table, column and name of every sequence that gives out primary keys on PostgreSQL."""
    for table in tables:
        for column in table.primary_key:
            sequence = connection.scalar(select(func.pg_get_serial_sequence(table.name, column.name)))
            if sequence is not None:
                yield table.name, column.name, sequence
