"""The tables of members.

What names a person is sealed: a database that gets into wrong hands names nobody.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from domain.members.consents import ConsentPurpose
from persistence import columns
from persistence.append_only import append_only


class Tier(SQLModel, table=True):
    """A rank of members, by its own code; `earn_rate` points are earned where one would be.

    Prices and promotions name tiers, and may outlive them: one that is given up is no longer `active`.
    """

    code: str = columns.code(primary=True)
    names: dict[str, str] = columns.document()
    rank: int = columns.whole()
    earn_rate: Decimal = columns.decimal()
    benefits: list[str] = columns.text_list()
    active: bool = columns.flag(default=True)

    __table_args__ = (sa.CheckConstraint("earn_rate >= 0", name="earn_rate"),)


class Member(SQLModel, table=True):
    """Somebody with an account. The row stays when the person is erased: orders and ledgers point at it.

    `serial` is what the number on a card is made of. `name` is sealed, and belongs to `id`.
    """

    id: UUID = columns.key()
    serial: int = Field(
        default=None, sa_type=sa.BigInteger, sa_column_args=(sa.Identity(always=True),), unique=True
    )
    tier: str = columns.code(refers_to="tier.code")
    name: bytes | None = columns.optional_bytes()
    created_at: datetime = columns.moment()
    erased_at: datetime | None = columns.optional_moment()
    merged_into: UUID | None = Field(default=None, sa_type=sa.Uuid, nullable=True, foreign_key="member.id")

    __table_args__ = (
        # Whoever was erased has no name.
        sa.CheckConstraint("erased_at IS NULL OR name IS NULL", name="erased"),
        sa.Index("member_tier", "tier"),
        sa.Index("member_merged", "merged_into", postgresql_where=sa.text("merged_into IS NOT NULL")),
    )


class MemberIdentity(SQLModel, table=True):
    """By what a member is known somewhere: a phone, an openid, a card. Erased with the person.

    `blind` is the keyed hash it is found by; `subject` is sealed, and belongs to `blind`.
    """

    __tablename__ = "member_identity"

    id: UUID = columns.key()
    member_id: UUID = Field(sa_type=sa.Uuid, foreign_key="member.id")
    provider: str = columns.text()
    blind: bytes = columns.digest()
    subject: bytes = columns.digest()
    linked_at: datetime = columns.moment()

    __table_args__ = (
        sa.Index("member_identity_found", "provider", "blind", unique=True),
        sa.Index("member_identity_member", "member_id", "id"),
    )


class MemberConsent(SQLModel, table=True):
    """That a member granted or withdrew a purpose: append-only, the latest of a purpose counts."""

    __tablename__ = "member_consent"

    id: UUID = columns.key()
    member_id: UUID = Field(sa_type=sa.Uuid, foreign_key="member.id")
    purpose: ConsentPurpose = columns.choice(ConsentPurpose)
    granted: bool = columns.flag(default=False)
    policy_version: str = columns.text()
    channel: str = columns.text()
    at: datetime = columns.moment()

    __table_args__ = (sa.Index("member_consent_latest", "member_id", "purpose", sa.text("id DESC")),)


class MemberLook(SQLModel, table=True):
    """That somebody of the house looked at a member: who, where, and how the member was found."""

    __tablename__ = "member_look"

    id: UUID = columns.key()
    member_id: UUID = Field(sa_type=sa.Uuid, foreign_key="member.id")
    by: str = columns.text()
    store: str | None = columns.optional_text()
    how: str = columns.text()
    at: datetime = columns.moment()

    __table_args__ = (sa.Index("member_look_member", "member_id", "id"),)


append_only("member_consent")
