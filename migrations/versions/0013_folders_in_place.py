"""Folders whose photos stay where they lie, their files, and which photos' originals are away.

Revision ID: 0013
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("photo", sa.Column("is_away", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_table(
        "folder",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("collection_id", sa.Integer(), nullable=False),
        sa.Column("path", sa.String(length=4096), nullable=False),
        sa.Column("watch", sa.Boolean(), nullable=False),
        sa.Column("excludes", sa.JSON(), nullable=False),
        sa.Column("categories_from_folders", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("offline_reason", sa.String(length=16), nullable=True),
        sa.Column("offline_since", sa.DateTime(), nullable=True),
        sa.Column("scan_requested_at", sa.DateTime(), nullable=True),
        sa.Column("verify_requested_at", sa.DateTime(), nullable=True),
        sa.Column("scanned_at", sa.DateTime(), nullable=True),
        sa.Column("progress", sa.JSON(), nullable=True),
        sa.Column("last_scan", sa.JSON(), nullable=True),
        sa.Column("lease_owner", sa.String(length=100), nullable=True),
        sa.Column("lease_until", sa.DateTime(), nullable=True),
        sa.CheckConstraint(
            "offline_reason IN ('gone', 'empty', 'unreadable', 'lost', 'not_allowed')",
            name=op.f("ck_folder_offline_reason"),
        ),
        sa.ForeignKeyConstraint(
            ["collection_id"], ["collection.id"], name=op.f("fk_folder_collection_id_collection"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_folder")),
        sa.UniqueConstraint("collection_id", name=op.f("uq_folder_collection_id")),
    )
    op.create_table(
        "folder_file",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("folder_id", sa.Integer(), nullable=False),
        sa.Column("directory", sa.LargeBinary(), nullable=False),
        sa.Column("name", sa.LargeBinary(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("mtime_ns", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("photo_id", sa.Integer(), nullable=True),
        sa.Column("problem", sa.String(length=1000), nullable=True),
        sa.Column("found_at", sa.DateTime(), nullable=False),
        sa.Column("missing_since", sa.DateTime(), nullable=True),
        sa.CheckConstraint("state IN ('waiting', 'photo', 'refused')", name=op.f("ck_folder_file_state")),
        sa.ForeignKeyConstraint(
            ["folder_id"], ["folder.id"], name=op.f("fk_folder_file_folder_id_folder"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["photo_id"], ["photo.id"], name=op.f("fk_folder_file_photo_id_photo"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_folder_file")),
        sa.UniqueConstraint("folder_id", "directory", "name", name=op.f("uq_folder_file_folder_id_directory_name")),
    )
    op.create_index(op.f("ix_folder_file_sha256"), "folder_file", ["sha256"])
    op.create_index(op.f("ix_folder_file_photo_id"), "folder_file", ["photo_id"])
    op.create_index(
        "ix_folder_file_waiting",
        "folder_file",
        ["folder_id", "directory", "name"],
        sqlite_where=sa.text("state = 'waiting'"),
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_index(
        "ix_folder_file_refused",
        "folder_file",
        ["folder_id", "id"],
        sqlite_where=sa.text("state = 'refused'"),
        postgresql_where=sa.text("state = 'refused'"),
    )
    op.create_index(
        "ix_folder_file_missing",
        "folder_file",
        ["folder_id"],
        sqlite_where=sa.text("missing_since IS NOT NULL"),
        postgresql_where=sa.text("missing_since IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_table("folder_file")
    op.drop_table("folder")
    # In place: made anew, as batch_alter_table does, the table would be missed by all that refer to it.
    op.drop_column("photo", "is_away")
