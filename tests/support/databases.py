"""Migrated databases at the price of a copy.

Migrations are the subject of tests/platform/catalog; every other test begins with a copy of tables that were made once.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from mindreader.catalog import Catalog
from tests.support.remembered import share_statements

TEMPLATE = "migrated"


def migrate(url: str) -> None:
    catalog = Catalog(url)
    catalog.migrate()
    catalog.close()


def write_template(file: Path) -> Path:
    """A SQLite file with every table; `copy_template` makes a catalog of it."""
    migrate(f"sqlite:///{file}")
    return file


def copy_template(template: Path, catalog: Catalog) -> None:
    """Give a catalog in SQLite its tables. Nothing may have connected to it yet."""
    shutil.copyfile(template, str(catalog.engine.url.database))
    share_statements(catalog.engine)


def create_template(server_url: str) -> None:
    """Let a PostgreSQL server hold a database with every table, which `postgres_database` copies."""
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {TEMPLATE}")
    migrate(_url(server_url, TEMPLATE))


@contextmanager
def postgres_database(server_url: str, template: str = "template0") -> Iterator[str]:
    """The URL of a database of one's own on this server."""
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        yield _url(server_url, name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _url(server_url: str, database: str) -> str:
    return f"{server_url.rpartition('/')[0]}/{database}"


def corrupt(file: Path) -> None:
    """Overwrite all pages of a SQLite file but the first, as a dying disk does."""
    page = 4096
    with file.open("r+b") as database:
        pages = file.stat().st_size // page
        database.seek(page)
        database.write(b"\xa5" * page * (pages - 1))
