"""Programmes and earn rules: a book that each process keeps, and never reads from when it is out of date."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select

from domain.loyalty.earning import EarnBook, Programme
from domain.loyalty.earning import EarnRule as Rule
from persistence.database import Connection, Statement, param, statement, texts
from persistence.loyalty.tables import EarnRule, PointsProgramme
from persistence.members.tables import Tier
from persistence.promotions.documents import target_of, written_target

MOST_RULES = 1000
_MOMENT = sa.DateTime(timezone=True)
_FOREVER = sa.text("'infinity'::timestamptz")
# An advisory lock of our own: whoever holds it commits before the next one reads the highest version.
_LOCK = 0x5E1F_6A34
_TURN = statement(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
_highest = sa.func.greatest(
    sa.select(sa.func.coalesce(sa.func.max(col(EarnRule.version)), 0)).scalar_subquery(),
    sa.select(sa.func.coalesce(sa.func.max(col(PointsProgramme.version)), 0)).scalar_subquery(),
)
_VERSION = statement(sa.select(_highest))
_CURRENT = statement(
    sa.select(
        _highest.label("version"),
        sa.select(col(Tier.earn_rate))
        .where(col(Tier.code) == param("tier", sa.Text))
        .scalar_subquery()
        .label("tier_rate"),
    )
)
_NOT_OVER = statement(
    select(EarnRule)
    .where(sa.func.coalesce(col(EarnRule.valid_until), _FOREVER) > param("at", _MOMENT))
    .order_by(col(EarnRule.code))
    .limit(MOST_RULES)
)
_PROGRAMMES = statement(select(PointsProgramme).order_by(col(PointsProgramme.currency_code)))
_BY_CODE = statement(select(EarnRule).where(col(EarnRule.code) == sa.any_(texts("codes"))))


class Earning:
    """How points are earned, read once by each process and again whenever somebody changed it."""

    def __init__(self) -> None:
        self._version = 0
        self._book = EarnBook()

    async def current(self, db: Connection, at: datetime, tier: str | None) -> tuple[EarnBook, Decimal]:
        """The programmes and the rules that are not over at a moment of the present, and a tier's own rate.

        One statement, unless somebody changed them.
        """
        now = await _CURRENT.one(db, tier=tier)
        if now.version != self._version:
            self._book = EarnBook(
                {row.currency_code: programme_of(row) for row in await _PROGRAMMES.all(db)},
                tuple(rule_of(row) for row in await _NOT_OVER.all(db, at=at)),
            )
            self._version = now.version
        return self._book, Decimal(1) if now.tier_rate is None else now.tier_rate

    async def programme(self, db: Connection, currency_code: str, at: datetime) -> Programme | None:
        """The programme where people pay in a currency, if there is one."""
        book, _ = await self.current(db, at, None)
        return book.programme(currency_code)


def programme_of(row: PointsProgramme) -> Programme:
    """A stored programme as the rules read it."""
    return Programme(
        currency_code=row.currency_code,
        time_zone=row.time_zone,
        waits_days=row.waits_days,
        till_at_once=row.till_at_once,
        lifetime_days=row.lifetime_days,
        redeem_points=row.redeem_points,
        redeem_minor=row.redeem_minor,
        most_percent=row.most_percent,
    )


def rule_of(row: EarnRule) -> Rule:
    """A stored rule as the engine reads it."""
    percent = row.multiplier_percent
    return Rule(
        code=row.code,
        names=row.names,
        currency_code=row.currency_code,
        points=row.points,
        spend_minor=row.spend_minor,
        multiplier=None if percent is None else Fraction(percent, 100),
        target=target_of(row.target),
        channels=frozenset(row.channels),
        stores=frozenset(row.stores),
        tiers=frozenset(row.tiers),
        campaign=row.campaign,
        weekdays=frozenset(row.weekdays),
        valid_from=row.valid_from,
        valid_until=row.valid_until,
    )


async def programmes(db: Connection) -> list[PointsProgramme]:
    """Every programme, by currency."""
    return await _PROGRAMMES.all(db)


async def rules_by_code(db: Connection, codes: Sequence[str]) -> dict[str, EarnRule]:
    """By code: the rules that are there, those that are over too."""
    return {row.code: row for row in await _BY_CODE.all(db, codes=codes)}


async def rules_running(db: Connection, at: datetime) -> list[EarnRule]:
    """The rules that are not over at a moment, by code."""
    return await _NOT_OVER.all(db, at=at)


# ------------------------------------------------------------------ setting


def _upsert(table: Any, key: str, names: Sequence[str]) -> Statement[Any]:
    row = insert(table).values({name: param(name) for name in (key, *names)})
    return statement(
        row.on_conflict_do_update(index_elements=[key], set_={name: row.excluded[name] for name in names})
    )


_SET_PROGRAMME = _upsert(
    PointsProgramme,
    "currency_code",
    ("time_zone", "waits_days", "till_at_once", "lifetime_days", "redeem_points", "redeem_minor",
     "most_percent", "version"),
)  # fmt: skip
_SET_RULE = _upsert(
    EarnRule,
    "code",
    ("names", "currency_code", "points", "spend_minor", "multiplier_percent", "target", "channels", "stores",
     "tiers", "campaign", "weekdays", "valid_from", "valid_until", "version", "recorded_by"),
)  # fmt: skip


async def take_turn(db: Connection) -> int:
    """The version of what is written next; until this transaction ends nobody else writes anything."""
    await _TURN.value(db)
    return 1 + int(await _VERSION.value(db))


async def set_programme(db: Connection, one: Programme, *, version: int) -> None:
    """Makes or replaces the programme of a currency; the turn must be taken."""
    values: Mapping[str, object] = {name: getattr(one, name) for name in Programme.__slots__}
    await _SET_PROGRAMME.run(db, **values, version=version)


async def set_rule(db: Connection, rule: Rule, *, version: int, recorded_by: str) -> None:
    """Makes or replaces a rule by its code; the turn must be taken."""
    await _SET_RULE.run(
        db,
        code=rule.code,
        names=dict(rule.names),
        currency_code=rule.currency_code,
        points=rule.points,
        spend_minor=rule.spend_minor,
        multiplier_percent=None if rule.multiplier is None else int(rule.multiplier * 100),
        target=written_target(rule.target),
        channels=sorted(rule.channels),
        stores=sorted(rule.stores),
        tiers=sorted(rule.tiers),
        campaign=rule.campaign,
        weekdays=sorted(rule.weekdays),
        valid_from=rule.valid_from,
        valid_until=rule.valid_until,
        version=version,
        recorded_by=recorded_by,
    )
