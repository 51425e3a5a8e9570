"""Orders that are collected in a store, and the wrong codes somebody tried there."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_OPEN_ONES = sa.text("state IN ('REQUESTED', 'PREPARING', 'READY')")
_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "pickup",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "REQUESTED",
                "PREPARING",
                "READY",
                "COLLECTED",
                "EXPIRED",
                "CANCELLED",
                name="pickupstate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("rotation", sa.Integer(), nullable=False),
        sa.Column("requested_at", _MOMENT, server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("ready_at", _MOMENT, nullable=True),
        sa.Column("held_until", _MOMENT, nullable=True),
        sa.Column("shelf", sa.Text(), nullable=True),
        sa.Column("collected_at", _MOMENT, nullable=True),
        sa.Column("collected_by", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["order_id"], ["sales_order.id"], name=op.f("pickup_order_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("pickup_pkey")),
        sa.UniqueConstraint("order_id", name=op.f("pickup_order_id_key")),
    )
    op.create_index("pickup_code", "pickup", ["code_hash"], unique=True, postgresql_where=_OPEN_ONES)
    op.create_index("pickup_code_ever", "pickup", ["code_hash", "requested_at"])
    op.create_index("pickup_queue", "pickup", ["store", "requested_at", "id"], postgresql_where=_OPEN_ONES)
    op.create_index("pickup_store", "pickup", ["store", "requested_at", "id"])
    op.create_index(
        "pickup_held", "pickup", ["held_until", "id"], postgresql_where=sa.text("state = 'READY'")
    )
    op.create_table(
        "pickup_tries",
        sa.Column("principal", sa.Text(), nullable=False),
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column(
            "wrong_at",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'::jsonb"),
            nullable=False,
        ),
        sa.Column("locked_until", _MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("principal", "store", name=op.f("pickup_tries_pkey")),
    )


def downgrade() -> None:
    op.drop_table("pickup_tries")
    op.drop_table("pickup")
