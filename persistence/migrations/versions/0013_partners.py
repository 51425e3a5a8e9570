"""Partners, their keys and the documents they published."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "partner",
        _key(),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        _texts("channels"),
        _texts("scopes"),
        sa.Column("budget_per_minute", sa.Integer(), nullable=False),
        _texts("masked_fields"),
        _texts("networks"),
        sa.Column("active", sa.Boolean(), server_default=sa.true(), nullable=False),
        _moment("created_at"),
        sa.PrimaryKeyConstraint("id", name=op.f("partner_pkey")),
        sa.UniqueConstraint("code", name=op.f("partner_code_key")),
    )
    op.create_table(
        "api_key",
        _key(),
        sa.Column("partner", sa.Text(), nullable=False),
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column("key_hash", sa.LargeBinary(), nullable=False),
        _moment("created_at"),
        *(sa.Column(name, _MOMENT) for name in ("last_used_at", "expires_at", "revoked_at")),
        sa.ForeignKeyConstraint(["partner"], ["partner.code"], name=op.f("api_key_partner_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("api_key_pkey")),
        sa.UniqueConstraint("key_hash", name="api_key_hash"),
    )
    op.create_index(op.f("api_key_partner_index"), "api_key", ["partner"])
    op.create_table(
        "persisted_operation",
        _key(),
        *(
            sa.Column(name, sa.Text(), nullable=False)
            for name in ("client", "document_id", "md5", "sha1", "name", "document")
        ),
        sa.Column("cost", sa.Integer(), nullable=False),
        _moment("published_at"),
        sa.Column("last_used_at", _MOMENT),
        sa.Column("calls", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("persisted_operation_pkey")),
        sa.UniqueConstraint("client", "document_id", name="persisted_operation_document"),
    )
    op.create_index("persisted_operation_by_id", "persisted_operation", ["document_id"])
    op.create_index("persisted_operation_by_md5", "persisted_operation", ["md5"])
    op.create_index("persisted_operation_by_sha1", "persisted_operation", ["sha1"])
    op.create_index("persisted_operation_of_client", "persisted_operation", ["client", "id"])
    op.create_table(
        "field_use",
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("client", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("operations", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("field", "client", "day", name=op.f("field_use_pkey")),
    )


def downgrade() -> None:
    for name in ("field_use", "persisted_operation", "api_key", "partner"):
        op.drop_table(name)


def _key() -> sa.Column[object]:
    return sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False)


def _texts(name: str) -> sa.Column[object]:
    return sa.Column(name, ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False)


def _moment(name: str) -> sa.Column[object]:
    return sa.Column(name, _MOMENT, server_default=sa.text("clock_timestamp()"), nullable=False)
