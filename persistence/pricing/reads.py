"""Reading price records: everything one context's prices, comparisons and traces are decided from."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple, cast
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from domain.pricing.held import InView
from domain.pricing.kinds import PriceKind
from persistence.catalog.tables import Variant
from persistence.database import Connection, given, param, statement
from persistence.labels.tables import LabelFace
from persistence.pricing.tables import PriceEnd, PriceRecord

_MOMENT = sa.DateTime(timezone=True)
FOREVER: Any = sa.literal_column("'infinity'::timestamptz")


class StoredPrice(NamedTuple):
    """A price record as the engine reads it, with the latest moment its variant's prices changed."""

    sku: str
    at: datetime
    changed_at: datetime | None
    id: UUID
    kind: PriceKind
    amount_minor: int
    currency_code: str
    channel: str | None
    store: str | None
    tier: str | None
    campaign: str | None
    min_quantity: int
    valid_from: datetime | None
    valid_until: datetime | None
    source: str
    sequence: int
    recorded_at: datetime


class PricesOfSku(NamedTuple):
    """The records of one variant that were asked for, as of when, and when its prices had last changed.

    `in_view`: at a till, the faces that labels of its store may be showing then.
    """

    at: datetime
    changed_at: datetime | None
    records: tuple[StoredPrice, ...]
    in_view: tuple[InView, ...] = ()


# What the engine reads of a record: the fields of a stored price after the three that are its variant's.
_ENGINE_COLUMNS = tuple(col(getattr(PriceRecord, name)) for name in StoredPrice._fields[3:])
_asked = given("asked", sku=sa.Text)
# "Now" is never before the latest change the variant remembers: a process whose clock is behind the writer's
# would otherwise answer with the price from before the change it was just told of.
_at = sa.case(
    (param("now", sa.Boolean), sa.func.greatest(param("at", _MOMENT), col(Variant.price_changed_at))),
    else_=param("at", _MOMENT),
)
_recorded_at = col(PriceRecord.recorded_at)
_ended_at = col(PriceEnd.recorded_at)
_until = sa.func.coalesce(PriceRecord.valid_until, FOREVER)


def _latest(column: Any, sku_column: Any, moment: Any, recorded_at: Any) -> Any:
    """The latest moment in a column that had passed, of what was known by then; a step down an index."""
    return (
        sa.select(column)
        .where(sku_column == Variant.sku, moment <= _at, recorded_at <= _at)
        .order_by(moment.desc())
        .limit(1)
        .correlate(Variant)
        .scalar_subquery()
    )


# The variant remembers its latest recorded change; only a question about the past looks for an older one.
_changed_at = sa.func.greatest(
    sa.case(
        (col(Variant.price_changed_at) <= _at, col(Variant.price_changed_at)),
        else_=sa.func.greatest(
            _latest(_recorded_at, PriceRecord.sku, _recorded_at, _recorded_at),
            _latest(_ended_at, PriceEnd.sku, _ended_at, _ended_at),
        ),
    ),
    _latest(PriceRecord.valid_from, PriceRecord.sku, col(PriceRecord.valid_from), _recorded_at),
    _latest(PriceRecord.valid_until, PriceRecord.sku, _until, _recorded_at),
).label("changed_at")


# Once for each variant: without the offset it would be worked out anew for every record beside it.
_variants = (
    sa.select(col(Variant.sku), _at.label("at"), _changed_at)
    .select_from(_asked.join(sa.inspect(Variant).local_table, col(Variant.sku) == _asked.c.sku))
    .offset(sa.literal_column("0"))
    .subquery("variants")
)


def _records(*conditions: Any) -> Any:
    return (
        sa.select(*_ENGINE_COLUMNS)
        .where(col(PriceRecord.sku) == _variants.c.sku, *conditions)
        .correlate(_variants)
    )


def _reading(records: Any, *beside: Any) -> Any:
    record = records.lateral("record")
    return sa.select(*_variants.c, *record.c, *beside).select_from(_variants.outerjoin(record, sa.true()))


_store, _channel = param("store", sa.Text), param("channel", sa.Text)
_since, _before = param("since", _MOMENT), param("until", _MOMENT)
_HERE = (
    sa.or_(col(PriceRecord.channel).is_(None), col(PriceRecord.channel) == _channel),
    sa.or_(col(PriceRecord.store).is_(None), col(PriceRecord.store) == _store),
)
_still = _until > _variants.c.at
# For now a face counts from when it was handed over by whatever process, whose clock may be ahead of ours.
_in_view_at = sa.case(
    (param("now", sa.Boolean), sa.func.greatest(_variants.c.at, sa.func.clock_timestamp())),
    else_=_variants.c.at,
)
_IN_VIEW = (
    sa.select(
        sa.func.jsonb_agg(
            sa.func.jsonb_build_array(
                col(LabelFace.label),
                col(LabelFace.amount_minor),
                col(LabelFace.member_minor),
                col(LabelFace.member_tiers),
                sa.func.coalesce(LabelFace.price_version, 0),
            )
        )
    )
    .where(
        col(LabelFace.store) == _store,
        col(LabelFace.sku) == _variants.c.sku,
        col(LabelFace.in_view_since).is_not(None),
        col(LabelFace.in_view_since) <= _in_view_at,
        sa.func.coalesce(LabelFace.in_view_until, FOREVER) > _variants.c.at,
    )
    .correlate(_variants)
    .scalar_subquery()
    .label("in_view")
)
_AtATill: Any = cast("Any", namedtuple)("_AtATill", (*StoredPrice._fields, "in_view"))
_CURRENT = statement(_reading(_records(_still, *_HERE)), StoredPrice)
_CURRENT_AT_A_TILL = statement(_reading(_records(_still, *_HERE), _IN_VIEW), _AtATill)
_SINCE = statement(_reading(_records(_until > _since, *_HERE)), StoredPrice)
_BETWEEN = statement(
    _reading(
        _records(
            _still,
            sa.func.coalesce(PriceRecord.valid_from, _recorded_at) < _before,
            _recorded_at < _before,
            *_HERE,
        ).limit(param("most", sa.BigInteger))
    ),
    StoredPrice,
)
# The place's own first and of those what counts then, so that the winner is among the first.
_EVERYWHERE = statement(
    _reading(
        _records(_until > _since)
        .order_by(
            sa.and_(*_HERE).desc(),
            sa.and_(
                _still,
                _recorded_at <= _variants.c.at,
                sa.func.coalesce(PriceRecord.valid_from, _recorded_at) <= _variants.c.at,
            ).desc(),
            col(PriceRecord.sequence).desc(),
        )
        .limit(param("most", sa.BigInteger))
    ),
    StoredPrice,
)


def _by_sku(rows: Iterable[StoredPrice]) -> dict[str, PricesOfSku]:
    found: dict[str, list[StoredPrice]] = {}
    for row in rows:
        found.setdefault(row.sku, []).append(row)
    return {
        # The outer join answers one row without a record for a variant that has none.
        sku: PricesOfSku(rows[0].at, rows[0].changed_at, tuple(row for row in rows if _is_record(row)))
        for sku, rows in found.items()
    }


def _is_record(row: StoredPrice) -> bool:
    return cast("UUID | None", row.id) is not None


class Place(NamedTuple):
    """Where and when prices are asked for; `now` says that `at` is the present and not a chosen moment.

    `at_till`: it is a till of the store that asks, which its labels may hold down.
    """

    channel: str
    store: str | None
    at: datetime
    now: bool
    at_till: bool = False


async def current_prices(db: Connection, skus: Sequence[str], place: Place) -> dict[str, PricesOfSku]:
    """By sku: the records of the place that are or will be valid; no entry for an unknown sku.

    One statement, at a till as well.
    """
    if not place.at_till:
        return _by_sku(await _CURRENT.all(db, sku=skus, **place._asdict()))
    rows = await _CURRENT_AT_A_TILL.all(db, sku=skus, **place._asdict())
    faces = {row.sku: _faces(row.in_view) for row in rows if row.in_view is not None}
    found = _by_sku(StoredPrice(*row[:-1]) for row in rows)
    return {sku: prices._replace(in_view=faces.get(sku, ())) for sku, prices in found.items()}


def _faces(aggregated: list[list[Any]]) -> tuple[InView, ...]:
    return tuple(
        InView(label, amount, member, tuple(tiers), version)
        for label, amount, member, tiers, version in aggregated
    )


async def prices_since(
    db: Connection, skus: Sequence[str], place: Place, *, since: datetime
) -> dict[str, PricesOfSku]:
    """By sku: the records of the place that were, are or will be valid at any moment from `since` on."""
    return _by_sku(await _SINCE.all(db, sku=skus, since=since, **place._asdict()))


async def prices_between(
    db: Connection, skus: Sequence[str], place: Place, *, until: datetime, most: int
) -> dict[str, PricesOfSku]:
    """By sku: the records of the place that were valid at any moment from `place.at` to before `until`.

    At most so many of a sku, whichever: as many as that means that there may be more. `changed_at` is as of
    `place.at`.
    """
    return _by_sku(await _BETWEEN.all(db, sku=skus, until=until, most=most, **place._asdict()))


async def prices_everywhere(
    db: Connection, skus: Sequence[str], place: Place, *, since: datetime, most: int
) -> dict[str, PricesOfSku]:
    """By sku: the records of every place that were or will be valid from `since` on; for traces.

    At most so many of a sku: those of the place first, then those set last.
    """
    return _by_sku(await _EVERYWHERE.all(db, sku=skus, since=since, most=most, **place._asdict()))


_BY_ID = statement(select(PriceRecord).where(col(PriceRecord.id) == sa.any_(param("ids", sa.ARRAY(sa.Uuid)))))


async def records_by_id(db: Connection, ids: Sequence[UUID]) -> dict[UUID, PriceRecord]:
    """By id: the records asked for that are there."""
    return {row.id: row for row in await _BY_ID.all(db, ids=ids)}
