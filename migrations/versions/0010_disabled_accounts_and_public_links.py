"""Accounts that are disabled, and links that show photos to whoever has them.

Revision ID: 0010
Revises: 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("user_account", sa.Column("disabled_at", sa.DateTime(), nullable=True))
    op.create_table(
        "public_link",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("collection_id", sa.Integer(), nullable=True),
        sa.Column("sketch_sha256", sa.String(64), nullable=True),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("downloads", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("expires_at", sa.DateTime(), nullable=False),
        sa.Column("opened", sa.Integer(), nullable=False),
        sa.Column("last_opened_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_public_link_user_id_user_account"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["collection_id"],
            ["collection.id"],
            name=op.f("fk_public_link_collection_id_collection"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_public_link")),
        sa.UniqueConstraint("sha256", name=op.f("uq_public_link_sha256")),
    )
    for column in ("user_id", "collection_id"):
        op.create_index(op.f(f"ix_public_link_{column}"), "public_link", [column])
    op.create_table(
        "public_link_photo",
        sa.Column("link_id", sa.Integer(), nullable=False),
        sa.Column("photo_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["link_id"], ["public_link.id"], name=op.f("fk_public_link_photo_link_id_public_link"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["photo_id"], ["photo.id"], name=op.f("fk_public_link_photo_photo_id_photo"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("link_id", "photo_id", name=op.f("pk_public_link_photo")),
    )
    op.create_index(op.f("ix_public_link_photo_photo_id"), "public_link_photo", ["photo_id"])


def downgrade() -> None:
    op.drop_table("public_link_photo")
    op.drop_table("public_link")
    # In place: made anew, as batch_alter_table does, the table would be missed by all that refer to it.
    op.drop_column("user_account", "disabled_at")
