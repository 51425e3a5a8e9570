"""Members, their tiers, identities and consents, and who looked at them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_NOW = sa.text("clock_timestamp()")
_PURPOSES = ("MEMBERSHIP", "MARKETING", "PERSONALISATION", "CLIENTELING", "BIOMETRIC", "DATA_SHARING")
# What a new shop begins with; `shelfgraph import tiers` sets its own.
_TIERS = """
    INSERT INTO tier (code, names, rank, earn_rate, benefits) VALUES
        ('member', '{"en": "Member", "zh-HK": "會員", "zh-CN": "会员"}', 0, 1, '{}'),
        ('silver', '{"en": "Silver", "zh-HK": "銀卡", "zh-CN": "银卡"}', 10, 1.2, '{}'),
        ('gold', '{"en": "Gold", "zh-HK": "金卡", "zh-CN": "金卡"}', 20, 1.5, '{}'),
        ('platinum', '{"en": "Platinum", "zh-HK": "白金卡", "zh-CN": "白金卡"}', 30, 2, '{}'),
        ('diamond', '{"en": "Diamond", "zh-HK": "鑽石卡", "zh-CN": "钻石卡"}', 40, 3, '{}')
"""


def upgrade() -> None:
    op.create_table(
        "tier",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("names", postgresql.JSONB(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("earn_rate", sa.Numeric(), nullable=False),
        sa.Column("benefits", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.CheckConstraint("earn_rate >= 0", name=op.f("tier_earn_rate")),
        sa.PrimaryKeyConstraint("code", name=op.f("tier_pkey")),
    )
    op.execute(_TIERS)
    op.create_table(
        "member",
        _key(),
        sa.Column("serial", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("tier", sa.Text(), nullable=False),
        sa.Column("name", sa.LargeBinary(), nullable=True),
        _moment("created_at"),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("merged_into", sa.Uuid(), nullable=True),
        sa.CheckConstraint("erased_at IS NULL OR name IS NULL", name=op.f("member_erased")),
        sa.ForeignKeyConstraint(["merged_into"], ["member.id"], name=op.f("member_merged_into_fkey")),
        sa.ForeignKeyConstraint(["tier"], ["tier.code"], name=op.f("member_tier_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("member_pkey")),
        sa.UniqueConstraint("serial", name=op.f("member_serial_key")),
    )
    op.create_index("member_tier", "member", ["tier"])
    op.create_index(
        "member_merged", "member", ["merged_into"], postgresql_where=sa.text("merged_into IS NOT NULL")
    )
    op.create_table(
        "member_identity",
        _key(),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("blind", sa.LargeBinary(), nullable=False),
        sa.Column("subject", sa.LargeBinary(), nullable=False),
        _moment("linked_at"),
        *_of_member("member_identity"),
    )
    op.create_index("member_identity_found", "member_identity", ["provider", "blind"], unique=True)
    op.create_index("member_identity_member", "member_identity", ["member_id", "id"])
    op.create_table(
        "member_consent",
        _key(),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column(
            "purpose",
            sa.Enum(*_PURPOSES, name="consentpurpose", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("granted", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("policy_version", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        _moment("at"),
        *_of_member("member_consent"),
    )
    op.create_index("member_consent_latest", "member_consent", ["member_id", "purpose", sa.text("id DESC")])
    op.execute(
        "CREATE TRIGGER member_consent_append_only BEFORE UPDATE OR DELETE ON member_consent "
        "FOR EACH STATEMENT EXECUTE FUNCTION append_only()"
    )
    op.create_table(
        "member_look",
        _key(),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("store", sa.Text(), nullable=True),
        sa.Column("how", sa.Text(), nullable=False),
        _moment("at"),
        *_of_member("member_look"),
    )
    op.create_index("member_look_member", "member_look", ["member_id", "id"])


def downgrade() -> None:
    for table in ("member_look", "member_consent", "member_identity", "member", "tier"):
        op.drop_table(table)


def _key() -> sa.Column[object]:
    return sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False)


def _moment(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), server_default=_NOW, nullable=False)


def _of_member(table: str) -> tuple[sa.ForeignKeyConstraint, sa.PrimaryKeyConstraint]:
    return (
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name=op.f(f"{table}_member_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"{table}_pkey")),
    )
