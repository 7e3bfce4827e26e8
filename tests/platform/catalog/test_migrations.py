import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect

from mindreader.catalog import Base, Catalog
from mindreader.errors import ConfigurationError


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_catalog(request, tmp_path):
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/catalog.sqlite3"
    else:
        url = request.getfixturevalue("postgres_url")
    catalog = Catalog(url)
    yield catalog
    catalog.migrate("base")
    catalog.close()


def test_up_gives_exactly_the_tables_of_the_models(empty_catalog):
    empty_catalog.migrate()
    with empty_catalog.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_up_twice_changes_nothing(empty_catalog):
    empty_catalog.migrate()
    before = inspect(empty_catalog.engine).get_table_names()
    empty_catalog.migrate()
    assert inspect(empty_catalog.engine).get_table_names() == before


def test_down_leaves_nothing_and_up_works_again(empty_catalog):
    empty_catalog.migrate()
    empty_catalog.migrate("base")
    assert inspect(empty_catalog.engine).get_table_names() == ["alembic_version"]
    empty_catalog.migrate()
    assert "photo" in inspect(empty_catalog.engine).get_table_names()


def test_sqlite_keeps_a_write_ahead_log(catalog):
    with catalog.snapshot() as session:
        assert session.connection().exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"


@pytest.mark.parametrize("url", ["nonsense", "mysql://user@host/db", "unknowndb://x"])
def test_a_url_that_is_no_supported_database_is_refused(url):
    with pytest.raises(ConfigurationError):
        Catalog(url)
