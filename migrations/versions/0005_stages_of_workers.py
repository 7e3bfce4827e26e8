"""How long workers have worked on each stage.

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("worker_process", sa.Column("stage_seconds", sa.JSON(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("worker_process") as batch_op:
        batch_op.drop_column("stage_seconds")
