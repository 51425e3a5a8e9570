"""Sign-ins: codes, attempts, refresh tokens, and the accounts of staff."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sign_in_code",
        sa.Column("phone", sa.LargeBinary(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("tries", sa.Integer(), server_default=sa.text("0"), nullable=False),
        _moment("asked_at"),
        _moment("expires_at"),
        sa.PrimaryKeyConstraint("phone", name=op.f("sign_in_code_pkey")),
    )
    op.create_table(
        "attempt",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        _moment("since"),
        sa.PrimaryKeyConstraint("name", name=op.f("attempt_pkey")),
    )
    op.create_index("attempt_since", "attempt", ["since"])
    op.create_table(
        "sign_in",
        _key(),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("store", sa.Text(), nullable=True),
        _moment("began_at"),
        _moment("expires_at"),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("sign_in_pkey")),
    )
    op.create_index("sign_in_subject", "sign_in", ["kind", "subject"])
    op.create_index("sign_in_expiry", "sign_in", ["expires_at"])
    op.create_table(
        "refresh_token",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("sign_in_id", sa.Uuid(), nullable=False),
        _moment("expires_at"),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["sign_in_id"], ["sign_in.id"], name=op.f("refresh_token_sign_in_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("refresh_token_pkey")),
    )
    op.create_index(op.f("refresh_token_sign_in_id_index"), "refresh_token", ["sign_in_id"])
    op.create_table(
        "staff_account",
        _key(),
        sa.Column("username", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("issuer", sa.Text(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        _moment("added_at"),
        sa.PrimaryKeyConstraint("id", name=op.f("staff_account_pkey")),
        sa.UniqueConstraint("username", name=op.f("staff_account_username_key")),
    )
    op.create_index(
        "staff_account_oidc",
        "staff_account",
        ["issuer", "subject"],
        unique=True,
        postgresql_where=sa.text("subject IS NOT NULL"),
    )
    op.create_table(
        "staff_role",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["staff_account.id"], name=op.f("staff_role_account_id_fkey")
        ),
        sa.PrimaryKeyConstraint("account_id", "store", "role", name=op.f("staff_role_pkey")),
    )


def downgrade() -> None:
    for table in ("staff_role", "staff_account", "refresh_token", "sign_in", "attempt", "sign_in_code"):
        op.drop_table(table)


def _key() -> sa.Column[object]:
    return sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False)


def _moment(name: str) -> sa.Column[object]:
    return sa.Column(
        name, sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
    )
