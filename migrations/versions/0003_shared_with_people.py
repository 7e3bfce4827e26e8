"""Collections shared with people, and an index for the pages of large collections.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "collection_share",
        sa.Column("collection_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["collection_id"],
            ["collection.id"],
            name=op.f("fk_collection_share_collection_id_collection"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_collection_share_user_id_user_account"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("collection_id", "user_id", name=op.f("pk_collection_share")),
    )
    op.create_index(op.f("ix_collection_share_user_id"), "collection_share", ["user_id"])
    op.create_index("ix_photo_collection_id_id", "photo", ["collection_id", "id"])


def downgrade() -> None:
    op.drop_index("ix_photo_collection_id_id", "photo")
    op.drop_table("collection_share")
