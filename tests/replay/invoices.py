"""`make invoices`: a year of a web shop's invoices as orders and returns; every penny is accounted for.

Sales become orders, cancellations become returns of the customer's latest earlier sales of the same article
at the same price. What cannot be either is listed with its reason, and with what it was worth.
"""

from __future__ import annotations

import asyncio
import csv
import gzip
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from rich.console import Console
from rich.table import Table

from domain.baskets import PricedLine
from domain.orders.returns import refund_of
from domain.orders.states import FulfilmentKind, OrderState
from domain.payments import PaymentState
from persistence.database import Connection, connect
from persistence.keys import new_key
from persistence.orders import reads as orders_db
from persistence.orders import writes as order_writes
from persistence.orders.tables import SalesOrder
from persistence.payments import writes as payments_db
from tests.bench.stage import Effort, Stage
from tests.makers import make_channel, make_product

WHOLE = Path(__file__).parents[3] / "shared" / "data" / "online_retail" / "online_retail.csv.gz"
ALL_ROWS, CLEANED = Decimal("9747747.934"), Decimal("8911407.90")
INVOICES, CANCELLATIONS = 25_900, 3_836
_BATCH = 100
_PENNY = Decimal("0.01")


class Row(NamedTuple):
    """One row of the file."""

    invoice: str
    article: str
    quantity: int
    at: datetime
    price: Decimal
    customer: str

    @property
    def worth(self) -> Decimal:
        """What it adds to the revenue."""
        return self.quantity * self.price


def rows_of(file: Path) -> Iterator[Row]:
    """The rows, in their order."""
    with gzip.open(file, "rt", encoding="utf-8", newline="") as text:
        for row in csv.DictReader(text):
            yield Row(
                row["InvoiceNo"],
                row["StockCode"],
                int(row["Quantity"]),
                datetime.fromisoformat(row["InvoiceDate"]).replace(tzinfo=UTC),
                Decimal(row["UnitPrice"]),
                row["CustomerID"],
            )


def why_no_line(row: Row) -> str | None:
    """Why a row is neither sold nor taken back; None when it may be."""
    if row.invoice.startswith("A"):
        return "an adjustment of a debt"
    if row.price == 0:
        return "a price of zero" if row.quantity > 0 else "written off, at a price of zero"
    if row.price % _PENNY:
        return "a price of less than a penny"
    if row.quantity < 0 and not row.invoice.startswith("C"):
        return "negative quantity outside a cancellation"
    return None


@dataclass(slots=True)
class _Sold:
    """Units of an order's line that may come back still."""

    order_id: UUID
    position: int
    left: int


class Back(NamedTuple):
    """Units of a line that a cancellation brings back."""

    order_id: UUID
    position: int
    quantity: int


@dataclass
class Sales:
    """What was sold to whom, the latest on top, as cancellations look for it."""

    sold: dict[tuple[str, str, Decimal], list[_Sold]] = field(default_factory=lambda: defaultdict(list))

    def add(self, row: Row, order_id: UUID, position: int) -> None:
        """A line that was sold."""
        self.sold[row.customer, row.article, row.price].append(_Sold(order_id, position, row.quantity))

    def take_back(self, row: Row) -> tuple[list[Back], int]:
        """The lines that a cancellation brings back units of, and how many units nobody bought before."""
        wanted, found = -row.quantity, []
        shelf = self.sold[row.customer, row.article, row.price]
        while wanted and shelf:
            last = shelf[-1]
            units = min(wanted, last.left)
            found.append(Back(last.order_id, last.position, units))
            last.left -= units
            wanted -= units
            if not last.left:
                shelf.pop()
        return found, wanted


@dataclass
class Listed:
    """What is in no order, by reason."""

    rows: Counter[str] = field(default_factory=Counter)
    worth: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    invoices: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def add(self, row: Row, reason: str, worth: Decimal) -> None:
        """A row, or what is left of one."""
        self.rows[reason] += 1
        self.worth[reason] += worth
        self.invoices[reason].add(row.invoice)


def main() -> int:
    """The exit code: 0 when counts and revenue come back from the database to the penny."""
    if not WHOLE.is_file():
        Console(stderr=True).print(f"There is no {WHOLE} to replay.", markup=False)
        return 2
    return asyncio.run(_replay(Console(soft_wrap=True)))


async def _replay(out: Console) -> int:
    began = time.perf_counter()
    async with Stage(Effort()) as stage:
        db = await connect(await stage.database())
        try:
            rows = list(rows_of(WHOLE))
            listed, returns = await _load(db, rows)
            return await _compare(db, rows, listed, returns, out, began)
        finally:
            await db.close()


async def _load(db: Connection, rows: Sequence[Row]) -> tuple[Listed, int]:
    """What could not be an order, and how many invoices became returns."""
    await make_channel(db, "web", currency="GBP")
    await make_product(db, "online-retail", skus=sorted({row.article for row in rows}))
    listed, orders, returns = sorted_out(rows)
    for start in range(0, len(orders), _BATCH):
        await order_writes.place_many(db, orders[start : start + _BATCH])
    await db.execute("ANALYZE")
    for first, backs in returns:
        by_order: dict[UUID, list[Back]] = defaultdict(list)
        for back in backs:
            by_order[back.order_id].append(back)
        async with db.transaction():
            for order_id, theirs in by_order.items():
                await _take_back(db, order_id, theirs, first)
    return listed, len(returns)


Return = tuple[Row, list[Back]]
"""The first row of a cancellation, and what it brings back."""


def sorted_out(rows: Sequence[Row]) -> tuple[Listed, list[order_writes.NewOrder], list[Return]]:
    """What is in no order, the orders, and the returns; a return brings back only what was sold before it."""
    listed, sales = Listed(), Sales()
    orders: list[order_writes.NewOrder] = []
    returns: list[Return] = []
    by_invoice: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        reason = why_no_line(row)
        if reason is None:
            by_invoice[row.invoice].append(row)
        else:
            listed.add(row, reason, row.worth)
    for invoice, theirs in by_invoice.items():
        if invoice.startswith("C"):
            backs: list[Back] = []
            for row in theirs:
                found, rest = sales.take_back(row)
                backs += found
                if rest:
                    listed.add(row, "negative quantity without its sale", -rest * row.price)
            if backs:
                returns.append((theirs[0], backs))
        else:
            order = _order(invoice, theirs)
            orders.append(order)
            for position, row in enumerate(theirs):
                sales.add(row, order.id, position)
    return listed, orders, returns


def _order(invoice: str, rows: Sequence[Row]) -> order_writes.NewOrder:
    lines = [
        PricedLine(row.article, row.quantity, int(row.price / _PENNY), source="recorded", version=0)
        for row in rows
    ]
    total, first = sum(line.items_minor for line in lines), rows[0]
    return order_writes.NewOrder(
        id=new_key(),
        payment_id=new_key(),
        channel="web",
        store=None,
        campaign=None,
        external_number=invoice,
        member=first.customer or None,
        token_hash=None,
        state=OrderState.COMPLETED,
        payment_state=PaymentState.CAPTURED,
        fulfilment=FulfilmentKind.DELIVERY,
        fulfilment_store=None,
        address=None,
        currency_code="GBP",
        items_minor=total,
        discounts_minor=0,
        shipping_minor=0,
        discounts=[],
        touches=[],
        held_until=None,
        placed_at=first.at,
        flagged=False,
        cart_id=None,
        provider="invoice",
        payment_token=None,
        payment_reference=invoice,
        captured_minor=total,
        started_at=first.at,
        ask_at=None,
        event="recorded",
        placed_by="replay",
        lines=lines,
    )


async def _take_back(db: Connection, order_id: UUID, backs: Iterable[Back], row: Row) -> None:
    order = await order_writes.lock(db, order_id)
    if order is None:
        raise LookupError(f"order {order_id} is gone")
    lines = (await orders_db.lines_by_order(db, [order_id]))[order_id]
    units: Counter[int] = Counter()
    for back in backs:
        units[back.position] += back.quantity
    returned = [
        order_writes.Returned(
            line.id,
            units[line.position],
            refund_of(
                line.total_minor,
                line.quantity,
                returned=line.returned,
                refunded=line.refunded_minor,
                more=units[line.position],
            ),
        )
        for line in lines
        if units[line.position]
    ]
    await order_writes.take_back(db, returned)
    refund = sum(one.refund_minor for one in returned)
    payment = (await payments_db.of_order(db, order_id))[0]
    await payments_db.refund(db, payment, refund, reason=row.invoice, by_hand=True, at=row.at)
    left = sum(line.quantity - line.returned for line in lines) - sum(units.values())
    await _note(db, order, row, refund, is_all=left == 0)


async def _note(db: Connection, order: SalesOrder, row: Row, refund: int, *, is_all: bool) -> None:
    await order_writes.change(
        db,
        order,
        event="returned",
        by="replay",
        note=row.invoice,
        at=row.at,
        state=OrderState.RETURNED if is_all else OrderState.PARTIALLY_RETURNED,
        payment_state=PaymentState.REFUNDED
        if order.refunded_minor + refund == order.total_minor
        else PaymentState.PARTIALLY_REFUNDED,
        refunded_minor=refund,
    )


_BOOKS = """
SELECT count(*) AS orders, sum(total_minor) AS sold, sum(refunded_minor) AS given_back,
    count(*) FILTER (WHERE member IS NOT NULL) AS known,
    sum(total_minor) FILTER (WHERE member IS NOT NULL) AS sold_to_known
FROM sales_order
"""
_REFUNDS = "SELECT sum(amount_minor) FROM refund"
_CANCELLED = "SELECT count(DISTINCT reason) FROM refund"


async def _compare(
    db: Connection, rows: Sequence[Row], listed: Listed, returns: int, out: Console, began: float
) -> int:
    books = await db.fetchrow(_BOOKS)
    if books is None:
        raise LookupError("no books")
    refunded, cancelled = await db.fetchval(_REFUNDS), await db.fetchval(_CANCELLED)
    unlisted = sum(listed.worth.values(), Decimal(0))
    kept = (books["sold"] - books["given_back"]) * _PENNY
    table = Table("in no order", "rows", "invoices", "worth, GBP")
    for reason, count in listed.rows.most_common():
        table.add_row(
            reason, f"{count:,}", f"{len(listed.invoices[reason]):,}", f"{listed.worth[reason]:,.3f}"
        )
    out.print(table)
    invoices = {row.invoice for row in rows}
    in_books = {row["external_number"] for row in await db.fetch("SELECT external_number FROM sales_order")}
    in_books |= {row["reason"] for row in await db.fetch("SELECT DISTINCT reason FROM refund")}
    left_out = set().union(*listed.invoices.values()) - in_books
    below = sum(
        (row.worth for row in rows if row.price % _PENNY and row.quantity > 0 and row.customer), Decimal(0)
    )
    known = books["sold_to_known"] * _PENNY + below
    facts = [
        ("invoices", INVOICES, len(in_books) + len(left_out)),
        ("of them cancellations", CANCELLATIONS, sum(number.startswith("C") for number in invoices)),
        ("revenue of all rows", ALL_ROWS, kept + unlisted),
        ("revenue of the cleaned rows", CLEANED, known.quantize(_PENNY)),
        ("refunds as the orders say", refunded, books["given_back"]),
        ("cancellations that brought something back", returns, cancelled),
    ]
    for what, wanted, found in facts:
        out.print(f"{what}: {found:,}" + ("" if wanted == found else f", not {wanted:,}"), markup=False)
    sold, given_back = books["sold"] * _PENNY, books["given_back"] * _PENNY
    out.print(
        f"{books['orders']:,} orders of {sold:,} GBP, {given_back:,} of it given back; "
        f"{len(left_out):,} invoices are in no order; {time.perf_counter() - began:.0f} s"
    )
    return 0 if all(wanted == found for _, wanted, found in facts) else 1


if __name__ == "__main__":
    sys.exit(main())
