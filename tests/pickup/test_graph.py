"""An order is collected in its store: from paid to handed over, through the graph."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from domain.pickup_codes import code_of
from resolvers.pickup.pickup import pickup_key
from tests.orders.buying import a_key, an_order, by_token, kinds, make_goods, make_mall, read, stock, until
from tests.pickup.counter import (
    COLLECT,
    OF_ORDER,
    PREPARE,
    QUEUE,
    READY,
    ROTATE,
    VERIFY,
    clerk,
    collect,
    make_ready,
    order_state,
    ordered,
    pickup_of,
    told,
    waiting,
)
from tests.shop import Shop, socket_to

WATCH = """subscription W($store: String!, $after: EventCursor) {
  pickupQueueChanged(store: $store, after: $after) {
    kind cause cursor pickup { state code order { number } } } }"""


@pytest.fixture(scope="module", autouse=True)
async def mall(shop: Shop) -> None:
    await make_mall(shop)


def codes(payload: Any) -> list[str]:
    return [error["code"] for error in payload["userErrors"]]


async def test_an_order_is_prepared_and_collected(shop: Shop) -> None:
    done = await ordered(shop)
    requested = await pickup_of(shop, done)
    assert (requested["state"], requested["code"], requested["qrSvg"]) == ("REQUESTED", None, None)
    sku = done["order"]["lines"][0]["sku"]
    assert await stock(shop, sku) == (5, 1)
    ada = clerk(shop)
    for _ in range(2):  # to say so twice changes nothing
        prepared = await told(shop, PREPARE, ada, pickupId=requested["id"])
        assert (prepared["pickup"]["state"], codes(prepared)) == ("PREPARING", [])
    key = a_key()
    for _ in range(2):
        ready = await told(shop, READY, ada, idempotencyKey=key, pickupId=requested["id"], shelf=" A3 ")
        assert (ready["pickup"]["state"], ready["pickup"]["shelf"], codes(ready)) == ("READY", "A3", [])
        assert (ready["pickup"]["code"], ready["pickup"]["qrSvg"]) == (None, None)  # not a clerk's to see
    shown = await pickup_of(shop, done)
    assert shown["qrSvg"].startswith("<svg")
    assert shown["heldUntil"] > shown["readyAt"]
    assert await order_state(shop, done) == "READY"
    looked = await told(shop, VERIFY, ada, store="central", code=shown["code"].lower())
    assert (looked["pickup"]["id"], looked["pickup"]["state"], codes(looked)) == (shown["id"], "READY", [])
    key = a_key()
    for _ in range(2):
        collected = await collect(shop, shown["code"], ada, key=key)
        assert codes(collected) == []
        assert (collected["pickup"]["state"], collected["pickup"]["collectedBy"]) == (
            "COLLECTED",
            "staff:ada",
        )
    assert await stock(shop, sku) == (4, 0)
    order = await by_token(shop, done["orderToken"])
    assert order["state"] == "COMPLETED"
    assert kinds(order) == ["placed", "paid", "preparing", "ready", "handedOver"]


async def test_the_code_is_shown_to_its_owner_only(shop: Shop) -> None:
    bob = shop.token("member", subject="bob")
    done = await ordered(shop, token=bob)
    pickup = await make_ready(shop, done)
    order_id, number = done["order"]["id"], done["order"]["number"]
    node = "query N($id: ID!) { node(id: $id) { ... on Pickup { code qrSvg } } }"
    for by in ({"id": order_id}, {"number": number}, {"token": done["orderToken"]}):
        seen = (await shop.ask(OF_ORDER, token=bob, by=by)).data["order"]["pickup"]
        assert (seen["code"], seen["qrSvg"]) == (pickup["code"], pickup["qrSvg"])
    assert (await shop.ask(node, token=bob, id=pickup["id"])).data["node"]["code"] == pickup["code"]
    for token in (clerk(shop), shop.token("admin"), shop.token("device", store="central")):
        seen = (await shop.ask(OF_ORDER, token=token, by={"id": order_id})).data["order"]["pickup"]
        assert (seen["code"], seen["qrSvg"]) == (None, None)
        seen = (await shop.ask(node, token=token, id=pickup["id"])).data["node"]
        assert seen == {"code": None, "qrSvg": None}
    for token in (None, shop.token("member", subject="eve"), clerk(shop, "harbour")):
        assert (await shop.ask(node, token=token, id=pickup["id"])).data["node"] is None


async def test_eight_clerks_at_once_hand_over_once(shop: Shop) -> None:
    done, pickup = await waiting(shop)
    clerks = [clerk(shop, name=f"clerk-{number}") for number in range(8)]
    payloads = await asyncio.gather(*(collect(shop, pickup["code"], token) for token in clerks))
    winners = [payload["pickup"] for payload in payloads if payload["pickup"]]
    assert Counter(code for payload in payloads for code in codes(payload)) == {"PICKUP_ALREADY_COLLECTED": 7}
    (winner,) = winners
    for payload in payloads:
        for error in payload["userErrors"]:
            assert error["__typename"] == "PickupCodeError"
            assert (error["collectedBy"], error["collectedAt"]) == (
                winner["collectedBy"],
                winner["collectedAt"],
            )
            assert error["attemptsLeft"] == 5
    assert await stock(shop, done["order"]["lines"][0]["sku"]) == (4, 0)


async def test_five_wrong_codes_lock_who_tried_them_there(shop: Shop) -> None:
    _, pickup = await waiting(shop)
    eve = clerk(shop, name="eve")
    mistyped = pickup["code"][:-1] + ("0" if pickup["code"][-1] != "0" else "1")
    left = []
    for code in (mistyped, "", "SGP1:AAAA", "U" * 8, "X" * 5000):
        payload = await collect(shop, code, eve)
        assert codes(payload) == ["PICKUP_CODE_UNKNOWN"]
        left.append(payload["userErrors"][0]["attemptsLeft"])
    assert left == [5] * 5
    wrong = iter(other_codes())
    for expected in (4, 3, 2, 1, 0):
        payload = await told(shop, VERIFY, eve, store="central", code=next(wrong))
        (error,) = payload["userErrors"]
        assert (error["code"], error["attemptsLeft"], error["field"]) == (
            "PICKUP_CODE_UNKNOWN",
            expected,
            ["input", "code"],
        )
        assert (error["lockedUntil"] is None) == (expected > 0)
    locked = await collect(shop, pickup["code"], eve)
    assert codes(locked) == ["PICKUP_CODE_LOCKED"]
    until_ = datetime.fromisoformat(locked["userErrors"][0]["lockedUntil"])
    assert timedelta(minutes=14) < until_ - datetime.now(UTC) <= timedelta(minutes=15)
    # Only there, and only who tried.
    assert codes(await told(shop, VERIFY, clerk(shop), store="central", code=pickup["code"])) == []
    admin = shop.token("admin", subject="eve")
    assert codes(await told(shop, VERIFY, admin, store="harbour", code=mistyped)) == ["PICKUP_CODE_UNKNOWN"]
    shop.clock.at = until_
    try:
        assert codes(await collect(shop, pickup["code"], clerk(shop, name="eve"))) == []
    finally:
        shop.clock.at = None


def other_codes() -> list[str]:
    """Codes as well formed as any, under which nothing waits."""
    return [code_of(b"another secret", uuid4(), 0) for _ in range(20)]


async def test_tries_at_once_are_all_counted(shop: Shop) -> None:
    mallory = clerk(shop, name="mallory")
    payloads = await asyncio.gather(*(collect(shop, code, mallory) for code in other_codes()[:12]))
    assert Counter(code for payload in payloads for code in codes(payload)) == {
        "PICKUP_CODE_UNKNOWN": 5,
        "PICKUP_CODE_LOCKED": 7,
    }


async def test_another_store_is_told_where_it_waits(shop: Shop) -> None:
    _, pickup = await waiting(shop, "harbour")
    payload = await collect(shop, pickup["code"], clerk(shop, name="lost"))
    (error,) = payload["userErrors"]
    assert (error["code"], error["store"], error["attemptsLeft"]) == (
        "PICKUP_WRONG_STORE",
        {"code": "harbour"},
        4,
    )
    # A clerk of one store does not look codes up for another one.
    payload = await collect(shop, pickup["code"], clerk(shop, name="lost"), store="harbour")
    assert [(one["code"], one["field"]) for one in payload["userErrors"]] == [
        ("NOT_FOUND", ["input", "store"])
    ]
    for token, code in ((None, "UNAUTHENTICATED"), (shop.token("member"), "FORBIDDEN")):
        given = {"idempotencyKey": a_key(), "store": "harbour", "code": pickup["code"]}
        assert (await shop.ask(COLLECT, token=token, input=given)).codes == [code]


async def test_a_replay_has_its_first_answer_and_a_key_one_body(shop: Shop) -> None:
    _, pickup = await waiting(shop)
    _, other = await waiting(shop)
    eve, key = clerk(shop, name="replay"), a_key()
    first = await collect(shop, pickup["code"], eve, key=key)
    assert codes(first) == []
    assert codes(await collect(shop, other["code"], eve, key=key)) == ["IDEMPOTENCY_KEY_REUSED"]
    for code in other_codes()[:5]:
        await collect(shop, code, eve)
    assert codes(await collect(shop, other["code"], eve)) == ["PICKUP_CODE_LOCKED"]
    assert await collect(shop, pickup["code"], eve, key=key) == first


async def test_a_rotated_code_opens_nothing_any_more(shop: Shop) -> None:
    bob = shop.token("member", subject="rot")
    done = await ordered(shop, token=bob)
    pickup = await make_ready(shop, done)
    for token in (bob, clerk(shop)):
        rotated = await told(shop, ROTATE, token, pickupId=pickup["id"])
        assert codes(rotated) == []
        assert (rotated["pickup"]["code"] is None) == (token != bob)
    by_visitor = await told(shop, ROTATE, None, pickupId=pickup["id"], orderToken=done["orderToken"])
    new = by_visitor["pickup"]["code"]
    assert new not in (None, pickup["code"])
    for token in (None, shop.token("member", subject="eve"), clerk(shop, "harbour")):
        assert codes(await told(shop, ROTATE, token, pickupId=pickup["id"])) == ["NOT_FOUND"]
    assert codes(await collect(shop, pickup["code"], clerk(shop, name="rot"))) == ["PICKUP_CODE_UNKNOWN"]
    assert codes(await collect(shop, new)) == []
    assert codes(await told(shop, ROTATE, bob, pickupId=pickup["id"])) == ["ORDER_STATE_FORBIDS"]


async def test_moves_that_a_state_does_not_allow_are_refused(shop: Shop) -> None:
    done, pickup = await waiting(shop)
    ada = clerk(shop)
    assert codes(await told(shop, PREPARE, ada, pickupId=pickup["id"])) == ["ORDER_STATE_FORBIDS"]
    again = await told(shop, READY, ada, idempotencyKey=a_key(), pickupId=pickup["id"])
    assert codes(again) == ["ORDER_STATE_FORBIDS"]
    long = await told(shop, READY, ada, idempotencyKey=a_key(), pickupId=pickup["id"], shelf="x" * 101)
    assert codes(long) == ["INVALID_INPUT"]
    for token, given in ((clerk(shop, "harbour"), pickup["id"]), (ada, "x"), (ada, done["order"]["id"])):
        assert codes(await told(shop, PREPARE, token, pickupId=given)) == ["NOT_FOUND"]
    cancel = """mutation M($input: OrderCancelInput!) { done: orderCancel(input: $input) {
        order { state } userErrors { code } } }"""
    given = {"idempotencyKey": a_key(), "orderId": done["order"]["id"], "orderToken": done["orderToken"]}
    cancelled = (await shop.ask(cancel, input=given | {"reason": "changed my mind"})).data["done"]
    assert cancelled["order"]["state"] == "CANCELLED"
    seen = await pickup_of(shop, done)
    assert (seen["state"], seen["code"]) == ("CANCELLED", None)
    payload = await collect(shop, pickup["code"])
    assert [(one["__typename"], one["code"]) for one in payload["userErrors"]] == [
        ("PickupCodeError", "ORDER_STATE_FORBIDS")
    ]


async def test_what_is_not_ready_is_not_handed_over(shop: Shop) -> None:
    pickup = await pickup_of(shop, await ordered(shop))
    key = pickup_key(pickup["id"])
    assert key is not None
    code = code_of(shop.house.pickup_desk.secret, key, 0)
    assert codes(await collect(shop, code)) == ["PICKUP_NOT_READY"]


async def test_what_nobody_collects_goes_back_by_the_clock(shop: Shop) -> None:
    done, pickup = await waiting(shop)
    held_until = datetime.fromisoformat(pickup["heldUntil"])
    shop.clock.at = held_until - timedelta(microseconds=1)
    try:
        assert (await pickup_of(shop, done))["state"] == "READY"
        shop.clock.at = held_until
        # Nothing but the clock decides what is read; whoever notes it comes after.
        assert (await pickup_of(shop, done))["state"] == "EXPIRED"
        assert await order_state(shop, done) == "EXPIRED"
        assert codes(await collect(shop, pickup["code"])) == ["PICKUP_EXPIRED"]

        async def order() -> Any:
            return await by_token(shop, done["orderToken"])

        over = await until(order, lambda one: bool(one["refunds"]))
    finally:
        shop.clock.at = None
    assert (over["state"], over["paymentState"]) == ("EXPIRED", "REFUNDED")
    assert over["refunded"] == over["totals"]["total"]
    assert kinds(over)[:4] == ["placed", "paid", "ready", "pickupExpired"]
    assert await stock(shop, done["order"]["lines"][0]["sku"]) == (5, 0)
    listed = await shop.ask(QUEUE, token=clerk(shop), store="central", first=100, state=["EXPIRED"])
    assert pickup["id"] in [one["id"] for one in listed.data["pickups"]["nodes"]]


async def test_a_store_lists_its_pickups_a_page_at_a_time(shop: Shop) -> None:
    made = [await ordered(shop, "kiosk") for _ in range(3)]
    await make_ready(shop, made[0])
    kiosk = clerk(shop, "kiosk")
    first = (await shop.ask(QUEUE, token=kiosk, store="kiosk", first=2)).data["pickups"]
    assert [one["order"]["number"] for one in first["nodes"]] == [one["order"]["number"] for one in made[:2]]
    assert (first["totalCount"], first["pageInfo"]["hasNextPage"]) == (3, True)
    rest = await shop.ask(QUEUE, token=kiosk, store="kiosk", first=2, after=first["pageInfo"]["endCursor"])
    assert len(rest.data["pickups"]["nodes"]) == 1
    assert len(rest.statements) == 4  # the page, the total, its orders and its store
    for state, count in ((["READY"], 1), (["REQUESTED"], 2), ([], 3), (["COLLECTED"], 0)):
        asked = await shop.ask(QUEUE, token=kiosk, store="kiosk", first=100, state=state)
        assert asked.data["pickups"]["totalCount"] == count == len(asked.data["pickups"]["nodes"])
    for token, store in ((clerk(shop), "kiosk"), (kiosk, "nowhere")):
        assert (await shop.ask(QUEUE, token=token, store=store, first=9)).data["pickups"]["totalCount"] == 0
    for token, code in ((None, "UNAUTHENTICATED"), (shop.token("member"), "FORBIDDEN")):
        assert (await shop.ask(QUEUE, token=token, store="kiosk", first=9)).codes == [code]
    for bad in ({"first": 0}, {"first": 101}, {"first": 1, "after": "x"}):
        assert (await shop.ask(QUEUE, token=kiosk, store="kiosk", **bad)).codes == ["BAD_USER_INPUT"]


async def test_a_store_watches_its_queue(shop: Shop) -> None:
    first = await ordered(shop, "harbour")
    mine = first["order"]["number"]
    async with socket_to(shop, token=clerk(shop, "harbour")) as speaker:
        await speaker.ask(WATCH, "1", variables={"store": "harbour"})

        async def heard() -> Any:
            message: Any = await speaker.hear()
            assert message["type"] == "next", message
            return message["payload"]["data"]["pickupQueueChanged"]

        opening = [await heard()]
        while opening[-1]["kind"] != "BOOKMARK":
            opening.append(await heard())
        assert {one["kind"] for one in opening[:-1]} == {"SNAPSHOT"}
        assert mine in [one["pickup"]["order"]["number"] for one in opening[:-1]]
        await ordered(shop, "central")  # another store's
        second = await ordered(shop, "harbour")
        pickup = await make_ready(shop, second)
        assert codes(await collect(shop, pickup["code"], store="harbour")) == []
        changes = [await heard() for _ in range(3)]
        assert [one["cause"] for one in changes] == ["pickupRequested", "pickupReady", "pickupCollect"]
        assert {one["pickup"]["order"]["number"] for one in changes} == {second["order"]["number"]}
        assert {one["pickup"]["code"] for one in changes} == {None}
        assert opening[-1]["cursor"] < changes[0]["cursor"] < changes[1]["cursor"] < changes[2]["cursor"]
    async with socket_to(shop, token=clerk(shop, "harbour")) as speaker:
        await speaker.ask(WATCH, "1", variables={"store": "harbour", "after": opening[-1]["cursor"]})
        again = [await heard() for _ in range(3)]
        assert [one["cursor"] for one in again] == [one["cursor"] for one in changes]
    for token, code in (
        (clerk(shop), "BAD_USER_INPUT"),
        (shop.token("member"), "FORBIDDEN"),
        (None, "UNAUTHENTICATED"),
    ):
        async with socket_to(shop, token=token) as speaker:
            await speaker.ask(WATCH, "1", variables={"store": "harbour"})
            message: Any = await speaker.hear()
            assert message["payload"][0]["extensions"]["code"] == code


async def test_who_watches_an_order_is_shown_its_code(shop: Shop) -> None:
    bob = shop.token("member", subject="watcher")
    done = await ordered(shop, token=bob)
    watch = """subscription W($id: ID!, $token: String) {
      orderChanged(orderId: $id, orderToken: $token) { kind cause order { state pickup { code } } } }"""
    shown = (await make_ready(shop, done))["code"]
    for token, order_token, code in (
        (bob, None, shown),
        (None, done["orderToken"], shown),
        (clerk(shop), None, None),
        (clerk(shop), "wrong", None),
    ):
        async with socket_to(shop, token=token) as speaker:
            await speaker.ask(watch, "1", variables={"id": done["order"]["id"], "token": order_token})
            message: Any = await speaker.hear()
            told_ = message["payload"]["data"]["orderChanged"]
            assert told_["order"] == {"state": "READY", "pickup": {"code": code}}


async def test_what_is_delivered_has_no_pickup(shop: Shop) -> None:
    sku = await make_goods(shop, central=5)
    done = await an_order(shop, (sku, 1), store="central")
    assert await pickup_of(shop, done) is None
    assert (await read(shop, shop.token("admin"), id=done["order"]["id"]))["state"] == "PAID"
