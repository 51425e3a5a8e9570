"""Attribution in the graph: to whom an order is credited, under which rule, and what a store adds up to."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from itertools import accumulate
from typing import Any
from uuid import UUID

import strawberry

from domain.access import ORDER_READERS, STAFF, Rule
from domain.attribution import WHOLE, Which, amounts, must_be_a_rule
from domain.refusals import RefusalCode, Refused, RequestError
from persistence.attribution import entries as entries_db
from persistence.attribution.entries import Credit, Revenue, Sum
from persistence.attribution.tables import AttributionRule as StoredRule
from resolvers.attribution.crediting import shares_of
from resolvers.context import Info, Work
from resolvers.fields import field, mutation, query
from resolvers.shapes import Money, Payload, shape
from resolvers.stores.store import Store, store_shape

ADMIN = Rule("administrators", STAFF.kinds, admin_only=True)
MOST_SUMS = 1_000
MOST_RECOMPUTED = 20_000
_MOST_RULES = 100


@shape(
    ORDER_READERS,
    description="A part of what an order brought in, credited to a store, one of its clerks, or a channel.",
)
class Attribution:
    clerk: str | None
    channel: str
    share: Decimal
    amount: Money
    store_code: strawberry.Private[str | None] = None

    @field()
    async def store(self, info: Info) -> Store | None:
        return None if self.store_code is None else await store_shape(info, self.store_code)

    @classmethod
    def of(cls, credit: Credit, currency_code: str) -> Attribution:
        """The shape of what somebody is credited with."""
        return cls(
            clerk=credit.clerk,
            channel=credit.channel,
            share=Decimal(credit.share) / WHOLE,
            amount=Money.of(credit.amount_minor, currency_code),
            store_code=credit.store,
        )


# ------------------------------------------------------------------ rules


@shape(STAFF, description="How sales placed from a moment on are credited, until the next version.")
class AttributionRule:
    version: int
    which: Which
    days: int = strawberry.field(description="touches of so many days before the sale count")
    share: Decimal = strawberry.field(description="of the sale, for its touches; who sold it has the rest")
    valid_from: datetime
    set_by: str

    @classmethod
    def of(cls, row: StoredRule) -> AttributionRule:
        """The shape of a stored rule."""
        return cls(
            version=row.version,
            which=row.which,
            days=row.days,
            share=Decimal(row.share) / WHOLE,
            valid_from=row.valid_from,
            set_by=row.set_by,
        )


@strawberry.input
class AttributionRuleSetInput:
    idempotency_key: str
    which: Which = strawberry.field(description="the last touch of a store, or every store and clerk alike")
    days: int = strawberry.field(description="1 to 365")
    share: Decimal = strawberry.field(default=Decimal(1), description="0 to 1, in steps of 0.0001")


@shape(STAFF)
class AttributionRulePayload(Payload):
    rule: AttributionRule | None = None


@mutation(
    AttributionRulePayload,
    ADMIN,
    description="Credit sales placed from now on like this. What was credited before stays as it is.",
)
async def attribution_rule_set(info: Info, input: AttributionRuleSetInput) -> AttributionRulePayload:
    context = info.context
    scaled = input.share * WHOLE
    wanted = must_be_a_rule(input.which, input.days, int(scaled) if scaled == int(scaled) else -1)

    async def act(work: Work) -> dict[str, Any]:
        row = await entries_db.set_rule(
            work.db,
            which=wanted.which,
            days=wanted.days,
            share=wanted.share,
            valid_from=work.now,
            set_by=str(context.viewer),
        )
        return {"version": row.version}

    done = await context.once("attributionRuleSet", input.idempotency_key, input, act)
    async with context.house.database.connection() as db:
        row = await entries_db.rule(db, done.answer["version"])
    return AttributionRulePayload(rule=None if row is None else AttributionRule.of(row))


@query(STAFF, description=f"The rules of attribution, the latest {_MOST_RULES}, the latest first.")
async def attribution_rules(info: Info) -> list[AttributionRule]:
    async with info.context.house.database.connection() as db:
        return [AttributionRule.of(row) for row in await entries_db.rules(db, _MOST_RULES)]


# ------------------------------------------------------------------ report


@shape(STAFF, description="What somebody is credited with in a period, returns taken off.")
class AttributionSum:
    row: strawberry.Private[Sum]
    clerk: str | None
    channel: str
    orders: int
    amount: Money

    @field()
    async def store(self, info: Info) -> Store | None:
        return None if self.row.store is None else await store_shape(info, self.row.store)

    @classmethod
    def of(cls, row: Sum) -> AttributionSum:
        """The shape of a line of a report."""
        return cls(
            row=row,
            clerk=row.clerk,
            channel=row.channel,
            orders=row.orders,
            amount=Money.of(row.amount_minor, row.currency_code),
        )


@query(
    STAFF,
    description="What stores, clerks and channels are credited with between two moments, by store and clerk; "
    "all of it together is what was sold less what came back. Staff bound to a store see their own. rule: as "
    f"it was recomputed under that version; null: under the rules in force then. At most {MOST_SUMS:,}.",
)
async def attribution_report(
    info: Info, since: datetime, before: datetime, store: str | None = None, rule: int | None = None
) -> list[AttributionSum]:
    viewer = info.context.viewer
    if before <= since:
        raise RequestError.bad_input(en="before comes after since.", zh="before 须晚于 since。")
    if store is not None and not viewer.works_in(store):
        return []
    bound = None if viewer.is_admin else viewer.store
    async with info.context.house.database.connection() as db:
        rows = await entries_db.report(
            db, since=since, before=before, store=store or bound, recomputed=rule, limit=MOST_SUMS
        )
    return [AttributionSum.of(row) for row in rows]


# ------------------------------------------------------------------ recompute


@strawberry.input
class AttributionRecomputeInput:
    rule: int = strawberry.field(description="the version to try")
    placed_since: datetime
    placed_before: datetime = strawberry.field(description="exclusive")


@shape(STAFF)
class AttributionRecomputePayload(Payload):
    orders: int = strawberry.field(default=0, description="how many were recomputed")


@mutation(
    AttributionRecomputePayload,
    ADMIN,
    description="Credit the orders of a period under another version of the rules, beside what is in force, "
    "for attributionReport to show. Repeated, it is done anew. At most "
    f"{MOST_RECOMPUTED:,} sales and returns.",
)
async def attribution_recompute(info: Info, input: AttributionRecomputeInput) -> AttributionRecomputePayload:
    async with info.context.house.database.transaction() as db:
        rule = await entries_db.rule(db, input.rule)
        if rule is None:
            raise Refused.because(
                RefusalCode.NOT_FOUND,
                en="There is no such version.",
                zh="没有这个版本。",
                field=("input", "rule"),
            )
        found = await entries_db.revenues(
            db, since=input.placed_since, before=input.placed_before, limit=MOST_RECOMPUTED + 1
        )
        if sum(map(len, found.values())) > MOST_RECOMPUTED:
            raise Refused.because(
                RefusalCode.INVALID_INPUT,
                en="There are too many sales in this period; take a shorter one.",
                zh="该时段销售过多，请缩短时段。",
                field=("input", "placedBefore"),
            )
        await entries_db.forget(db, list(found), rule.version)
        for order_id, revenues in found.items():
            for revenue, credits_ in _recomputed(revenues, rule):
                await entries_db.add(
                    db,
                    order_id,
                    credits_,
                    rule=rule.version,
                    currency_code=revenue.currency_code,
                    at=revenue.at,
                    in_force=False,
                )
    return AttributionRecomputePayload(orders=len(found))


def _recomputed(revenues: list[Revenue], rule: StoredRule) -> list[tuple[Revenue, list[Credit]]]:
    """What each of an order's sales and returns adds to everybody's credit under a rule."""
    by_party = shares_of(revenues[0], rule)
    before = dict.fromkeys(by_party, 0)
    steps = []
    for revenue, net in zip(revenues, accumulate(one.amount_minor for one in revenues), strict=True):
        now = amounts(net, by_party)
        steps.append(
            (revenue, [Credit(*party, by_party[party], now[party] - before[party]) for party in now])
        )
        before = now
    return steps


async def attributions(info: Info, order_id: UUID, currency_code: str) -> list[Attribution]:
    """To whom an order is credited, as of now."""
    credits_ = await info.context.loaders.credits_of_order.load(order_id)
    return [Attribution.of(one, currency_code) for one in credits_]
