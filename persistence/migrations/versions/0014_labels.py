"""Devices, labels and their faces."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # What hung in the old tables is carried over; the names of their keys have to be free for the new ones.
    op.execute("CREATE TEMPORARY TABLE old_gateway AS TABLE gateway")
    op.execute("CREATE TEMPORARY TABLE old_label AS TABLE label")
    op.drop_table("label")
    op.drop_table("gateway")
    op.create_table(
        "device",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "LABEL",
                "GATEWAY",
                "SCANNER",
                "CAMERA",
                "KIOSK",
                name="devicekind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column(
            "lifecycle",
            sa.Enum(
                "REGISTERED",
                "BOUND",
                "UNBOUND",
                "FAULTY",
                "RETIRED",
                "QUARANTINED",
                name="devicelifecycle",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("model", sa.Text(), nullable=True),
        sa.Column("gateway", sa.Text(), nullable=True),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=True),
        sa.Column("epoch", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("asleep", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("firmware", sa.Text(), nullable=True),
        sa.Column("battery_millivolts", sa.Integer(), nullable=True),
        sa.Column("rssi", sa.Integer(), nullable=True),
        sa.Column("lqi", sa.Integer(), nullable=True),
        sa.Column("temperature", sa.Double(), nullable=True),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_check_in_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "registered_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("retired_for", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["gateway"], ["device.code"], name=op.f("device_gateway_fkey")),
        sa.ForeignKeyConstraint(["store"], ["store.code"], name=op.f("device_store_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("device_pkey")),
        sa.UniqueConstraint("code", name=op.f("device_code_key")),
    )
    op.create_index("device_gateway", "device", ["gateway", "code"], unique=False)
    op.create_index("device_store", "device", ["store", "code"], unique=False)
    op.create_table(
        "face",
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column(
            "template",
            sa.Enum(
                "REGULAR",
                "PROMOTION",
                "CLEARANCE",
                "MEMBER",
                "SOLD_OUT",
                "NOT_FOR_SALE",
                name="facetemplate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("fields", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "made_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("png", sa.LargeBinary(), nullable=True),
        sa.Column("planes", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["sku"], ["variant.sku"], name=op.f("face_sku_fkey")),
        sa.PrimaryKeyConstraint("hash", name=op.f("face_pkey")),
    )
    op.create_table(
        "label",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("gateway", sa.Text(), nullable=True),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=True),
        sa.Column("position", sa.Text(), nullable=True),
        sa.Column("template", sa.Text(), nullable=True),
        sa.Column("bound_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("desired", sa.BigInteger(), nullable=True),
        sa.Column("upcoming", sa.BigInteger(), nullable=True),
        sa.Column("staged", sa.BigInteger(), nullable=True),
        sa.Column("reported", sa.BigInteger(), nullable=True),
        sa.Column("parted_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["code"], ["device.code"], name=op.f("label_code_fkey")),
        sa.ForeignKeyConstraint(["gateway"], ["device.code"], name=op.f("label_gateway_fkey")),
        sa.ForeignKeyConstraint(["sku"], ["variant.sku"], name=op.f("label_sku_fkey")),
        sa.ForeignKeyConstraint(["store"], ["store.code"], name=op.f("label_store_fkey")),
        sa.PrimaryKeyConstraint("code", name=op.f("label_pkey")),
    )
    op.create_index(
        "label_bound", "label", ["store", "sku"], unique=False, postgresql_where=sa.text("sku IS NOT NULL")
    )
    op.create_index("label_gateway", "label", ["gateway", "code"], unique=False)
    op.create_index("label_sku", "label", ["sku"], unique=False, postgresql_where=sa.text("sku IS NOT NULL"))
    op.create_index("label_store", "label", ["store", "code"], unique=False)
    op.create_table(
        "label_binding",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("position", sa.Text(), nullable=True),
        sa.Column("template", sa.Text(), nullable=True),
        sa.Column(
            "bound_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("bound_by", sa.Text(), nullable=False),
        sa.Column("unbound_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("unbound_by", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["label"], ["device.code"], name=op.f("label_binding_label_fkey")),
        sa.ForeignKeyConstraint(["sku"], ["variant.sku"], name=op.f("label_binding_sku_fkey")),
        sa.ForeignKeyConstraint(["store"], ["store.code"], name=op.f("label_binding_store_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("label_binding_pkey")),
    )
    op.create_index(
        "label_binding_label", "label_binding", ["label", sa.literal_column("bound_at DESC")], unique=False
    )
    op.create_table(
        "label_report",
        sa.Column("gateway", sa.Text(), nullable=False),
        sa.Column("report_id", sa.Text(), nullable=False),
        sa.Column(
            "reported_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(["gateway"], ["device.code"], name=op.f("label_report_gateway_fkey")),
        sa.PrimaryKeyConstraint("gateway", "report_id", name=op.f("label_report_pkey")),
    )
    op.create_index("label_report_at", "label_report", ["reported_at"], unique=False)
    op.create_table(
        "label_command",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("gateway", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "FLASH",
                "CLEAR",
                "PING",
                "SLEEP",
                "REFRESH",
                name="labelcommandkind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("seconds", sa.Integer(), nullable=True),
        sa.Column(
            "given_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("given_by", sa.Text(), nullable=False),
        sa.Column(
            "expires_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("handed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["gateway"], ["device.code"], name=op.f("label_command_gateway_fkey")),
        sa.ForeignKeyConstraint(["label"], ["label.code"], name=op.f("label_command_label_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("label_command_pkey")),
    )
    op.create_index(
        "label_command_work",
        "label_command",
        ["gateway", "id"],
        unique=False,
        postgresql_where=sa.text("handed_at IS NULL"),
    )
    op.create_table(
        "label_face",
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("gateway", sa.Text(), nullable=True),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("price_version", sa.BigInteger(), nullable=True),
        sa.Column("currency_code", sa.Text(), nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=True),
        sa.Column("member_minor", sa.BigInteger(), nullable=True),
        sa.Column("price", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column(
            "member_tiers", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column("display_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "made_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column(
            "caused_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column(
            "state",
            sa.Enum(
                "PENDING",
                "SENT",
                "STAGED",
                "DISPLAYED",
                "FAILED",
                "SUPERSEDED",
                name="facestate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            server_default="PENDING",
            nullable=False,
        ),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("tries", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "due_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("handed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("in_view_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("in_view_until", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["hash"], ["face.hash"], name=op.f("label_face_hash_fkey")),
        sa.ForeignKeyConstraint(["label"], ["label.code"], name=op.f("label_face_label_fkey")),
        sa.PrimaryKeyConstraint("label", "version", name=op.f("label_face_pkey")),
    )
    op.create_index("label_face_hash", "label_face", ["hash"], unique=False)
    op.create_index(
        "label_face_in_view",
        "label_face",
        ["store", "sku", sa.literal_column("coalesce(in_view_until, 'infinity'::timestamptz)")],
        unique=False,
        postgresql_where=sa.text("in_view_since IS NOT NULL"),
    )
    op.create_index("label_face_made", "label_face", ["made_at"], unique=False)
    op.create_index(
        "label_face_work",
        "label_face",
        ["gateway", "priority", "due_at"],
        unique=False,
        postgresql_where=sa.text("state IN ('PENDING', 'SENT')"),
    )
    op.create_table(
        "label_vouched",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column(
            "vouched_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("vouched_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["label"], ["label.code"], name=op.f("label_vouched_label_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("label_vouched_pkey")),
    )
    op.create_index("label_vouched_label", "label_vouched", ["label"], unique=False)
    op.execute(
        "INSERT INTO device (id, code, kind, store, lifecycle) "
        "SELECT id, code, 'GATEWAY', store, 'REGISTERED' FROM old_gateway"
    )
    op.execute(
        "INSERT INTO device (id, code, kind, store, lifecycle, model, gateway) "
        "SELECT l.id, l.code, 'LABEL', g.store, CASE WHEN l.sku IS NULL THEN 'REGISTERED' ELSE 'BOUND' END, "
        "l.model, l.gateway FROM old_label l JOIN old_gateway g ON g.code = l.gateway"
    )
    op.execute(
        "INSERT INTO label (code, store, gateway, model, sku, position, bound_at, parted_at) "
        "SELECT code, store, d.gateway, d.model, l.sku, l.position, "
        "CASE WHEN l.sku IS NOT NULL THEN clock_timestamp() END, "
        "CASE WHEN l.sku IS NOT NULL THEN clock_timestamp() END "
        "FROM old_label l JOIN device d USING (code)"
    )
    op.execute(
        "INSERT INTO label_binding (label, store, sku, position, bound_by) "
        "SELECT code, store, sku, position, 'import' FROM label WHERE sku IS NOT NULL"
    )
    op.execute("DROP TABLE old_label, old_gateway")


def downgrade() -> None:
    for table in (
        "label_command",
        "label_report",
        "label_vouched",
        "label_binding",
        "label_face",
        "face",
        "label",
        "device",
    ):
        op.execute(f"DROP TABLE {table}")
    op.execute(
        "CREATE TABLE gateway (id uuid DEFAULT uuidv7() PRIMARY KEY, code text NOT NULL UNIQUE, "
        "store text NOT NULL REFERENCES store (code))"
    )
    op.execute("CREATE INDEX gateway_store_index ON gateway (store)")
    op.execute(
        "CREATE TABLE label (id uuid DEFAULT uuidv7() PRIMARY KEY, code text NOT NULL UNIQUE, "
        "gateway text NOT NULL REFERENCES gateway (code), model text NOT NULL, "
        "sku text REFERENCES variant (sku), position text)"
    )
    op.execute("CREATE INDEX label_gateway ON label (gateway)")
