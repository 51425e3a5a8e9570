"""What fresh codes of members were used for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    use = sa.Enum("LOOK", "SALE", name="codeuse", native_enum=False, create_constraint=True, length=32)
    op.create_table(
        "member_code_use",
        sa.Column("serial", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("nonce", sa.LargeBinary(), nullable=False),
        sa.Column("use", use, nullable=False),
        sa.Column(
            "at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("serial", "nonce", "use", name=op.f("member_code_use_pkey")),
    )
    op.create_index("member_code_use_at", "member_code_use", ["at"])


def downgrade() -> None:
    op.drop_table("member_code_use")
