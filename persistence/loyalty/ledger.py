"""The ledger of points: lines are only added, and whatever is added is written in one statement."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import accumulate
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from domain.loyalty.points import Books, Line, Lot, PointsEntryKind
from persistence import paging
from persistence.database import Connection, param, statement, texts
from persistence.loyalty.sql import written
from persistence.loyalty.tables import PointsAccount, PointsEntry, PointsLot
from persistence.paging import Page, Place, page_of

# Its account's row is locked first, in a statement of its own: the next one sees all that the last owner of
# the lock did.
_LOCK = statement(
    sa.select(col(PointsAccount.debt))
    .where(col(PointsAccount.member) == param("member"))
    .with_for_update(key_share=True)
)
_lot: tuple[Any, ...] = (
    col(PointsLot.serial),
    col(PointsLot.points),
    col(PointsLot.remaining),
    col(PointsLot.available_at),
    col(PointsLot.expires_at),
    col(PointsLot.expired),
    col(PointsLot.reversed),
    col(PointsLot.order_id).label("order"),
)
_OPEN = statement(
    sa.select(*_lot).where(col(PointsLot.member) == param("member"), col(PointsLot.remaining) > 0)
)
_OF_ORDER = statement(
    sa.select(*_lot).where(
        col(PointsLot.member) == param("member"), col(PointsLot.order_id) == param("order_id", sa.Uuid)
    )
)


async def books(db: Connection, member: str, now: datetime, *, order: UUID | None = None) -> Books:
    """A member's books, locked until the transaction ends; with the lots of an order, if one is named."""
    locked = await _LOCK.one_or_none(db, member=member)
    if locked is None:
        return Books([], 0, now)
    rows = await _OPEN.all(db, member=member)
    if order is not None:
        rows += await _OF_ORDER.all(db, member=member, order_id=order)
    return Books((Lot(*row) for row in rows), locked.debt, now)


_POST = written(
    """
    WITH line AS (
        SELECT * FROM unnest(
            :places, :kinds, :points, :sums, :reasons, :channels, :orders, :starts, :ends
        ) AS line (place, kind, points, sum, reason, channel, order_id, available_at, expires_at)
    ),
    account AS (
        INSERT INTO points_account AS account (member, balance, debt, serial)
        -- Checked before it is found to be there already: nobody's first line takes points.
        VALUES (:member, greatest(:more, 0), greatest(:more_debt, 0), :lines)
        ON CONFLICT (member) DO UPDATE SET
            balance = account.balance + :more,
            debt = account.debt + :more_debt,
            serial = account.serial + :lines
        RETURNING balance, serial
    ),
    entry AS (
        INSERT INTO points_entry
            (member, serial, kind, points, balance_after, reason, channel, order_id, occurred_at)
        SELECT :member, account.serial - :lines + line.place, line.kind, line.points,
            account.balance - :more + line.sum, line.reason, line.channel, line.order_id, :now
        FROM line, account
    ),
    opened AS (
        INSERT INTO points_lot (member, serial, points, remaining, available_at, expires_at, order_id)
        SELECT :member, account.serial - :lines + line.place, line.points, line.points,
            line.available_at, line.expires_at, CASE WHEN line.kind = 'EARN' THEN line.order_id END
        FROM line, account WHERE line.points > 0
    ),
    changed AS (
        UPDATE points_lot lot
        SET remaining = change.remaining, expired = change.expired, reversed = change.reversed
        FROM unnest(:serials, :remaining, :expired, :reversed)
            AS change (serial, remaining, expired, reversed)
        WHERE lot.member = :member AND lot.serial = change.serial
    )
    SELECT balance FROM account
    """
)


async def post(db: Connection, member: str, lines: Sequence[Line], now: datetime) -> None:
    """Adds lines that bring points, whatever the books say: nothing is read for it."""
    await _write(db, member, lines, (), 0, now)


async def close(db: Connection, member: str, done: Books, now: datetime) -> None:
    """Writes down what was done to books that `books` answered."""
    if done.lines or done.changed or done.debt_change:
        await _write(db, member, done.lines, [after for _, after in done.changed], done.debt_change, now)


async def _write(
    db: Connection, member: str, lines: Sequence[Line], lots: Sequence[Lot], more_debt: int, now: datetime
) -> None:
    points = [line.points for line in lines]
    await _POST.run(
        db,
        member=member,
        places=list(range(1, len(lines) + 1)),
        kinds=[line.kind.value for line in lines],
        points=points,
        sums=list(accumulate(points)),
        reasons=[line.reason for line in lines],
        channels=[line.channel for line in lines],
        orders=[line.order for line in lines],
        starts=[line.available_at for line in lines],
        ends=[line.expires_at for line in lines],
        more=sum(points),
        more_debt=more_debt,
        lines=len(lines),
        serials=[lot.serial for lot in lots],
        remaining=[lot.remaining for lot in lots],
        expired=[lot.expired for lot in lots],
        reversed=[lot.reversed for lot in lots],
        now=now,
    )


_RECEIVED = written(
    """
    UPDATE points_lot lot
    SET available_at = :now + make_interval(days => bought.waits_days),
        expires_at = :now + make_interval(days => bought.waits_days + bought.lifetime_days)
    FROM order_loyalty bought
    WHERE lot.order_id = :order_id AND lot.available_at IS NULL AND bought.order_id = :order_id
    """
)


async def received(db: Connection, order_id: UUID, at: datetime) -> None:
    """Notes that an order's goods were received: its points can be used once they can't come back."""
    await _RECEIVED.run(db, order_id=order_id, now=at)


# ------------------------------------------------------------------ reading


class AccountLot(NamedTuple):
    """A lot of a member that is not used up, with what the member owes."""

    member: str
    debt: int
    serial: int | None
    points: int | None
    remaining: int | None
    available_at: datetime | None
    expires_at: datetime | None


_STANDING = statement(
    sa.select(
        col(PointsAccount.member),
        col(PointsAccount.debt),
        col(PointsLot.serial),
        col(PointsLot.points),
        col(PointsLot.remaining),
        col(PointsLot.available_at),
        col(PointsLot.expires_at),
    )
    .outerjoin(
        PointsLot,
        sa.and_(col(PointsLot.member) == col(PointsAccount.member), col(PointsLot.remaining) > 0),
    )
    .where(col(PointsAccount.member) == sa.any_(texts("members"))),
    AccountLot,
)


class Account(NamedTuple):
    """What a member's points are made of."""

    lots: list[Lot]
    debt: int


async def accounts(db: Connection, members: Sequence[str]) -> dict[str, Account]:
    """By member: the lots that are not used up and what is owed; who never had points is left out."""
    found: dict[str, Account] = {}
    for row in await _STANDING.all(db, members=members):
        account = found.setdefault(row.member, Account([], row.debt))
        if row.serial is not None and row.points is not None and row.remaining is not None:
            account.lots.append(Lot(row.serial, row.points, row.remaining, row.available_at, row.expires_at))
    return found


class HistoryLine(NamedTuple):
    """A line of the ledger, and until before when its points can be used."""

    member: str
    serial: int
    kind: PointsEntryKind
    points: int
    balance_after: int
    reason: str
    channel: str | None
    order_id: UUID | None
    occurred_at: datetime
    expires_at: datetime | None


_HISTORY = statement(
    sa.select(
        col(PointsEntry.member),
        col(PointsEntry.serial),
        col(PointsEntry.kind),
        col(PointsEntry.points),
        col(PointsEntry.balance_after),
        col(PointsEntry.reason),
        col(PointsEntry.channel),
        col(PointsEntry.order_id),
        col(PointsEntry.occurred_at),
        col(PointsLot.expires_at),
    )
    .outerjoin(
        PointsLot,
        sa.and_(
            col(PointsLot.member) == col(PointsEntry.member), col(PointsLot.serial) == col(PointsEntry.serial)
        ),
    )
    .where(
        col(PointsEntry.member) == param("member"), col(PointsEntry.serial) < param("below", sa.BigInteger)
    )
    .order_by(col(PointsEntry.serial).desc())
    .limit(param("limit", sa.Integer)),
    HistoryLine,
)
_PLACE = Place(("points", "newest"), (paging.whole,))
_ABOVE_ALL = 2**63 - 1


async def history(db: Connection, member: str, first: int, after: str | None) -> Page[HistoryLine]:
    """A page of a member's ledger, the newest line first; raises BAD_USER_INPUT for a bad cursor."""
    below = _ABOVE_ALL if after is None else _PLACE.values(after)[0]
    rows = await _HISTORY.all(db, member=member, below=below, limit=first + 1)
    return page_of(rows, first, place=_PLACE, values=lambda row: [row.serial], began=after is None)


def check(after: str | None) -> None:
    """Raises BAD_USER_INPUT for a cursor that is none of this list."""
    if after is not None:
        _PLACE.values(after)


# ------------------------------------------------------------------ the clock


class _Due(NamedTuple):
    member: str


_DUE = written(
    """
    SELECT DISTINCT member FROM (
        SELECT member FROM points_lot WHERE remaining > 0 AND expires_at <= :now AND available_at <= :now
        ORDER BY expires_at LIMIT :limit
    ) due ORDER BY member
    """,
    _Due,
)


async def due(db: Connection, now: datetime, limit: int) -> list[str]:
    """Members with points that are over and not noted yet, the longest overdue first."""
    return [row.member for row in await _DUE.all(db, now=now, limit=limit)]


# ------------------------------------------------------------------ reconciling


class Difference(NamedTuple):
    """A member whose account is not what the ledger and the lots come to."""

    member: str
    balance: int
    ledger: int
    lots: int
    debt: int
    lines: int
    serial: int


_DIFFERENCES = written(
    """
    SELECT account.member, account.balance, coalesce(ledger.points, 0)::bigint AS ledger,
        coalesce(lot.points, 0)::bigint AS lots, account.debt, coalesce(ledger.lines, 0) AS lines,
        account.serial
    FROM points_account account
    LEFT JOIN (
        SELECT member, sum(points) AS points, count(*) AS lines,
            (array_agg(balance_after ORDER BY serial DESC))[1] AS last
        FROM points_entry GROUP BY member
    ) ledger USING (member)
    LEFT JOIN (SELECT member, sum(remaining) AS points FROM points_lot GROUP BY member) lot USING (member)
    WHERE (account.balance, account.balance, account.balance, account.serial) IS DISTINCT FROM
        (coalesce(ledger.points, 0), coalesce(ledger.last, 0), coalesce(lot.points, 0) - account.debt,
         coalesce(ledger.lines, 0))
    ORDER BY account.member LIMIT :limit
    """,
    Difference,
)


async def differences(db: Connection, limit: int) -> list[Difference]:
    """The accounts that are not the sum of their lines, the balance after the last, and their lots."""
    return await _DIFFERENCES.all(db, limit=limit)
