"""Who says when a photo was taken. Empty for photos of the version before: workers read their dates again.

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("photo", sa.Column("date_source", sa.String(16), nullable=True))
    op.create_index(
        "ix_photo_dates_unread",
        "photo",
        ["id"],
        sqlite_where=sa.text("date_source IS NULL"),
        postgresql_where=sa.text("date_source IS NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_photo_dates_unread", "photo")
    with op.batch_alter_table("photo") as batch_op:
        batch_op.drop_column("date_source")
