"""Coupons: campaigns that never issue too many, and coupons that are used once."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select

from domain.loyalty.coupons import CouponState, CouponTerms, code_hash
from persistence import paging
from persistence.database import Connection, param, statement, texts
from persistence.loyalty.tables import Coupon, CouponCampaign, CouponCount
from persistence.paging import Page, Place, page_of
from persistence.promotions.documents import target_of

_MOMENT = sa.DateTime(timezone=True)
_IDS = sa.ARRAY(sa.Uuid)

# ------------------------------------------------------------------ campaigns

_CAMPAIGNS = statement(select(CouponCampaign).where(col(CouponCampaign.code) == sa.any_(texts("codes"))))
_TERMS = (
    "names", "currency_code", "amount_minor", "basis_points", "promotion", "most_off_minor",
    "min_spend_minor", "stacking", "target", "channels", "valid_from", "valid_until", "valid_days",
    "claimable", "most", "per_member", "recorded_by",
)  # fmt: skip
_row = insert(CouponCampaign).values({name: param(name) for name in ("code", *_TERMS)})
_SET = statement(
    _row.on_conflict_do_update(
        index_elements=["code"],
        set_={name: _row.excluded[name] for name in _TERMS} | {"recorded_at": sa.func.clock_timestamp()},
    )
)


def terms_of(row: CouponCampaign) -> CouponTerms:
    """A stored campaign as the rules read it."""
    return CouponTerms(
        campaign=row.code,
        names=row.names,
        currency_code=row.currency_code,
        amount_minor=row.amount_minor,
        basis_points=row.basis_points,
        promotion=row.promotion,
        most_minor=row.most_off_minor,
        min_spend_minor=row.min_spend_minor,
        stacking=row.stacking,
        target=target_of(row.target),
        channels=frozenset(row.channels),
        valid_from=row.valid_from,
    )


async def campaigns(db: Connection, codes: Sequence[str]) -> dict[str, CouponCampaign]:
    """By code: the campaigns that are there, those that are over too."""
    return {row.code: row for row in await _CAMPAIGNS.all(db, codes=codes)}


async def set_campaign(db: Connection, **values: object) -> None:
    """Makes or replaces a campaign by its code; what was issued still counts.

    Raises asyncpg's CheckViolationError for a limit below what was issued.
    """
    await _SET.run(db, **values)


# ------------------------------------------------------------------ issuing

# Whoever issues has the campaign's row locked until the transaction ends: issue late in it.
_COUNT = statement(
    sa.update(CouponCampaign)
    .where(
        col(CouponCampaign.code) == param("campaign"),
        sa.or_(
            col(CouponCampaign.most).is_(None),
            col(CouponCampaign.issued) + param("more", sa.BigInteger) <= col(CouponCampaign.most),
        ),
    )
    .values(issued=col(CouponCampaign.issued) + param("more", sa.BigInteger))
)
_COUNT_OF_MEMBER = statement(
    insert(CouponCount)
    .values(campaign=param("campaign"), member=param("member"), coupons=1)
    .on_conflict_do_update(
        index_elements=["campaign", "member"],
        set_={"coupons": col(CouponCount.coupons) + 1},
        where=col(CouponCount.coupons) < param("per_member", sa.Integer),
    )
)
_UNCOUNT_OF_MEMBER = statement(
    sa.update(CouponCount)
    .where(
        col(CouponCount.campaign) == param("campaign"),
        col(CouponCount.member) == param("of_member"),
        col(CouponCount.coupons) > 0,
    )
    .values(coupons=col(CouponCount.coupons) - 1)
)
_HAD = statement(
    sa.select(col(CouponCount.coupons)).where(
        col(CouponCount.campaign) == param("campaign"), col(CouponCount.member) == param("member")
    )
)
_NEW_IDS = statement(
    sa.select(sa.func.uuidv7().label("id")).select_from(
        sa.func.generate_series(1, param("count", sa.Integer)).alias("number")
    )
)
_ISSUE = statement(
    insert(Coupon).values(
        {name: param(name) for name in ("id", "campaign", "code_hash", "member", "valid_until", "issued_at")}
    )
)


async def count(db: Connection, campaign: str, more: int = 1) -> bool:
    """Whether a campaign had so many coupons left to issue; they are counted then."""
    return bool(await _COUNT.run(db, campaign=campaign, more=more))


async def count_of_member(db: Connection, campaign: str, member: str, per_member: int) -> bool:
    """Whether a member may have one more of a campaign's coupons; it is counted then."""
    return bool(await _COUNT_OF_MEMBER.run(db, campaign=campaign, member=member, per_member=per_member))


async def uncount_of_member(db: Connection, campaign: str, member: str) -> None:
    """Takes back what `count_of_member` counted."""
    await _UNCOUNT_OF_MEMBER.run(db, campaign=campaign, of_member=member)


async def had_by_member(db: Connection, campaign: str, member: str) -> int:
    """How many of a campaign's coupons a member has had, as far as they are counted."""
    return int(await _HAD.value(db, campaign=campaign, member=member) or 0)


async def issue(
    db: Connection,
    campaign: str,
    member: str,
    *,
    code: Callable[[UUID], str],
    valid_until: datetime,
    now: datetime,
) -> UUID:
    """The id of a member's new coupon; `code` makes its code of its id. Count it first."""
    coupon_id = (await _NEW_IDS.one(db, count=1)).id
    await _ISSUE.run(
        db,
        id=coupon_id,
        campaign=campaign,
        code_hash=code_hash(code(coupon_id)),
        member=member,
        valid_until=valid_until,
        issued_at=now,
    )
    return UUID(bytes=coupon_id.bytes)


_AT_ONCE = 20_000


async def issue_batch(
    db: Connection,
    campaign: str,
    wanted: int,
    *,
    code: Callable[[UUID], str],
    valid_until: datetime,
    now: datetime,
) -> AsyncIterator[list[str]]:
    """The codes of so many new coupons that are nobody's yet, some thousands at a time. Count them first."""
    while wanted:
        ids = [row.id for row in await _NEW_IDS.all(db, count=min(wanted, _AT_ONCE))]
        codes = [code(one) for one in ids]
        await db.copy_records_to_table(
            "coupon",
            records=[
                (one, campaign, code_hash(text), CouponState.ACTIVE.value, valid_until, now)
                for one, text in zip(ids, codes, strict=True)
            ],
            columns=["id", "campaign", "code_hash", "state", "valid_until", "issued_at"],
        )
        # In no order that tells which was made when.
        secrets.SystemRandom().shuffle(codes)
        yield codes
        wanted -= len(ids)


# ------------------------------------------------------------------ using

_BY_HASH = statement(select(Coupon).where(col(Coupon.code_hash) == param("code_hash")))
_BY_ID = statement(select(Coupon).where(col(Coupon.id) == sa.any_(param("ids", _IDS))))
_LOCK = statement(select(Coupon).where(col(Coupon.id) == param("id")).with_for_update(key_share=True))
_KEEP = statement(
    sa.update(Coupon)
    .where(col(Coupon.id) == param("coupon_id", sa.Uuid))
    .values(
        state=param("new_state", sa.Text),
        order_id=param("new_order", sa.Uuid),
    )
)


async def by_code(db: Connection, code: str) -> Coupon | None:
    """The coupon under a code as somebody typed it."""
    return await _BY_HASH.one_or_none(db, code_hash=code_hash(code))


async def coupons_by_id(db: Connection, ids: Sequence[UUID]) -> dict[UUID, Coupon]:
    """By id: the coupons that are there."""
    return {row.id: row for row in await _BY_ID.all(db, ids=ids)}


async def lock(db: Connection, coupon_id: UUID) -> Coupon | None:
    """A coupon, locked until the transaction ends."""
    return await _LOCK.one_or_none(db, id=coupon_id)


async def set_state(db: Connection, coupon_id: UUID, state: CouponState, order_id: UUID | None) -> None:
    """Says where a locked coupon stands, and which order holds or used it."""
    await _KEEP.run(db, coupon_id=coupon_id, new_state=state.value, new_order=order_id)


# ------------------------------------------------------------------ listing

_state = sa.case(
    (
        sa.and_(
            sa.cast(col(Coupon.state), sa.Text) == CouponState.ACTIVE.value,
            col(Coupon.valid_until) <= param("now", _MOMENT),
        ),
        CouponState.EXPIRED.value,
    ),
    else_=sa.cast(col(Coupon.state), sa.Text),
)
_wanted = param("state", sa.Text)
_PAGE = statement(
    select(Coupon)
    .where(
        col(Coupon.member) == param("member"),
        col(Coupon.id) < param("below"),
        sa.or_(_wanted.is_(None), _state == _wanted),
    )
    .order_by(col(Coupon.id).desc())
    .limit(param("first", sa.Integer))
)
_PLACE = Place(["coupons", "newest"], [paging.key])
_ABOVE_ALL = UUID(int=2**128 - 1)


async def of_member(
    db: Connection, member: str, first: int, after: str | None, *, state: CouponState | None, now: datetime
) -> Page[Coupon]:
    """A page of a member's coupons, newest first, of one state or any; BAD_USER_INPUT for a bad cursor."""
    below = _ABOVE_ALL if after is None else _PLACE.values(after)[0]
    rows: list[Any] = await _PAGE.all(
        db, member=member, below=below, state=None if state is None else state.value, now=now, first=first + 1
    )
    return page_of(rows, first, place=_PLACE, values=lambda row: [row.id], began=after is None)


def check(after: str | None) -> None:
    """Raises BAD_USER_INPUT for a cursor that is none of this list."""
    if after is not None:
        _PLACE.values(after)
