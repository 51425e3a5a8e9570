"""Points, the rules they are earned by, and coupons."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "coupon_campaign",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("names", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("currency_code", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=True),
        sa.Column("basis_points", sa.Integer(), nullable=True),
        sa.Column("promotion", sa.Text(), nullable=True),
        sa.Column("most_off_minor", sa.BigInteger(), nullable=True),
        sa.Column("min_spend_minor", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "stacking",
            sa.Enum(
                "WITH_PROMOTIONS",
                "ALONE",
                name="stacking",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "target",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.Column("channels", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "valid_until",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("valid_days", sa.Integer(), nullable=True),
        sa.Column("claimable", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("most", sa.BigInteger(), nullable=True),
        sa.Column("per_member", sa.Integer(), nullable=True),
        sa.Column("issued", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "recorded_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.CheckConstraint("issued BETWEEN 0 AND most", name=op.f("coupon_campaign_issued")),
        sa.CheckConstraint(
            "num_nonnulls(amount_minor, basis_points, promotion) = 1", name=op.f("coupon_campaign_discount")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("coupon_campaign_pkey")),
        sa.UniqueConstraint("code", name=op.f("coupon_campaign_code_key")),
    )
    op.create_table(
        "earn_rule",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("names", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("currency_code", sa.Text(), nullable=False),
        sa.Column("points", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("spend_minor", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.Column("multiplier_percent", sa.Integer(), nullable=True),
        sa.Column(
            "target",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.Column("channels", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("stores", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("tiers", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("campaign", sa.Text(), nullable=True),
        sa.Column(
            "weekdays",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'::jsonb"),
            nullable=False,
        ),
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
        sa.PrimaryKeyConstraint("code", name=op.f("earn_rule_pkey")),
    )
    op.create_index(
        "earn_rule_until",
        "earn_rule",
        [sa.literal_column("coalesce(valid_until, 'infinity'::timestamptz)")],
        unique=False,
    )
    op.create_index("earn_rule_version", "earn_rule", ["version"], unique=False)
    op.create_table(
        "order_loyalty",
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("member", sa.Text(), nullable=True),
        sa.Column(
            "earned",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'::jsonb"),
            nullable=False,
        ),
        sa.Column(
            "used",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'::jsonb"),
            nullable=False,
        ),
        sa.Column(
            "parts",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'::jsonb"),
            nullable=False,
        ),
        sa.Column("coupon_id", sa.Uuid(), nullable=True),
        sa.Column("at_once", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("waits_days", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("lifetime_days", sa.Integer(), nullable=True),
        sa.Column("held", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("paid", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.PrimaryKeyConstraint("order_id", name=op.f("order_loyalty_pkey")),
    )
    op.create_table(
        "points_account",
        sa.Column("member", sa.Text(), nullable=False),
        sa.Column("balance", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("debt", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("serial", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint("balance >= -debt", name=op.f("points_account_balance")),
        sa.CheckConstraint("debt >= 0", name=op.f("points_account_debt")),
        sa.PrimaryKeyConstraint("member", name=op.f("points_account_pkey")),
    )
    op.create_table(
        "points_entry",
        sa.Column("member", sa.Text(), nullable=False),
        sa.Column("serial", sa.BigInteger(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "EARN",
                "BURN",
                "EXPIRE",
                "REVERSE",
                "ADJUST",
                name="pointsentrykind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("balance_after", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=True),
        sa.Column("order_id", sa.Uuid(), nullable=True),
        sa.Column(
            "occurred_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.CheckConstraint("points <> 0", name=op.f("points_entry_points")),
        sa.PrimaryKeyConstraint("member", "serial", name=op.f("points_entry_pkey")),
    )
    op.create_table(
        "points_lot",
        sa.Column("member", sa.Text(), nullable=False),
        sa.Column("serial", sa.BigInteger(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("remaining", sa.BigInteger(), nullable=False),
        sa.Column("expired", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("reversed", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("available_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("order_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "points > 0 AND remaining >= 0 AND expired >= 0 AND reversed >= 0", name=op.f("points_lot_parts")
        ),
        sa.CheckConstraint("remaining + expired + reversed <= points", name=op.f("points_lot_spent")),
        sa.PrimaryKeyConstraint("member", "serial", name=op.f("points_lot_pkey")),
    )
    op.create_index(
        "points_lot_end",
        "points_lot",
        ["expires_at"],
        unique=False,
        postgresql_where=sa.text("remaining > 0"),
    )
    op.create_index(
        "points_lot_open", "points_lot", ["member"], unique=False, postgresql_where=sa.text("remaining > 0")
    )
    op.create_index(
        "points_lot_order",
        "points_lot",
        ["order_id"],
        unique=False,
        postgresql_where=sa.text("order_id IS NOT NULL"),
    )
    op.create_table(
        "points_programme",
        sa.Column("currency_code", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("waits_days", sa.Integer(), nullable=False),
        sa.Column("till_at_once", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("lifetime_days", sa.Integer(), nullable=True),
        sa.Column("redeem_points", sa.Integer(), nullable=False),
        sa.Column("redeem_minor", sa.BigInteger(), nullable=False),
        sa.Column("most_percent", sa.Integer(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("currency_code", name=op.f("points_programme_pkey")),
    )
    op.create_index("points_programme_version", "points_programme", ["version"], unique=False)
    op.create_table(
        "coupon",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("campaign", sa.Text(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("member", sa.Text(), nullable=True),
        sa.Column(
            "state",
            sa.Enum(
                "ACTIVE",
                "RESERVED",
                "USED",
                "EXPIRED",
                "REVOKED",
                name="couponstate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            server_default="ACTIVE",
            nullable=False,
        ),
        sa.Column(
            "valid_until",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column(
            "issued_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("order_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(["campaign"], ["coupon_campaign.code"], name=op.f("coupon_campaign_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("coupon_pkey")),
        sa.UniqueConstraint("code_hash", name=op.f("coupon_code_hash_key")),
    )
    op.create_index(
        "coupon_member",
        "coupon",
        ["member", "id"],
        unique=False,
        postgresql_where=sa.text("member IS NOT NULL"),
    )
    op.create_table(
        "coupon_count",
        sa.Column("campaign", sa.Text(), nullable=False),
        sa.Column("member", sa.Text(), nullable=False),
        sa.Column("coupons", sa.Integer(), nullable=False),
        sa.CheckConstraint("coupons >= 0", name=op.f("coupon_count_coupons")),
        sa.ForeignKeyConstraint(
            ["campaign"], ["coupon_campaign.code"], name=op.f("coupon_count_campaign_fkey")
        ),
        sa.PrimaryKeyConstraint("campaign", "member", name=op.f("coupon_count_pkey")),
    )
    op.create_table(
        "points_offer",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("names", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("campaign", sa.Text(), nullable=False),
        sa.Column("channels", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column("valid_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "recorded_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.CheckConstraint("points > 0", name=op.f("points_offer_points")),
        sa.ForeignKeyConstraint(
            ["campaign"], ["coupon_campaign.code"], name=op.f("points_offer_campaign_fkey")
        ),
        sa.PrimaryKeyConstraint("code", name=op.f("points_offer_pkey")),
    )
    op.create_index("points_offer_cheapest", "points_offer", ["points", "code"])
    op.execute(
        "CREATE TRIGGER points_entry_append_only BEFORE UPDATE OR DELETE ON points_entry "
        "FOR EACH STATEMENT EXECUTE FUNCTION append_only()"
    )


def downgrade() -> None:
    for table in (
        *("points_offer", "coupon_count", "coupon", "coupon_campaign", "earn_rule", "points_programme"),
        *("order_loyalty", "points_lot", "points_entry", "points_account"),
    ):
        op.drop_table(table)
