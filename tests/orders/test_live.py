"""Watching an order: every event of it, in order, for those whose it is."""

from __future__ import annotations

from typing import Any

import pytest

from tests.door.serving import Speaker
from tests.orders.buying import an_order, make_goods, make_mall, notify
from tests.shop import Shop, socket_to

WATCH = """subscription Watch($orderId: ID!, $orderToken: String, $after: EventCursor) {
  orderChanged(orderId: $orderId, orderToken: $orderToken, after: $after) {
    kind cause cursor order { state paymentState } } }"""


@pytest.fixture(scope="module", autouse=True)
async def mall(shop: Shop) -> None:
    await make_mall(shop)


async def heard(speaker: Speaker) -> Any:
    message: Any = await speaker.hear()
    assert message["type"] == "next", message
    return message["payload"]["data"]["orderChanged"]


async def test_a_visitor_watches_an_order_being_paid(shop: Shop) -> None:
    sku = await make_goods(shop, central=5)
    done = await an_order(shop, (sku, 1), pay="manual", store="central")
    asked = {"orderId": done["order"]["id"], "orderToken": done["orderToken"]}
    async with socket_to(shop) as speaker:
        await speaker.ask(WATCH, "1", variables=asked)
        snapshot, bookmark = await heard(speaker), await heard(speaker)
        assert (snapshot["kind"], snapshot["order"]["state"]) == ("SNAPSHOT", "PENDING_PAYMENT")
        assert (bookmark["kind"], bookmark["order"]) == ("BOOKMARK", None)
        assert await notify(shop, done, "declined") == 200
        assert await notify(shop, done) == 200
        changes = [await heard(speaker), await heard(speaker)]
    assert [change["cause"] for change in changes] == ["paymentDeclined", "paymentCaptured"]
    assert changes[1]["order"] == {"state": "PAID", "paymentState": "CAPTURED"}
    assert bookmark["cursor"] < changes[0]["cursor"] < changes[1]["cursor"]
    async with socket_to(shop) as speaker:
        await speaker.ask(WATCH, "1", variables=asked | {"after": bookmark["cursor"]})
        missed = [await heard(speaker), await heard(speaker)]
        assert [change["cursor"] for change in missed] == [change["cursor"] for change in changes]


async def test_nobody_watches_the_order_of_somebody_else(shop: Shop) -> None:
    sku = await make_goods(shop, central=5)
    done = await an_order(shop, (sku, 1), store="central")
    for order_id, order_token in ((done["order"]["id"], "wrong"), (done["order"]["id"], None), ("x", None)):
        async with socket_to(shop) as speaker:
            await speaker.ask(WATCH, "1", variables={"orderId": order_id, "orderToken": order_token})
            message: Any = await speaker.hear()
            assert message["type"] == "error"
            assert message["payload"][0]["extensions"]["code"] == "BAD_USER_INPUT"
