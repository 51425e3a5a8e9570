"""Touch codes, and to whom every cent of revenue is credited."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_NOW = sa.text("clock_timestamp()")


def upgrade() -> None:
    op.create_table(
        "touch_code",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column(
            "kind", _choice("touchkind", "SHELF", "POSTER", "RECEIPT", "BADGE", "LINK"), nullable=False
        ),
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("clerk", sa.Text(), nullable=True),
        sa.Column("sku", sa.Text(), nullable=True),
        sa.Column("campaign", sa.Text(), nullable=True),
        sa.Column("valid_from", _MOMENT, server_default=_NOW, nullable=False),
        sa.Column("valid_until", _MOMENT, nullable=True),
        sa.Column("revoked_at", _MOMENT, nullable=True),
        sa.Column("issued_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("touch_code_pkey")),
        sa.UniqueConstraint("code", name=op.f("touch_code_code_key")),
    )
    op.create_index("touch_code_store", "touch_code", ["store", "id"])
    op.create_table(
        "attribution_rule",
        sa.Column("version", sa.Integer(), sa.Identity(), nullable=False),
        sa.Column("which", _choice("which", "LAST", "EVERY"), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("share", sa.Integer(), nullable=False),
        sa.Column("valid_from", _MOMENT, server_default=_NOW, nullable=False),
        sa.Column("set_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("attribution_rule_pkey")),
    )
    op.create_index("attribution_rule_from", "attribution_rule", ["valid_from"])
    op.create_table(
        "attribution_entry",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("rule", sa.Integer(), nullable=False),
        sa.Column("in_force", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("store", sa.Text(), nullable=True),
        sa.Column("clerk", sa.Text(), nullable=True),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("share", sa.Integer(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency_code", sa.Text(), nullable=False),
        sa.Column("at", _MOMENT, server_default=_NOW, nullable=False),
        sa.ForeignKeyConstraint(
            ["order_id"], ["sales_order.id"], name=op.f("attribution_entry_order_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("attribution_entry_pkey")),
    )
    in_force = sa.text("in_force")
    op.create_index("attribution_entry_order", "attribution_entry", ["order_id", "in_force", "rule"])
    op.create_index("attribution_entry_at", "attribution_entry", ["at"], postgresql_where=in_force)
    op.create_index(
        "attribution_entry_store", "attribution_entry", ["store", "at"], postgresql_where=in_force
    )
    op.create_index(
        "attribution_entry_rule",
        "attribution_entry",
        ["rule", "at"],
        postgresql_where=sa.text("NOT in_force"),
    )


def downgrade() -> None:
    op.drop_table("attribution_entry")
    op.drop_table("attribution_rule")
    op.drop_table("touch_code")


def _choice(name: str, *members: str) -> sa.Enum:
    return sa.Enum(*members, name=name, native_enum=False, create_constraint=True, length=32)
