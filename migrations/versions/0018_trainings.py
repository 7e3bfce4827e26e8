"""Trainings: a model version learns this library.

Revision ID: 0018
Revises: 0017
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_STATES = "state IN ('running', 'paused', 'completed', 'cancelled', 'failed')"


def upgrade() -> None:
    op.create_table(
        "training",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("ongoing", sa.Boolean(), nullable=False),
        sa.Column("from_version_id", sa.Integer(), nullable=True),
        sa.Column("result_version_id", sa.Integer(), nullable=True),
        sa.Column("requested_by_id", sa.Integer(), nullable=True),
        sa.Column("stage", sa.String(length=16), nullable=True),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("steps", sa.Integer(), nullable=False),
        sa.Column("seconds_left", sa.Double(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("problem", sa.String(length=1000), nullable=True),
        sa.Column("lease_owner", sa.String(length=100), nullable=True),
        sa.Column("lease_until", sa.DateTime(), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("finished_at", sa.DateTime(), nullable=True),
        sa.CheckConstraint(_STATES, name=op.f("ck_training_state")),
        *(_reference(column, table) for column, table in _REFERENCES.items()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_training")),
    )
    op.create_index(
        "uq_training_ongoing",
        "training",
        ["ongoing"],
        unique=True,
        sqlite_where=sa.text("ongoing"),
        postgresql_where=sa.text("ongoing"),
    )


_REFERENCES = {
    "from_version_id": "model_version",
    "result_version_id": "model_version",
    "requested_by_id": "user_account",
}


def _reference(column: str, table: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_training_{column}_{table}")
    return sa.ForeignKeyConstraint([column], [f"{table}.id"], name=name, ondelete="SET NULL")


def downgrade() -> None:
    op.drop_table("training")
