"""Points whose photo has another collection or category since: told so without being embedded again.

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("embedding", sa.Column("labels_stale", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_index(
        "ix_embedding_labels_stale",
        "embedding",
        ["space_id", "photo_id"],
        sqlite_where=sa.text("labels_stale"),
        postgresql_where=sa.text("labels_stale"),
    )


def downgrade() -> None:
    op.drop_index("ix_embedding_labels_stale", "embedding")
    with op.batch_alter_table("embedding") as batch_op:
        batch_op.drop_column("labels_stale")
