"""The tables of partners and published documents."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from persistence import columns


class Partner(SQLModel, table=True):
    """A marketplace or integrator, and what it was granted.

    `masked_fields` are fields (`Type.field`) that it may not select; no `networks` means every address.
    """

    id: UUID = columns.key()
    code: str = columns.code(unique=True)
    name: str = columns.text()
    channels: list[str] = columns.text_list()
    scopes: list[str] = columns.text_list()
    budget_per_minute: int = columns.whole()
    masked_fields: list[str] = columns.text_list()
    networks: list[str] = columns.text_list()
    active: bool = columns.flag(default=True)
    created_at: datetime = columns.moment()


class ApiKey(SQLModel, table=True):
    """A key of a partner: its shown prefix, and a keyed hash of the whole."""

    __tablename__ = "api_key"

    id: UUID = columns.key()
    partner: str = columns.code(refers_to="partner.code", index=True)
    prefix: str = columns.text()
    key_hash: bytes = columns.digest()
    created_at: datetime = columns.moment()
    last_used_at: datetime | None = columns.optional_moment()
    expires_at: datetime | None = columns.optional_moment()
    revoked_at: datetime | None = columns.optional_moment()

    __table_args__ = (sa.UniqueConstraint("key_hash", name="api_key_hash"),)


class PersistedOperation(SQLModel, table=True):
    """A document that a client published: a partner by its code, or an application of our own (`app:h5`).

    Relay names documents by their MD5 and graphql-codegen by their SHA-1, so these find them too.
    """

    __tablename__ = "persisted_operation"

    id: UUID = columns.key()
    client: str = columns.code()
    document_id: str = columns.code()
    md5: str = columns.code()
    sha1: str = columns.code()
    name: str = columns.text()
    document: str = columns.text()
    cost: int = columns.whole()
    published_at: datetime = columns.moment()
    last_used_at: datetime | None = columns.optional_moment()
    calls: int = columns.long(default=0)

    __table_args__ = (
        sa.UniqueConstraint("client", "document_id", name="persisted_operation_document"),
        sa.Index("persisted_operation_by_id", "document_id"),
        sa.Index("persisted_operation_by_md5", "md5"),
        sa.Index("persisted_operation_by_sha1", "sha1"),
        sa.Index("persisted_operation_of_client", "client", "id"),
    )


class FieldUse(SQLModel, table=True):
    """How often a client's operations selected a field (`Type.field`) on a day."""

    __tablename__ = "field_use"

    field: str = columns.code(primary=True)
    client: str = columns.code(primary=True)
    day: date = columns.day(primary=True)
    operations: int = columns.long()


class Webhook(SQLModel, table=True):
    """An address that a partner is told news at, and how far it was told: everything up to `position`.

    `failures` counts those in a row; until `resting_until` nothing is sent.
    """

    id: UUID = columns.key()
    partner: str = columns.code(refers_to="partner.code", index=True)
    url: str = columns.text()
    topics: list[str] = columns.text_list()
    secret: bytes = columns.digest()
    epoch: int = columns.whole()
    position: int = columns.long()
    active: bool = columns.flag(default=True)
    failures: int = columns.whole(default=0)
    resting_until: datetime | None = columns.optional_moment()
    created_at: datetime = columns.moment()


class WebhookDelivery(SQLModel, table=True):
    """A piece of news on its way to a webhook; those of one subject go one after another."""

    __tablename__ = "webhook_delivery"

    id: UUID = columns.key()
    webhook: UUID = Field(sa_type=sa.Uuid, foreign_key="webhook.id")
    subject: str = columns.text()
    type: str = columns.text()
    cursor: str = columns.text()
    body: str = columns.text()
    attempts: int = columns.whole(default=0)
    status: int | None = columns.optional_whole()
    problem: str | None = columns.optional_text()
    next_try_at: datetime = columns.moment()
    created_at: datetime = columns.moment()
    delivered_at: datetime | None = columns.optional_moment()
    given_up_at: datetime | None = columns.optional_moment()

    __table_args__ = (
        sa.Index("webhook_delivery_log", "webhook", "id"),
        sa.Index(
            "webhook_delivery_waiting",
            "webhook",
            "subject",
            "id",
            postgresql_where=sa.text("delivered_at IS NULL AND given_up_at IS NULL"),
        ),
    )
