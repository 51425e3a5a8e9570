"""A checkout that is paid by Alipay, from the QR code to the notice, through the graph and its webhook."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.orders.buying import CHECKOUT, a_cart, a_key, by_token, check_out, kinds, make_goods, make_mall
from tests.payments.alipay import AlipayServer, form
from tests.payments.alipay import alipay as play_alipay
from tests.payments.played import Fault
from tests.shop import Shop

CANCEL = "mutation M($input: OrderCancelInput!) { orderCancel(input: $input) { userErrors { code } } }"


@pytest.fixture(scope="module")
async def server(shop: Shop) -> AsyncIterator[AlipayServer]:
    """Alipay, with a contract in Hong Kong dollars, as one of the shop's providers."""
    await make_mall(shop)
    providers = shop.house.tills.providers
    assert isinstance(providers, dict)
    async with play_alipay(currency="HKD") as played:
        providers["alipay"] = played.provider
        yield played
        del providers["alipay"]


@pytest.fixture(autouse=True)
def anew(server: AlipayServer) -> None:
    server.forget()


async def notified(shop: Shop, body: bytes) -> tuple[int, str]:
    """What Alipay hears when it notifies."""
    answer = await shop.client.post("/webhooks/payments/alipay", content=body)
    return answer.status_code, answer.text


def paid(server: AlipayServer, **told: str) -> bytes:
    """The notice that the payment which was asked for last is paid."""
    asked = server.asked[-1][1]
    trade = {"out_trade_no": str(asked["out_trade_no"]), "total_amount": str(asked["total_amount"])}
    status = {"trade_no": "2026112322001", "trade_status": "TRADE_SUCCESS", "trans_currency": "HKD"}
    return form(**{**trade, **status, "notify_id": f"of-{trade['out_trade_no']}", **told})


async def bought(shop: Shop, *, way: str = "qr") -> Any:
    """A checkout of 12.50 with Alipay."""
    cart_id = await a_cart(shop, (await make_goods(shop, 1250, central=3), 1), store="central")
    return await check_out(shop, cart_id, "12.50", way, provider="alipay")


async def test_an_order_is_paid_by_its_notice_once(shop, server):
    done = await bought(shop)
    assert (done["userErrors"], done["order"]["state"]) == ([], "PENDING_PAYMENT")
    action = done["nextAction"]
    assert (action["provider"], action["kind"]) == ("alipay", "alipay_qr")
    assert json.loads(action["payload"]) == {"codeUrl": "https://qr.example/bax03"}
    body = paid(server)
    assert [await notified(shop, body) for _ in range(2)] == [(200, "success")] * 2
    order = await by_token(shop, done["orderToken"])
    assert (order["state"], order["paymentState"]) == ("PAID", "CAPTURED")
    assert kinds(order).count("paid") == 1


@pytest.mark.parametrize(
    ("forge", "status"),
    [
        (lambda body: body.replace(b"TRADE_SUCCESS", b"TRADE_FINISHED"), 401),
        (lambda body: body + b"&sign_type=RSA2", 400),
    ],
)
async def test_a_notice_that_is_not_alipays_pays_nothing(shop, server, forge, status):
    done = await bought(shop)
    assert (await notified(shop, forge(paid(server))))[0] == status
    assert (await by_token(shop, done["orderToken"]))["state"] == "PENDING_PAYMENT"


@pytest.mark.parametrize("told", [{"total_amount": "12.49"}, {"trans_currency": "CNY"}])
async def test_another_amount_pays_nothing_and_is_flagged(shop, server, told):
    done = await bought(shop)
    assert await notified(shop, paid(server, **told)) == (200, "failure")
    order = await by_token(shop, done["orderToken"])
    assert (order["state"], kinds(order)[-1]) == ("PENDING_PAYMENT", "paymentAmountMismatch")


async def test_a_notice_of_a_payment_nobody_asked_for_is_not_taken(shop, server):
    await bought(shop)
    assert await notified(shop, paid(server, out_trade_no="f" * 32)) == (200, "failure")


async def test_a_checkout_alipay_did_not_answer_goes_on_when_it_is_repeated(shop, server):
    cart_id = await a_cart(shop, (await make_goods(shop, 1250, central=3), 1), store="central")
    given = {
        "idempotencyKey": a_key(),
        "cartId": cart_id,
        "expectedTotal": "12.50",
        "payment": {"provider": "alipay", "token": "qr"},
    }
    server.faults = [Fault.BROKEN] * 3
    assert (await shop.ask(CHECKOUT, input=given)).codes == ["UNAVAILABLE"]
    done = (await shop.ask(CHECKOUT, input=given)).data["done"]
    assert done["nextAction"]["kind"] == "alipay_qr"
    assert len({content["out_trade_no"] for _, content in server.asked}) == 1


async def test_a_paid_order_that_is_cancelled_is_given_back_by_alipay(shop, server):
    done = await bought(shop)
    body = paid(server)
    number = str(server.asked[-1][1]["out_trade_no"])
    server.pay(number, total_amount="12.50", trans_currency="HKD")
    await notified(shop, body)
    given = {"idempotencyKey": a_key(), "orderId": done["order"]["id"], "reason": "not wanted"}
    answer = await shop.ask(CANCEL, input={**given, "orderToken": done["orderToken"]})
    assert answer.data["orderCancel"]["userErrors"] == []
    order = await by_token(shop, done["orderToken"])
    assert (order["state"], order["paymentState"]) == ("CANCELLED", "REFUNDED")
    assert order["refunds"] == [{"amount": {"amount": "12.50"}, "state": "DONE", "reason": "not wanted"}]
    (refund,) = server.refunds.values()
    assert (refund["out_trade_no"], refund["refund_amount"]) == (number, "12.50")


async def test_a_token_alipay_has_no_way_for_is_declined(shop, server):
    done = await bought(shop, way="cheque")
    assert [error["code"] for error in done["userErrors"]] == ["PAYMENT_DECLINED"]
    assert server.asked == []
