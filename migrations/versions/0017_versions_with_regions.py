"""A bundle may be registered once for each embedding space it can search: with and without regions of photos.

Revision ID: 0017
Revises: 0016
"""

import json

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_OF_A_BUNDLE = "uq_model_version_bundle_sha256"
_OF_A_BUNDLE_AND_SPACE = "uq_model_version_bundle_sha256_space_id"


def upgrade() -> None:
    _constrain(_OF_A_BUNDLE, _OF_A_BUNDLE_AND_SPACE, ["bundle_sha256", "space_id"])


def downgrade() -> None:
    _remove_spaces_with_regions()
    _constrain(_OF_A_BUNDLE_AND_SPACE, _OF_A_BUNDLE, ["bundle_sha256"])


def _constrain(old: str, new: str, columns: list[str]) -> None:
    """SQLite makes the table anew, which its foreign keys would not have while searches name its rows."""
    sqlite = op.get_bind().dialect.name == "sqlite"
    if sqlite:
        op.execute("CREATE TEMPORARY TABLE kept_search AS SELECT * FROM search")
        op.execute("DELETE FROM search")
    with op.batch_alter_table("model_version") as table:
        table.drop_constraint(op.f(old), type_="unique")
        table.create_unique_constraint(op.f(new), columns)
    if sqlite:
        op.execute("INSERT INTO search SELECT * FROM kept_search")
        op.execute("DROP TABLE kept_search")


def _remove_spaces_with_regions() -> None:
    """The version before knows none: where one of them answered searches, nothing does until a version is activated."""
    connection = op.get_bind()
    space = sa.table("embedding_space", sa.column("id"), sa.column("description", sa.JSON()))
    version = sa.table("model_version", sa.column("id"), sa.column("space_id"))
    search = sa.table("search", sa.column("model_version_id"))
    described = connection.execute(sa.select(space.c.id, space.c.description)).all()
    regional = [row.id for row in described if "regions" in _plain(row.description)]
    versions = sa.select(version.c.id).where(version.c.space_id.in_(regional))
    connection.execute(sa.delete(search).where(search.c.model_version_id.in_(versions)))
    connection.execute(sa.delete(version).where(version.c.space_id.in_(regional)))
    connection.execute(sa.delete(space).where(space.c.id.in_(regional)))


def _plain(description: object) -> dict:
    return json.loads(description) if isinstance(description, str) else description
