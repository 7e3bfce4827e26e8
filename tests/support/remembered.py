"""What this process would make again for every test, and makes once: it follows from the same words each time.

Without it an app takes 35 ms of a core, with it 5. Of this, programs that tests start know the migrated tables alone.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import cache, lru_cache, wraps
from pathlib import Path
from ssl import SSLContext
from tempfile import TemporaryDirectory
from types import CodeType
from typing import Any

import httpx._transports.default
import jinja2
from sqlalchemy import Engine, create_engine
from werkzeug.routing import Rule

from mindreader.catalog import Catalog
from mindreader.photo_index import open as opening
from mindreader.settings import Settings
from tests.support.temporary import compiled_models


def remember() -> None:
    """Have it so from now on, until this process ends."""
    Rule.compile = _rules(Rule.compile)  # type: ignore[method-assign, assignment]
    jinja2.Environment.compile = _templates(jinja2.Environment.compile)  # type: ignore[method-assign, assignment]
    # A client reads the certificates of all authorities, whatever it asks for: 25 ms.
    httpx._transports.default.create_ssl_context = lru_cache(httpx.create_ssl_context)  # type: ignore[attr-defined]
    opening._trusted = _authorities(opening._trusted)  # type: ignore[assignment]
    copy_migrated_tables()
    # Making a network ready for OpenVINO takes eight seconds of a core; whoever names no folder would make it again.
    Settings.compiled_models_dir = property(lambda own: own.compiled_models or compiled_models())  # type: ignore[assignment, method-assign]


def _authorities(read: Callable[[Settings], SSLContext]) -> Callable[[Settings], SSLContext]:
    """The certificates of all authorities, for clients of Qdrant that name none of their own."""
    known: list[SSLContext] = []

    def trusted(settings: Settings) -> SSLContext:
        if settings.qdrant_ca_file is not None:
            return read(settings)
        if not known:
            known.append(read(settings))
        return known[0]

    return trusted


def _migrations(migrate: Callable[[Catalog, str], None]) -> Callable[..., None]:
    """A quarter of a second of a core from nothing to today's tables; a SQLite file without any gets a copy of those.

    tests/platform/catalog, whose subject it is, takes the true one.
    """

    @cache
    def made(revision: str) -> bytes:
        with TemporaryDirectory() as folder:
            file = Path(folder) / "catalog.sqlite3"
            catalog = Catalog(f"sqlite:///{file}")
            migrate(catalog, revision)
            catalog.close()
            with closing(sqlite3.connect(file)) as connection:
                connection.execute("PRAGMA journal_mode=DELETE")  # in memory there is no write-ahead log
                return connection.serialize()

    @wraps(migrate)
    def migrated(self: Catalog, revision: str = "head") -> None:
        file = self.engine.url.database
        if self.engine.dialect.name != "sqlite" or not file or revision == "base" or _has_tables(file):
            migrate(self, revision)
            return
        with closing(sqlite3.connect(":memory:")) as tables, closing(sqlite3.connect(file)) as empty:
            tables.deserialize(made(revision))
            tables.backup(empty)

    return migrated


def _has_tables(file: str) -> bool:
    with closing(sqlite3.connect(file)) as connection:
        return bool(connection.execute("SELECT EXISTS (SELECT * FROM sqlite_master)").fetchone()[0])


def copy_migrated_tables() -> None:
    """Give SQLite files without any tables a copy of today's from now on, in this process and in its forks."""
    Catalog.migrate = _migrations(Catalog.migrate)  # type: ignore[method-assign]
    with TemporaryDirectory() as folder:
        catalog = Catalog(f"sqlite:///{folder}/catalog.sqlite3")
        catalog.migrate()  # now, and not in each fork
        catalog.close()


def share_statements(engine: Engine) -> None:
    """Let an engine for SQLite take the statements that others compiled; by itself it begins with none."""
    engine.dialect, engine._compiled_cache = _sqlite().dialect, _sqlite()._compiled_cache


@cache
def _sqlite() -> Engine:
    engine = create_engine("sqlite://", query_cache_size=5000)
    engine.connect().close()  # it finds out what its database can do
    return engine


def _rules(compile_one: Callable[[Rule], None]) -> Callable[[Rule], None]:
    """Rules of the same words have the same parts; only the map that holds them is another."""
    known: dict[tuple[object, ...], dict[str, Any]] = {}

    def compiled(self: Rule) -> None:
        if self.defaults or self.host or self.subdomain:
            compile_one(self)
            return
        key = self.rule, self.merge_slashes, self.strict_slashes
        if key not in known:
            compile_one(self)
            known[key] = {name: getattr(self, name) for name in ("_parts", "_trace", "_converters")}
            known[key] |= {name: getattr(self, name).__func__ for name in ("_build", "_build_unknown")}
            return
        for name, value in known[key].items():
            setattr(self, name, value.__get__(self) if callable(value) else value.copy())

    return compiled


def _templates(compile_one: Callable[..., CodeType]) -> Callable[..., CodeType]:
    known: dict[tuple[object, ...], CodeType] = {}

    def compiled(self: jinja2.Environment, source: object, *named: object, **options: object) -> CodeType:
        if not isinstance(source, str) or options:
            return compile_one(self, source, *named, **options)
        key = (source, *named, *self.extensions)
        if key not in known:
            known[key] = compile_one(self, source, *named)
        return known[key]

    return compiled
