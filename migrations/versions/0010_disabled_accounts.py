"""Accounts that are disabled.

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


def downgrade() -> None:
    # In place: made anew, as batch_alter_table does, the table would be missed by all that refer to it.
    op.drop_column("user_account", "disabled_at")
