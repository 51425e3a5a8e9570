"""Carts: one row each, its lines inside, so that a change of it is one statement."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple, NotRequired
from uuid import UUID

import orjson
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlmodel import Field, SQLModel, col, select
from typing_extensions import TypedDict

from persistence import columns
from persistence.database import Connection, Statement, given, param, statement

_MOMENT = sa.DateTime(timezone=True)


class StoredLine(TypedDict):
    """A line: how many of a sku, and the price of one that was shown when it was set (None: not for sale)."""

    sku: str
    quantity: int
    shown: int | None


class StoredAddress(TypedDict):
    """Where goods are to be brought."""

    name: str
    phone: str
    region: str
    city: str
    street: str
    postal_code: str | None


class StoredFulfilment(TypedDict):
    """How the goods reach the shopper; `kind` is a FulfilmentKind."""

    kind: str
    store: str | None
    address: StoredAddress | None


class StoredTouch(TypedDict):
    """What led here: a code that was scanned or followed, when (ISO 8601), and whose it was, if ours."""

    code: str
    at: str
    store: NotRequired[str | None]
    clerk: NotRequired[str | None]
    campaign: NotRequired[str | None]


class Cart(SQLModel, table=True):
    """What somebody means to buy. Whoever knows the id may use a visitor's; a member's is the member's own.

    `order_id` is what became of it. The id is no UUIDv7: nobody shall guess it from a time.
    No foreign keys: thousands of carts at once would share-lock the row of one channel.
    """

    id: UUID = Field(
        default=None,
        sa_type=sa.Uuid,
        primary_key=True,
        sa_column_kwargs={"server_default": sa.text("gen_random_uuid()")},
    )
    channel: str = columns.text()
    store: str | None = columns.optional_text()
    campaign: str | None = columns.optional_text()
    member: str | None = columns.optional_text()
    lines: list[StoredLine] = columns.document(default="[]")
    fulfilment: StoredFulfilment | None = columns.optional_document()
    coupon: str | None = columns.optional_text()
    points: int = columns.whole(default=0)
    touches: list[StoredTouch] = columns.document(default="[]")
    order_id: UUID | None = Field(default=None, sa_type=sa.Uuid, nullable=True)
    expires_at: datetime = columns.moment()

    __table_args__ = (sa.Index("cart_expiry", "expires_at"), sa.Index("cart_member", "member"))


class NewCart(NamedTuple):
    """A cart to make; its id is what nobody can guess."""

    id: UUID
    channel: str
    store: str | None
    campaign: str | None
    member: str | None
    lines: list[StoredLine]
    expires_at: datetime


_new = given(
    "new",
    id=sa.Uuid,
    channel=sa.Text,
    store=sa.Text,
    campaign=sa.Text,
    member=sa.Text,
    lines=sa.Text,
    expires_at=_MOMENT,
)
_CREATE = statement(
    insert(Cart)
    .from_select(
        list(NewCart._fields),
        sa.select(
            *(sa.cast(_new.c[name], JSONB) if name == "lines" else _new.c[name] for name in NewCart._fields)
        ),
    )
    .returning(Cart),
    Cart,
)


async def create_many(db: Connection, carts: Sequence[NewCart]) -> list[Cart]:
    """The new carts, in the order given."""
    columns = {name: [getattr(cart, name) for cart in carts] for name in NewCart._fields}
    # A list of lists would be taken for a table.
    columns["lines"] = [orjson.dumps(lines).decode() for lines in columns["lines"]]
    rows = {row.id: row for row in await _CREATE.all(db, **columns)}
    return [rows[cart.id] for cart in carts]


_BY_ID = statement(select(Cart).where(col(Cart.id) == sa.any_(param("ids", sa.ARRAY(sa.Uuid)))))
_LOCK = statement(select(Cart).where(Cart.id == param("id")).with_for_update())
_LOCK_MANY = statement(
    select(Cart)
    .where(col(Cart.id) == sa.any_(param("ids", sa.ARRAY(sa.Uuid))))
    .order_by(col(Cart.id))
    .with_for_update()
)


async def carts_by_id(db: Connection, ids: Sequence[UUID]) -> dict[UUID, Cart]:
    """By id: the carts that are there, those over and those bought too."""
    return {row.id: row for row in await _BY_ID.all(db, ids=ids)}


async def lock(db: Connection, cart_id: UUID) -> Cart | None:
    """A cart, locked until the transaction ends."""
    return await _LOCK.one_or_none(db, id=cart_id)


async def lock_many(db: Connection, ids: Collection[UUID]) -> dict[UUID, Cart]:
    """By id: carts, locked until the transaction ends, in the same order by everybody."""
    return {row.id: row for row in await _LOCK_MANY.all(db, ids=list(ids))}


def _setting(**values: Any) -> Statement[Cart]:
    change = (
        sa.update(Cart)
        .where(col(Cart.id) == param("cart_id"))
        .values(expires_at=param("kept_until", _MOMENT), **values)
        .returning(Cart)
    )
    return statement(change, Cart)


_SET_LINES = _setting(lines=param("new_lines", JSONB))
_SET_TOUCHES = _setting(touches=param("new_touches", JSONB))
_SET_COUPON = _setting(coupon=param("new_coupon", sa.Text))
_SET_POINTS = _setting(points=param("new_points", sa.Integer))


async def set_lines(db: Connection, cart_id: UUID, lines: Sequence[StoredLine], kept_until: datetime) -> Cart:
    """The cart with these lines; lock it first."""
    return await _SET_LINES.one(db, cart_id=cart_id, new_lines=list(lines), kept_until=kept_until)


class Brought(NamedTuple):
    """How the goods of a cart are to reach its shopper."""

    cart_id: UUID
    fulfilment: StoredFulfilment
    kept_until: datetime


_brought = given("brought", cart_id=sa.Uuid, fulfilment=JSONB, kept_until=_MOMENT)
_SET_FULFILMENT = statement(
    sa.update(Cart)
    .where(col(Cart.id) == _brought.c.cart_id, col(Cart.order_id).is_(None))
    .values(fulfilment=_brought.c.fulfilment, expires_at=_brought.c.kept_until)
    .returning(Cart),
    Cart,
)


async def set_fulfilment_many(db: Connection, brought: Sequence[Brought]) -> dict[UUID, Cart]:
    """By id: the carts, each named once, brought to their shoppers like this; those bought are left out."""
    columns = {name: [getattr(one, name) for one in brought] for name in Brought._fields}
    return {row.id: row for row in await _SET_FULFILMENT.all(db, **columns)}


async def set_touches(
    db: Connection, cart_id: UUID, touches: Sequence[StoredTouch], kept_until: datetime
) -> Cart:
    """The cart, with these touches; lock it first."""
    return await _SET_TOUCHES.one(db, cart_id=cart_id, new_touches=list(touches), kept_until=kept_until)


async def set_coupon(db: Connection, cart_id: UUID, coupon: str | None, kept_until: datetime) -> Cart:
    """The cart with this coupon, or without one; lock it first."""
    return await _SET_COUPON.one(db, cart_id=cart_id, new_coupon=coupon, kept_until=kept_until)


async def set_points(db: Connection, cart_id: UUID, points: int, kept_until: datetime) -> Cart:
    """The cart, paid with so many points; lock it first."""
    return await _SET_POINTS.one(db, cart_id=cart_id, new_points=points, kept_until=kept_until)


_LATEST = statement(
    select(Cart)
    .where(
        Cart.member == param("member"),
        Cart.channel == param("channel"),
        col(Cart.store).is_not_distinct_from(param("store", sa.Text)),
        col(Cart.order_id).is_(None),
        col(Cart.expires_at) > param("now", _MOMENT),
    )
    .order_by(col(Cart.expires_at).desc())
    .limit(1)
    .with_for_update()
)
_TAKE_OVER = _setting(lines=param("new_lines", JSONB), member=param("new_member", sa.Text))
_DROP = statement(sa.delete(Cart).where(col(Cart.id) == param("cart_id")))


async def lock_latest_of(
    db: Connection, member: str, *, channel: str, store: str | None, now: datetime
) -> Cart | None:
    """The cart a member last filled in a place and did not buy, locked until the transaction ends."""
    return await _LATEST.one_or_none(db, member=member, channel=channel, store=store, now=now)


async def take_over(
    db: Connection, cart_id: UUID, member: str, lines: Sequence[StoredLine], *, kept_until: datetime
) -> Cart:
    """The cart, a member's from now on and with these lines; lock it first."""
    return await _TAKE_OVER.one(
        db, cart_id=cart_id, new_member=member, new_lines=list(lines), kept_until=kept_until
    )


async def drop(db: Connection, cart_id: UUID) -> None:
    """Forgets a cart; lock it first."""
    await _DROP.run(db, cart_id=cart_id)
