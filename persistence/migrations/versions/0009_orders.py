"""Orders and their payments."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "payment_notice",
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column(
            "outcome",
            sa.Enum(
                "PENDING",
                "CAPTURED",
                "DECLINED",
                "CLOSED",
                name="outcome",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "heard_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("provider", "event_id", name=op.f("payment_notice_pkey")),
    )
    op.create_table(
        "sales_order",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("serial", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=True),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("store", sa.Text(), nullable=True),
        sa.Column("campaign", sa.Text(), nullable=True),
        sa.Column("external_number", sa.Text(), nullable=True),
        sa.Column("member", sa.Text(), nullable=True),
        sa.Column("placed_by", sa.Text(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "PENDING_PAYMENT",
                "PAID",
                "READY",
                "SHIPPED",
                "COMPLETED",
                "CANCELLED",
                "EXPIRED",
                "PARTIALLY_RETURNED",
                "RETURNED",
                name="orderstate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "payment_state",
            sa.Enum(
                "PENDING",
                "AUTHORISED",
                "CAPTURED",
                "DECLINED",
                "CANCELLED",
                "PARTIALLY_REFUNDED",
                "REFUNDED",
                name="paymentstate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "fulfilment",
            sa.Enum(
                "PICKUP",
                "DELIVERY",
                "CARRY_OUT",
                name="fulfilmentkind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("fulfilment_store", sa.Text(), nullable=True),
        sa.Column("address", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("currency_code", sa.Text(), nullable=False),
        sa.Column("items_minor", sa.BigInteger(), nullable=False),
        sa.Column("discounts_minor", sa.BigInteger(), nullable=False),
        sa.Column("shipping_minor", sa.BigInteger(), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("refunded_minor", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "discounts",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'::jsonb"),
            nullable=False,
        ),
        sa.Column(
            "touches",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'::jsonb"),
            nullable=False,
        ),
        sa.Column("held_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "placed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("carrier", sa.Text(), nullable=True),
        sa.Column("tracking_number", sa.Text(), nullable=True),
        sa.Column("shipped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("flagged", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.CheckConstraint("refunded_minor BETWEEN 0 AND total_minor", name=op.f("sales_order_refunded")),
        sa.CheckConstraint(
            "total_minor = items_minor - discounts_minor + shipping_minor", name=op.f("sales_order_total")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("sales_order_pkey")),
        sa.UniqueConstraint("serial", name=op.f("sales_order_serial_key")),
        sa.UniqueConstraint("token_hash", name=op.f("sales_order_token_hash_key")),
    )
    op.create_index("sales_order_channel", "sales_order", ["channel", "placed_at", "id"], unique=False)
    op.create_index(
        "sales_order_external",
        "sales_order",
        ["channel", "external_number"],
        unique=True,
        postgresql_where=sa.text("external_number IS NOT NULL"),
    )
    op.create_index(
        "sales_order_member",
        "sales_order",
        ["member", "placed_at", "id"],
        unique=False,
        postgresql_where=sa.text("member IS NOT NULL"),
    )
    op.create_index("sales_order_placed", "sales_order", ["placed_at", "id"], unique=False)
    op.create_index("sales_order_state", "sales_order", ["state", "placed_at", "id"], unique=False)
    op.create_index(
        "sales_order_store",
        "sales_order",
        [sa.literal_column("coalesce(fulfilment_store, store)"), "placed_at", "id"],
        unique=False,
    )
    op.create_index(
        "sales_order_unpaid",
        "sales_order",
        ["held_until", "id"],
        unique=False,
        postgresql_where=sa.text("state = 'PENDING_PAYMENT'"),
    )
    op.create_table(
        "order_event",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.ForeignKeyConstraint(["order_id"], ["sales_order.id"], name=op.f("order_event_order_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("order_event_pkey")),
    )
    op.create_index("order_event_order", "order_event", ["order_id", "id"], unique=False)
    op.create_table(
        "order_line",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("names", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("unit_price_minor", sa.BigInteger(), nullable=False),
        sa.Column("discount_minor", sa.BigInteger(), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("returned", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("refunded_minor", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("price_source", sa.Text(), nullable=False),
        sa.Column("price_version", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("refunded_minor BETWEEN 0 AND total_minor", name=op.f("order_line_refunded")),
        sa.CheckConstraint("returned BETWEEN 0 AND quantity", name=op.f("order_line_returned")),
        sa.CheckConstraint(
            "total_minor = unit_price_minor * quantity - discount_minor", name=op.f("order_line_total")
        ),
        sa.ForeignKeyConstraint(["order_id"], ["sales_order.id"], name=op.f("order_line_order_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("order_line_pkey")),
    )
    op.create_index("order_line_order", "order_line", ["order_id", "position"], unique=True)
    op.create_table(
        "payment",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "PENDING",
                "AUTHORISED",
                "CAPTURED",
                "DECLINED",
                "CANCELLED",
                "PARTIALLY_REFUNDED",
                "REFUNDED",
                name="paymentstate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("captured_minor", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("refunded_minor", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("currency_code", sa.Text(), nullable=False),
        sa.Column("token", sa.Text(), nullable=True),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("next_action", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column(
            "started_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column(
            "expires_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("ask_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("captured_minor IN (0, amount_minor)", name=op.f("payment_captured")),
        sa.CheckConstraint("refunded_minor BETWEEN 0 AND captured_minor", name=op.f("payment_refunded")),
        sa.ForeignKeyConstraint(["order_id"], ["sales_order.id"], name=op.f("payment_order_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("payment_pkey")),
    )
    op.create_index(
        "payment_ask", "payment", ["ask_at"], unique=False, postgresql_where=sa.text("ask_at IS NOT NULL")
    )
    op.create_index("payment_order", "payment", ["order_id", "id"], unique=False)
    op.create_table(
        "refund",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "PENDING",
                "DONE",
                "FAILED",
                name="refundstate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency_code", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("ask_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("amount_minor > 0", name=op.f("refund_amount")),
        sa.ForeignKeyConstraint(["order_id"], ["sales_order.id"], name=op.f("refund_order_id_fkey")),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"], name=op.f("refund_payment_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("refund_pkey")),
    )
    op.create_index(
        "refund_ask", "refund", ["ask_at"], unique=False, postgresql_where=sa.text("ask_at IS NOT NULL")
    )
    op.create_index("refund_order", "refund", ["order_id", "id"], unique=False)
    op.create_index("refund_payment", "refund", ["payment_id"], unique=False)


def downgrade() -> None:
    for table in ("refund", "payment", "order_line", "order_event", "sales_order", "payment_notice"):
        op.drop_table(table)
