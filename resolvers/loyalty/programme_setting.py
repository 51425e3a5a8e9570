"""Setting how points are earned: the programme of a currency, and the rules; by head office only."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import strawberry

from domain.access import ADMINS
from domain.locales import translated
from domain.loyalty.earning import EarnRule as Rule
from domain.loyalty.earning import Programme
from domain.promotions.drafts import Draft
from domain.refusals import Refusal, RefusalCode, Refused, Text
from persistence.loyalty import programme as programme_db
from persistence.loyalty.tables import EarnRule as StoredRule
from resolvers.catalog.setting import LocalizedText
from resolvers.context import Info, Work
from resolvers.fields import field, mutation, query
from resolvers.loyalty.scope import Known, known_of, scoped, target_of_input
from resolvers.promotions.setting import PromotionTargetInput
from resolvers.scalars import CurrencyCode
from resolvers.shapes import FromRow, Money, Payload, shape

MOST_RULES = 200
_LONGEST_DAYS = 3650
_LARGEST_POINTS = 1_000_000
_LARGEST_MULTIPLIER = 100

# ------------------------------------------------------------------ shapes


@shape(ADMINS, description="How points work where people pay in a currency.")
class PointsProgramme:
    currency_code: CurrencyCode
    time_zone: str
    waits_days: int
    till_at_once: bool
    lifetime_days: int | None
    redeem_points: int
    redeem_amount: Money
    most_percent: int

    @classmethod
    def of(cls, one: Programme) -> PointsProgramme:
        """The shape of a programme."""
        return cls(
            currency_code=CurrencyCode(one.currency_code),
            time_zone=one.time_zone,
            waits_days=one.waits_days,
            till_at_once=one.till_at_once,
            lifetime_days=one.lifetime_days,
            redeem_points=one.redeem_points,
            redeem_amount=Money.of(one.redeem_minor, one.currency_code),
            most_percent=one.most_percent,
        )


@shape(ADMINS, description="What purchases earn: a base rate, or a multiplier of it.")
class EarnRule(FromRow[StoredRule]):
    row: strawberry.Private[StoredRule]
    code: str
    channels: list[str] = strawberry.field(description="empty: every one")
    stores: list[str] = strawberry.field(description="empty: every one")
    tiers: list[str] = strawberry.field(description="empty: every one")
    campaign: str | None
    valid_from: datetime | None
    valid_until: datetime | None

    @field()
    def name(self, info: Info) -> str:
        return translated(self.row.names, info.context.locale, info.context.house.default_locale)

    @field(description="0 for a multiplier")
    def points(self) -> int:
        return self.row.points

    @field(description="for every full and part of so much; null for a multiplier")
    def spend(self) -> Money | None:
        row = self.row
        return None if row.multiplier_percent is not None else Money.of(row.spend_minor, row.currency_code)

    @field()
    def multiplier(self) -> Decimal | None:
        percent = self.row.multiplier_percent
        return None if percent is None else Decimal(percent) / 100

    @field(description="1 is Monday; empty: every day")
    def weekdays(self) -> list[int]:
        return self.row.weekdays


@query(
    ADMINS, description="The rules that points are earned by and that are not over, by code; at most 1,000."
)
async def earn_rules(info: Info) -> list[EarnRule]:
    async with info.context.house.database.connection() as db:
        return [EarnRule.of(row) for row in await programme_db.rules_running(db, info.context.now)]


@query(ADMINS, description="The programme of each currency.")
async def points_programmes(info: Info) -> list[PointsProgramme]:
    async with info.context.house.database.connection() as db:
        rows = await programme_db.programmes(db)
    return [PointsProgramme.of(programme_db.programme_of(row)) for row in rows]


# ------------------------------------------------------------------ pointsProgrammeSet


@strawberry.input
class PointsProgrammeSetInput:
    idempotency_key: str
    currency_code: CurrencyCode
    time_zone: str = strawberry.field(description="where days begin, such as Asia/Hong_Kong")
    waits_days: int = strawberry.field(default=7, description="after the goods were received, 0 to 3,650")
    till_at_once: bool = strawberry.field(default=True, description="what tills earn does not wait")
    lifetime_days: int | None = strawberry.field(default=None, description="null: points never expire")
    redeem_points: int = strawberry.field(description="so many points pay redeemAmount")
    redeem_amount: Decimal
    most_percent: int = strawberry.field(default=100, description="of a purchase, paid with points at most")


@shape(ADMINS)
class PointsProgrammeSetPayload(Payload):
    programme: PointsProgramme | None = None


@mutation(
    PointsProgrammeSetPayload,
    ADMINS,
    description="Say how points work where people pay in a currency; without one nothing is earned there. "
    "Orders keep what they were promised.",
)
async def points_programme_set(info: Info, input: PointsProgrammeSetInput) -> PointsProgrammeSetPayload:
    context = info.context
    draft = Draft(input.currency_code, "input")
    programme = Programme(
        currency_code=input.currency_code,
        time_zone=_time_zone(draft, input.time_zone),
        waits_days=draft.count(("waitsDays",), input.waits_days, least=0, most=_LONGEST_DAYS),
        till_at_once=input.till_at_once,
        lifetime_days=None
        if input.lifetime_days is None
        else draft.count(("lifetimeDays",), input.lifetime_days, most=_LONGEST_DAYS),
        redeem_points=draft.count(("redeemPoints",), input.redeem_points, most=_LARGEST_POINTS),
        redeem_minor=draft.amount(("redeemAmount",), input.redeem_amount),
        most_percent=draft.count(("mostPercent",), input.most_percent, most=100),
    )

    async def act(work: Work) -> dict[str, Any]:
        if draft.refusals:
            raise Refused(*draft.refusals)
        version = await programme_db.take_turn(work.db)
        await programme_db.set_programme(work.db, programme, version=version)
        return {}

    await context.once("pointsProgrammeSet", input.idempotency_key, input, act)
    return PointsProgrammeSetPayload(programme=PointsProgramme.of(programme))


def _time_zone(draft: Draft, name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        draft.refuse(("timeZone",), en=f'There is no time zone "{name}".', zh=f"没有时区“{name}”。")
        return "UTC"
    return name


# ------------------------------------------------------------------ earnRulesSet


@strawberry.input
class EarnRateInput:
    points: int
    spend: Decimal = strawberry.field(description="so much of what is paid earns these points")


@strawberry.input(one_of=True)
class EarnInput:
    rate: strawberry.Maybe[EarnRateInput] = strawberry.field(description="a base rate")
    multiplier: strawberry.Maybe[Decimal] = strawberry.field(description="of the base rate, 0.01 to 100")


@strawberry.input
class EarnRuleInput:
    code: str
    names: list[LocalizedText]
    currency_code: CurrencyCode
    earn: EarnInput
    target: PromotionTargetInput | None = strawberry.field(default=None, description="null: everything")
    channels: list[str] | None = strawberry.field(default=None, description="null or empty: every one")
    stores: list[str] | None = strawberry.field(default=None, description="null or empty: every one")
    tiers: list[str] | None = strawberry.field(default=None, description="null or empty: everyone")
    campaign: str | None = None
    weekdays: list[int] | None = strawberry.field(default=None, description="1 is Monday; null: every day")
    valid_from: datetime | None = None
    valid_until: datetime | None = strawberry.field(default=None, description="exclusive")


@strawberry.input
class EarnRulesSetInput:
    idempotency_key: str
    rules: list[EarnRuleInput] = strawberry.field(description="1 to 200; all or none")


@shape(ADMINS)
class EarnRulesSetPayload(Payload):
    rules: list[EarnRule] = strawberry.field(default_factory=list)


@mutation(
    EarnRulesSetPayload,
    ADMINS,
    description="Create rules that points are earned by, or replace them by code; one whose validUntil has "
    "come is over. Orders keep what they were promised.",
)
async def earn_rules_set(info: Info, input: EarnRulesSetInput) -> EarnRulesSetPayload:
    context, asked = info.context, input.rules
    if not 1 <= len(asked) <= MOST_RULES:
        raise Refused.because(
            RefusalCode.INVALID_INPUT,
            en=f"One request takes 1 to {MOST_RULES} rules, not {len(asked)}.",
            zh=f"一次请求须有 1 到 {MOST_RULES} 条，而不是 {len(asked)} 条。",
            field=("input", "rules"),
        )

    async def act(work: Work) -> dict[str, Any]:
        known = await known_of(context, work, asked)
        rules: list[Rule] = []
        refusals: list[Refusal] = []
        for index, one in enumerate(asked):
            draft = Draft(one.currency_code, "input", "rules", str(index))
            rules.append(_read(draft, one, known))
            refusals += draft.refusals
            if one.code in {earlier.code for earlier in asked[:index]}:
                twice = Text("This code is used twice.", "该代码出现了两次。")
                refusals.append(Refusal(RefusalCode.CONFLICT, twice, ("input", "rules", str(index), "code")))
        if refusals:
            raise Refused(*refusals)
        version = await programme_db.take_turn(work.db)
        for rule in rules:
            await programme_db.set_rule(work.db, rule, version=version, recorded_by=str(context.viewer))
        return {"codes": [rule.code for rule in rules]}

    done = await context.once("earnRulesSet", input.idempotency_key, input, act)
    async with context.house.database.connection() as db:
        rows = await programme_db.rules_by_code(db, done.answer["codes"])
    return EarnRulesSetPayload(rules=[EarnRule.of(rows[code]) for code in done.answer["codes"]])


def _read(draft: Draft, one: EarnRuleInput, known: Known) -> Rule:
    """The rule of an input; what is wrong with it is noted in the draft."""
    points, spend, multiplier = 0, 1, None
    if one.earn.rate is not None:
        rate = one.earn.rate.value
        points = draft.count(("earn", "rate", "points"), rate.points, most=_LARGEST_POINTS)
        spend = draft.amount(("earn", "rate", "spend"), rate.spend)
    elif one.earn.multiplier is not None:
        multiplier = _multiplier(draft, one.earn.multiplier.value)
    for index, day in enumerate(one.weekdays or ()):
        draft.count(("weekdays", str(index)), day, most=7)
    if one.valid_from is not None and one.valid_until is not None and one.valid_until <= one.valid_from:
        draft.refuse(("validUntil",), en="It ends before it begins.", zh="结束时间须晚于开始时间。")
    channels, stores = scoped(draft, one.channels, one.stores, known)
    return Rule(
        code=draft.code(("code",), one.code),
        names=draft.names(("names",), [(name.locale, name.text) for name in one.names]),
        currency_code=one.currency_code,
        points=points,
        spend_minor=spend,
        multiplier=multiplier,
        target=target_of_input(draft, one.target, known),
        channels=channels,
        stores=stores,
        tiers=draft.named(("tiers",), one.tiers),
        campaign=draft.campaign(("campaign",), one.campaign),
        weekdays=frozenset(one.weekdays or ()),
        valid_from=one.valid_from,
        valid_until=one.valid_until,
    )


def _multiplier(draft: Draft, value: Decimal) -> Fraction:
    exact = Fraction(value)
    if not 0 < exact <= _LARGEST_MULTIPLIER or (exact * 100).denominator != 1:
        draft.refuse(
            ("earn", "multiplier"),
            en=f"A multiplier is 0.01 to {_LARGEST_MULTIPLIER}, no finer than 0.01.",
            zh=f"倍数须为 0.01 到 {_LARGEST_MULTIPLIER}，至多两位小数。",
        )
        return Fraction(1)
    return exact
