"""Where else a sku can be had."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import col

from persistence.channels import Channel
from persistence.database import Connection, given, statement
from persistence.inventory.selling import own_allotment, promised_units
from persistence.inventory.tables import StockAllotment, StockLevel
from persistence.stores import Store


class Wanted(NamedTuple):
    """So many of a sku, sold by a channel, anywhere but in the store `near`, which may be none."""

    channel: str
    sku: str
    quantity: int
    near: str | None


class _Found(NamedTuple):
    place: int
    store: str


_asked = given("asked", place=sa.Integer, channel=sa.Text, sku=sa.Text, quantity=sa.Integer, near=sa.Text)
_here: Any = aliased(Store)
_units = promised_units(col(Channel.stock_policy))
_earth = sa.func.ll_to_earth
_nearest = (
    sa.select(col(Store.code).label("store"))
    .join(StockLevel, col(StockLevel.store) == col(Store.code))
    .join(Channel, col(Channel.code) == _asked.c.channel)
    .outerjoin(StockAllotment, own_allotment(_asked.c.channel))
    .outerjoin(_here, _here.code == _asked.c.near)
    .where(
        col(StockLevel.sku) == _asked.c.sku,
        _units >= _asked.c.quantity,
        col(Store.active),
        col(Store.code).is_distinct_from(_asked.c.near),
    )
    .order_by(
        sa.func.earth_distance(
            _earth(_here.latitude, _here.longitude), _earth(Store.latitude, Store.longitude)
        ),
        _units.desc(),
        col(Store.code),
    )
    .limit(sa.literal_column("1"))
    .correlate(_asked)
    .lateral("nearest")
)
_WITH_STOCK = statement(
    sa.select(_asked.c.place, _nearest.c.store).select_from(_asked.join(_nearest, sa.true())), _Found
)


async def nearest_with_stock(db: Connection, wanted: Sequence[Wanted]) -> dict[Wanted, str]:
    """By what is wanted: the code of a store that may promise it, the nearest to `near`, else with most.

    One statement for all; no entry where no store has as many.
    """
    columns = zip(*wanted, strict=True)
    asked = dict(zip(Wanted._fields, map(list, columns), strict=False))
    found = await _WITH_STOCK.all(db, place=list(range(len(wanted))), **asked)
    return {wanted[row.place]: row.store for row in found}
