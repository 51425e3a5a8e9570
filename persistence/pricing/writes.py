"""Recording and ending prices: append-only, under the variant's lock, each above the one before."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from domain.pricing.kinds import PriceKind
from persistence.catalog.tables import Variant
from persistence.database import Connection, given, param, statement, texts
from persistence.pricing.reads import FOREVER
from persistence.pricing.tables import PriceEnd, PriceRecord

_MOMENT = sa.DateTime(timezone=True)
_TICK = timedelta(microseconds=1)


class LockedVariant(NamedTuple):
    """What recording a price needs of a variant, which stays locked until the transaction ends."""

    sku: str
    price_changed_at: datetime | None
    price_sequence: int


class NewPrice(NamedTuple):
    """A price to record, as `PriceRecord` has it."""

    sku: str
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


# In the order of their skus, as everybody locks them, so that two writers never wait for each other.
_LOCK = statement(
    sa.select(col(Variant.sku), col(Variant.price_changed_at), col(Variant.price_sequence))
    .where(col(Variant.sku) == sa.any_(texts("skus")))
    .order_by(col(Variant.sku))
    .with_for_update(key_share=True),
    LockedVariant,
)


async def lock_variants(db: Connection, skus: Sequence[str]) -> dict[str, LockedVariant]:
    """By sku: the variants that exist, locked for a change of their prices."""
    return {row.sku: row for row in await _LOCK.all(db, skus=sorted(set(skus)))}


_after = param("after", _MOMENT)
_until = sa.func.coalesce(PriceRecord.valid_until, FOREVER)
_locked = given("locked", sku=sa.Text)


def _first_of_variant(moment: Any) -> Any:
    """The first moment still ahead in a column of a locked variant's records; a step down an index."""
    return (
        sa.select(sa.func.min(moment))
        .where(col(PriceRecord.sku) == _locked.c.sku, moment > _after)
        .correlate(_locked)
        .scalar_subquery()
    )


_NEXT_BOUNDARY = statement(
    sa.select(
        sa.func.nullif(
            sa.func.min(
                sa.func.least(_first_of_variant(col(PriceRecord.valid_from)), _first_of_variant(_until))
            ),
            FOREVER,
        )
    ).select_from(_locked)
)


async def next_boundary(
    db: Connection, variants: dict[str, LockedVariant], after: datetime
) -> datetime | None:
    """The first moment after another at which a price of a locked variant begins or ends by the clock.

    To be asked before anything is changed: it is what everybody else knows until the transaction is over.
    """
    moment: datetime | None = await _NEXT_BOUNDARY.value(db, sku=list(variants), after=after)
    return moment


_COLUMNS: tuple[tuple[str, Any], ...] = (
    ("sku", sa.Text),
    ("kind", sa.Text),
    ("amount_minor", sa.BigInteger),
    ("currency_code", sa.Text),
    ("channel", sa.Text),
    ("store", sa.Text),
    ("tier", sa.Text),
    ("campaign", sa.Text),
    ("min_quantity", sa.Integer),
    ("valid_from", _MOMENT),
    ("valid_until", _MOMENT),
    ("source", sa.Text),
    ("sequence", sa.BigInteger),
    ("recorded_at", _MOMENT),
)
_rows = given("new", **dict(_COLUMNS))
_INSERT = statement(
    insert(PriceRecord)
    .from_select(
        [*(name for name, _ in _COLUMNS), "recorded_by"],
        sa.select(*_rows.c, param("recorded_by", sa.Text)),
    )
    .returning(col(PriceRecord.id), col(PriceRecord.sku), col(PriceRecord.sequence))
)

_moved = given("moved", sku=sa.Text, moment=_MOMENT, number=sa.BigInteger)
_MOVE = statement(
    sa.update(Variant)
    .where(col(Variant.sku) == _moved.c.sku)
    .values(price_changed_at=_moved.c.moment, price_sequence=_moved.c.number)
)


def next_moment(variant: LockedVariant, now: datetime) -> datetime:
    """When a change recorded now counts from: now, but always above the variant's change before."""
    before = variant.price_changed_at
    return now if before is None or before < now else before + _TICK


async def record_prices(
    db: Connection,
    prices: Sequence[NewPrice],
    variants: dict[str, LockedVariant],
    *,
    recorded_by: str,
    now: datetime,
) -> list[UUID]:
    """The ids of the new records, in the order given, which is also the order in which they count as set.

    The variants must be locked. Raises asyncpg's UniqueViolationError when the caller used a source before.
    """
    sequences = {sku: variant.price_sequence for sku, variant in variants.items()}
    moments = {sku: next_moment(variant, now) for sku, variant in variants.items()}
    numbered: list[tuple[object, ...]] = []
    for price in prices:
        sequences[price.sku] += 1
        numbered.append((*price, sequences[price.sku], moments[price.sku]))
    values = dict(zip((name for name, _ in _COLUMNS), map(list, zip(*numbered, strict=True)), strict=True))
    inserted = await _INSERT.all(db, recorded_by=recorded_by, **values)
    await _remember(db, variants, moments, sequences)
    by_place = {(row.sku, row.sequence): row.id for row in inserted}
    return [by_place[row[0], row[-2]] for row in numbered]


async def _remember(
    db: Connection,
    variants: dict[str, LockedVariant],
    moments: dict[str, datetime],
    sequences: dict[str, int],
) -> None:
    skus = list(variants)
    await _MOVE.run(
        db,
        sku=skus,
        moment=[moments[sku] for sku in skus],
        number=[sequences[sku] for sku in skus],
    )


_USED_SOURCES = statement(
    sa.select(col(PriceRecord.source)).where(
        col(PriceRecord.recorded_by) == param("recorded_by"),
        col(PriceRecord.source) == sa.any_(texts("sources")),
    )
)


async def used_sources(db: Connection, recorded_by: str, sources: Sequence[str]) -> set[str]:
    """Those of the sources that this caller has used before."""
    return {row.source for row in await _USED_SOURCES.all(db, recorded_by=recorded_by, sources=sources)}


_ids = param("ids", sa.ARRAY(sa.Uuid))
_LOG_END = statement(
    insert(PriceEnd).from_select(
        ["record_id", "sku", "ends_at", "valid_until_before", "recorded_at", "recorded_by"],
        sa.select(
            col(PriceRecord.id),
            col(PriceRecord.sku),
            param("ends_at", _MOMENT),
            col(PriceRecord.valid_until),
            _moved.c.moment,
            param("recorded_by", sa.Text),
        )
        .join(_moved, col(PriceRecord.sku) == _moved.c.sku)
        .where(col(PriceRecord.id) == sa.any_(_ids)),
    )
)
_END = statement(
    sa.update(PriceRecord)
    .where(col(PriceRecord.id) == sa.any_(_ids))
    # One that was to begin later than this ends where it begins: it never counts.
    .values(valid_until=sa.func.greatest(param("ends_at", _MOMENT), col(PriceRecord.valid_from)))
)


async def end_prices(
    db: Connection,
    ids: Sequence[UUID],
    variants: dict[str, LockedVariant],
    *,
    ends_at: datetime | None,
    ended_by: str,
    now: datetime,
) -> None:
    """Ends the records at a moment (None: as soon as it is recorded), and keeps what they had said before.

    The variants must be locked, and the records must still be running then.
    """
    moments = {sku: next_moment(variant, now) for sku, variant in variants.items()}
    sequences = {sku: variant.price_sequence for sku, variant in variants.items()}
    # Ended "now": at the latest of the moments, so that no record ends before its end was recorded.
    moment = ends_at or max(moments.values())
    skus = list(moments)
    await _LOG_END.run(
        db,
        ids=ids,
        ends_at=moment,
        recorded_by=ended_by,
        sku=skus,
        moment=list(moments.values()),
        number=list(sequences.values()),
    )
    await _END.run(db, ids=ids, ends_at=moment)
    await _remember(db, variants, moments, sequences)
