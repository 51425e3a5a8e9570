"""The tables of loyalty.

Members are named by the subject of their tokens, as carts and orders name them; without a foreign key, since
every purchase would share-lock the member's row. All that grows is found by member: past one machine it is
distributed by that column.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel
from typing_extensions import TypedDict

from domain.loyalty.coupons import CouponState, Stacking
from domain.loyalty.points import PointsEntryKind
from persistence import columns
from persistence.append_only import append_only


class PointsAccount(SQLModel, table=True):
    """What a member's ledger comes to: `balance` is the sum of its lines, `serial` their number.

    Whoever writes lines has this row locked, so that they follow one another. `debt` is what was taken back
    of points that were spent already, and not earned since.
    """

    __tablename__ = "points_account"

    member: str = columns.code(primary=True)
    balance: int = columns.long(default=0)
    debt: int = columns.long(default=0)
    serial: int = columns.long(default=0)

    __table_args__ = (
        sa.CheckConstraint("debt >= 0", name="debt"),
        sa.CheckConstraint("balance >= -debt", name="balance"),
    )


class PointsEntry(SQLModel, table=True):
    """A line of the ledger: append-only, numbered 1, 2, 3 … for each member."""

    __tablename__ = "points_entry"

    member: str = columns.code(primary=True)
    serial: int = Field(sa_type=sa.BigInteger, primary_key=True)
    kind: PointsEntryKind = columns.choice(PointsEntryKind)
    points: int = columns.long()
    balance_after: int = columns.long()
    reason: str = columns.text()
    channel: str | None = columns.optional_text()
    order_id: UUID | None = Field(default=None, sa_type=sa.Uuid, nullable=True)
    occurred_at: datetime = columns.moment()

    __table_args__ = (sa.CheckConstraint("points <> 0", name="points"),)


class PointsLot(SQLModel, table=True):
    """What became of the points that a line of the ledger brought; `order_id` is the order that earned them.

    They can be used from `available_at` (null: once the goods are received) until before `expires_at`.
    """

    __tablename__ = "points_lot"

    member: str = columns.code(primary=True)
    serial: int = Field(sa_type=sa.BigInteger, primary_key=True)
    points: int = columns.long()
    remaining: int = columns.long()
    expired: int = columns.long(default=0)
    reversed: int = columns.long(default=0)
    available_at: datetime | None = columns.optional_moment()
    expires_at: datetime | None = columns.optional_moment()
    order_id: UUID | None = Field(default=None, sa_type=sa.Uuid, nullable=True)

    __table_args__ = (
        sa.CheckConstraint("points > 0 AND remaining >= 0 AND expired >= 0 AND reversed >= 0", name="parts"),
        sa.CheckConstraint("remaining + expired + reversed <= points", name="spent"),
        sa.Index("points_lot_open", "member", postgresql_where=sa.text("remaining > 0")),
        sa.Index("points_lot_end", "expires_at", postgresql_where=sa.text("remaining > 0")),
        sa.Index("points_lot_order", "order_id", postgresql_where=sa.text("order_id IS NOT NULL")),
    )


class StoredPart(TypedDict):
    """So many of the points that were used would have expired then (ISO 8601, None: never)."""

    expires_at: str | None
    points: int


class OrderLoyalty(SQLModel, table=True):
    """What an order has to do with loyalty, as promised at its checkout; orders without it have no row.

    `earned` and `used` are points by the place of the order's lines; `parts` is what was used, `coupon_id`
    the coupon. `held`: coupon and points are the order's; they were given back when it is false. `paid`: its
    points were earned.
    """

    __tablename__ = "order_loyalty"

    order_id: UUID = Field(sa_type=sa.Uuid, primary_key=True)
    member: str | None = columns.optional_text()
    earned: list[int] = columns.document(default="[]")
    used: list[int] = columns.document(default="[]")
    parts: list[StoredPart] = columns.document(default="[]")
    coupon_id: UUID | None = Field(default=None, sa_type=sa.Uuid, nullable=True)
    at_once: bool = columns.flag(default=False)
    waits_days: int = columns.whole(default=0)
    lifetime_days: int | None = columns.optional_whole()
    held: bool = columns.flag(default=True)
    paid: bool = columns.flag(default=False)


# ------------------------------------------------------------------ what points are earned by


class PointsProgramme(SQLModel, table=True):
    """How points work where people pay in a currency, as `domain.loyalty.earning.Programme` reads it."""

    __tablename__ = "points_programme"

    currency_code: str = columns.code(primary=True)
    time_zone: str = columns.text()
    waits_days: int = columns.whole()
    till_at_once: bool = columns.flag(default=True)
    lifetime_days: int | None = columns.optional_whole()
    redeem_points: int = columns.whole()
    redeem_minor: int = columns.long()
    most_percent: int = columns.whole()
    version: int = columns.long()

    __table_args__ = (sa.Index("points_programme_version", "version"),)


class EarnRule(SQLModel, table=True):
    """A rule that points are earned by, as `domain.loyalty.earning.EarnRule` reads it; empty means "any".

    `version` rises with every change of any rule or programme: writers take turns.
    """

    __tablename__ = "earn_rule"

    code: str = columns.code(primary=True)
    names: dict[str, str] = columns.document()
    currency_code: str = columns.text()
    points: int = columns.whole(default=0)
    spend_minor: int = columns.long(default=1)
    multiplier_percent: int | None = columns.optional_whole()
    target: dict[str, Any] = columns.document(default="{}")
    channels: list[str] = columns.text_list()
    stores: list[str] = columns.text_list()
    tiers: list[str] = columns.text_list()
    campaign: str | None = columns.optional_text()
    weekdays: list[int] = columns.document(default="[]")
    valid_from: datetime | None = columns.optional_moment()
    valid_until: datetime | None = columns.optional_moment()
    version: int = columns.long()
    recorded_at: datetime = columns.moment()
    recorded_by: str = columns.text()

    __table_args__ = (
        sa.Index("earn_rule_version", "version"),
        sa.Index("earn_rule_until", sa.text("coalesce(valid_until, 'infinity'::timestamptz)")),
    )


# ------------------------------------------------------------------ coupons


class CouponCampaign(SQLModel, table=True):
    """What coupons of a kind give, as `domain.loyalty.coupons.CouponTerms` reads it, and how many there are.

    `most` and `per_member` are the most that are ever issued, in all and to one member; `claimable` says
    that members may help themselves.
    """

    __tablename__ = "coupon_campaign"

    id: UUID = columns.key()
    code: str = columns.code(unique=True)
    names: dict[str, str] = columns.document()
    currency_code: str = columns.text()
    amount_minor: int | None = columns.long(nullable=True)
    basis_points: int | None = columns.optional_whole()
    promotion: str | None = columns.optional_text()
    most_off_minor: int | None = columns.long(nullable=True)
    min_spend_minor: int = columns.long(default=0)
    stacking: Stacking = columns.choice(Stacking)
    target: dict[str, Any] = columns.document(default="{}")
    channels: list[str] = columns.text_list()
    valid_from: datetime | None = columns.optional_moment()
    valid_until: datetime = columns.moment()
    valid_days: int | None = columns.optional_whole()
    claimable: bool = columns.flag(default=False)
    most: int | None = columns.long(nullable=True)
    per_member: int | None = columns.optional_whole()
    issued: int = columns.long(default=0)
    recorded_at: datetime = columns.moment()
    recorded_by: str = columns.text()

    __table_args__ = (
        sa.CheckConstraint("issued BETWEEN 0 AND most", name="issued"),
        sa.CheckConstraint("num_nonnulls(amount_minor, basis_points, promotion) = 1", name="discount"),
    )


class Coupon(SQLModel, table=True):
    """One coupon. Its code is made from its id with a key of the house; kept is only the code's hash.

    `member` is whose it is; null: whoever brings the code. `order_id` is the order that holds or used it.
    """

    id: UUID = columns.key()
    campaign: str = columns.code(refers_to="coupon_campaign.code")
    code_hash: bytes = Field(sa_type=sa.LargeBinary, unique=True)
    member: str | None = columns.optional_text()
    state: CouponState = columns.choice(CouponState, default=CouponState.ACTIVE)
    valid_until: datetime = columns.moment()
    issued_at: datetime = columns.moment()
    order_id: UUID | None = Field(default=None, sa_type=sa.Uuid, nullable=True)

    __table_args__ = (
        sa.Index("coupon_member", "member", "id", postgresql_where=sa.text("member IS NOT NULL")),
    )


class CouponCount(SQLModel, table=True):
    """How many coupons of a campaign a member has had; kept while the campaign has a limit for each."""

    __tablename__ = "coupon_count"

    campaign: str = columns.code(primary=True, refers_to="coupon_campaign.code")
    member: str = columns.code(primary=True)
    coupons: int = columns.whole()

    __table_args__ = (sa.CheckConstraint("coupons >= 0", name="coupons"),)


class PointsOffer(SQLModel, table=True):
    """So many points for a coupon of a campaign; empty channels mean "any"."""

    __tablename__ = "points_offer"

    code: str = columns.code(primary=True)
    names: dict[str, str] = columns.document()
    points: int = columns.whole()
    campaign: str = columns.code(refers_to="coupon_campaign.code")
    channels: list[str] = columns.text_list()
    valid_from: datetime | None = columns.optional_moment()
    valid_until: datetime | None = columns.optional_moment()
    recorded_at: datetime = columns.moment()
    recorded_by: str = columns.text()

    __table_args__ = (
        sa.CheckConstraint("points > 0", name="points"),
        sa.Index("points_offer_cheapest", "points", "code"),
    )


append_only("points_entry")
