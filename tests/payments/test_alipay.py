"""Alipay: what is asked of it, what its clients are handed, and what becomes of its answers."""

from __future__ import annotations

import itertools
import json
import logging
from dataclasses import replace
from datetime import timedelta

import pytest

from domain.money import Money
from domain.payments import Outcome, ProviderAway, RefundStanding, RefundState, Standing, TokenRefused
from tests.payments.alipay import alipay, our_parameters
from tests.payments.played import NOW, PAYMENT_ID, REFUND_ID, Fault, asked, refund_asked

NUMBER = PAYMENT_ID.hex
TRADE = "2026112322001"
PAID = Standing(Outcome.CAPTURED, Money(1230, "CNY"), TRADE)
ORDER = {
    "out_trade_no": NUMBER,
    "total_amount": "12.30",
    "subject": "订单 A-1001",
    "time_expire": "2026-11-23 18:15:00",
}


@pytest.mark.parametrize("token", [None, "qr"])
async def test_a_qr_code_is_handed_out_to_be_shown(alipay, token):
    started = await alipay.provider.start(asked(token))
    assert started.standing == Standing(Outcome.PENDING)
    action = started.next_action
    assert (action.kind, action.expires_at) == ("alipay_qr", asked().expires_at)
    assert json.loads(action.payload) == {"codeUrl": "https://qr.example/bax03"}
    assert alipay.asked == [("alipay.trade.precreate", {**ORDER, "product_code": "QR_CODE_OFFLINE"})]


@pytest.mark.parametrize(
    ("payer", "field"),
    [("2088102146225135", "buyer_id"), ("074a1CcTG1LelxKe4xQC0zgNdId0nxi95b5lsNpazWYoCo5", "buyer_open_id")],
)
async def test_a_mini_program_is_handed_its_trade(alipay, payer, field):
    started = await alipay.provider.start(asked(payer))
    assert started.next_action.kind == "alipay_mini_program"
    assert json.loads(started.next_action.payload) == {"tradeNO": TRADE}
    made = {**ORDER, "product_code": "JSAPI_PAY", field: payer, "op_app_id": "2021000000000001"}
    assert alipay.asked == [("alipay.trade.create", made)]


@pytest.mark.parametrize(
    ("token", "method", "product"),
    [
        ("page", "alipay.trade.page.pay", "FAST_INSTANT_TRADE_PAY"),
        ("wap", "alipay.trade.wap.pay", "QUICK_WAP_WAY"),
        ("app", "alipay.trade.app.pay", "QUICK_MSECURITY_PAY"),
    ],
)
async def test_pages_and_apps_are_handed_a_signed_order(alipay, token, method, product):
    started = await alipay.provider.start(asked(token))
    payload = json.loads(started.next_action.payload)
    if token == "app":
        query = payload["orderString"]
    else:
        address, _, query = payload["url"].partition("?")
        assert address == alipay.address
    signed = our_parameters(query)
    assert json.loads(signed.pop("biz_content")) == {**ORDER, "product_code": product}
    assert signed == {
        "app_id": "2021000000000001",
        "method": method,
        "format": "JSON",
        "charset": "utf-8",
        "sign_type": "RSA2",
        "timestamp": "2026-11-23 18:00:00",
        "version": "1.0",
        "notify_url": "https://mall.example/webhooks/payments/alipay",
        "return_url": "https://mall.example/paid",
    }
    assert alipay.asked == []


@pytest.mark.parametrize("token", ["", "short", "a" * 129, "PAGE", "2088 10214622513 and more"])
async def test_a_token_that_names_no_way_is_asked_of_nobody(alipay, token):
    with pytest.raises(TokenRefused):
        await alipay.provider.start(asked(token))
    assert alipay.asked == []


@pytest.mark.parametrize("currency", ["HKD", "USD"])
async def test_another_currency_is_declined_unasked(alipay, currency):
    started = await alipay.provider.start(asked(currency=currency))
    assert (started.standing.outcome, started.next_action) == (Outcome.DECLINED, None)
    assert alipay.asked == []


async def test_a_contract_in_hkd_is_in_hkd_throughout():
    async with alipay(currency="HKD") as server:
        await server.provider.start(asked(currency="HKD"))
        assert server.asked[0][1]["trans_currency"] == server.asked[0][1]["settle_currency"] == "HKD"
        server.pay(NUMBER)
        assert (await server.provider.query(asked(currency="HKD"))).amount == Money(1230, "HKD")
        server.pay(NUMBER, trans_currency="CNY")
        assert (await server.provider.query(asked(currency="HKD"))).amount == Money(1230, "CNY")
        assert (await server.provider.start(asked())).standing.outcome is Outcome.DECLINED


async def test_a_start_of_what_was_paid_already_says_so(alipay):
    alipay.pay(NUMBER)
    started = await alipay.provider.start(asked())
    assert (started.standing, started.next_action) == (PAID, None)


async def test_a_start_that_is_refused_is_declined(alipay):
    alipay.refuses = [("40004", "ACQ.INVALID_PARAMETER")]
    started = await alipay.provider.start(asked())
    assert (started.standing.outcome, started.next_action) == (Outcome.DECLINED, None)
    assert started.standing.reason.zh == "支付宝未能完成此次付款。"


@pytest.mark.parametrize(
    ("told", "standing"),
    [
        ({"trade_status": "WAIT_BUYER_PAY"}, Standing(Outcome.PENDING, None, TRADE)),
        ({"trade_status": "TRADE_SUCCESS"}, PAID),
        ({"trade_status": "TRADE_FINISHED"}, PAID),
        ({"trade_status": "TRADE_CLOSED"}, Standing(Outcome.CLOSED, None, TRADE)),
        # Everything was given back of what had been paid.
        ({"trade_status": "TRADE_CLOSED", "send_pay_date": "2026-11-23 18:00:00"}, PAID),
    ],
)
async def test_a_query_says_how_the_payment_stands(alipay, told, standing):
    alipay.open(NUMBER, **told)
    assert await alipay.provider.query(asked()) == standing


@pytest.mark.parametrize(("told", "minor"), [("12.29", 1229), ("12.3", 1230), (12.3, 1230), (12, 1200)])
async def test_the_amount_is_told_as_it_is(alipay, told, minor):
    alipay.pay(NUMBER, total_amount=told)
    assert (await alipay.provider.query(asked())).amount == Money(minor, "CNY")


@pytest.mark.parametrize(
    "told",
    [
        {"trade_status": "TRADE_ON_MARS"},
        {"trade_status": None},
        {"total_amount": None},
        {"total_amount": "12.301"},
        {"total_amount": "NaN"},
        {"total_amount": "twelve"},
        {"total_amount": True},
        {"out_trade_no": REFUND_ID.hex},
        {"out_trade_no": None},
    ],
)
async def test_an_answer_that_says_nothing_clear_is_none(alipay, told):
    alipay.pay(NUMBER, **told)
    with pytest.raises(ProviderAway):
        await alipay.provider.query(asked())


async def test_what_the_shopper_has_not_opened_is_closed_by_its_time(alipay):
    payment = asked("page")
    assert await alipay.provider.query(payment) == Standing(Outcome.PENDING)
    soon, over = replace(payment, expires_at=NOW + timedelta(seconds=1)), replace(payment, expires_at=NOW)
    assert await alipay.provider.close(soon) == Standing(Outcome.PENDING)
    assert await alipay.provider.close(over) == Standing(Outcome.CLOSED)


async def test_a_closed_payment_stays_closed(alipay):
    alipay.open(NUMBER)
    assert await alipay.provider.close(asked()) == Standing(Outcome.CLOSED)
    assert (await alipay.provider.close(asked())).outcome is Outcome.CLOSED


async def test_who_paid_before_the_close_has_paid(alipay):
    alipay.pay(NUMBER)
    assert await alipay.provider.close(asked()) == PAID


async def test_a_refund_is_made_once_however_often_it_is_asked(alipay):
    alipay.pay(NUMBER)
    for _ in range(2):
        assert await alipay.provider.refund(refund_asked()) == RefundStanding(RefundState.DONE, TRADE)
    (made,) = alipay.refunds.values()
    assert (made["out_request_no"], made["refund_amount"]) == (REFUND_ID.hex, "2.30")


@pytest.mark.parametrize(
    ("sub_code", "state"),
    [
        ("ACQ.SELLER_BALANCE_NOT_ENOUGH", RefundState.PENDING),
        ("ACQ.TRADE_HAS_FINISHED", RefundState.FAILED),
    ],
)
async def test_a_refund_that_is_refused_waits_or_has_failed(alipay, sub_code, state):
    alipay.pay(NUMBER)
    alipay.refuses = [("40004", sub_code)]
    assert await alipay.provider.refund(refund_asked()) == RefundStanding(state)


async def test_a_refund_nobody_can_confirm_is_pending(alipay):
    alipay.pay(NUMBER)
    await alipay.provider.refund(refund_asked())
    del alipay.refunds[REFUND_ID.hex]["refund_status"]
    before = alipay.refunds[REFUND_ID.hex]
    alipay.refunds = _Frozen({REFUND_ID.hex: before})
    assert await alipay.provider.refund(refund_asked()) == RefundStanding(RefundState.PENDING)


class _Frozen(dict[str, dict[str, object]]):
    """Refunds that take their time: what is asked again changes nothing."""

    def __setitem__(self, number: str, made: dict[str, object]) -> None:
        """Nothing."""


# ------------------------------------------------------------------ an answer, or none


@pytest.mark.parametrize("fault", [Fault.BUSY, Fault.BROKEN, Fault.HALF])
async def test_what_nobody_answered_is_asked_again(alipay, fault):
    alipay.faults = [fault, fault]
    assert (await alipay.provider.start(asked())).next_action is not None
    assert len(alipay.asked) == 3


@pytest.mark.parametrize(
    ("fault", "call"),
    list(
        itertools.product(
            [Fault.ELSEWHERE, Fault.GARBAGE, Fault.UNSIGNED, Fault.FORGED, Fault.CHANGED],
            ["start", "query", "close"],
        )
    ),
)
async def test_an_answer_that_is_not_to_be_believed_is_none(alipay, fault, call):
    alipay.faults = [fault]
    with pytest.raises(ProviderAway):
        await getattr(alipay.provider, call)(asked())


@pytest.mark.parametrize(
    "refusal",
    [
        ("20000", "aop.unknow-error"),
        ("40002", "isv.invalid-signature"),
        ("40006", "isv.insufficient-isv-permissions"),
        ("40004", "ACQ.SYSTEM_ERROR"),
    ],
)
@pytest.mark.parametrize("call", ["start", "query", "close"])
async def test_a_refusal_of_the_merchant_says_nothing_of_a_payment(alipay, refusal, call):
    alipay.refuses = [refusal]
    with pytest.raises(ProviderAway):
        await getattr(alipay.provider, call)(asked())


async def test_no_call_is_written_down_with_its_signature(alipay, caplog, capsys):
    caplog.set_level(logging.DEBUG)
    await alipay.provider.start(asked("2088102146225135"))
    alipay.faults = [Fault.BROKEN, Fault.FORGED]
    with pytest.raises(ProviderAway):
        await alipay.provider.query(asked())
    written = caplog.text + "".join(capsys.readouterr())
    assert "an answer is not to be believed" in written
    for secret in ("sign=", "sign%3D", "2088102146225135", "biz_content"):
        assert secret not in written


@pytest.mark.parametrize("refusal", [("40002", "isv.invalid-app-id"), ("40004", "ACQ.TRADE_NOT_EXIST")])
async def test_what_is_refused_without_a_signature_says_nothing_of_a_payment(alipay, refusal):
    alipay.refuses, alipay.faults = [refusal], [Fault.UNSIGNED]
    with pytest.raises(ProviderAway, match=refusal[1]):
        await alipay.provider.close(asked())


async def test_who_does_not_answer_in_time_is_away():
    async with alipay(seconds=0.1) as server:
        server.faults = [Fault.HANG] * 3
        with pytest.raises(ProviderAway):
            await server.provider.start(asked())
