"""Webhooks and their deliveries, read and written."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on
from sqlmodel import col, select

from domain.news import Cursor
from persistence.database import Connection, given, param, statement, texts
from persistence.orders.tables import SalesOrder
from persistence.paging import Page, Place, key, page_of
from persistence.partners.tables import Partner, Webhook, WebhookDelivery
from persistence.pickup.tables import Pickup

_MOMENT = sa.DateTime(timezone=True)
_UUIDS = sa.ARRAY(sa.Uuid)
_BELOW_ALL, _ABOVE_ALL = UUID(int=0), UUID(int=2**128 - 1)

_CREATE = statement(
    sa.insert(Webhook)
    .values(
        partner=param("partner"),
        url=param("url"),
        topics=param("topics"),
        secret=param("secret"),
        epoch=param("epoch"),
        position=param("position"),
    )
    .returning(col(Webhook.id))
)
_CHANGE = statement(
    sa.update(Webhook)
    .where(col(Webhook.id) == param("of_id"))
    .values(url=param("url"), topics=param("topics"), active=param("active"), failures=0, resting_until=None)
)
_REPLAY = statement(
    sa.update(Webhook)
    .where(col(Webhook.id) == param("of_id"))
    .values(epoch=param("epoch"), position=param("position"), failures=0, resting_until=None)
)
_BY_ID = statement(select(Webhook).where(col(Webhook.id) == sa.any_(param("ids", _UUIDS))))
_OF_PARTNERS = statement(
    select(Webhook).where(col(Webhook.partner) == sa.any_(texts("partners"))).order_by(col(Webhook.id))
)
_LOG = statement(
    select(WebhookDelivery)
    .where(col(WebhookDelivery.webhook) == param("webhook"), col(WebhookDelivery.id) < param("below"))
    .order_by(col(WebhookDelivery.id).desc())
    .limit(param("first", sa.BigInteger))
)
_PLACE = Place(["webhook deliveries", "newest"], [key])


async def create(
    db: Connection, partner: str, *, url: str, topics: Sequence[str], secret: bytes, after: Cursor
) -> UUID:
    """The id of a new webhook, told everything after a cursor."""
    made: UUID = await _CREATE.value(
        db,
        partner=partner,
        url=url,
        topics=list(topics),
        secret=secret,
        epoch=after.epoch,
        position=after.position,
    )
    return made


async def change(db: Connection, id_: UUID, *, url: str, topics: Sequence[str], active: bool) -> None:
    """Gives a webhook another address, other topics, or rest; what it failed at before is forgotten."""
    await _CHANGE.run(db, of_id=id_, url=url, topics=list(topics), active=active)


async def replay(db: Connection, id_: UUID, after: Cursor) -> None:
    """Has a webhook told everything after a cursor again."""
    await _REPLAY.run(db, of_id=id_, epoch=after.epoch, position=after.position)


async def webhooks_by_id(db: Connection, ids: Sequence[UUID]) -> dict[UUID, Webhook]:
    """By id: the webhooks that are there."""
    return {row.id: row for row in await _BY_ID.all(db, ids=ids)}


async def webhooks_by_partner(db: Connection, partners: Sequence[str]) -> dict[str, list[Webhook]]:
    """By partner: its webhooks."""
    found: dict[str, list[Webhook]] = defaultdict(list)
    for row in await _OF_PARTNERS.all(db, partners=partners):
        found[row.partner].append(row)
    return found


async def deliveries_page(
    db: Connection, webhook: UUID, first: int, after: str | None
) -> Page[WebhookDelivery]:
    """A page of a webhook's deliveries, newest first. Raises BAD_USER_INPUT for a cursor of another list."""
    below = _ABOVE_ALL if after is None else _PLACE.values(after)[0]
    rows = await _LOG.all(db, webhook=webhook, below=below, first=first + 1)
    return page_of(rows, first, place=_PLACE, values=lambda row: [row.id], began=after is None)


# ------------------------------------------------------------------ from news to deliveries


class Listening(NamedTuple):
    """A webhook that is to be told news, and on which terms."""

    id: UUID
    partner: str
    topics: list[str]
    epoch: int
    position: int
    scopes: list[str]
    channels: list[str]


_LISTENING = statement(
    sa.select(
        col(Webhook.id),
        col(Webhook.partner),
        col(Webhook.topics),
        col(Webhook.epoch),
        col(Webhook.position),
        col(Partner.scopes),
        col(Partner.channels),
    )
    .join(Partner, col(Partner.code) == col(Webhook.partner))
    .where(
        # Every one, in the order of the primary key; whoever else works on one is left to it.
        col(Webhook.id) > param("above"),
        col(Webhook.active),
        col(Partner.active),
        sa.or_(col(Webhook.epoch) != param("at_epoch"), col(Webhook.position) < param("head")),
    )
    .order_by(col(Webhook.id))
    .limit(1)
    .with_for_update(of=Webhook, skip_locked=True),
    Listening,
)
_MOVE = statement(
    sa.update(Webhook)
    .where(col(Webhook.id) == param("of_id"))
    .values(epoch=param("epoch"), position=param("position"))
)
_new = given("new", subject=sa.Text, type=sa.Text, cursor=sa.Text, body=sa.Text)
_ADD = statement(
    sa.insert(WebhookDelivery).from_select(
        ["webhook", "subject", "type", "cursor", "body", "next_try_at"],
        sa.select(
            param("webhook", sa.Uuid),
            _new.c.subject,
            _new.c.type,
            _new.c.cursor,
            _new.c.body,
            param("now", _MOMENT),
        ),
    )
)
_ORDERS = statement(
    sa.select(col(SalesOrder.id)).where(
        col(SalesOrder.id) == sa.any_(param("ids", _UUIDS)), col(SalesOrder.placed_by) == param("placed_by")
    )
)
_PICKUPS = statement(
    sa.select(col(Pickup.id), col(Pickup.order_id))
    .join(SalesOrder, col(SalesOrder.id) == col(Pickup.order_id))
    .where(col(Pickup.id) == sa.any_(param("ids", _UUIDS)), col(SalesOrder.placed_by) == param("placed_by"))
)


class Told(NamedTuple):
    """What a webhook is to be told."""

    subject: str
    type: str
    cursor: str
    body: str


async def behind(db: Connection, head: Cursor, above: UUID | None) -> Listening | None:
    """The next webhook that was not told everything up to a cursor, locked until the transaction ends."""
    return await _LISTENING.one_or_none(
        db, above=above or _BELOW_ALL, at_epoch=head.epoch, head=head.position
    )


async def add(db: Connection, webhook: UUID, told: Sequence[Told], *, upto: Cursor, now: datetime) -> None:
    """Puts deliveries in the queue of a webhook, and notes how far it is told with them."""
    if told:
        await _ADD.run(
            db,
            webhook=webhook,
            now=now,
            subject=[one.subject for one in told],
            type=[one.type for one in told],
            cursor=[one.cursor for one in told],
            body=[one.body for one in told],
        )
    await _MOVE.run(db, of_id=webhook, epoch=upto.epoch, position=upto.position)


async def orders_of(db: Connection, partner: str, ids: Sequence[UUID]) -> set[UUID]:
    """Which of the orders a partner placed."""
    return {row.id for row in await _ORDERS.all(db, ids=ids, placed_by=f"partner:{partner}")}


async def pickups_of(db: Connection, partner: str, ids: Sequence[UUID]) -> dict[UUID, UUID]:
    """By id: the orders of those pickups whose orders a partner placed."""
    rows = await _PICKUPS.all(db, ids=ids, placed_by=f"partner:{partner}")
    return {row.id: row.order_id for row in rows}


# ------------------------------------------------------------------ on their way


class Due(NamedTuple):
    """A delivery to be made now, and where."""

    id: UUID
    webhook: UUID
    type: str
    body: str
    attempts: int
    url: str
    secret: bytes
    failures: int


_waits = sa.and_(col(WebhookDelivery.delivered_at).is_(None), col(WebhookDelivery.given_up_at).is_(None))
_first = (
    sa.select(col(WebhookDelivery.id), col(WebhookDelivery.webhook))
    .where(_waits)
    .ext(distinct_on(col(WebhookDelivery.webhook), col(WebhookDelivery.subject)))
    .order_by(col(WebhookDelivery.webhook), col(WebhookDelivery.subject), col(WebhookDelivery.id))
    .cte("first_of_subject")
)
_due = (
    sa.select(_first.c.id)
    .join(WebhookDelivery, col(WebhookDelivery.id) == _first.c.id)
    .join(Webhook, col(Webhook.id) == _first.c.webhook)
    .where(
        col(WebhookDelivery.next_try_at) <= param("now", _MOMENT),
        col(Webhook.active),
        sa.or_(col(Webhook.resting_until).is_(None), col(Webhook.resting_until) <= param("now", _MOMENT)),
    )
    .order_by(col(WebhookDelivery.next_try_at))
    .limit(param("most", sa.BigInteger))
    .cte("due")
)
_TAKE = statement(
    sa.update(WebhookDelivery)
    .where(
        col(WebhookDelivery.id) == _due.c.id,
        # Asked again of the row as it is: somebody else may have taken it meanwhile.
        col(WebhookDelivery.next_try_at) <= param("now", _MOMENT),
        col(Webhook.id) == col(WebhookDelivery.webhook),
    )
    .values(next_try_at=param("until", _MOMENT), attempts=col(WebhookDelivery.attempts) + 1)
    .returning(
        col(WebhookDelivery.id),
        col(WebhookDelivery.webhook),
        col(WebhookDelivery.type),
        col(WebhookDelivery.body),
        col(WebhookDelivery.attempts),
        col(Webhook.url),
        col(Webhook.secret),
        col(Webhook.failures),
    ),
    Due,
)
_PUT_BACK = statement(
    sa.update(WebhookDelivery)
    .where(col(WebhookDelivery.id) == sa.any_(param("ids", _UUIDS)))
    .values(next_try_at=param("now", _MOMENT), attempts=col(WebhookDelivery.attempts) - 1)
)
_DELIVERED = statement(
    sa.update(WebhookDelivery)
    .where(col(WebhookDelivery.id) == param("of_id"))
    .values(delivered_at=param("now", _MOMENT), status=param("status"), problem=None)
)
_FAILED = statement(
    sa.update(WebhookDelivery)
    .where(col(WebhookDelivery.id) == param("of_id"))
    .values(
        status=param("status"),
        problem=param("problem"),
        next_try_at=param("next_try_at"),
        given_up_at=param("given_up_at"),
    )
)
_WELL = statement(
    sa.update(Webhook)
    .where(col(Webhook.id) == param("of_id"), col(Webhook.failures) > 0)
    .values(failures=0, resting_until=None)
)
_ILL = statement(
    sa.update(Webhook)
    .where(col(Webhook.id) == param("of_id"))
    .values(failures=col(Webhook.failures) + 1, resting_until=param("resting_until"))
)


async def take_due(db: Connection, *, now: datetime, until: datetime, most: int) -> list[Due]:
    """Deliveries to be made now, each the first that waits of its subject, ours until a moment."""
    return await _TAKE.all(db, now=now, until=until, most=most)


async def put_back(db: Connection, ids: Sequence[UUID], *, now: datetime) -> None:
    """Leaves deliveries that were taken to whoever comes next."""
    await _PUT_BACK.run(db, ids=list(ids), now=now)


async def delivered(db: Connection, due: Due, status: int, *, now: datetime) -> None:
    """Notes that a delivery was taken, and that its webhook is well."""
    await _DELIVERED.run(db, of_id=due.id, now=now, status=status)
    await _WELL.run(db, of_id=due.webhook)


async def failed(
    db: Connection,
    due: Due,
    *,
    status: int | None,
    problem: str,
    next_try_at: datetime,
    given_up_at: datetime | None,
    resting_until: datetime | None,
) -> None:
    """Notes that a delivery was not taken, when it is tried again, and how long its webhook is left alone."""
    await _FAILED.run(
        db, of_id=due.id, status=status, problem=problem, next_try_at=next_try_at, given_up_at=given_up_at
    )
    await _ILL.run(db, of_id=due.webhook, resting_until=resting_until)
