"""Sessions of browsers on the server's side, and tokens that expire.

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "browser_session",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("user_agent", sa.String(200), nullable=False),
        sa.Column("address", sa.String(45), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("last_used_at", sa.DateTime(), nullable=False),
        sa.Column("expires_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_browser_session_user_id_user_account"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_browser_session")),
        sa.UniqueConstraint("sha256", name=op.f("uq_browser_session_sha256")),
    )
    for column in ("user_id", "expires_at"):
        op.create_index(op.f(f"ix_browser_session_{column}"), "browser_session", [column])
    # Tokens that are there already go on working until somebody revokes them.
    op.add_column("api_token", sa.Column("expires_at", sa.DateTime(), nullable=True))
    op.add_column("api_token", sa.Column("last_used_at", sa.DateTime(), nullable=True))
    op.add_column("api_token", sa.Column("is_local", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    with op.batch_alter_table("api_token") as batch_op:
        for column in ("is_local", "last_used_at", "expires_at"):
            batch_op.drop_column(column)
    op.drop_table("browser_session")
