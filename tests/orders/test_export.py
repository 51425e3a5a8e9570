"""The export of orders: what the graph says of them, line by line."""

from __future__ import annotations

import asyncio
import csv
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from graph.order_exports import COLUMNS, OrdersAsked, export_orders
from graph.settings import Environment, Settings
from tests.orders.buying import an_order, make_goods, make_mall
from tests.shop import Shop


@pytest.fixture(scope="module", autouse=True)
async def mall(shop: Shop) -> None:
    await make_mall(shop)


async def exported(shop: Shop, asked: OrdersAsked) -> int:
    settings = Settings(env=Environment.TEST, database_url=shop.dsn)
    return await asyncio.to_thread(export_orders, settings, asked)


async def test_every_line_of_every_order_is_told_and_nobody_is_named(shop: Shop, tmp_path: Path) -> None:
    tea, rice = await make_goods(shop, 1999, central=9), await make_goods(shop, 500, central=9)
    paid = (await an_order(shop, (tea, 2), (rice, 1), store="central"))["order"]
    waiting = (await an_order(shop, (rice, 3), pay="manual", channel="app"))["order"]
    file = tmp_path / "orders.csv"
    assert await exported(shop, OrdersAsked(output=file)) == 3
    text = file.read_text()
    rows = list(csv.DictReader(text.splitlines()))
    assert tuple(rows[0]) == COLUMNS
    told = [tuple(row[name] for name in ("number", "state", "sku", "quantity", "line_total")) for row in rows]
    assert told == [
        (paid["number"], "PAID", tea, "2", "39.98"),
        (paid["number"], "PAID", rice, "1", "5.00"),
        (waiting["number"], "PENDING_PAYMENT", rice, "3", "15.00"),
    ]
    assert "Chan" not in text

    lines = tmp_path / "orders.jsonl"
    assert await exported(shop, OrdersAsked(format="jsonl", output=lines)) == 3
    assert [str(json.loads(line)["quantity"]) for line in lines.read_text().splitlines()] == ["2", "1", "3"]


async def test_only_what_was_asked_for_is_told(shop: Shop, tmp_path: Path) -> None:
    soon, file = datetime.now(UTC) + timedelta(hours=1), tmp_path / "orders.csv"
    assert await exported(shop, OrdersAsked(channel="quota", output=file)) == 0
    assert await exported(shop, OrdersAsked(since=soon, until=soon + timedelta(hours=1), output=file)) == 0
    assert await exported(shop, OrdersAsked(until=soon, channel="app", output=file)) > 0
