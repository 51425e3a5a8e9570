"""The list of stores, by code or nearest first: one statement for a page, one for the count."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlmodel import col, select

from domain.channels import StockPolicy
from domain.refusals import RequestError
from domain.stores import StoreService
from persistence import paging
from persistence.database import Connection, Statement, given, param, statement
from persistence.inventory.selling import own_allotment, promised_units
from persistence.inventory.tables import StockAllotment, StockLevel
from persistence.paging import Page, Place, page_of
from persistence.stores import Store

MOST_LINES = 100
HALF_AROUND_METERS = 20_037_508
_STATEMENTS = 64


@dataclass(frozen=True, slots=True)
class Near:
    """A point in degrees (WGS 84) and how far around it to look, in metres."""

    latitude: float
    longitude: float
    within_meters: int = 50_000


@dataclass(frozen=True, slots=True)
class StoreQuery:
    """What a list of active stores is asked for; what is None or empty leaves nothing out.

    `open_at` is the instant at which stores are to be open, `closed_at` the one at which they are not.
    `has_stock` are skus with quantities, all of which `stock_channel` must be able to promise for pickup
    there by its policy; no channel stands for one that sells from the common pool.
    """

    near: Near | None = None
    city: str | None = None
    service: StoreService | None = None
    open_at: datetime | None = None
    closed_at: datetime | None = None
    has_stock: tuple[tuple[str, int], ...] = ()
    stock_channel: str | None = None
    stock_policy: StockPolicy = StockPolicy.SHARED


@dataclass(frozen=True, slots=True)
class _Shape:
    near: bool
    after: bool
    city: bool
    service: bool
    open_at: bool
    closed_at: bool
    has_stock: bool


async def stores(db: Connection, query: StoreQuery, first: int, after: str | None = None) -> Page[Store]:
    """A page of the active stores a question means, by code or nearest first, in one statement.

    `distance_of` tells how far a row's store is. Raises BAD_USER_INPUT for a point off the map, a
    quantity below one, or a cursor of another order.
    """
    shape, values = _asked(query)
    place = _place(query)
    if after is not None:
        values |= dict(zip(("after_1", "after_2"), place.values(after), strict=False))
    rows = await _page(replace(shape, after=after is not None)).all(db, limit=first + 1, **values)
    return page_of(rows, first, place=place, values=_values(query), began=after is None)


def check(query: StoreQuery, after: str | None) -> None:
    """Raises BAD_USER_INPUT for what `stores` would refuse, without asking the database."""
    _asked(query)
    if after is not None:
        _place(query).values(after)


async def stores_total(db: Connection, query: StoreQuery) -> int:
    """How many stores the whole list has."""
    shape, values = _asked(query)
    return int(await _total(shape).value(db, **values))


def distance_of(row: Store) -> int | None:
    """The metres along the earth's surface from the point asked about; None when none was."""
    meters: int | None = getattr(row, "meters", None)
    return meters


def _place(query: StoreQuery) -> Place:
    if query.near is None:
        return Place(("stores", "code"), (paging.text,))
    point = (str(query.near.latitude), str(query.near.longitude))
    return Place(("stores", "near", *point), (paging.whole, paging.text))


def _values(query: StoreQuery) -> Any:
    if query.near is None:
        return lambda row: (row.code,)
    return lambda row: (row.meters, row.code)


def _asked(query: StoreQuery) -> tuple[_Shape, dict[str, object]]:
    near = query.near
    if near is not None:
        _check(near)
    demands = _demands(query.has_stock)
    shape = _Shape(
        near=near is not None,
        after=False,
        city=query.city is not None,
        service=query.service is not None,
        open_at=query.open_at is not None,
        closed_at=query.closed_at is not None,
        has_stock=bool(demands),
    )
    values: dict[str, object] = {
        "latitude": near.latitude if near else None,
        "longitude": near.longitude if near else None,
        "within": float(min(near.within_meters, HALF_AROUND_METERS)) if near else None,
        "city": query.city,
        "service": [query.service.value] if query.service else None,
        "pickup": [StoreService.PICKUP.value],
        "open_at": query.open_at,
        "closed_at": query.closed_at,
        "sku": list(demands),
        "quantity": list(demands.values()),
        "stock_channel": query.stock_channel,
        "stock_policy": query.stock_policy.value,
    }
    return shape, values


def _check(near: Near) -> None:
    if not (-90 <= near.latitude <= 90 and -180 <= near.longitude <= 180):
        raise RequestError.bad_input(
            en="A point has a latitude of -90 to 90 and a longitude of -180 to 180 degrees.",
            zh="坐标的纬度须在 -90 到 90 度之间，经度须在 -180 到 180 度之间。",
        )
    if near.within_meters < 1:
        raise RequestError.bad_input(en="withinMeters is at least 1.", zh="withinMeters 至少为 1。")


def _demands(lines: Iterable[tuple[str, int]]) -> dict[str, int]:
    """By sku: the units wanted of it, lines of one sku added up."""
    demands: defaultdict[str, int] = defaultdict(int)
    for sku, quantity in lines:
        if quantity < 1:
            raise RequestError.bad_input(
                en=f"A quantity is at least 1, not {quantity}.", zh=f"数量至少为 1，而不是 {quantity}。"
            )
        demands[sku] += quantity
    if len(demands) > MOST_LINES:
        raise RequestError.bad_input(
            en=f"hasStock takes at most {MOST_LINES} skus, not {len(demands)}.",
            zh=f"hasStock 最多 {MOST_LINES} 个 SKU，而不是 {len(demands)} 个。",
        )
    return demands


@lru_cache(maxsize=_STATEMENTS)
def _total(shape: _Shape) -> Statement[int]:
    return statement(sa.select(sa.func.count()).select_from(Store).where(*_conditions(shape)))


@lru_cache(maxsize=_STATEMENTS)
def _page(shape: _Shape) -> Statement[Store]:
    # In whole metres, as they are shown, so that stores as far away as each other stand by code.
    distance = sa.cast(sa.func.round(_distance()) if shape.near else sa.null(), sa.BigInteger)
    rows = select(Store).add_columns(distance.label("meters")).where(*_conditions(shape))
    by = (distance, col(Store.code)) if shape.near else (col(Store.code),)
    if shape.after:
        last = (param("after_1", sa.BigInteger), param("after_2", sa.Text))
        behind = (
            sa.tuple_(*by) > sa.tuple_(*last) if shape.near else col(Store.code) > param("after_1", sa.Text)
        )
        rows = rows.where(behind)
    return statement(rows.order_by(*by).limit(param("limit", sa.Integer)), into=Store)


def _point() -> Any:
    return sa.func.ll_to_earth(param("latitude", sa.Double), param("longitude", sa.Double))


def _position() -> Any:
    return sa.func.ll_to_earth(col(Store.latitude), col(Store.longitude))


def _distance() -> Any:
    return sa.func.earth_distance(_point(), _position(), type_=sa.Double)


def _conditions(shape: _Shape) -> list[Any]:
    conditions: list[Any] = [col(Store.active)]
    if shape.near:
        within = param("within", sa.Double)
        # The box is what the index knows; it is a little larger than the circle.
        box = sa.func.earth_box(_point(), within)
        conditions += [box.op("@>", is_comparison=True)(_position()), _distance() <= within]
    if shape.city:
        conditions.append(col(Store.city) == param("city"))
    if shape.service:
        conditions.append(col(Store.services).contains(param("service", sa.ARRAY(sa.Text))))
    if shape.open_at:
        conditions.append(_open_at(param("open_at", sa.DateTime(timezone=True))))
    if shape.closed_at:
        conditions.append(~_open_at(param("closed_at", sa.DateTime(timezone=True))))
    if shape.has_stock:
        conditions += [col(Store.services).contains(param("pickup", sa.ARRAY(sa.Text))), ~_lacks_a_line()]
    return conditions


def _open_at(at: Any) -> Any:
    """`domain.stores.is_open` in SQL, so that not every store has to be read; a test holds both together."""
    span: Any = (
        sa.func.jsonb_to_recordset(col(Store.opening_hours))
        .table_valued(
            sa.column("weekday", sa.Integer),
            sa.column("opens", sa.Text),
            sa.column("closes", sa.Text),
            name="span",
        )
        .render_derived(with_types=True)
    )
    local = sa.func.timezone(col(Store.time_zone), at)
    clock = sa.func.to_char(local, sa.literal_column("'HH24:MI'"))
    today = sa.cast(sa.func.date_part(sa.literal_column("'isodow'"), local), sa.Integer) - sa.literal_column(
        "1"
    )
    yesterday = sa.func.mod(today + sa.literal_column("6"), sa.literal_column("7"))
    past_midnight = span.c.closes <= span.c.opens
    before_closing = clock < span.c.closes
    return (
        sa.select(sa.literal_column("1"))
        .select_from(span)
        .where(
            sa.or_(
                sa.and_(
                    span.c.weekday == today, span.c.opens <= clock, sa.or_(past_midnight, before_closing)
                ),
                sa.and_(past_midnight, span.c.weekday == yesterday, before_closing),
            )
        )
        .correlate(Store)
        .exists()
    )


def _lacks_a_line() -> Any:
    demand = given("demand", sku=sa.Text, quantity=sa.BigInteger)
    enough = (
        sa.select(sa.literal_column("1"))
        .select_from(sa.outerjoin(StockLevel, StockAllotment, own_allotment()))
        .where(
            col(StockLevel.store) == col(Store.code),
            col(StockLevel.sku) == demand.c.sku,
            promised_units() >= demand.c.quantity,
        )
        .correlate(Store, demand)
        .exists()
    )
    return sa.select(sa.literal_column("1")).select_from(demand).where(~enough).correlate(Store).exists()
