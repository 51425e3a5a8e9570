"""Promotions, their budgets, and who had them how often."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def _choice(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=32)


def _texts() -> postgresql.ARRAY[str]:
    return postgresql.ARRAY(sa.Text())


def upgrade() -> None:
    document = postgresql.JSONB(astext_type=sa.Text())
    zero, none = sa.text("0"), sa.text("'{}'")
    op.create_table(
        "promotion",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("names", document, nullable=False),
        sa.Column(
            "kind",
            _choice("benefitkind", "PERCENT_OFF", "AMOUNT_OFF", "BUY_GET", "BUNDLE_PRICE", "SPEND_SAVE"),
            nullable=False,
        ),
        sa.Column("benefit", document, nullable=False),
        sa.Column("target", document, nullable=False),
        sa.Column("currency_code", sa.Text(), nullable=False),
        sa.Column("layer", sa.Integer(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("excludes", _choice("excludes", "LINE", "LAYER", "BASKET"), nullable=False),
        sa.Column("coupon_only", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("min_spend_minor", sa.BigInteger(), server_default=zero, nullable=False),
        sa.Column("min_quantity", sa.Integer(), server_default=zero, nullable=False),
        sa.Column("most_minor", sa.BigInteger(), nullable=True),
        sa.Column("per_member", sa.BigInteger(), nullable=True),
        sa.Column("channels", _texts(), server_default=none, nullable=False),
        sa.Column("stores", _texts(), server_default=none, nullable=False),
        sa.Column("tiers", _texts(), server_default=none, nullable=False),
        sa.Column("campaign", sa.Text(), nullable=True),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column("valid_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column(
            "recorded_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.CheckConstraint("valid_until >= valid_from", name=op.f("promotion_window")),
        sa.PrimaryKeyConstraint("id", name=op.f("promotion_pkey")),
        sa.UniqueConstraint("code", name=op.f("promotion_code_key")),
    )
    op.create_index("promotion_version", "promotion", ["version"], unique=False)
    op.create_index(
        "promotion_until",
        "promotion",
        [sa.text("coalesce(valid_until, 'infinity'::timestamptz)")],
        unique=False,
    )
    op.create_table(
        "promotion_budget",
        sa.Column("promotion", sa.Text(), nullable=False),
        sa.Column("most_uses", sa.BigInteger(), nullable=True),
        sa.Column("most_minor", sa.BigInteger(), nullable=True),
        sa.Column("uses", sa.BigInteger(), server_default=zero, nullable=False),
        sa.Column("spent_minor", sa.BigInteger(), server_default=zero, nullable=False),
        sa.CheckConstraint("uses BETWEEN 0 AND most_uses", name=op.f("promotion_budget_uses")),
        sa.CheckConstraint("spent_minor BETWEEN 0 AND most_minor", name=op.f("promotion_budget_spent")),
        sa.ForeignKeyConstraint(
            ["promotion"], ["promotion.code"], name=op.f("promotion_budget_promotion_fkey")
        ),
        sa.PrimaryKeyConstraint("promotion", name=op.f("promotion_budget_pkey")),
    )
    op.create_index(
        "promotion_budget_limited",
        "promotion_budget",
        ["promotion"],
        unique=False,
        postgresql_where=sa.text("most_uses IS NOT NULL OR most_minor IS NOT NULL"),
    )
    op.create_table(
        "promotion_use",
        sa.Column("promotion", sa.Text(), nullable=False),
        sa.Column("member", sa.Text(), nullable=False),
        sa.Column("uses", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("uses >= 0", name=op.f("promotion_use_uses")),
        sa.ForeignKeyConstraint(["promotion"], ["promotion.code"], name=op.f("promotion_use_promotion_fkey")),
        sa.PrimaryKeyConstraint("promotion", "member", name=op.f("promotion_use_pkey")),
    )


def downgrade() -> None:
    op.drop_table("promotion_use")
    op.drop_table("promotion_budget")
    op.drop_table("promotion")
