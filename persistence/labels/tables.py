"""The tables of devices, labels and their faces."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel

from domain.devices import DeviceKind, DeviceLifecycle
from domain.labels import FaceTemplate
from domain.shelf import FaceState, LabelCommandKind
from persistence import columns


class Device(SQLModel, table=True):
    """A piece of hardware in a store; `code` is printed on it.

    `epoch` is a gateway's fencing number. `secret_hash` is what its secret is known by; without one it cannot
    sign in. What it was last heard to say of itself stands beside.
    """

    id: UUID = columns.key()
    code: str = columns.code(unique=True)
    kind: DeviceKind = columns.choice(DeviceKind)
    store: str = columns.code(refers_to="store.code")
    lifecycle: DeviceLifecycle = columns.choice(DeviceLifecycle)
    model: str | None = columns.optional_text()
    gateway: str | None = columns.optional_code(refers_to="device.code")
    secret_hash: bytes | None = columns.optional_bytes()
    epoch: int = columns.whole(default=0)
    asleep: bool = columns.flag(default=False)
    firmware: str | None = columns.optional_text()
    battery_millivolts: int | None = columns.optional_whole()
    rssi: int | None = columns.optional_whole()
    lqi: int | None = columns.optional_whole()
    temperature: float | None = columns.optional_degrees()
    last_seen_at: datetime | None = columns.optional_moment()
    next_check_in_at: datetime | None = columns.optional_moment()
    registered_at: datetime = columns.moment()
    retired_for: str | None = columns.optional_text()

    __table_args__ = (
        sa.Index("device_store", "store", "code"),
        sa.Index("device_gateway", "gateway", "code"),
    )


class Label(SQLModel, table=True):
    """What a label is bound to, and which versions of its face count; its code, store, gateway and model are
    its device's.

    `version` is the last one given out. `desired` is what it should show now, `upcoming` what it is to show
    later, `staged` what it has loaded for later, `reported` what it last confirmed since it was bound.
    `parted_at`: since when desired and reported differ.
    """

    code: str = columns.code(primary=True, refers_to="device.code")
    store: str = columns.code(refers_to="store.code")
    gateway: str | None = columns.optional_code(refers_to="device.code")
    model: str = columns.text()
    sku: str | None = columns.optional_code(refers_to="variant.sku")
    position: str | None = columns.optional_text()
    template: str | None = columns.optional_text()
    bound_at: datetime | None = columns.optional_moment()
    version: int = columns.long(default=0)
    desired: int | None = columns.long(nullable=True)
    upcoming: int | None = columns.long(nullable=True)
    staged: int | None = columns.long(nullable=True)
    reported: int | None = columns.long(nullable=True)
    parted_at: datetime | None = columns.optional_moment()

    __table_args__ = (
        sa.Index("label_gateway", "gateway", "code"),
        sa.Index("label_store", "store", "code"),
        sa.Index("label_bound", "store", "sku", postgresql_where=sa.text("sku IS NOT NULL")),
        sa.Index("label_sku", "sku", postgresql_where=sa.text("sku IS NOT NULL")),
    )


class LabelBinding(SQLModel, table=True):
    """That a label hung at an article, from when to when; kept for good."""

    __tablename__ = "label_binding"

    id: UUID = columns.key()
    label: str = columns.code(refers_to="device.code")
    store: str = columns.code(refers_to="store.code")
    sku: str = columns.code(refers_to="variant.sku")
    position: str | None = columns.optional_text()
    template: str | None = columns.optional_text()
    bound_at: datetime = columns.moment()
    bound_by: str = columns.text()
    unbound_at: datetime | None = columns.optional_moment()
    unbound_by: str | None = columns.optional_text()

    __table_args__ = (sa.Index("label_binding_label", "label", sa.text("bound_at DESC")),)


class Face(SQLModel, table=True):
    """A picture by its hash: what decides it, never changed; drawn when somebody first wants it."""

    hash: str = columns.code(primary=True)
    sku: str = columns.code(refers_to="variant.sku")
    template: FaceTemplate = columns.choice(FaceTemplate)
    model: str = columns.text()
    fields: dict[str, Any] = columns.document()
    made_at: datetime = columns.moment()
    png: bytes | None = columns.optional_bytes()
    planes: bytes | None = columns.optional_bytes()


class LabelFace(SQLModel, table=True):
    """One version of what a label was to show: the face, the prices on it, and how far it got.

    `amount_minor` is what everybody pays, `member_minor` what those of `member_tiers` pay, `price` the rest
    that was known of the price then. `cause` and `caused_at` say what called for it. From `in_view_since` to
    before `in_view_until` the label may have been showing it, as tills see it.
    """

    __tablename__ = "label_face"

    label: str = columns.code(primary=True, refers_to="label.code")
    version: int = Field(sa_type=sa.BigInteger, primary_key=True)
    store: str = columns.code()
    gateway: str | None = columns.optional_code()
    sku: str = columns.code()
    hash: str = columns.code(refers_to="face.hash")
    price_version: int | None = columns.long(nullable=True)
    currency_code: str | None = columns.optional_text()
    amount_minor: int | None = columns.long(nullable=True)
    member_minor: int | None = columns.long(nullable=True)
    price: dict[str, Any] | None = columns.optional_document()
    member_tiers: list[str] = Field(
        sa_type=ARRAY(sa.Text), sa_column_kwargs={"server_default": sa.text("'{}'")}
    )
    display_at: datetime | None = columns.optional_moment()
    expires_at: datetime | None = columns.optional_moment()
    made_at: datetime = columns.moment()
    cause: str = columns.text()
    caused_at: datetime = columns.moment()
    state: FaceState = columns.choice(FaceState, default=FaceState.PENDING)
    priority: int = columns.whole()
    tries: int = columns.whole(default=0)
    due_at: datetime = columns.moment()
    handed_at: datetime | None = columns.optional_moment()
    confirmed_at: datetime | None = columns.optional_moment()
    in_view_since: datetime | None = columns.optional_moment()
    in_view_until: datetime | None = columns.optional_moment()

    __table_args__ = (
        # What a gateway is to be handed, the most pressing first.
        sa.Index(
            "label_face_work",
            "gateway",
            "priority",
            "due_at",
            postgresql_where=sa.text("state IN ('PENDING', 'SENT')"),
        ),
        # What tills are held down by, now or at a moment in the past.
        sa.Index(
            "label_face_in_view",
            "store",
            "sku",
            sa.text("coalesce(in_view_until, 'infinity'::timestamptz)"),
            postgresql_where=sa.text("in_view_since IS NOT NULL"),
        ),
        sa.Index("label_face_made", "made_at"),
        sa.Index("label_face_hash", "hash"),
    )


class LabelCommand(SQLModel, table=True):
    """What a label is told to do besides showing a face; given up when it expires."""

    __tablename__ = "label_command"

    id: UUID = columns.key()
    gateway: str = columns.code(refers_to="device.code")
    label: str = columns.code(refers_to="label.code")
    kind: LabelCommandKind = columns.choice(LabelCommandKind)
    seconds: int | None = columns.optional_whole()
    given_at: datetime = columns.moment()
    given_by: str = columns.text()
    expires_at: datetime = columns.moment()
    handed_at: datetime | None = columns.optional_moment()

    __table_args__ = (
        sa.Index("label_command_work", "gateway", "id", postgresql_where=sa.text("handed_at IS NULL")),
    )


class LabelReported(SQLModel, table=True):
    """A report that was heard, so that it is never heard twice; kept as long as a gateway may repeat it."""

    __tablename__ = "label_report"

    gateway: str = columns.code(primary=True, refers_to="device.code")
    report_id: str = columns.code(primary=True)
    reported_at: datetime = columns.moment()

    __table_args__ = (sa.Index("label_report_at", "reported_at"),)


class LabelVouched(SQLModel, table=True):
    """That a person vouched for what a label shows; kept for good."""

    __tablename__ = "label_vouched"

    id: UUID = columns.key()
    label: str = columns.code(refers_to="label.code")
    version: int = columns.long()
    note: str = columns.text()
    vouched_at: datetime = columns.moment()
    vouched_by: str = columns.text()

    __table_args__ = (sa.Index("label_vouched_label", "label"),)
