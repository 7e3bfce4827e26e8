"""Which searches were made while somebody drew, and what a job came to when it ended.

Empty for jobs that ended before: theirs are counted from what is in the index now.

Revision ID: 0012
Revises: 0011
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("search", sa.Column("live", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("job", sa.Column("final_counts", sa.JSON(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("job") as batch_op:
        batch_op.drop_column("final_counts")
    with op.batch_alter_table("search") as batch_op:
        batch_op.drop_column("live")
