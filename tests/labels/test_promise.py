"""The price promise: a till never charges more than any face its store's labels may be showing."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.pricing.held import Held, InView, held_down
from persistence.labels import work as work_db
from persistence.news import outbox
from resolvers.labels.desired import Cause, bring_up
from tests.door.serving import Speaker
from tests.labels.shelf import UNBIND, Shelf, make_shelf
from tests.makers import make_channel, make_price
from tests.shop import Shop, socket_to

PRICE = """query($sku: String!, $context: SalesContext!) { variant(by: {sku: $sku}) {
  price(context: $context) { amount { amount } version upcoming { amount { amount } from waitingForLabels } }
  priceTrace(context: $context) { charged { amount }
    candidates { won reason amount { amount } explanation } } } }"""
CART = """mutation($input: CartCreateInput!) { cartCreate(input: $input) {
  cart { id lines { unitPrice { amount } } totals { total { amount } } } userErrors { code } } }"""
BUY = """mutation($input: CheckoutInput!) { checkout(input: $input) {
  order { lines { unitPrice { amount } } } userErrors { code message } } }"""
BY_HAND = """mutation($input: LabelConfirmByHandInput!) { labelConfirmByHand(input: $input) {
  label { content } userErrors { code field } } }"""
INTEGRITY = """query($store: String!) { shelfIntegrity(store: $store) { labels inSync pending failed lost
  integrityPercent overcharging undercharging store { code } } }"""


def face(label: str, amount: int | None, version: int = 1, member: int | None = None) -> InView:
    return InView(label, amount, member, ("GOLD",) if member is not None else (), version)


@pytest.mark.parametrize(
    ("faces", "tier", "held"),
    [
        ([], None, None),
        ([face("a", 1000)], None, None),
        ([face("a", 1001)], None, None),
        ([face("a", None)], None, None),
        ([face("a", 999)], None, Held(999, 1, 1)),
        ([face("a", 800, 1), face("a", 800, 3), face("b", 900, 9)], None, Held(800, 3, 2)),
        ([face("a", 1000, 1, member=700)], None, None),
        ([face("a", 1000, 1, member=700)], "SILVER", None),
        ([face("a", 1000, 1, member=700)], "GOLD", Held(700, 1, 1)),
        ([face("a", 600, 1, member=700)], "GOLD", Held(600, 1, 1)),
        ([face("a", None, 1, member=700)], "GOLD", Held(700, 1, 1)),
    ],
)
def test_the_least_that_may_be_in_view_is_charged(
    faces: list[InView], tier: str | None, held: Held | None
) -> None:
    assert held_down(1000, faces, tier) == held


@pytest.fixture
async def shelf(shop: Shop) -> Shelf:
    return await make_shelf(shop)


@pytest.fixture
async def speaker(shop: Shop, shelf: Shelf) -> AsyncIterator[Speaker]:
    async with socket_to(shop, token=shelf.device) as one:
        yield one


async def charged(shelf: Shelf, sku: str, *, channel: str | None = None, **more: Any) -> Any:
    context = {"channel": channel or shelf.till, "store": shelf.store} | more
    return (await shelf.shop.ask(PRICE, token=shelf.staff, sku=sku, context=context)).data["variant"]


async def test_a_rise_waits_for_the_label_and_a_cut_does_not(shelf: Shelf, speaker: Speaker) -> None:
    sku = await shelf.article(1000)
    label = await shelf.label(sku)
    async with shelf.shop.database() as db:
        app = await make_channel(db)
    shelf.shop.house.directory.forget()
    async with shelf.watched(speaker) as work:
        await work.face()
        assert (await charged(shelf, sku))["price"]["amount"]["amount"] == "10.00"
        await shelf.displayed(label, "1")
        await shelf.price(sku, "12.00")
        at_till = await charged(shelf, sku)
        assert at_till["price"]["amount"]["amount"] == "10.00"
        assert at_till["price"]["upcoming"] == {
            "amount": {"amount": "12.00"},
            "from": None,
            "waitingForLabels": 1,
        }
        trace = at_till["priceTrace"]
        winner = trace["candidates"][0]
        assert (trace["charged"]["amount"], winner["amount"]["amount"]) == ("10.00", "12.00")
        assert (winner["won"], winner["reason"]) == (True, "HELD_FOR_LABELS")
        online = await charged(shelf, sku, channel=app)
        assert online["price"]["amount"]["amount"] == "12.00"
        assert at_till["price"]["version"] < online["price"]["version"]
        held_at = datetime.now(UTC).isoformat()
        assert await work.face() == (label, "2", "12.00")
        assert (await charged(shelf, sku))["price"]["amount"]["amount"] == "10.00"
        await shelf.displayed(label, "2")
        assert (await charged(shelf, sku))["price"]["amount"]["amount"] == "12.00"
        assert (await charged(shelf, sku, at=held_at))["price"]["amount"]["amount"] == "10.00"
        await shelf.price(sku, "7.00")
        assert (await charged(shelf, sku))["price"]["amount"]["amount"] == "7.00"
        assert await work.face() == (label, "3", "7.00")
        await shelf.price(sku, "12.00")
        # The label may be showing the 7.00 that was handed over and never confirmed.
        assert (await charged(shelf, sku))["price"]["amount"]["amount"] == "7.00"
        assert await work.face() == (label, "4", "12.00")
        cart = await shelf.do(
            CART,
            context={"channel": shelf.till, "store": shelf.store},
            lines=[{"sku": sku, "quantity": 2}],
        )
        assert cart["userErrors"] == []
        assert cart["cart"]["lines"][0]["unitPrice"]["amount"] == "7.00"
        sold = await shelf.do(
            BUY,
            idempotencyKey=f"buy-{label}",
            cartId=cart["cart"]["id"],
            expectedTotal="14.00",
            payment={"provider": "cash"},
        )
        assert sold["order"]["lines"] == [{"unitPrice": {"amount": "7.00"}}]
        counted = (await shelf.shop.ask(INTEGRITY, token=shelf.staff, store=shelf.store)).data
        assert counted["shelfIntegrity"] == {
            "labels": 1,
            "inSync": 0,
            "pending": 1,
            "failed": 0,
            "lost": 0,
            "integrityPercent": "0.00",
            "overcharging": 0,
            "undercharging": 1,
            "store": {"code": shelf.store},
        }
        by_hand = await shelf.do(
            BY_HAND, idempotencyKey=f"h-{label}", label=label, version="4", note="paper strip"
        )
        assert by_hand == {"label": {"content": "IN_SYNC"}, "userErrors": []}
        assert (await charged(shelf, sku))["price"]["amount"]["amount"] == "12.00"
        for given, where in (
            ({"version": "9", "note": "x"}, "version"),
            ({"version": "4", "note": " "}, "note"),
        ):
            refused = await shelf.do(BY_HAND, idempotencyKey=f"h-{label}-{where}", label=label, **given)
            assert refused["userErrors"] == [{"code": "INVALID_INPUT", "field": ["input", where]}]


async def test_a_label_that_was_taken_off_or_never_confirmed_holds_nothing(
    shelf: Shelf, speaker: Speaker
) -> None:
    sku = await shelf.article(1000)
    async with shelf.watched(speaker) as work:
        first, second = await shelf.label(sku), await shelf.label(sku)
        await work.face()
        await work.face()
        await shelf.price(sku, "11.00")
        assert (await charged(shelf, sku))["price"]["amount"]["amount"] == "11.00"
        await work.face()
        await work.face()
        await shelf.displayed(first, "1")
        assert (await charged(shelf, sku))["price"]["amount"]["amount"] == "10.00"
        await shelf.do(UNBIND, label=first)
        assert (await charged(shelf, sku))["price"]["amount"]["amount"] == "11.00"
        await shelf.displayed(second, "2")
        counted = (await shelf.shop.ask(INTEGRITY, token=shelf.staff, store=shelf.store)).data[
            "shelfIntegrity"
        ]
        assert (counted["labels"], counted["inSync"], counted["integrityPercent"]) == (1, 1, "100.00")


async def test_a_till_costs_no_more_statements_than_the_web(shelf: Shelf) -> None:
    sku = await shelf.article(1000)
    document = """query($sku: String!, $context: SalesContext!) {
      variant(by: {sku: $sku}) { price(context: $context) { version } } }"""
    async with shelf.shop.database() as db:
        app = await make_channel(db)
    asked = []
    for channel in (app, shelf.till):
        context = {"channel": channel, "store": shelf.store}
        await shelf.shop.ask(document, token=shelf.staff, sku=sku, context=context)
        asked.append((await shelf.shop.ask(document, token=shelf.staff, sku=sku, context=context)).statements)
    assert len(asked[0]) == len(asked[1]) == 2


@dataclass
class Panel:
    """A label as it hangs there: what it was handed, what it truly shows, and what its gateway still owes."""

    code: str
    handed: dict[int, int] = field(default_factory=dict)
    shows: int | None = None
    confirmed: bool = False
    unsaid: list[int] = field(default_factory=list)


class Interleaving:
    """One run: price changes, lost and late reports, sales, in an order that chance decides."""

    def __init__(self, shelf: Shelf, sku: str, panels: list[Panel], chance: random.Random) -> None:
        self.shelf, self.sku, self.panels, self.chance = shelf, sku, panels, chance

    async def step(self) -> None:
        """One thing that may happen; whatever it was, the promise holds after it."""
        panel = self.chance.choice(self.panels)
        await self.chance.choice((self.set_price, self.reckon, self.hand_over, self.draw, self.say))(panel)
        await self.sale()

    async def set_price(self, _: Panel) -> None:
        """The price moves; labels are reckoned anew at once, or some time later."""
        async with self.shelf.shop.database() as db:
            await make_price(db, self.sku, self.chance.choice((800, 900, 1000, 1200)))
        if self.chance.random() < 0.5:
            await self.reckon(_)

    async def reckon(self, _: Panel) -> None:
        """What the labels should show is reckoned."""
        house = self.shelf.shop.house
        async with house.database.transaction() as db:
            news = await bring_up(db, house, self.shelf.store, [self.sku], Cause("test", house.clock()))
            await outbox.write(db, news)

    async def hand_over(self, _: Panel) -> None:
        """A gateway takes what is due; a crash after the commit takes it as well."""
        house = self.shelf.shop.house
        async with house.database.transaction() as db:
            handed, _complete = await work_db.hand_over(
                db, self.shelf.gateway, limit=self.chance.choice((1, 5)), now=house.clock()
            )
        by_code = {panel.code: panel for panel in self.panels}
        for one in handed:
            assert one.face.amount_minor is not None
            by_code[one.face.label].handed[one.face.version] = one.face.amount_minor

    async def draw(self, panel: Panel) -> None:
        """A label draws something it was handed, never older than what it shows; its report may be lost."""
        newer = [version for version in panel.handed if panel.shows is None or version > panel.shows]
        if newer:
            panel.shows = self.chance.choice(newer)
            if self.chance.random() < 0.7:
                panel.unsaid.append(panel.shows)

    async def say(self, panel: Panel) -> None:
        """A report arrives, late and out of order, perhaps twice."""
        if panel.unsaid:
            version = self.chance.choice(panel.unsaid)
            if self.chance.random() < 0.8:
                panel.unsaid.remove(version)
            await self.shelf.report({"label": panel.code, "version": str(version), "state": "DISPLAYED"})
            panel.confirmed = True

    async def sale(self) -> None:
        """What a till charges is at most what any label shows that ever confirmed anything."""
        price = (await charged(self.shelf, self.sku))["price"]["amount"]["amount"]
        paid = int(price.replace(".", ""))
        for panel in self.panels:
            if panel.confirmed and panel.shows is not None:
                assert paid <= panel.handed[panel.shows], (price, panel)


@pytest.mark.parametrize("seed", range(3))
async def test_no_interleaving_makes_a_till_charge_more_than_the_shelf_says(shelf: Shelf, seed: int) -> None:
    chance = random.Random(seed)
    sku = await shelf.article(1000)
    panels = [Panel(await shelf.label(sku)) for _ in range(2)]
    run = Interleaving(shelf, sku, panels, chance)
    for _ in range(25):
        await run.step()
    # Quiet: what is due is handed over, drawn and reported, and then the shelf says what the till charges.
    await run.reckon(panels[0])
    async with shelf.shop.database() as db:
        await work_db.hand_again(db, shelf.gateway, now=shelf.shop.clock())
    await run.hand_over(panels[0])
    for _ in range(4):
        await run.hand_over(panels[0])
    for panel in panels:
        last = max(panel.handed)
        if panel.shows != last or not panel.confirmed:
            panel.shows = last
        await shelf.report({"label": panel.code, "version": str(last), "state": "DISPLAYED"})
        assert (await shelf.look(panel.code))["content"] == "IN_SYNC"
    price = (await charged(shelf, sku))["price"]
    assert price["upcoming"] is None
    assert int(price["amount"]["amount"].replace(".", "")) == panels[0].handed[panels[0].shows or 0]


async def test_a_price_that_begins_soon_is_loaded_before_its_moment(shelf: Shelf, speaker: Speaker) -> None:
    sku = await shelf.article(1000)
    label = await shelf.label(sku, model="epd-4.2-bwry")
    async with shelf.watched(speaker) as work:
        await work.face()
        await shelf.displayed(label, "1")
        begins = datetime.now(UTC) + timedelta(seconds=4)
        await shelf.price(sku, "7.00", validFrom=begins.isoformat())
        item = await work.next()
        assert (item["priority"], item["face"]["version"]) == ("CHANGEOVER", "2")
        assert datetime.fromisoformat(item["face"]["displayAt"]) == begins
        assert item["face"]["price"]["amount"]["amount"] == "7.00"
        told = await shelf.report({"label": label, "version": "2", "state": "STAGED"})
        assert told["results"][0] == {**told["results"][0], "outcome": "ACCEPTED", "desiredVersion": "1"}
        seen = await shelf.look(label)
        assert (seen["content"], seen["staged"]["version"]) == ("STAGED", "2")
        before = await charged(shelf, sku)
        if datetime.now(UTC) < begins:
            assert before["price"]["amount"]["amount"] == "10.00"
        await shelf.price(sku, "9.00", validFrom=(begins + timedelta(hours=5)).isoformat())
        async with asyncio.timeout(20):
            while (await shelf.look(label))["reported"]["version"] != "2":  # noqa: ASYNC110 - its own clock
                await asyncio.sleep(0.1)
        seen = await shelf.look(label)
        assert (seen["content"], seen["staged"], seen["desired"]["version"]) == ("IN_SYNC", None, "2")
        assert (await charged(shelf, sku))["price"]["amount"]["amount"] == "7.00"
