"""Sorting a web shop's invoices into orders, returns and what is neither."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from tests.replay.invoices import Row, sorted_out, why_no_line

NOON = datetime(2011, 5, 1, 12, tzinfo=UTC)


def row(invoice: str, quantity: int, price: str = "2.55", *, customer: str = "17850", hours: int = 0) -> Row:
    return Row(invoice, "85123A", quantity, NOON + timedelta(hours=hours), Decimal(price), customer)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (row("536365", 6), None),
        (row("C536379", -1), None),
        (row("536365", 1, "0.01"), None),
        (row("536365", 1, "0.001"), "a price of less than a penny"),
        (row("536365", 1, "0"), "a price of zero"),
        (row("536589", -10, "0"), "written off, at a price of zero"),
        (row("536589", -10), "negative quantity outside a cancellation"),
        (row("A563185", 1, "11062.06"), "an adjustment of a debt"),
    ],
)
def test_what_is_no_line_has_its_reason(given: Row, reason: str | None) -> None:
    assert why_no_line(given) == reason


def test_a_return_takes_the_latest_sales_before_it_and_lists_the_rest() -> None:
    rows = [
        row("1", 3),
        row("2", 2),
        row("3", 9, customer="other"),
        row("C4", -4),
        row("5", 1),
        row("C6", -4),
        row("C7", -1, "9.99"),
    ]
    listed, orders, returns = sorted_out(rows)
    number = {order.id: order.external_number for order in orders}
    assert list(number.values()) == ["1", "2", "3", "5"]
    assert [
        (first.invoice, [(number[one.order_id], one.quantity) for one in backs]) for first, backs in returns
    ] == [
        ("C4", [("2", 2), ("1", 2)]),
        ("C6", [("5", 1), ("1", 1)]),
    ]
    reason = "negative quantity without its sale"
    assert listed.rows == {reason: 2}
    assert listed.worth[reason] == -2 * Decimal("2.55") - Decimal("9.99")
    assert listed.invoices[reason] == {"C6", "C7"}
