"""Live prices over an event stream: what a browser's EventSource sees, and how it comes back."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from domain.channels import ChannelKind
from tests.door.streams import Event, Events, streamed
from tests.live.test_graph import AT_CENTRAL, PRICES, set_price
from tests.makers import make_channel, make_product, make_store
from tests.shop import Shop, served_app

WITHOUT_AFTER = PRICES.replace(", $after: EventCursor", "").replace(", after: $after", "")


@pytest.fixture(scope="module", autouse=True)
async def mall(shop: Shop) -> None:
    async with shop.database() as db:
        await make_channel(db, "pos", kind=ChannelKind.POS)
        await make_store(db, "central", till_channel="pos")


@pytest.fixture
async def sku(shop: Shop) -> str:
    async with shop.database() as db:
        return (await make_product(db)).skus[0]


async def told(events: Events) -> tuple[str, Event]:
    """The next event's kind, and the event."""
    event = await events.next()
    return event.data["data"]["priceChanged"]["kind"], event


def amount(event: Event) -> str:
    """The price an event tells."""
    price: Any = event.data["data"]["priceChanged"]["price"]
    return str(price["amount"]["amount"])


@pytest.mark.parametrize("document", [PRICES, WITHOUT_AFTER])
async def test_a_stream_is_taken_up_where_it_broke(shop: Shop, sku: str, document: str) -> None:
    await set_price(shop, sku, "20.00")
    body = {"variables": {"context": AT_CENTRAL, "skus": [sku]}}
    async with served_app(shop.app) as port, httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        async with streamed(client, document, body=body) as events:
            kind, snapshot = await told(events)
            assert (kind, amount(snapshot), snapshot.id) == ("SNAPSHOT", "20.00", None)
            kind, bookmark = await told(events)
            assert kind == "BOOKMARK"
            cursor = await set_price(shop, sku, "21.00")
            kind, change = await told(events)
            assert (kind, amount(change), change.id) == ("CHANGE", "21.00", cursor)
        await set_price(shop, sku, "22.00")
        missed = await set_price(shop, sku, "23.00")
        assert bookmark.id is not None
        assert bookmark.id < cursor
        async with streamed(client, document, body=body, headers={"last-event-id": cursor}) as events:
            kind, change = await told(events)
            while change.id != missed:
                assert kind == "CHANGE", "no snapshot: what was missed is told"
                kind, change = await told(events)
            assert amount(change) == "23.00"
            assert (await told(events))[0] == "BOOKMARK"
        async with streamed(
            client, document, body=body, headers={"last-event-id": "0009.00000000000000000001"}
        ) as events:
            kind, resync = await told(events)
            assert (kind, resync.id) == ("RESYNC", None), "the snapshot that follows must not be skipped"
        async with streamed(client, document, body=body, headers={"last-event-id": "yesterday"}) as events:
            refused = (await events.next()).data["errors"]
            assert [error["extensions"]["code"] for error in refused] == ["BAD_USER_INPUT"]
