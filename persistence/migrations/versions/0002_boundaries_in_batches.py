"""Where inside an instant the boundary worker stands."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("watermark", sa.Column("done_key", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("watermark", "done_key")
