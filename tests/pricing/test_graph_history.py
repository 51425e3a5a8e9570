"""What was paid before, through the graph: periods a page at a time, and the lowest of 7 and 30 days."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from domain.channels import ChannelKind
from domain.pricing.kinds import PriceKind
from resolvers import loaders
from tests.makers import make_channel, make_price, make_product, make_store
from tests.shop import Answer, Shop

HISTORY = """
query History($sku: String!, $context: SalesContext!, $first: Int!, $after: String, $from: DateTime,
              $until: DateTime) {
  variant(by: {sku: $sku}) {
    priceHistory(context: $context, first: $first, after: $after, from: $from, until: $until) {
      nodes { amount { amount } kind source version from until }
      pageInfo { hasNextPage hasPreviousPage endCursor }
    }
  }
}"""
LOWEST = """
query Lowest($sku: String!, $context: SalesContext!, $days: Int!) {
  variant(by: {sku: $sku}) { lowestPrice(context: $context, days: $days) { amount { amount } from until } }
}"""
PRICE = """
query Price($sku: String!, $context: SalesContext!) {
  variant(by: {sku: $sku}) { price(context: $context) { source version } } }"""
DAY = timedelta(days=1)


@pytest.fixture(scope="module", autouse=True)
async def mall(shop: Shop) -> None:
    async with shop.database() as db:
        await make_channel(db, "app")
        await make_channel(db, "pos", kind=ChannelKind.POS)
        await make_store(db, "central", till_channel="pos")


@pytest.fixture
async def now(shop: Shop) -> datetime:
    return shop.clock().replace(microsecond=0)


@pytest.fixture
async def sku(shop: Shop, now: datetime) -> str:
    """Listed at 20.00 for 100 days, at 15.00 in the store; offers 60 to 50, 20 to 13 and since 5 days ago."""
    async with shop.database() as db:
        made = (await make_product(db)).skus[0]
        sale = {"kind": PriceKind.SALE}
        rows: list[dict[str, Any]] = [
            {"minor": 2000, "recorded_at": now - 100 * DAY},
            {"minor": 1600, "valid_from": now - 60 * DAY, "valid_until": now - 50 * DAY, **sale},
            {"minor": 1500, "store": "central", "kind": PriceKind.STORE, "valid_from": now - 40 * DAY},
            {"minor": 1800, "valid_from": now - 20 * DAY, "valid_until": now - 13 * DAY, **sale},
            {"minor": 1700, "valid_from": now - 5 * DAY, **sale},
            {"minor": 900, "kind": PriceKind.LIVE, "campaign": "room-8", "valid_from": now - 3 * DAY},
        ]
        for row in rows:
            source = f"{made}/{row['minor']}"
            await make_price(db, made, **{"recorded_at": now - 99 * DAY, "source": source, **row})
    return made


async def history(
    shop: Shop, sku: str, *, token: str | None = None, first: int = 100, **asked: Any
) -> Answer:
    asked = {
        name: value.isoformat() if isinstance(value, datetime) else value for name, value in asked.items()
    }
    context = {"channel": "app"} | asked.pop("context", {})
    return await shop.ask(HISTORY, token=token, sku=sku, context=context, first=first, **asked)


def periods(answer: Answer, now: datetime) -> list[tuple[str, int, int | None]]:
    """Amount, and the days ago at which it began and ended."""

    def ago(moment: str | None) -> int | None:
        return None if moment is None else round((now - datetime.fromisoformat(moment)) / DAY)

    nodes = answer.data["variant"]["priceHistory"]["nodes"]
    return [(node["amount"]["amount"], ago(node["from"]), ago(node["until"])) for node in nodes]


async def test_what_was_paid_stands_in_periods_the_latest_first(shop: Shop, sku: str, now: datetime) -> None:
    told = await history(shop, sku)
    assert periods(told, now) == [
        ("17.00", 5, None),
        ("20.00", 13, 5),
        ("18.00", 20, 13),
        ("20.00", 30, 20),
    ]
    assert told.data["variant"]["priceHistory"]["pageInfo"]["hasNextPage"] is False
    everything = await history(shop, sku, token=shop.token("admin"), **{"from": now - 200 * DAY})
    assert periods(everything, now)[-3:] == [("20.00", 50, 20), ("16.00", 60, 50), ("20.00", 100, 60)]


async def test_a_history_is_of_its_context(shop: Shop, sku: str, now: datetime) -> None:
    in_store = await history(shop, sku, context={"store": "central"})
    assert periods(in_store, now) == [("15.00", 30, None)]
    in_room = await history(shop, sku, context={"campaign": "room-8"})
    assert periods(in_room, now)[:2] == [("9.00", 3, None), ("17.00", 5, 3)]


async def test_pages_join_without_gap_or_overlap(shop: Shop, sku: str, now: datetime) -> None:
    span = {"from": now - 100 * DAY, "until": now, "token": shop.token("admin")}
    whole = (await history(shop, sku, **span)).data["variant"]["priceHistory"]["nodes"]
    found, after = [], None
    for page in range(len(whole)):
        told = (await history(shop, sku, first=1, after=after, **span)).data["variant"]["priceHistory"]
        assert told["pageInfo"]["hasPreviousPage"] is (page > 0)
        assert told["pageInfo"]["hasNextPage"] is (page + 1 < len(whole))
        found += told["nodes"]
        after = told["pageInfo"]["endCursor"]
    assert found == whole
    assert [node["until"] for node in whole[1:]] == [node["from"] for node in whole[:-1]]


async def test_a_periods_version_is_what_was_told_when_it_began(shop: Shop, sku: str, now: datetime) -> None:
    staff = shop.token("admin")
    told = await history(shop, sku, token=staff, **{"from": now - 77 * DAY})
    for node in told.data["variant"]["priceHistory"]["nodes"]:
        then = await shop.ask(PRICE, token=staff, sku=sku, context={"channel": "app", "at": node["from"]})
        assert then.data["variant"]["price"] == {"source": node["source"], "version": node["version"]}


@pytest.mark.parametrize(
    ("who", "days", "span", "codes"),
    [
        (None, 30.9, 1, []),
        (None, 31.1, 1, ["FORBIDDEN"]),
        ("member", 31.1, 1, ["FORBIDDEN"]),
        ("device", 31.1, 1, ["FORBIDDEN"]),
        ("staff", 3000, 1, []),
        ("staff", 1200, 1100, []),
        ("staff", 1200, 1100.1, ["BAD_USER_INPUT"]),
    ],
)
async def test_how_far_back_one_may_look(
    shop: Shop, sku: str, now: datetime, who: str | None, days: float, span: float, codes: list[str]
) -> None:
    begins = now - timedelta(days=days)
    token = None if who is None else shop.token(who)
    asked = {"from": begins, "until": begins + timedelta(days=span)}
    assert (await history(shop, sku, token=token, **asked)).codes == codes


@pytest.mark.parametrize(
    ("first", "codes"), [(0, ["BAD_USER_INPUT"]), (1, []), (100, []), (101, ["BAD_USER_INPUT"])]
)
async def test_a_page_has_1_to_100_periods(shop: Shop, sku: str, first: int, codes: list[str]) -> None:
    assert (await history(shop, sku, first=first)).codes == codes


@pytest.mark.parametrize("after", ["", "zz", "bm90aGluZw"])
async def test_a_cursor_of_another_list_is_bad_input(shop: Shop, sku: str, after: str) -> None:
    assert (await history(shop, sku, after=after)).codes == ["BAD_USER_INPUT"]


async def test_a_span_of_too_many_records_is_to_be_shortened(
    shop: Shop, sku: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for most, codes in ((4, ["BAD_USER_INPUT"]), (5, [])):
        monkeypatch.setattr(loaders, "MOST_RECORDS", most)
        monkeypatch.setattr("resolvers.pricing.history.MOST_RECORDS", most)
        assert (await history(shop, sku, token=shop.token("admin"))).codes == codes


@pytest.mark.parametrize(
    ("days", "store", "lowest", "ends"),
    [
        (7, None, "20.00", 5),
        (30, None, "18.00", 5),
        (7, "central", "15.00", 0),
        (30, "central", "15.00", 0),
    ],
)
async def test_the_lowest_price_before_the_offer(
    shop: Shop, sku: str, now: datetime, days: int, store: str | None, lowest: str, ends: int
) -> None:
    told = await shop.ask(LOWEST, sku=sku, context={"channel": "app", "store": store}, days=days)
    found = told.data["variant"]["lowestPrice"]
    assert found["amount"] == {"amount": lowest}
    until, begins = datetime.fromisoformat(found["until"]), datetime.fromisoformat(found["from"])
    assert round((now - until) / DAY) == ends
    assert until - begins == days * DAY


async def test_the_lowest_price_is_of_7_or_30_days_and_of_what_is_sold(shop: Shop, sku: str) -> None:
    for days in (0, 6, 8, 29, 31, 365):
        assert (await shop.ask(LOWEST, sku=sku, context={"channel": "app"}, days=days)).codes == [
            "BAD_USER_INPUT"
        ]
    async with shop.database() as db:
        unsold = (await make_product(db)).skus[0]
        new = (await make_product(db)).skus[0]
        await make_price(db, new, 900, kind=PriceKind.SALE)
        await make_price(db, new, 1000)
    for each in (unsold, new):
        told = await shop.ask(LOWEST, sku=each, context={"channel": "app"}, days=30)
        assert told.data["variant"]["lowestPrice"] is None


async def test_histories_of_a_list_take_one_statement_and_lowest_prices_two(shop: Shop) -> None:
    async with shop.database() as db:
        skus = [(await make_product(db)).skus[0] for _ in range(20)]
        for sku in skus:
            await make_price(db, sku, 1000)
    many = """query Many($skus: [String!]!) { variants(skus: $skus) {
      priceHistory(context: {channel: "app"}, first: 5) { nodes { amount { amount } until } } } }"""
    answer = await shop.ask(many, skus=skus)
    told = [variant["priceHistory"]["nodes"] for variant in answer.data["variants"]]
    assert told == [[{"amount": {"amount": "10.00"}, "until": None}]] * 20
    assert len(answer.statements) == 2
    lowest = """query Many($skus: [String!]!) { variants(skus: $skus) {
      seven: lowestPrice(context: {channel: "app"}, days: 7) { amount { amount } }
      thirty: lowestPrice(context: {channel: "app"}) { amount { amount } } } }"""
    answer = await shop.ask(lowest, skus=skus)
    assert [variant["seven"] for variant in answer.data["variants"]] == [{"amount": {"amount": "10.00"}}] * 20
    assert len(answer.statements) == 3
