"""Holds, allotments, and levels that may be oversold."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def _of_a_level(table: str) -> None:
    op.create_foreign_key(f"{table}_sku_store_fkey", table, "stock_level", ["sku", "store"], ["sku", "store"])


def upgrade() -> None:
    op.drop_index("stock_level_free", "stock_level")
    op.drop_constraint(op.f("stock_level_on_hand"), "stock_level", type_="check")
    for added in (
        sa.Column("allotted", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("low_stock", sa.Integer(), nullable=True),
        sa.Column("oversold_at", sa.DateTime(timezone=True), nullable=True),
    ):
        op.add_column("stock_level", added)
    for name, expression in (
        ("has_free", "on_hand - reserved - safety_stock > 0"),
        ("has_pool", "on_hand - reserved - safety_stock - allotted > 0"),
    ):
        op.add_column(
            "stock_level",
            sa.Column(name, sa.Boolean(), sa.Computed(expression, persisted=True), nullable=False),
        )
    # Levels whose reservations nobody ever wrote down as holds.
    op.execute("UPDATE stock_level SET oversold_at = clock_timestamp() WHERE on_hand < reserved")
    op.create_check_constraint(
        op.f("stock_level_not_oversold"), "stock_level", "on_hand >= reserved OR oversold_at IS NOT NULL"
    )
    op.create_check_constraint(op.f("stock_level_allotted"), "stock_level", "allotted >= 0")
    op.create_index("stock_level_pool", "stock_level", ["sku", "store"], postgresql_where=sa.text("has_pool"))
    op.create_index(
        "stock_level_oversold",
        "stock_level",
        ["store", "sku"],
        postgresql_where=sa.text("oversold_at IS NOT NULL"),
    )
    op.execute("ALTER TABLE stock_level SET (fillfactor = 70)")

    for column in ("sku", "store"):
        op.drop_constraint(op.f(f"stock_movement_{column}_fkey"), "stock_movement", type_="foreignkey")
    _of_a_level("stock_movement")
    op.drop_index("stock_movement_level", "stock_movement")
    op.create_index("stock_movement_level", "stock_movement", ["store", "sku", "id"])

    op.create_table(
        "stock_allotment",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("remaining", sa.Integer(), nullable=False),
        sa.CheckConstraint("remaining >= 0", name=op.f("stock_allotment_remaining")),
        sa.ForeignKeyConstraint(["channel"], ["channel.code"], name=op.f("stock_allotment_channel_fkey")),
        sa.PrimaryKeyConstraint("channel", "store", "sku", name=op.f("stock_allotment_pkey")),
    )
    _of_a_level("stock_allotment")
    op.create_index("stock_allotment_place", "stock_allotment", ["sku", "store"])

    op.create_table(
        "stock_hold",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("holder", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("from_allotment", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                *("HELD", "SOLD", "RELEASED", "EXPIRED", "RENEWED"),
                name="holdstate",
                native_enum=False,
                length=32,
                create_constraint=True,
            ),
            server_default="HELD",
            nullable=False,
        ),
        sa.Column(
            "expires_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("quantity > 0", name=op.f("stock_hold_quantity")),
        sa.CheckConstraint("from_allotment BETWEEN 0 AND quantity", name=op.f("stock_hold_from_allotment")),
        sa.PrimaryKeyConstraint("id", name=op.f("stock_hold_pkey")),
    )
    _of_a_level("stock_hold")
    op.create_index("stock_hold_holder_index", "stock_hold", ["holder"])
    held = sa.text("state = 'HELD'")
    op.create_index("stock_hold_open", "stock_hold", ["sku", "store", "expires_at"], postgresql_where=held)
    op.create_index("stock_hold_expiry", "stock_hold", ["expires_at"], postgresql_where=held)


def downgrade() -> None:
    op.drop_table("stock_hold")
    op.drop_table("stock_allotment")
    op.drop_index("stock_movement_level", "stock_movement")
    op.create_index("stock_movement_level", "stock_movement", ["store", "sku", "moved_at"])
    op.drop_constraint(op.f("stock_movement_sku_store_fkey"), "stock_movement", type_="foreignkey")
    op.create_foreign_key("stock_movement_sku_fkey", "stock_movement", "variant", ["sku"], ["sku"])
    op.create_foreign_key("stock_movement_store_fkey", "stock_movement", "store", ["store"], ["code"])
    op.execute("ALTER TABLE stock_level RESET (fillfactor)")
    op.drop_index("stock_level_oversold", "stock_level")
    op.drop_index("stock_level_pool", "stock_level")
    for name in ("allotted", "not_oversold"):
        op.drop_constraint(op.f(f"stock_level_{name}"), "stock_level", type_="check")
    for name in ("has_pool", "has_free", "oversold_at", "low_stock", "allotted"):
        op.drop_column("stock_level", name)
    op.create_check_constraint(op.f("stock_level_on_hand"), "stock_level", "on_hand >= 0")
    op.create_index(
        "stock_level_free",
        "stock_level",
        ["sku", "store"],
        postgresql_where=sa.text("on_hand - reserved - safety_stock > 0"),
    )
