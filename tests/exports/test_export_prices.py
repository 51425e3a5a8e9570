"""The export of effective prices: what the graph answers, for every article of the demo mall."""

from __future__ import annotations

import asyncio
import csv
import json
import os
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from domain.access import Principal, PrincipalKind
from graph.exports import COLUMNS, CannotExport, PricesOrder, export_prices
from graph.settings import Environment, Settings
from tests.shop import Shop, opened

ASK = """
query Ask($skus: [String!]!, $context: SalesContext!) {
  variants(skus: $skus) {
    sku gtin
    price(context: $context) {
      amount { amount currencyCode } compareAt { amount } kind source validFrom validUntil version
      unitPrice { amount { amount } per unit }
    }
  }
}"""
SET = "mutation Set($input: PricesSetInput!) { pricesSet(input: $input) { userErrors { message } } }"
FUTURE = "2027-03-01T12:00:00+00:00"
PAST = "2025-11-20T04:00:00+00:00"


@pytest.fixture(scope="module")
async def shop(mall_database: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    """The demo mall, with offers, member prices and scheduled ones for some of its articles."""
    async with opened(mall_database, tmp_path_factory.mktemp("shop")) as mall:
        await add_prices(mall)
        yield mall


async def add_prices(shop: Shop) -> None:
    skus = (await every_sku(shop))[:240]
    rows: list[dict[str, Any]] = []
    for number, sku in enumerate(skus):
        row: dict[str, Any] = {"sku": sku, "amount": "1.10", "currencyCode": "HKD"}
        match number % 6:
            case 0:
                row |= {"kind": "SALE", "channel": "app"}
            case 1:
                row |= {"kind": "MEMBER", "tier": "gold"}
            case 2:
                row |= {"kind": "CLEARANCE", "store": "wellcome"}
            case 3:
                row |= {
                    "kind": "SALE",
                    "validFrom": "2027-02-01T00:00:00Z",
                    "validUntil": "2027-04-01T00:00:00Z",
                }
            case 4:
                row |= {"kind": "STORE", "store": "wellcome", "channel": "pos", "amount": "2.00"}
            case _:
                row |= {"kind": "LIST", "minQuantity": 3}
        rows.append(row)
    answer = await shop.ask(SET, token=shop.token("admin"), input={"idempotencyKey": "some", "prices": rows})
    assert answer.data["pricesSet"]["userErrors"] == []


async def every_sku(shop: Shop) -> list[str]:
    async with shop.database() as db:
        rows = await db.fetch("SELECT sku FROM variant ORDER BY sku")
    return [row["sku"] for row in rows]


async def exported(shop: Shop, folder: Path, **order: Any) -> list[dict[str, Any]]:
    """The lines of an export to a file, as JSON has them."""
    settings = Settings(env=Environment.TEST, database_url=shop.dsn, data_dir=folder)
    file = folder / "prices.jsonl"
    asked_for = PricesOrder(**order, format="jsonl", output=file)
    count = await asyncio.to_thread(export_prices, settings, asked_for)
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert len(lines) == count
    return lines


async def asked(shop: Shop, context: dict[str, Any], token: str) -> Iterator[dict[str, Any]]:
    """What the graph answers, laid out as the export is."""
    skus = await every_sku(shop)
    variants = []
    for first in range(0, len(skus), 100):
        answer = await shop.ask(ASK, token=token, skus=skus[first : first + 100], context=context)
        variants += answer.data["variants"]
    return (as_exported(variant) for variant in variants if variant["price"] is not None)


def as_exported(variant: dict[str, Any]) -> dict[str, Any]:
    price = variant["price"]
    per = price["unitPrice"] or {"amount": {"amount": None}, "per": None, "unit": None}
    return {
        "sku": variant["sku"],
        "gtin": variant["gtin"],
        "amount": price["amount"]["amount"],
        "currency": price["amount"]["currencyCode"],
        "compare_at": (price["compareAt"] or {"amount": None})["amount"],
        "kind": price["kind"],
        "source": price["source"],
        "valid_from": moment(price["validFrom"]),
        "valid_until": moment(price["validUntil"]),
        "version": int(price["version"]),
        "unit_price": per["amount"]["amount"],
        "unit_price_per": per["per"],
        "unit_price_unit": per["unit"],
    }


def moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("context", "tier"),
    [
        ({"channel": "app"}, None),
        ({"channel": "app"}, "gold"),
        ({"channel": "self-checkout", "store": "wellcome"}, None),
        ({"channel": "app", "store": "parknshop", "at": FUTURE}, None),
        ({"channel": "pos", "store": "wellcome", "at": PAST}, None),
    ],
)
async def test_an_export_answers_what_the_graph_answers(
    shop: Shop, tmp_path: Path, context: dict[str, Any], tier: str | None
) -> None:
    token = shop.token("admin")
    if tier is not None:
        token = shop.token_of(Principal(PrincipalKind.MEMBER, "m1", tier=tier))
    at = moment(context.get("at"))
    lines = await exported(shop, tmp_path, **{**context, "at": at}, tier=tier)
    for line in lines:
        line["valid_from"], line["valid_until"] = moment(line["valid_from"]), moment(line["valid_until"])
    answers = [*await asked(shop, context, token)]
    assert lines == answers
    assert len(lines) > 500
    assert len({line["kind"] for line in lines}) > (at is None)


async def test_csv_has_the_same_lines(shop: Shop, tmp_path: Path) -> None:
    lines = await exported(shop, tmp_path, channel="app")
    settings = Settings(env=Environment.TEST, database_url=shop.dsn, data_dir=tmp_path)
    file = tmp_path / "prices.csv"
    await asyncio.to_thread(export_prices, settings, PricesOrder("app", output=file))
    with file.open(newline="", encoding="utf-8") as rows:
        assert [*csv.DictReader(rows)] == [
            {name: "" if line[name] is None else str(line[name]) for name in COLUMNS} for line in lines
        ]
    assert sorted(os.listdir(tmp_path)) == ["prices.csv", "prices.jsonl"]


@pytest.mark.parametrize(
    ("order", "said"),
    [
        (PricesOrder("trousers"), 'There is no channel "trousers".'),
        (PricesOrder("app", store="moon"), 'There is no store "moon".'),
        (PricesOrder("app", output=Path("/nowhere/prices.csv")), "/nowhere/prices.csv cannot be written"),
    ],
)
def test_what_is_not_there_is_said_in_a_line(
    shop: Shop, tmp_path: Path, order: PricesOrder, said: str
) -> None:
    settings = Settings(env=Environment.TEST, database_url=shop.dsn, data_dir=tmp_path)
    with pytest.raises(CannotExport, match=said):
        export_prices(settings, order)
