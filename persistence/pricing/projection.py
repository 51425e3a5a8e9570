"""The projection of public prices, kept by those who change prices and who wake at their boundaries."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlmodel import col

from domain.pricing.patterns import Patterns, PublicRecord
from persistence.channels import Channel
from persistence.database import Connection, given, param, statement, texts
from persistence.pricing.reads import FOREVER
from persistence.pricing.tables import PriceRecord, PublicPrice
from persistence.pricing.writes import lock_variants

_ANY = ""
"""How a row says "any channel" or "any store"."""

_MOMENT = sa.DateTime(timezone=True)
_WRITERS = (0x5E1F, 2)  # a pair of numbers, as the relay's lock is


class Entry(NamedTuple):
    """One row of the projection, as `PublicPrice` has it."""

    channel: str
    store: str
    sku: str
    amount_minor: int | None


_PRESENT = statement(sa.select(sa.func.greatest(param("at", _MOMENT), sa.func.clock_timestamp())))
_CHANNELS = statement(
    sa.select(col(Channel.code), col(Channel.currency_code)).where(col(Channel.active)).order_by(Channel.code)
)
_slot = tuple(
    col(getattr(PriceRecord, name)) for name in ("sku", "kind", "currency_code", "channel", "store")
)
_at = param("at", _MOMENT)
_every_store = param("every_store", sa.Boolean)
# Of each slot the one set last among those that count: years of records stay in the database.
_PUBLIC = statement(
    sa.select(*(col(getattr(PriceRecord, name)) for name in PublicRecord._fields))
    .ext(distinct_on(*_slot))
    .where(
        col(PriceRecord.sku) == sa.any_(texts("skus")),
        sa.func.coalesce(PriceRecord.valid_until, FOREVER) > _at,
        sa.func.coalesce(PriceRecord.valid_from, _at) <= _at,
        col(PriceRecord.tier).is_(None),
        col(PriceRecord.campaign).is_(None),
        col(PriceRecord.min_quantity) == sa.literal_column("1"),
        sa.or_(
            _every_store, col(PriceRecord.store).is_(None), col(PriceRecord.store) == sa.any_(texts("stores"))
        ),
    )
    .order_by(*_slot, col(PriceRecord.sequence).desc()),
    PublicRecord,
)
_HELD = statement(
    sa.select(*(col(getattr(PublicPrice, name)) for name in Entry._fields)).where(
        col(PublicPrice.sku) == sa.any_(texts("skus")),
        sa.or_(_every_store, col(PublicPrice.store) == sa.any_(texts("stores"))),
    ),
    Entry,
)
_due: Any = given("due", channel=sa.Text, store=sa.Text, sku=sa.Text, amount_minor=sa.BigInteger)
_insert = insert(PublicPrice).from_select(list(Entry._fields), sa.select(*_due.c))
_KEEP = statement(
    _insert.on_conflict_do_update(
        index_elements=["channel", "store", "sku"],
        set_={"amount_minor": _insert.excluded.amount_minor},
    )
)
_gone: Any = given("gone", channel=sa.Text, store=sa.Text, sku=sa.Text)
_DROP = statement(
    sa.delete(PublicPrice).where(
        col(PublicPrice.channel) == _gone.c.channel,
        col(PublicPrice.store) == _gone.c.store,
        col(PublicPrice.sku) == _gone.c.sku,
    )
)


async def refresh(
    db: Connection,
    skus: Collection[str],
    at: datetime,
    *,
    stores: Mapping[str, Collection[str]] | None = None,
) -> int:
    """How many rows changed so that the projection tells these variants' public prices as of now.

    To be called in the transaction that recorded or ended prices, after doing so, once and with all its skus.
    "Now" is `at`, or the database's clock if that is ahead, so that waiting for a lock never turns time back.
    `stores` says of which variants only prices that name a store have changed, and which stores: no other
    place of theirs is looked at.
    """
    if not skus:
        return 0
    # The variants first, in the one order, and then the mark of a writer: nobody waits while holding it.
    variants = await lock_variants(db, list(skus))
    await mark_writer(db)
    now: datetime = await _PRESENT.value(db, at=at)
    # What was recorded by a process whose clock is ahead counts already: no boundary would tell of it later.
    now = max([now, *(row.price_changed_at for row in variants.values() if row.price_changed_at)])
    channels = {row.code: row.currency_code for row in await _CHANNELS.all(db)}
    patterns = Patterns(now, channels)
    partly = sorted(stores or ())
    wholly = sorted(set(skus).difference(partly))
    changed = await _bring_up(db, patterns, wholly, None, now)
    if stores:
        named = sorted({store for sku in partly for store in stores[sku]})
        changed += await _bring_up(db, patterns, partly, named, now)
    return changed


async def mark_writer(db: Connection) -> None:
    """Lets `writers` tell of this transaction until it ends; to be called when its variants are locked."""
    await db.execute("SELECT pg_advisory_xact_lock_shared($1, $2)", *_WRITERS)


async def _bring_up(
    db: Connection, patterns: Patterns, skus: Sequence[str], stores: Sequence[str] | None, now: datetime
) -> int:
    if not skus:
        return 0
    scope = {"skus": skus, "stores": stores or (), "every_store": stores is None}
    records = await _PUBLIC.all(db, **scope, at=now)
    held = {row[:3]: row for row in await _HELD.all(db, **scope)}
    due = {row[:3]: row for row in _project(records, patterns) if stores is None or row.store != _ANY}
    changed = [row for place, row in due.items() if held.get(place) != row]
    gone = [row for place, row in held.items() if place not in due]
    if gone:
        await _DROP.run(db, **_columns(gone, ("channel", "store", "sku")))
    if changed:
        await _KEEP.run(db, **_columns(changed, Entry._fields))
    return len(changed) + len(gone)


def _project(records: Sequence[PublicRecord], patterns: Patterns) -> Iterator[Entry]:
    for sku, group in groupby(records, key=attrgetter("sku")):
        for (channel, store), amount in patterns.project(group):
            yield Entry(channel or _ANY, store or _ANY, sku, amount)


def _columns(rows: Sequence[Entry], names: Sequence[str]) -> dict[str, list[object]]:
    return {name: [getattr(row, name) for row in rows] for name in names}


async def writers(db: Connection) -> set[str]:
    """The transactions that have refreshed the projection and are not over yet."""
    rows = await db.fetch(
        "SELECT virtualtransaction FROM pg_locks WHERE locktype = 'advisory' AND granted "
        "AND classid = $1 AND objid = $2 "
        "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
        *_WRITERS,
    )
    return {row[0] for row in rows}
