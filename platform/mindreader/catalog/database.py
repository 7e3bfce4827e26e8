"""Connections to the catalog, and its migrations."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, create_engine, event, make_url
from sqlalchemy.engine import Connection
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.orm import Session, sessionmaker

from mindreader.errors import ConfigurationError

_BUSY_SECONDS = 30


class Catalog:
    """The catalog behind one SQLAlchemy URL; safe to share between threads."""

    def __init__(self, url: str) -> None:
        """Connect lazily.

        Raises:
            ConfigurationError: the URL is malformed or names a database MindReader does not support.
        """
        self.url = url
        self.engine = _engine(url)
        self._sessions = sessionmaker(self.engine, expire_on_commit=False)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A session whose work is committed together, or not at all."""
        with self._sessions.begin() as session:
            yield session

    @contextmanager
    def snapshot(self) -> Iterator[Session]:
        """A session for reading only; on SQLite it never waits for writers."""
        with self._sessions() as session:
            session.connection(execution_options={"read_only": True})
            yield session

    def migrate(self, revision: str = "head") -> None:
        """Bring the tables to `revision`; runs at every start and changes nothing when they are there."""
        with self.engine.begin() as connection:
            _serialise_migrations(connection)
            config = alembic_config()
            config.attributes["connection"] = connection
            if revision == "base":
                command.downgrade(config, revision)
            else:
                command.upgrade(config, revision)

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def alembic_config() -> Config:
    """Alembic's configuration, wherever MindReader is installed."""
    inside_wheel = Path(__file__).parents[1] / "migrations"
    in_repository = Path(__file__).parents[3] / "migrations"
    config = Config()
    config.set_main_option("script_location", str(inside_wheel if inside_wheel.is_dir() else in_repository))
    return config


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite":
            return _sqlite_engine(url, parsed.database)
        if parsed.drivername == "postgresql":
            parsed = parsed.set(drivername="postgresql+psycopg")
        if parsed.get_backend_name() != "postgresql":
            raise ConfigurationError(f"The catalog lives in SQLite or PostgreSQL, not in {parsed.get_backend_name()}.")
        return create_engine(parsed, pool_pre_ping=True, pool_size=10, max_overflow=20)
    except (ArgumentError, NoSuchModuleError):
        raise ConfigurationError(
            "MINDREADER_DATABASE_URL is no database URL. Examples: sqlite:////data/catalog.sqlite3, "
            "postgresql://user:password@host/mindreader."
        ) from None


def _sqlite_engine(url: str, path: str | None) -> Engine:
    if path:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, connect_args={"timeout": _BUSY_SECONDS}, pool_size=10, max_overflow=20)

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _record: Any) -> None:
        # Transactions are begun by _begin below: the driver's own begin would come too late.
        connection.isolation_level = None
        # FULL: what was answered "created" outlives a power cut, as its blobs do (docs/performance.md: what it costs).
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # IMMEDIATE: a transaction that reads first and writes later would fail with "database is locked"
        # when another one wrote in between; taking the write lock at once makes it wait instead.
        mode = "DEFERRED" if connection.get_execution_options().get("read_only") else "IMMEDIATE"
        connection.exec_driver_sql(f"BEGIN {mode}")

    return engine


def _serialise_migrations(connection: Connection) -> None:
    """Several processes may start at once: on PostgreSQL one migrates, the others wait (SQLite locks anyway)."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7276823)")
