"""Of a person the engine learns the tier and nothing else: nobody is priced by who they are."""

from __future__ import annotations

import ast
import dataclasses
import inspect
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from domain.access import Principal, PrincipalKind
from domain.pricing.kinds import PriceKind
from domain.pricing.records import PriceContext, PriceRow
from resolvers.context import Context
from resolvers.places import Resolved, SalesContext, resolve
from resolvers.pricing.prices import Content, price_of, trace_of
from tests.house.sources import PACKAGES, modules, told
from tests.makers import make_channel, make_price, make_product, make_store
from tests.shop import Shop

PRICING = modules("domain/pricing")
# What a place of sale is and what a record says, in full: whoever adds to either has to come by here.
ASKED = {"at", "channel", "currency_code", "store", "tier", "campaign", "quantity"}
RECORDED = {
    "id", "sku", "kind", "amount_minor", "currency_code", "channel", "store", "tier", "campaign",
    "min_quantity", "valid_from", "valid_until", "source", "sequence", "recorded_at",
}  # fmt: skip
MAKERS = {"resolvers/places.py", "resolvers/labels/shelf_prices.py", "persistence/exports/prices.py"}


def test_the_engine_is_asked_of_a_place_a_moment_a_quantity_and_a_tier() -> None:
    assert {part.name for part in dataclasses.fields(PriceContext)} == ASKED
    assert not hasattr(PriceContext(at=datetime.now(UTC), channel="app", currency_code="HKD"), "__dict__")


def test_a_record_names_no_person() -> None:
    members = {name for name, _ in inspect.getmembers(PriceRow) if not name.startswith("_")}
    assert members == RECORDED


@pytest.mark.parametrize("path", PRICING, ids=told)
def test_the_engine_reads_only_what_it_is_handed(path: Path) -> None:
    """No clock, no file, no state of a process, and of the house nothing but prices, money and words."""
    allowed = (
        "domain.pricing",
        "domain.money",
        "domain.refusals",
        "domain.catalog.content",
        "domain.locales",
    )
    pure = {
        "__future__", "bisect", "collections", "collections.abc", "dataclasses", "datetime", "decimal",
        "enum", "itertools", "operator", "re", "typing", "uuid",
    }  # fmt: skip
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        for name in names:
            assert name in pure or name.startswith(allowed), name
        if isinstance(node, ast.Attribute):
            assert node.attr not in ("now", "utcnow", "today"), "the engine has no clock"


def test_only_three_places_ask_the_engine() -> None:
    makers = {
        told(path)
        for path in modules(*PACKAGES)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and getattr(node.func, "id", None) == "PriceContext"
    }
    assert makers == MAKERS


def test_what_a_sales_context_resolves_to_holds_no_person() -> None:
    assert set(Resolved._fields) == {
        "channel", "priced_in", "store", "campaign", "tier", "currency_code", "stock_policy", "at", "now",
        "at_till",
    }  # fmt: skip


async def test_two_people_of_one_tier_pay_the_same_whoever_they_are(shop: Shop) -> None:
    async with shop.database() as db:
        await make_channel(db, "app")
        await make_store(db, "central", till_channel="app")
        sku = (await make_product(db)).skus[0]
        await make_price(db, sku, 2000)
        await make_price(db, sku, 1700, kind=PriceKind.MEMBER, tier="gold")
    member = PrincipalKind.MEMBER
    people = [
        Principal(member, "old-customer-who-pays-anything", tier="gold"),
        Principal(member, "", tier="gold", roles=frozenset({"rich", "iphone"})),
        Principal(member, "new-customer", tier="gold", scopes=frozenset({"VIP"})),
        *(Principal(kind, "anybody", tier="gold") for kind in PrincipalKind),
    ]
    answers = {repr(await _told(shop, person, sku)) for person in people}
    assert len(answers) == 1
    assert await _told(shop, Principal(member, "no-tier"), sku) != await _told(shop, people[0], sku)


async def _told(shop: Shop, person: Principal, sku: str) -> Any:
    """What is paid, and why, as of one moment."""
    asked = SalesContext(channel="app", at=datetime(2100, 1, 1, tzinfo=UTC))
    mine = Context.make(shop.house, person, "en", "test")
    resolved = await resolve(mine, asked)
    price = await price_of(mine, resolved, sku, Content(None, None))
    traced = await trace_of(mine, resolved, sku)
    assert price is not None
    return (
        price.amount,
        price.kind,
        price.source,
        price.version,
        [(each.id, each.won, each.reason) for each in traced.candidates],
    )
