"""Programs of the version before go on working on the tables of this one: migrations only add.

The first two migrations were made before anything was released; every later one is held to it.
"""

from __future__ import annotations

from contextlib import ExitStack
from inspect import unwrap

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import inspect

from mindreader.catalog import Catalog
from mindreader.catalog.database import alembic_config
from tests.support.databases import postgres_database

UNRELEASED = {"0001", "0002"}
SCRIPTS = ScriptDirectory.from_config(alembic_config())
ALL = [script.revision for script in reversed(list(SCRIPTS.walk_revisions()))]
LATER = [revision for revision in ALL if revision not in UNRELEASED]


def columns(catalog):
    inspector = inspect(catalog.engine)
    return {
        (table, column["name"]): column
        for table in inspector.get_table_names()
        for column in inspector.get_columns(table)
    }


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def columns_after(request, tmp_path_factory):
    """The columns there are after each migration, of a database that went through them one by one."""
    with ExitStack() as stack:
        if request.param == "sqlite":
            url = f"sqlite:///{tmp_path_factory.mktemp('catalog')}/catalog.sqlite3"
        else:
            url = stack.enter_context(postgres_database(request.getfixturevalue("postgres_url")))
        catalog = Catalog(url)
        stack.callback(catalog.close)
        made = {}
        for revision in ALL:
            unwrap(Catalog.migrate)(catalog, revision)
            made[revision] = columns(catalog)
        return made


@pytest.mark.parametrize("revision", LATER)
def test_a_migration_takes_nothing_away_and_asks_nothing_of_older_writers(columns_after, revision):
    before, after = columns_after[SCRIPTS.get_revision(revision).down_revision], columns_after[revision]
    assert before.keys() <= after.keys(), "the version before still reads these"
    known = {table for table, _ in before}
    for (table, name), column in after.items():
        if table in known and (table, name) not in before:
            assert column["nullable"] or column["default"] is not None, f"an older INSERT leaves {table}.{name} out"
    for key in before.keys() & after.keys():
        assert before[key]["nullable"] <= after[key]["nullable"], f"{key} may not be empty any more"
