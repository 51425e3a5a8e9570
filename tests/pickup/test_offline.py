"""Stores without network hand over by a key they keep, and settle once it is back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from resolvers.pickup.pickup import pickup_key
from resolvers.pickup.qr import Ticket, text_of
from tests.orders.buying import a_key, kinds, make_mall, read, stock
from tests.pickup.counter import ROTATE, clerk, collect, told, waiting
from tests.shop import Shop

SETTLE = """mutation M($input: PickupSettleInput!) { done: pickupSettle(input: $input) {
  isCase pickup { state collectedAt collectedBy order { flagged } } userErrors { code field } } }"""
HOUR = timedelta(hours=1)
_NOBODY = UUID(int=1)


@pytest.fixture(scope="module", autouse=True)
async def mall(shop: Shop) -> None:
    await make_mall(shop)


def ticket(shop: Shop, pickup: Any, **other: Any) -> str:
    """What the QR of a pickup says, or said before it was rotated."""
    key = pickup_key(pickup["id"])
    assert key is not None
    held_until = datetime.fromisoformat(pickup["heldUntil"])
    known = Ticket(key, 0, held_until, pickup["code"].replace("-", ""), pickup["store"]["code"])
    return text_of(known._replace(**other), shop.house.pickup_desk.qr_seed)


async def settled(shop: Shop, text: str, store: str = "central", at: datetime | None = None) -> Any:
    given = {
        "idempotencyKey": a_key(),
        "store": store,
        "ticket": text,
        "handedOverAt": (at or datetime.now(UTC)).isoformat(),
    }
    return await told(shop, SETTLE, clerk(shop, store), **given)


@pytest.mark.parametrize("wrong", [HOUR, -HOUR, timedelta()])
async def test_a_hand_over_is_settled_whatever_the_stores_clock_says(shop: Shop, wrong: timedelta) -> None:
    done, pickup = await waiting(shop)
    text = ticket(shop, pickup)
    answer = await settled(shop, text, at=datetime.now(UTC) + wrong)
    assert (answer["isCase"], answer["userErrors"]) == (False, [])
    seen = answer["pickup"]
    assert (seen["state"], seen["collectedBy"], seen["order"]["flagged"]) == ("COLLECTED", "staff:ada", False)
    at = datetime.fromisoformat(seen["collectedAt"])
    assert datetime.fromisoformat(pickup["readyAt"]) <= at <= datetime.now(UTC)
    assert await stock(shop, done["order"]["lines"][0]["sku"]) == (4, 0)
    # Told again under another key, it is what is known.
    again = await settled(shop, text, at=at)
    assert (again["isCase"], again["pickup"]) == (False, seen)


async def test_goods_that_left_twice_are_a_case_for_a_person(shop: Shop) -> None:
    done, pickup = await waiting(shop)
    text = ticket(shop, pickup)
    assert (await settled(shop, text))["isCase"] is False
    twice = await settled(shop, text, "harbour")
    assert (twice["isCase"], twice["pickup"]["state"], twice["pickup"]["order"]) == (
        True,
        "COLLECTED",
        {"flagged": True},
    )
    order = await read(shop, shop.token("admin"), id=done["order"]["id"])
    assert kinds(order)[-2:] == ["handedOver", "offlineHandOver"]
    assert order["timeline"][-1]["note"].startswith("harbour 20")
    assert await stock(shop, done["order"]["lines"][0]["sku"]) == (4, 0)


async def test_what_was_collected_online_or_under_an_old_code_is_a_case_too(shop: Shop) -> None:
    _, first = await waiting(shop)
    assert (await collect(shop, ticket(shop, first)))["userErrors"] == []
    assert (await settled(shop, ticket(shop, first), at=datetime.now(UTC) - HOUR))["isCase"] is True
    _, second = await waiting(shop)
    old = ticket(shop, second)
    await told(shop, ROTATE, clerk(shop), pickupId=second["id"])
    answer = await settled(shop, old)
    assert (answer["isCase"], answer["pickup"]["state"]) == (True, "COLLECTED")  # the goods are gone


async def test_what_this_house_never_signed_settles_nothing(shop: Shop) -> None:
    _, pickup = await waiting(shop)
    text = ticket(shop, pickup)
    for wrong in (pickup["code"], text[:-4], "SGP1:", "x" * 1000, ticket(shop, pickup, pickup_id=_NOBODY)):
        answer = await settled(shop, wrong)
        assert [(error["code"], error["field"]) for error in answer["userErrors"]] == [
            ("PICKUP_CODE_UNKNOWN", ["input", "ticket"])
        ]
    given = {"idempotencyKey": a_key(), "store": "harbour", "ticket": text}
    given["handedOverAt"] = datetime.now(UTC).isoformat()
    elsewhere = await told(shop, SETTLE, clerk(shop), **given)
    assert [error["code"] for error in elsewhere["userErrors"]] == ["NOT_FOUND"]
