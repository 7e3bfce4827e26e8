"""Programs of the version before go on working on the tables of this one: migrations only add.

The first two migrations were made before anything was released; every later one is held to it.
"""

from __future__ import annotations

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import inspect

from mindreader.catalog.database import alembic_config

UNRELEASED = {"0001", "0002"}
SCRIPTS = ScriptDirectory.from_config(alembic_config())
LATER = [script.revision for script in reversed(list(SCRIPTS.walk_revisions())) if script.revision not in UNRELEASED]


def columns(catalog):
    inspector = inspect(catalog.engine)
    return {
        (table, column["name"]): column
        for table in inspector.get_table_names()
        for column in inspector.get_columns(table)
    }


@pytest.mark.parametrize("revision", LATER)
def test_a_migration_takes_nothing_away_and_asks_nothing_of_older_writers(empty_catalog, revision):
    before_it = SCRIPTS.get_revision(revision).down_revision
    empty_catalog.migrate(before_it)
    before = columns(empty_catalog)
    empty_catalog.migrate(revision)
    after = columns(empty_catalog)
    assert before.keys() <= after.keys(), "the version before still reads these"
    known = {table for table, _ in before}
    for (table, name), column in after.items():
        if table in known and (table, name) not in before:
            assert column["nullable"] or column["default"] is not None, f"an older INSERT leaves {table}.{name} out"
    for key in before.keys() & after.keys():
        assert before[key]["nullable"] <= after[key]["nullable"], f"{key} may not be empty any more"
