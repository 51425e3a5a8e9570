"""Channels and stores, many at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from domain.channels import ChannelKind, StockPolicy
from domain.news import Topic
from persistence.database import Connection
from persistence.imports.staging import BadRow, Merged, stage
from persistence.stores import Hours

TILL_CHANNEL = "pos"


class ChannelRow(NamedTuple):
    """A channel to be there, by code."""

    code: str
    names: Mapping[str, str]
    kind: str
    currency_code: str
    stock_policy: str = StockPolicy.SHARED.value
    active: bool = True
    line: int = 0


class StoreRow(NamedTuple):
    """A store to be there, by code; its position is in degrees (WGS 84)."""

    line: int
    code: str
    names: Mapping[str, str]
    addresses: Mapping[str, str]
    city: str
    latitude: float
    longitude: float
    time_zone: str
    opening_hours: list[Hours]
    services: list[str]
    till_channel: str
    active: bool = True


def tills(currency: str) -> ChannelRow:
    """The channel of tills and shelf labels that a store has when it names none."""
    names = {"en": "Till", "zh-HK": "收銀機", "zh-CN": "收银机"}
    return ChannelRow(TILL_CHANNEL, names, ChannelKind.POS.value, currency)


async def add_channels(db: Connection, rows: Iterable[ChannelRow]) -> Merged:
    """What became of the channels: those that are there already stay as they are."""
    staged = [*rows]
    added = await db.fetch(
        """
        INSERT INTO channel (code, names, kind, currency_code, stock_policy, active)
        SELECT * FROM unnest($1::text[], $2::jsonb[], $3::text[], $4::text[], $5::text[], $6::boolean[])
        ON CONFLICT (code) DO NOTHING RETURNING code
        """,
        *([row[column] for row in staged] for column in range(6)),
    )
    return Merged(len(added), 0, len(staged) - len(added))


async def stage_channels(db: Connection, rows: Iterable[ChannelRow]) -> int:
    """How many channels now stand in a temporary table, to be checked and merged."""
    columns = (
        "code text, names jsonb, kind text, currency_code text, stock_policy text, active boolean, line int"
    )
    return await stage(db, "staged_channel", columns, rows)


async def problems_of_channels(db: Connection) -> list[BadRow]:
    """What is wrong with the staged channels beside what is in the database."""
    rows = await db.fetch(
        """
        SELECT s.line, 'currency', 'The channel sells in ' || c.currency_code || ', and that stays.'
        FROM staged_channel s JOIN channel c USING (code) WHERE c.currency_code <> s.currency_code
        ORDER BY 1
        """
    )
    return [BadRow(*row) for row in rows]


async def merge_channels(db: Connection) -> tuple[Merged, bool]:
    """What became of the staged channels, and whether other channels are open now than before."""
    rows = await db.fetch(
        """
        INSERT INTO channel AS held (code, names, kind, currency_code, stock_policy, active)
        SELECT code, names, kind, currency_code, stock_policy, active FROM staged_channel ORDER BY code
        ON CONFLICT (code) DO UPDATE
        SET names = excluded.names, kind = excluded.kind, stock_policy = excluded.stock_policy,
            active = excluded.active
        WHERE (held.names, held.kind, held.stock_policy, held.active)
              IS DISTINCT FROM (excluded.names, excluded.kind, excluded.stock_policy, excluded.active)
        RETURNING old.code IS NULL AS added, coalesce(old.active, false) <> new.active AS turned
        """
    )
    staged = int(await db.fetchval("SELECT count(*) FROM staged_channel"))
    added = sum(row["added"] for row in rows)
    return Merged(added, len(rows) - added, staged - len(rows)), any(row["turned"] for row in rows)


_COLUMNS = """
    line int, code text, names jsonb, addresses jsonb, city text, latitude float8, longitude float8,
    time_zone text, opening_hours jsonb, services text[], till_channel text, active boolean
"""


async def stage_stores(db: Connection, rows: Iterable[StoreRow]) -> int:
    """How many stores now stand in a temporary table, to be checked and merged."""
    return await stage(db, "staged_store", _COLUMNS, rows)


async def problems_of_stores(db: Connection) -> list[BadRow]:
    """What is wrong with the staged stores beside what is in the database."""
    rows = await db.fetch(
        """
        SELECT s.line, 'till_channel', 'There is no channel "' || s.till_channel || '".'
        FROM staged_store s LEFT JOIN channel c ON c.code = s.till_channel WHERE c.code IS NULL
        ORDER BY 1
        """
    )
    return [BadRow(*row) for row in rows]


async def merge_stores(db: Connection, *, replace: bool = True) -> Merged:
    """What became of the staged stores; without `replace` those that are there already stay as they are."""
    staged = int(await db.fetchval("SELECT count(*) FROM staged_store"))
    rows = await db.fetch(
        """
        INSERT INTO store AS held
            (code, names, addresses, city, latitude, longitude, time_zone, opening_hours, services,
             till_channel, active)
        SELECT code, names, addresses, city, latitude, longitude, time_zone, opening_hours, services,
               till_channel, active
        FROM staged_store ORDER BY code
        ON CONFLICT (code) DO UPDATE
        SET names = excluded.names, addresses = excluded.addresses, city = excluded.city,
            latitude = excluded.latitude, longitude = excluded.longitude, time_zone = excluded.time_zone,
            opening_hours = excluded.opening_hours, services = excluded.services,
            till_channel = excluded.till_channel, active = excluded.active
        WHERE $1 AND (held.names, held.addresses, held.city, held.latitude, held.longitude, held.time_zone,
                      held.opening_hours, held.services, held.till_channel, held.active)
                     IS DISTINCT FROM
                     (excluded.names, excluded.addresses, excluded.city, excluded.latitude,
                      excluded.longitude, excluded.time_zone, excluded.opening_hours, excluded.services,
                      excluded.till_channel, excluded.active)
        RETURNING old.code IS NULL AS added
        """,
        replace,
    )
    added = sum(row["added"] for row in rows)
    return Merged(added, len(rows) - added, staged - len(rows))


async def announce_directory(db: Connection, now: datetime) -> None:
    """Tells every process that channels or stores have changed, so that it reads them anew."""
    await db.execute(
        "INSERT INTO outbox (topic, cause, occurred_at) VALUES ($1, 'import', $2)", Topic.DIRECTORY.value, now
    )
