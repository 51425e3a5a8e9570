"""Channels, stores, the catalogue, prices, stock, labels, answers and news."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    for extension in ("cube", "earthdistance", "pg_trgm"):
        op.execute(f"CREATE EXTENSION IF NOT EXISTS {extension}")
    op.create_table(
        "answered",
        sa.Column("principal", sa.Text(), nullable=False),
        sa.Column("mutation", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("body_hash", sa.LargeBinary(), nullable=False),
        sa.Column("answer", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column(
            "answered_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("principal", "mutation", "key", name=op.f("answered_pkey")),
    )
    op.create_index("answered_at", "answered", ["answered_at"], unique=False)
    op.create_table(
        "category",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("names", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("parent", sa.Text(), nullable=True),
        sa.Column("path", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.ForeignKeyConstraint(["parent"], ["category.code"], name=op.f("category_parent_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("category_pkey")),
        sa.UniqueConstraint("code", name=op.f("category_code_key")),
    )
    op.create_index("category_parent", "category", ["parent"], unique=False)
    op.create_index("category_path", "category", ["path"], unique=False, postgresql_using="gin")
    op.create_table(
        "channel",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("names", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "APP",
                "MINI_PROGRAM",
                "H5",
                "POS",
                "SELF_CHECKOUT",
                "MARKETPLACE",
                "LIVE",
                name="channelkind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("currency_code", sa.Text(), nullable=False),
        sa.Column(
            "stock_policy",
            sa.Enum(
                "SHARED",
                "ALLOTTED",
                "BORROW",
                name="stockpolicy",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            server_default="SHARED",
            nullable=False,
        ),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("channel_pkey")),
        sa.UniqueConstraint("code", name=op.f("channel_code_key")),
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=True),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=True),
        sa.Column("store", sa.Text(), nullable=True),
        sa.Column("channel", sa.Text(), nullable=True),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column(
            "occurred_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("outbox_pkey")),
    )
    op.create_index("outbox_position", "outbox", ["position"], unique=True)
    op.create_index(
        "outbox_waiting", "outbox", ["id"], unique=False, postgresql_where=sa.text("position IS NULL")
    )
    op.create_table(
        "public_price",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("channel", "store", "sku", name=op.f("public_price_pkey")),
    )
    op.create_index(
        "public_price_amount", "public_price", ["channel", "store", "amount_minor", "sku"], unique=False
    )
    op.create_index("public_price_sku", "public_price", ["sku"], unique=False)
    op.create_table(
        "stream",
        sa.Column("id", sa.SmallInteger(), nullable=False),
        sa.Column("epoch", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("head", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("oldest", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("stream_single")),
        sa.PrimaryKeyConstraint("id", name=op.f("stream_pkey")),
    )
    op.create_table(
        "watermark",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("watermark_pkey")),
    )
    op.create_table(
        "product",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("handle", sa.Text(), nullable=False),
        sa.Column("names", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("brands", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("brand", sa.Text(), nullable=True),
        sa.Column("descriptions", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("category", sa.Text(), nullable=True),
        sa.Column(
            "images",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'::jsonb"),
            nullable=False,
        ),
        sa.Column(
            "attributes",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'::jsonb"),
            nullable=False,
        ),
        sa.Column("words", postgresql.TSVECTOR(), nullable=False),
        sa.Column("letters", sa.Text(), server_default="", nullable=False),
        sa.Column("sort_en", sa.Text(), server_default="", nullable=False),
        sa.Column("sort_zh", sa.Text(), server_default="", nullable=False),
        sa.Column("units_sold", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(["category"], ["category.code"], name=op.f("product_category_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("product_pkey")),
        sa.UniqueConstraint("handle", name=op.f("product_handle_key")),
    )
    op.create_index(
        "product_attributes",
        "product",
        ["attributes"],
        unique=False,
        postgresql_using="gin",
        postgresql_ops={"attributes": "jsonb_path_ops"},
    )
    op.create_index("product_best_selling", "product", ["units_sold", "id"], unique=False)
    op.create_index("product_brand", "product", ["brand"], unique=False)
    op.create_index("product_category", "product", ["category"], unique=False)
    op.create_index(
        "product_letters",
        "product",
        ["letters"],
        unique=False,
        postgresql_using="gin",
        postgresql_ops={"letters": "gin_trgm_ops"},
    )
    op.create_index("product_newest", "product", ["created_at", "id"], unique=False)
    op.create_index("product_sort_en", "product", ["sort_en", "id"], unique=False)
    op.create_index("product_sort_zh", "product", ["sort_zh", "id"], unique=False)
    op.create_index("product_updated", "product", ["updated_at", "id"], unique=False)
    op.create_index("product_words", "product", ["words"], unique=False, postgresql_using="gin")
    op.create_table(
        "store",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("names", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("addresses", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("city", sa.Text(), nullable=False),
        sa.Column("latitude", sa.Double(), nullable=False),
        sa.Column("longitude", sa.Double(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column(
            "opening_hours",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'::jsonb"),
            nullable=False,
        ),
        sa.Column("services", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("till_channel", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.CheckConstraint("latitude BETWEEN -90 AND 90", name=op.f("store_latitude")),
        sa.CheckConstraint("longitude BETWEEN -180 AND 180", name=op.f("store_longitude")),
        sa.ForeignKeyConstraint(["till_channel"], ["channel.code"], name=op.f("store_till_channel_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("store_pkey")),
        sa.UniqueConstraint("code", name=op.f("store_code_key")),
    )
    op.create_index(
        "store_position",
        "store",
        [sa.literal_column("ll_to_earth(latitude, longitude)")],
        unique=False,
        postgresql_using="gist",
    )
    op.create_table(
        "gateway",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("store", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["store"], ["store.code"], name=op.f("gateway_store_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("gateway_pkey")),
        sa.UniqueConstraint("code", name=op.f("gateway_code_key")),
    )
    op.create_index(op.f("gateway_store_index"), "gateway", ["store"], unique=False)
    op.create_table(
        "variant",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("gtin", sa.Text(), nullable=True),
        sa.Column("names", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column(
            "options",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'::jsonb"),
            nullable=False,
        ),
        sa.Column("net_content", sa.Numeric(), nullable=True),
        sa.Column(
            "net_content_unit",
            sa.Enum(
                "GRAM",
                "KILOGRAM",
                "MILLILITRE",
                "LITRE",
                "METRE",
                "PIECE",
                name="contentunit",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column("origin", sa.Text(), nullable=True),
        sa.Column("price_changed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("price_sequence", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(["product_id"], ["product.id"], name=op.f("variant_product_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("variant_pkey")),
        sa.UniqueConstraint("gtin", name=op.f("variant_gtin_key")),
        sa.UniqueConstraint("sku", name=op.f("variant_sku_key")),
    )
    op.create_index("variant_product", "variant", ["product_id", "position"], unique=False)
    op.create_table(
        "label",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("gateway", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=True),
        sa.Column("position", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["gateway"], ["gateway.code"], name=op.f("label_gateway_fkey")),
        sa.ForeignKeyConstraint(["sku"], ["variant.sku"], name=op.f("label_sku_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("label_pkey")),
        sa.UniqueConstraint("code", name=op.f("label_code_key")),
    )
    op.create_index("label_gateway", "label", ["gateway"], unique=False)
    op.create_table(
        "offer_text",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("texts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("until", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(["sku"], ["variant.sku"], name=op.f("offer_text_sku_fkey")),
        sa.ForeignKeyConstraint(["store"], ["store.code"], name=op.f("offer_text_store_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("offer_text_pkey")),
    )
    op.create_index("offer_text_place", "offer_text", ["store", "sku", "since"], unique=True)
    op.create_table(
        "price_record",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "LIST",
                "SALE",
                "MEMBER",
                "STORE",
                "LIVE",
                "GROUP_BUY",
                "BARGAIN",
                "CLEARANCE",
                name="pricekind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency_code", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=True),
        sa.Column("store", sa.Text(), nullable=True),
        sa.Column("tier", sa.Text(), nullable=True),
        sa.Column("campaign", sa.Text(), nullable=True),
        sa.Column("min_quantity", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column("valid_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column(
            "recorded_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.CheckConstraint("amount_minor >= 0", name=op.f("price_record_amount")),
        sa.CheckConstraint("min_quantity >= 1", name=op.f("price_record_quantity")),
        sa.CheckConstraint("valid_until >= valid_from", name=op.f("price_record_window")),
        sa.ForeignKeyConstraint(["channel"], ["channel.code"], name=op.f("price_record_channel_fkey")),
        sa.ForeignKeyConstraint(["sku"], ["variant.sku"], name=op.f("price_record_sku_fkey")),
        sa.ForeignKeyConstraint(["store"], ["store.code"], name=op.f("price_record_store_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("price_record_pkey")),
        sa.UniqueConstraint("recorded_by", "source", name="price_record_source"),
    )
    op.create_index(
        "price_record_ends",
        "price_record",
        ["valid_until"],
        unique=False,
        postgresql_where=sa.text("valid_until IS NOT NULL"),
    )
    op.create_index(
        "price_record_from",
        "price_record",
        ["sku", "valid_from"],
        unique=False,
        postgresql_where=sa.text("valid_from IS NOT NULL"),
    )
    op.create_index("price_record_recorded", "price_record", ["sku", "recorded_at"], unique=False)
    op.create_index(
        "price_record_starts",
        "price_record",
        ["valid_from"],
        unique=False,
        postgresql_where=sa.text("valid_from IS NOT NULL"),
    )
    op.create_index(
        "price_record_until",
        "price_record",
        ["sku", sa.literal_column("coalesce(valid_until, 'infinity'::timestamptz)")],
        unique=False,
    )
    op.create_table(
        "stock_level",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("on_hand", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("reserved", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("safety_stock", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.CheckConstraint("on_hand >= 0", name=op.f("stock_level_on_hand")),
        sa.CheckConstraint("reserved >= 0", name=op.f("stock_level_reserved")),
        sa.CheckConstraint("safety_stock >= 0", name=op.f("stock_level_safety")),
        sa.ForeignKeyConstraint(["sku"], ["variant.sku"], name=op.f("stock_level_sku_fkey")),
        sa.ForeignKeyConstraint(["store"], ["store.code"], name=op.f("stock_level_store_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("stock_level_pkey")),
        sa.UniqueConstraint("sku", "store", name="stock_level_place"),
    )
    op.create_index(
        "stock_level_free",
        "stock_level",
        ["sku", "store"],
        unique=False,
        postgresql_where=sa.text("on_hand - reserved - safety_stock > 0"),
    )
    op.create_index("stock_level_store", "stock_level", ["store", "sku"], unique=False)
    op.create_table(
        "stock_movement",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("delta", sa.Integer(), nullable=False),
        sa.Column(
            "reason",
            sa.Enum(
                "RECEIPT",
                "SALE",
                "RETURN",
                "TRANSFER_OUT",
                "TRANSFER_IN",
                "COUNT",
                "DAMAGE",
                "SHRINKAGE",
                "CORRECTION",
                name="stockmovementreason",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("moved_by", sa.Text(), nullable=False),
        sa.Column(
            "moved_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(["sku"], ["variant.sku"], name=op.f("stock_movement_sku_fkey")),
        sa.ForeignKeyConstraint(["store"], ["store.code"], name=op.f("stock_movement_store_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("stock_movement_pkey")),
    )
    op.create_index("stock_movement_level", "stock_movement", ["store", "sku", "moved_at"], unique=False)
    op.create_table(
        "price_end",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column(
            "ends_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("valid_until_before", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "recorded_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["record_id"], ["price_record.id"], name=op.f("price_end_record_id_fkey")),
        sa.ForeignKeyConstraint(["sku"], ["variant.sku"], name=op.f("price_end_sku_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("price_end_pkey")),
    )
    op.create_index(op.f("price_end_record_id_index"), "price_end", ["record_id"], unique=False)
    op.create_index("price_end_recorded", "price_end", ["sku", "recorded_at"], unique=False)
    op.execute("INSERT INTO stream (id) VALUES (1)")
