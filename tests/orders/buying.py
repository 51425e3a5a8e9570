"""What the tests of orders share: a mall, carts that can be bought, and the documents to buy them with."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import itertools
import json
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any, TypeVar

from domain.channels import ChannelKind, StockPolicy
from domain.stores import StoreService
from tests.makers import make_channel, make_price, make_product, make_stock, make_store
from tests.shop import Shop

T = TypeVar("T")
_numbers = itertools.count(1)

ADDRESS = {
    "name": "Chan Siu Ming",
    "phone": "91234567",
    "region": "HK",
    "city": "Hong Kong",
    "street": "1 Road",
}
DELIVERY = {"kind": "DELIVERY", "address": ADDRESS}
ORDER = """
fragment O on Order {
  id number externalNumber state nextStates paymentState channel { code } store { code } flagged
  lines { id sku name quantity unitPrice { amount } discount { amount } lineTotal { amount }
    returnedQuantity refunded { amount } priceSource priceVersion variant { sku } }
  discounts { source amount { amount } }
  totals { items { amount } discounts { amount } shipping { amount } total { amount } }
  refunds { amount { amount } state reason } refunded { amount }
  fulfilment { kind store { code } address { name } }
  shipment { carrier trackingNumber shippedAt deliveredAt }
  timeline { kind by note } placedAt heldUntil
}"""
ERRORS = """userErrors { __typename code message field
  ... on InsufficientStockError { sku available nearestStoreWithStock { code } }
  ... on PriceChangedError { sku was { amount } now { amount } }
  ... on TotalChangedError { was { amount } now { amount } } }"""
PAYING = f"{{ order {{ ...O }} orderToken nextAction {{ provider kind payload expiresAt }} {ERRORS} }}"
DONE = f"{{ order {{ ...O }} {ERRORS} }}"
CREATE = (
    "mutation M($input: CartCreateInput!) { cartCreate(input: $input) { cart { id } userErrors { code } } }"
)
FULFIL = """mutation M($input: CartFulfilmentSetInput!) {
  cartFulfilmentSet(input: $input) { cart { totals { total { amount } } } userErrors { code field } } }"""
CHECKOUT = f"mutation M($input: CheckoutInput!) {{ done: checkout(input: $input) {PAYING} }}{ORDER}"
PAY = f"mutation M($input: OrderPayInput!) {{ done: orderPay(input: $input) {PAYING} }}{ORDER}"
READ = f"query Q($by: OrderBy!) {{ order(by: $by) {{ ...O }} }}{ORDER}"


async def make_mall(shop: Shop) -> None:
    """Channels app, quota (ALLOTTED) and pos; stores central, harbour (both deliver) and kiosk (does not)."""
    async with shop.database() as db:
        await make_channel(db, "app")
        await make_channel(db, "quota", stock_policy=StockPolicy.ALLOTTED)
        await make_channel(db, "pos", kind=ChannelKind.POS)
        await make_store(db, "central", till_channel="pos", at=(22.28, 114.158))
        await make_store(db, "harbour", till_channel="pos", at=(22.29, 114.17))
        await make_store(db, "kiosk", till_channel="pos", at=(22.45, 114.0), services=[StoreService.PICKUP])


async def make_goods(shop: Shop, minor: int = 1000, **stock: int) -> str:
    """The sku of a new article that costs this much, with so many in each store."""
    async with shop.database() as db:
        sku = (await make_product(db, names={"en": "Oat milk", "zh-HK": "燕麥奶"})).skus[0]
        await make_price(db, sku, minor)
        for store, units in stock.items():
            await make_stock(db, store, sku, 0)
            await make_units(shop, store, sku, units)
    return sku


async def make_units(shop: Shop, store: str, sku: str, units: int) -> None:
    """So many units more, with the movement that brought them."""
    async with shop.database() as db:
        await db.execute(
            "UPDATE stock_level SET on_hand = on_hand + $3 WHERE store = $1 AND sku = $2", store, sku, units
        )
        await db.execute(
            "INSERT INTO stock_movement (store, sku, delta, reason, moved_by) "
            "VALUES ($1, $2, $3, 'RECEIPT', 'tests')",
            store,
            sku,
            units,
        )


async def a_cart(
    shop: Shop,
    *lines: tuple[str, int],
    token: str | None = None,
    fulfilment: dict[str, Any] | None = DELIVERY,
    **context: str,
) -> str:
    """The id of a cart with these lines, to be brought to the shopper like this."""
    given = {
        "context": {"channel": "app"} | context,
        "lines": [{"sku": sku, "quantity": quantity} for sku, quantity in lines],
    }
    made = (await shop.ask(CREATE, token=token, input=given)).data["cartCreate"]
    assert made["userErrors"] == []
    cart_id: str = made["cart"]["id"]
    if fulfilment is not None:
        given = {"cartId": cart_id, "fulfilment": fulfilment}
        set_ = (await shop.ask(FULFIL, token=token, input=given)).data["cartFulfilmentSet"]
        assert set_["userErrors"] == []
    return cart_id


async def check_out(
    shop: Shop,
    cart_id: str,
    total: str = "999999.00",
    pay: str | None = "ok",
    *,
    token: str | None = None,
    provider: str = "sandbox",
    key: str | None = None,
) -> Any:
    """The payload of a checkout, under a new key unless one is given."""
    given = {
        "idempotencyKey": key or a_key(),
        "cartId": cart_id,
        "expectedTotal": total,
        "payment": {"provider": provider, "token": pay},
    }
    return (await shop.ask(CHECKOUT, token=token, input=given)).data["done"]


async def an_order(shop: Shop, *lines: tuple[str, int], pay: str = "ok", **more: Any) -> Any:
    """The payload of an order that went through."""
    token = more.pop("token", None)
    done = await check_out(shop, await a_cart(shop, *lines, token=token, **more), pay=pay, token=token)
    assert done["order"] is not None, done
    return done


async def read(shop: Shop, token: str | None = None, **by: str) -> Any:
    """The order found by id or number, as the bearer of a token sees it."""
    return (await shop.ask(READ, token=token, by=by)).data["order"]


async def by_token(shop: Shop, order_token: str) -> Any:
    """The order as a visitor reads it."""
    return (await shop.ask(READ, by={"token": order_token})).data["order"]


async def notify(shop: Shop, done: Any, outcome: str = "captured", **more: Any) -> int:
    """The HTTP status of a sandbox notice about a checkout's payment."""
    payment = json.loads(done["nextAction"]["payload"])
    body = {
        "eventId": a_key(),
        "paymentId": payment["paymentId"],
        "outcome": outcome,
        "amount": done["order"]["totals"]["total"]["amount"],
        "currencyCode": "HKD",
    } | more
    return await post_notice(shop, json.dumps(body).encode())


async def post_notice(shop: Shop, body: bytes, *, signature: str | None = None) -> int:
    """The HTTP status of a notice, signed as the sandbox does unless told otherwise."""
    signed = hmac.new(b"sandbox", body, hashlib.sha256).hexdigest()
    answer = await shop.client.post(
        "/webhooks/payments/sandbox",
        content=body,
        headers={"X-Signature": signed if signature is None else signature},
    )
    return answer.status_code


async def stock(shop: Shop, sku: str, store: str = "central") -> tuple[int, int]:
    """On hand and reserved."""
    async with shop.database() as db:
        row = await db.fetchrow(
            "SELECT on_hand, reserved FROM stock_level WHERE store = $1 AND sku = $2", store, sku
        )
    assert row is not None
    return row["on_hand"], row["reserved"]


def a_key() -> str:
    """An idempotency key nobody has used."""
    return f"key-{next(_numbers)}"


def told(done: Any) -> list[tuple[str, list[str]]]:
    """The codes and fields of a payload's errors."""
    return [(error["code"], error["field"]) for error in done["userErrors"]]


def kinds(order: Any) -> list[str]:
    """What happened to an order."""
    return [event["kind"] for event in order["timeline"]]


def money(order: Any) -> Decimal:
    """What an order comes to."""
    return Decimal(order["totals"]["total"]["amount"])


async def until(read: Callable[[], Awaitable[T]], is_so: Callable[[T], bool]) -> T:
    """What is read, once it is so; fails the test when it is not within ten seconds."""
    async with asyncio.timeout(10):
        while not is_so(found := await read()):  # noqa: ASYNC110 - what is waited for is in the database
            await asyncio.sleep(0.05)
    return found
