"""A store with a gateway and labels, for tests of what they show: kept as short as a controller can be."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from domain.channels import ChannelKind
from domain.devices import DeviceKind
from persistence.labels import registry
from tests.door.serving import Speaker
from tests.makers import make_channel, make_price, make_product, make_stock, make_store
from tests.shop import Shop

_numbers = itertools.count(1)
WORK = """subscription($gateway: String!, $epoch: Int!, $after: EventCursor!, $window: Int!) {
  labelWork(gateway: $gateway, epoch: $epoch, after: $after, window: $window) { __typename
    ... on FaceSet { cursor priority label { code } face { hash version priceVersion displayAt imageUrl
      price { amount { amount } } memberPrice { amount } } }
    ... on FaceCancelled { cursor version label { code } }
    ... on LabelCommand { cursor kind seconds label { code } }
    ... on Bookmark { cursor } ... on CursorExpired { cursor } ... on Fenced { epoch } } }"""
SNAPSHOT = """query($gateway: String!, $first: Int!, $after: String) {
  labelSnapshot(gateway: $gateway, first: $first, after: $after) { cursor
    labels { code content desired { hash version } reported { version } }
    pageInfo { hasNextPage endCursor } } }"""
CLAIM = """mutation($input: GatewayClaimInput!) { gatewayClaim(input: $input) {
  epoch gateway { epoch queueDepth } userErrors { code field } } }"""
REPORT = """mutation($input: LabelsReportInput!) { labelsReport(input: $input) {
  results { reportId outcome desiredVersion } userErrors { code field } } }"""
BIND = """mutation($input: LabelBindInput!) { labelBind(input: $input) {
  label { code content desired { version hash price { amount { amount } } } } userErrors { code } } }"""
UNBIND = """mutation($input: LabelUnbindInput!) { labelUnbind(input: $input) {
  label { code } userErrors { code } } }"""
SET = """mutation($input: PricesSetInput!) { pricesSet(input: $input) {
  cursor userErrors { code message } } }"""
LABEL = """query($code: String!) { device(code: $code) { contact telemetry { batteryMillivolts batteryLow
    firmware nextCheckInAt } ... on Label { content staleSeconds
    desired { version hash priceVersion } staged { version } reported { version confirmedAt } } } }"""


@dataclass
class Shelf:
    """A store, its gateway and its labels, and whoever controls them."""

    shop: Shop
    store: str
    gateway: str
    till: str
    epoch: int = 0
    skus: list[str] = field(default_factory=list)

    @property
    def staff(self) -> str:
        """A token of staff of the store."""
        return self.shop.token("staff", store=self.store)

    @property
    def device(self) -> str:
        """A token of the gateway."""
        return self.shop.token("device", store=self.store, subject=self.gateway)

    async def do(self, document: str, *, token: str | None = None, **given: Any) -> Any:
        """What a mutation answers, asked by staff unless a token is given."""
        answer = await self.shop.ask(document, token=token or self.staff, input=given)
        (payload,) = answer.data.values()
        return payload

    async def article(self, minor: int | None = None, *, on_hand: int = 10, **more: Any) -> str:
        """The sku of a new article, at a price unless none is given."""
        async with self.shop.database() as db:
            sku = (await make_product(db)).skus[0]
            await make_stock(db, self.store, sku, on_hand)
            if minor is not None:
                await make_price(db, sku, minor, **more)
        return sku

    async def label(self, sku: str | None = None, *, model: str = "epd-2.9-bwr") -> str:
        """The code of a new label of the gateway, hung at an article if one is named."""
        code = f"L{next(_numbers):05}"
        async with self.shop.database() as db:
            await registry.register(
                db,
                code=code,
                kind=DeviceKind.LABEL,
                store=self.store,
                model=model,
                gateway=self.gateway,
                secret_hash=b"",
                at=self.shop.clock(),
            )
        if sku is not None:
            assert (await self.do(BIND, label=code, sku=sku))["userErrors"] == []
        return code

    async def price(self, sku: str, amount: str, **more: Any) -> None:
        """Sets a store price."""
        row = {
            "sku": sku,
            "kind": "STORE",
            "store": self.store,
            "amount": amount,
            "currencyCode": "HKD",
        } | more
        row["source"] = f"row-{next(_numbers)}"
        told = await self.do(
            SET, token=self.shop.token("admin"), idempotencyKey=f"set-{next(_numbers)}", prices=[row]
        )
        assert told["userErrors"] == []

    async def claim(self) -> int:
        """The epoch of a new claim, which the shelf speaks under from now on."""
        self.epoch = (await self.do(CLAIM, token=self.device, gateway=self.gateway))["epoch"]
        return self.epoch

    async def report(self, *reports: dict[str, Any], epoch: int | None = None) -> Any:
        """What becomes of reports; each needs its label, version and state."""
        numbered = [{"reportId": f"r-{next(_numbers)}"} | one for one in reports]
        return await self.do(
            REPORT,
            token=self.device,
            gateway=self.gateway,
            epoch=self.epoch if epoch is None else epoch,
            reports=numbered,
        )

    async def displayed(self, label: str, version: str) -> None:
        """Reports that a label shows a version."""
        told = await self.report({"label": label, "version": version, "state": "DISPLAYED"})
        assert [one["outcome"] for one in told["results"]] == ["ACCEPTED"]

    async def look(self, label: str) -> Any:
        """How a label stands."""
        return (await self.shop.ask(LABEL, token=self.staff, code=label)).data["device"]

    async def snapshot(self) -> Any:
        """The first page of the gateway's labels."""
        asked = {"gateway": self.gateway, "first": 1000}
        return (await self.shop.ask(SNAPSHOT, token=self.device, **asked)).data["labelSnapshot"]

    @asynccontextmanager
    async def watched(self, speaker: Speaker, *, window: int = 200, **more: Any) -> AsyncIterator[Work]:
        """The gateway's work as it comes, over a socket that is open already."""
        name = f"work-{next(_numbers)}"
        after = more.pop("after", None) or (await self.snapshot())["cursor"]
        asked = {"gateway": self.gateway, "epoch": self.epoch, "after": after, "window": window} | more
        await speaker.ask(WORK, name, variables=asked)
        yield Work(speaker, name)
        await speaker.say(id=name, type="complete")


@dataclass
class Work:
    """One stream of work."""

    speaker: Speaker
    name: str

    async def next(self) -> Any:
        """The next item, bookmarks passed over."""
        while True:
            message: Any = await self.speaker.hear()
            if message["id"] != self.name:
                continue
            assert message["type"] == "next", message
            item = message["payload"]["data"]["labelWork"]
            if item["__typename"] != "Bookmark":
                return item

    async def face(self) -> tuple[str, str, str]:
        """The next face: its label, its version and the price on it."""
        item = await self.next()
        assert item["__typename"] == "FaceSet", item
        price = item["face"]["price"]
        return item["label"]["code"], item["face"]["version"], price and price["amount"]["amount"]


async def make_shelf(shop: Shop) -> Shelf:
    """A new store with a claimed gateway and no labels."""
    number = next(_numbers)
    async with shop.database() as db:
        till = await make_channel(db, f"till-{number}", kind=ChannelKind.POS)
        store = await make_store(db, f"store-{number}", till_channel=till)
        gateway = f"GW-{number}"
        await registry.register(
            db,
            code=gateway,
            kind=DeviceKind.GATEWAY,
            store=store,
            model=None,
            gateway=None,
            secret_hash=b"",
            at=shop.clock(),
        )
    shop.house.directory.forget()
    shelf = Shelf(shop, store, gateway, till)
    await shelf.claim()
    return shelf
