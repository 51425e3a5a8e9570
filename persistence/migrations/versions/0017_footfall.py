"""Readings of sensors that count people."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_KIND = sa.Enum(
    "LINE_CROSSED",
    "ZONE_ENTERED",
    "ZONE_LEFT",
    "DWELLED",
    "COUNTED",
    "COUNTER_READ",
    name="sensorreadingkind",
    native_enum=False,
    create_constraint=True,
    length=32,
)


def upgrade() -> None:
    op.create_table(
        "sensor_reading",
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("kind", _KIND, nullable=False),
        sa.Column("counted_at", _MOMENT, server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("ended_at", _MOMENT, server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("seconds", sa.Integer(), nullable=False),
        sa.Column("entered", sa.BigInteger(), nullable=False),
        sa.Column("departed", sa.BigInteger(), nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("dwell_seconds", sa.BigInteger(), nullable=False),
        sa.Column("total_entered", sa.BigInteger()),
        sa.Column("total_departed", sa.BigInteger()),
        sa.PrimaryKeyConstraint("device", "sequence", name=op.f("sensor_reading_pkey")),
        sa.ForeignKeyConstraint(["device"], ["device.code"], name=op.f("sensor_reading_device_fkey")),
        sa.ForeignKeyConstraint(["store"], ["store.code"], name=op.f("sensor_reading_store_fkey")),
    )
    op.create_index(
        "sensor_reading_bin",
        "sensor_reading",
        ["device", "kind", "zone", "ended_at"],
        unique=True,
        postgresql_where=sa.text("seconds > 0"),
    )
    op.create_index(
        "sensor_reading_counter",
        "sensor_reading",
        ["device", "zone", "sequence"],
        postgresql_where=sa.text("kind = 'COUNTER_READ'"),
    )
    op.create_index("sensor_reading_store", "sensor_reading", ["store", "counted_at"])


def downgrade() -> None:
    op.drop_table("sensor_reading")
