"""When a model version was last activated: one that never was is not gone back to.

Revision ID: 0019
Revises: 0018
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

# Until now nobody noted it; the active version and those that answered searches were activated at some time.
_KNOWN = """
UPDATE model_version SET activated_at = created_at
WHERE active OR id IN (SELECT model_version_id FROM search)
"""


def upgrade() -> None:
    op.add_column("model_version", sa.Column("activated_at", sa.DateTime(), nullable=True))
    op.execute(_KNOWN)


def downgrade() -> None:
    op.drop_column("model_version", "activated_at")
