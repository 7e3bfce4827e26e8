"""What photos look like, so that copies of one picture are one entry among what a search finds.

Revision ID: 0009
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # A table of its own: lists and counts of photos need not read past it.
    op.create_table(
        "photo_fingerprint",
        sa.Column("photo_id", sa.Integer(), nullable=False),
        sa.Column("picture", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["photo_id"], ["photo.id"], name=op.f("fk_photo_fingerprint_photo_id_photo"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("photo_id", name=op.f("pk_photo_fingerprint")),
    )


def downgrade() -> None:
    op.drop_table("photo_fingerprint")
