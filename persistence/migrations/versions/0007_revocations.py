"""Sign-ins that count no more."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    now = sa.text("clock_timestamp()")
    op.create_table(
        "revocation",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("issued_until", sa.DateTime(timezone=True), server_default=now, nullable=False),
        sa.Column("kept_until", sa.DateTime(timezone=True), server_default=now, nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=now, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("revocation_pkey")),
    )
    op.create_index("revocation_recorded_at", "revocation", ["recorded_at"])
    op.create_index("revocation_kept_until", "revocation", ["kept_until"])


def downgrade() -> None:
    op.drop_table("revocation")
