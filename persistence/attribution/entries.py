"""What was credited to whom: entries of every sale, and what they add up to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from domain.attribution import Party, Which
from persistence.attribution.tables import AttributionEntry as Entry
from persistence.attribution.tables import AttributionRule
from persistence.carts import StoredTouch
from persistence.database import Connection, given, param, statement
from persistence.orders.tables import SalesOrder

_MOMENT = sa.DateTime(timezone=True)

# ------------------------------------------------------------------ rules

_RULE_AT = statement(
    select(AttributionRule)
    .where(col(AttributionRule.valid_from) <= param("at", _MOMENT))
    .order_by(col(AttributionRule.valid_from).desc(), col(AttributionRule.version).desc())
    .limit(1)
)
_RULE = statement(select(AttributionRule).where(col(AttributionRule.version) == param("version")))
_RULES = statement(
    select(AttributionRule)
    .order_by(col(AttributionRule.valid_from).desc(), col(AttributionRule.version).desc())
    .limit(param("limit", sa.Integer))
)
_SET_RULE = statement(
    sa.insert(AttributionRule)
    .values({name: param(name) for name in ("which", "days", "share", "valid_from", "set_by")})
    .returning(AttributionRule),
    AttributionRule,
)


async def rule_at(db: Connection, at: datetime) -> AttributionRule | None:
    """The rule in force at an instant."""
    return await _RULE_AT.one_or_none(db, at=at)


async def rule(db: Connection, version: int) -> AttributionRule | None:
    """The rule of a version."""
    return await _RULE.one_or_none(db, version=version)


async def rules(db: Connection, limit: int) -> list[AttributionRule]:
    """The rules, the latest first, at most `limit`."""
    return await _RULES.all(db, limit=limit)


async def set_rule(
    db: Connection, *, which: Which, days: int, share: int, valid_from: datetime, set_by: str
) -> AttributionRule:
    """A new rule, in force from its moment on."""
    return await _SET_RULE.one(
        db, which=which.value, days=days, share=share, valid_from=valid_from, set_by=set_by
    )


# ------------------------------------------------------------------ entries


class Credit(NamedTuple):
    """What somebody is credited with of an order, or what is to be added to it."""

    store: str | None
    clerk: str | None
    channel: str
    share: int
    amount_minor: int

    @property
    def party(self) -> Party:
        """Who it is."""
        return Party(self.store, self.clerk, self.channel)


_more = given(
    "more",
    store=sa.Text,
    clerk=sa.Text,
    channel=sa.Text,
    share=sa.Integer,
    amount_minor=sa.BigInteger,
)
_ADD = statement(
    sa.insert(Entry).from_select(
        [
            *("order_id", "rule", "in_force", "store", "clerk", "channel", "share", "amount_minor"),
            *("currency_code", "at"),
        ],
        sa.select(
            param("order_id", sa.Uuid),
            param("rule", sa.Integer),
            param("in_force", sa.Boolean),
            _more.c.store,
            _more.c.clerk,
            _more.c.channel,
            _more.c.share,
            _more.c.amount_minor,
            param("currency_code", sa.Text),
            param("at", _MOMENT),
        ),
    )
)


async def add(
    db: Connection,
    order_id: UUID,
    credits_: Sequence[Credit],
    *,
    rule: int,
    currency_code: str,
    at: datetime,
    in_force: bool = True,
) -> None:
    """Writes entries of an order."""
    await _ADD.run(
        db,
        order_id=order_id,
        rule=rule,
        in_force=in_force,
        store=[one.store for one in credits_],
        clerk=[one.clerk for one in credits_],
        channel=[one.channel for one in credits_],
        share=[one.share for one in credits_],
        amount_minor=[one.amount_minor for one in credits_],
        currency_code=currency_code,
        at=at,
    )


class _Net(NamedTuple):
    order_id: UUID
    store: str | None
    clerk: str | None
    channel: str
    share: int
    amount_minor: int


_NET = statement(
    sa.select(
        col(Entry.order_id),
        col(Entry.store),
        col(Entry.clerk),
        col(Entry.channel),
        col(Entry.share),
        sa.cast(sa.func.sum(col(Entry.amount_minor)), sa.BigInteger).label("amount_minor"),
    )
    .where(col(Entry.order_id) == sa.any_(param("ids", sa.ARRAY(sa.Uuid))), col(Entry.in_force))
    .group_by(col(Entry.order_id), col(Entry.store), col(Entry.clerk), col(Entry.channel), col(Entry.share))
    .order_by(col(Entry.order_id), sa.func.min(sa.cast(col(Entry.id), sa.Text))),
    _Net,
)


async def credits_by_order(db: Connection, ids: Sequence[UUID]) -> dict[UUID, list[Credit]]:
    """By order: who is credited with how much of what it brought in, as of now."""
    found: dict[UUID, list[Credit]] = {}
    for row in await _NET.all(db, ids=ids):
        found.setdefault(row.order_id, []).append(Credit(*row[1:]))
    return found


# ------------------------------------------------------------------ reports


class Sum(NamedTuple):
    """What a store, a clerk or a channel alone is credited with in a period, in one currency."""

    store: str | None
    clerk: str | None
    channel: str
    currency_code: str
    orders: int
    amount_minor: int


_REPORT = statement(
    sa.select(
        col(Entry.store),
        col(Entry.clerk),
        col(Entry.channel),
        col(Entry.currency_code),
        sa.func.count(sa.distinct(col(Entry.order_id))).label("orders"),
        sa.cast(sa.func.sum(col(Entry.amount_minor)), sa.BigInteger).label("amount_minor"),
    )
    .where(
        col(Entry.at) >= param("since", _MOMENT),
        col(Entry.at) < param("before", _MOMENT),
        sa.or_(
            sa.and_(param("recomputed", sa.Integer).is_(None), col(Entry.in_force)),
            sa.and_(~col(Entry.in_force), col(Entry.rule) == param("recomputed", sa.Integer)),
        ),
        sa.or_(param("store", sa.Text).is_(None), col(Entry.store) == param("store", sa.Text)),
    )
    .group_by(col(Entry.store), col(Entry.clerk), col(Entry.channel), col(Entry.currency_code))
    .order_by(col(Entry.store), col(Entry.clerk).nulls_first(), col(Entry.channel), col(Entry.currency_code))
    .limit(param("limit", sa.Integer)),
    Sum,
)


async def report(
    db: Connection,
    *,
    since: datetime,
    before: datetime,
    store: str | None,
    recomputed: int | None,
    limit: int,
) -> list[Sum]:
    """Who is credited with how much in a period, under the rules in force or as recomputed under another."""
    return await _REPORT.all(db, since=since, before=before, store=store, recomputed=recomputed, limit=limit)


# ------------------------------------------------------------------ recomputing


class Revenue(NamedTuple):
    """What an order brought in at a moment, or (negative) gave back, with what it is credited by."""

    order_id: UUID
    at: datetime
    amount_minor: int
    currency_code: str
    store: str | None
    channel: str
    placed_at: datetime
    touches: list[StoredTouch]


_REVENUES = statement(
    sa.select(
        col(Entry.order_id),
        col(Entry.at),
        sa.cast(sa.func.sum(col(Entry.amount_minor)), sa.BigInteger).label("amount_minor"),
        col(SalesOrder.currency_code),
        col(SalesOrder.store),
        col(SalesOrder.channel),
        col(SalesOrder.placed_at),
        col(SalesOrder.touches),
    )
    .join(SalesOrder, col(SalesOrder.id) == col(Entry.order_id))
    .where(
        col(Entry.in_force),
        col(Entry.order_id) > param("after_id", sa.Uuid),
        col(SalesOrder.placed_at) >= param("since", _MOMENT),
        col(SalesOrder.placed_at) < param("before", _MOMENT),
    )
    .group_by(col(Entry.order_id), col(Entry.at), col(SalesOrder.id))
    .order_by(col(Entry.order_id), col(Entry.at))
    .limit(param("limit", sa.Integer)),
    Revenue,
)
_FORGET = statement(
    sa.delete(Entry).where(
        col(Entry.order_id) == sa.any_(param("ids", sa.ARRAY(sa.Uuid))),
        ~col(Entry.in_force),
        col(Entry.rule) == param("rule"),
    )
)


async def revenues(
    db: Connection, *, since: datetime, before: datetime, limit: int
) -> Mapping[UUID, list[Revenue]]:
    """By order placed in a period: what it brought in and gave back, in that order; at most `limit` rows."""
    found: dict[UUID, list[Revenue]] = {}
    for row in await _REVENUES.all(db, since=since, before=before, limit=limit, after_id=UUID(int=0)):
        found.setdefault(row.order_id, []).append(row)
    return found


async def forget(db: Connection, ids: Sequence[UUID], rule: int) -> None:
    """Drops what was recomputed of orders under a rule; what is in force stays for good."""
    await _FORGET.run(db, ids=list(ids), rule=rule)
