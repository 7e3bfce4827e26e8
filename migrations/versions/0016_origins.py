"""Where photos come from that were taken over from another photo library: its name for each, and its page there.

Revision ID: 0016
Revises: 0015
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "photo_origin",
        sa.Column("photo_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("external_id", sa.String(length=100), nullable=False),
        sa.Column("url", sa.String(length=1000), nullable=False),
        sa.ForeignKeyConstraint(
            ["photo_id"], ["photo.id"], name=op.f("fk_photo_origin_photo_id_photo"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("photo_id", "kind", "external_id", name=op.f("pk_photo_origin")),
    )
    op.create_index("ix_photo_origin_external", "photo_origin", ["kind", "external_id"])


def downgrade() -> None:
    op.drop_index("ix_photo_origin_external", table_name="photo_origin")
    op.drop_table("photo_origin")
