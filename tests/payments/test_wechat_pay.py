"""WeChat Pay: what is asked of it, what its clients are handed, and what becomes of its answers."""

from __future__ import annotations

import base64
import itertools
import json
import socket

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from domain.money import Money
from domain.payments import Outcome, ProviderAway, RefundStanding, RefundState, Standing, TokenRefused
from tests.payments.played import PAYMENT_ID, REFUND_ID, Fault, asked, key, refund_asked
from tests.payments.wechat import CERTIFICATE, provider_at, wechat

OPENID = "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"
NUMBER = PAYMENT_ID.hex
PAID = Standing(Outcome.CAPTURED, Money(1230, "CNY"), "42000")


def signed_by_us(signature: str, *lines: str) -> bool:
    key("merchant").public_key().verify(
        base64.b64decode(signature), "".join(f"{line}\n" for line in lines).encode(), PKCS1v15(), SHA256()
    )
    return True


async def test_jsapi_hands_the_page_what_its_bridge_takes(wechat):
    started = await wechat.provider.start(asked(OPENID))
    assert started.standing == Standing(Outcome.PENDING)
    action = started.next_action
    assert (action.kind, action.expires_at) == ("wechat_pay_jsapi", asked().expires_at)
    it = json.loads(action.payload)
    assert (it["appId"], it["package"], it["signType"]) == ("wxd678efh567hg6787", "prepay_id=wx201", "RSA")
    assert signed_by_us(it["paySign"], it["appId"], it["timeStamp"], it["nonceStr"], it["package"])
    assert wechat.asked == [
        (
            "POST /v3/pay/transactions/jsapi",
            {
                "appid": "wxd678efh567hg6787",
                "mchid": "1900000109",
                "description": "订单 A-1001",
                "out_trade_no": NUMBER,
                "time_expire": "2026-11-23T18:15:00+08:00",
                "notify_url": "https://mall.example/webhooks/payments/wechat_pay",
                "amount": {"total": 1230, "currency": "CNY"},
                "payer": {"openid": OPENID},
            },
        )
    ]


async def test_an_app_hands_its_sdk_a_signed_order(wechat):
    started = await wechat.provider.start(asked("app"))
    it = json.loads(started.next_action.payload)
    assert (it["partnerid"], it["prepayid"], it["package"]) == ("1900000109", "wx202", "Sign=WXPay")
    assert signed_by_us(it["sign"], "wx0a1b2c3d4e5f6a7b", it["timestamp"], it["noncestr"], "wx202")
    assert wechat.asked[0][1]["appid"] == "wx0a1b2c3d4e5f6a7b"


@pytest.mark.parametrize("token", [None, "native"])
async def test_native_hands_out_a_code_to_show(wechat, token):
    started = await wechat.provider.start(asked(token))
    assert started.next_action.kind == "wechat_pay_native"
    assert json.loads(started.next_action.payload) == {"codeUrl": "weixin://wxpay/bizpayurl?pr=p4lpSuKzz"}


@pytest.mark.parametrize(
    "token", ["", "short", "a" * 129, "ok of the sandbox", "oUpF8uMu/JO_M2pxb1Q9zNjWeS6o"]
)
async def test_a_token_that_is_no_openid_is_asked_of_nobody(wechat, token):
    with pytest.raises(TokenRefused):
        await wechat.provider.start(asked(token))
    assert wechat.asked == []


async def test_another_currency_is_declined_unasked(wechat):
    started = await wechat.provider.start(asked(currency="HKD"))
    assert (started.standing.outcome, started.next_action) == (Outcome.DECLINED, None)
    assert wechat.asked == []


async def test_a_repeated_start_has_the_first_ones_effect(wechat):
    first, second = [await wechat.provider.start(asked(OPENID)) for _ in range(2)]
    assert (
        json.loads(second.next_action.payload)["package"] == json.loads(first.next_action.payload)["package"]
    )
    assert list(wechat.orders) == [NUMBER]


async def test_a_start_of_what_was_paid_already_says_so(wechat):
    await wechat.provider.start(asked())
    wechat.pay(NUMBER)
    started = await wechat.provider.start(asked())
    assert (started.standing, started.next_action) == (PAID, None)


async def test_a_start_that_is_refused_is_declined(wechat):
    wechat.refuses = [(400, "PARAM_ERROR")]
    started = await wechat.provider.start(asked(OPENID))
    assert (started.standing.outcome, started.next_action) == (Outcome.DECLINED, None)
    assert started.standing.reason.zh == "微信支付未能完成此次付款。"


@pytest.mark.parametrize(
    ("state", "standing"),
    [
        ("SUCCESS", PAID),
        ("REFUND", PAID),
        ("NOTPAY", Standing(Outcome.PENDING, None, "42000")),
        ("USERPAYING", Standing(Outcome.PENDING, None, "42000")),
        ("ACCEPT", Standing(Outcome.PENDING, None, "42000")),
        ("CLOSED", Standing(Outcome.CLOSED, None, "42000")),
        ("REVOKED", Standing(Outcome.CLOSED, None, "42000")),
    ],
)
async def test_a_query_says_how_the_payment_stands(wechat, state, standing):
    await wechat.provider.start(asked())
    wechat.pay(NUMBER, trade_state=state)
    assert await wechat.provider.query(asked()) == standing


async def test_a_payment_that_failed_is_declined_with_a_reason(wechat):
    await wechat.provider.start(asked())
    wechat.pay(NUMBER, trade_state="PAYERROR")
    standing = await wechat.provider.query(asked())
    assert (standing.outcome, standing.amount) == (Outcome.DECLINED, None)
    assert standing.reason.en == "WeChat Pay declined the payment."


@pytest.mark.parametrize(
    ("told", "amount"),
    [
        ({"total": 1229, "currency": "CNY"}, Money(1229, "CNY")),
        ({"total": 1230, "currency": "HKD"}, Money(1230, "HKD")),
    ],
)
async def test_another_amount_is_told_as_it_is(wechat, told, amount):
    await wechat.provider.start(asked())
    wechat.pay(NUMBER, amount=told)
    assert (await wechat.provider.query(asked())).amount == amount


@pytest.mark.parametrize(
    "told",
    [
        {"trade_state": "SETTLED_ON_MARS"},
        {"trade_state": None},
        {"amount": {"currency": "CNY"}},
        {"amount": {"total": "1230"}},
        {"amount": {"total": True}},
        {"amount": 1230},
        {"out_trade_no": REFUND_ID.hex},
        {"out_trade_no": "A-1001"},
    ],
)
async def test_an_answer_that_says_nothing_clear_is_none(wechat, told):
    await wechat.provider.start(asked())
    wechat.pay(NUMBER, **told)
    with pytest.raises(ProviderAway):
        await wechat.provider.query(asked())


async def test_a_payment_nobody_knows_is_pending_and_can_be_closed(wechat):
    assert await wechat.provider.query(asked()) == Standing(Outcome.PENDING)
    assert await wechat.provider.close(asked()) == Standing(Outcome.CLOSED)


async def test_a_closed_payment_stays_closed(wechat):
    await wechat.provider.start(asked())
    assert await wechat.provider.close(asked()) == Standing(Outcome.CLOSED)
    assert (await wechat.provider.close(asked())).outcome is Outcome.CLOSED
    assert (await wechat.provider.query(asked())).outcome is Outcome.CLOSED


async def test_who_paid_before_the_close_has_paid(wechat):
    await wechat.provider.start(asked())
    wechat.pay(NUMBER)
    assert await wechat.provider.close(asked()) == PAID


async def test_a_refund_is_asked_for_once_however_often_it_is_asked(wechat):
    assert await wechat.provider.refund(refund_asked()) == RefundStanding(RefundState.PENDING, "503000")
    wechat.refunds[REFUND_ID.hex]["status"] = "SUCCESS"
    assert await wechat.provider.refund(refund_asked()) == RefundStanding(RefundState.DONE, "503000")
    (made,) = wechat.refunds.values()
    assert (made["out_trade_no"], made["amount"]) == (
        NUMBER,
        {"refund": 230, "total": 1230, "currency": "CNY"},
    )


@pytest.mark.parametrize("status", ["CLOSED", "ABNORMAL"])
async def test_a_refund_that_can_not_be_made_has_failed(wechat, status):
    await wechat.provider.refund(refund_asked())
    wechat.refunds[REFUND_ID.hex]["status"] = status
    assert await wechat.provider.refund(refund_asked()) == RefundStanding(RefundState.FAILED, "503000")


@pytest.mark.parametrize(
    ("code", "state"),
    [("NOT_ENOUGH", RefundState.PENDING), ("USER_ACCOUNT_ABNORMAL", RefundState.FAILED)],
)
async def test_a_refund_that_is_refused_waits_or_has_failed(wechat, code, state):
    wechat.refuses = [(403, code)]
    assert await wechat.provider.refund(refund_asked()) == RefundStanding(state)


async def test_a_refused_repeat_of_a_refund_is_as_the_first_one(wechat):
    await wechat.provider.refund(refund_asked())
    wechat.refunds[REFUND_ID.hex]["status"] = "SUCCESS"
    wechat.refuses = [(400, "INVALID_REQUEST")]
    assert (await wechat.provider.refund(refund_asked())).state is RefundState.DONE


async def test_a_long_reason_is_cut_between_two_characters(wechat):
    await wechat.provider.refund(refund_asked(reason="货品与描述不符" * 9))
    assert wechat.refunds[REFUND_ID.hex]["reason"] == ("货品与描述不符" * 9)[:26]


# ------------------------------------------------------------------ an answer, or none


@pytest.mark.parametrize("fault", [Fault.BUSY, Fault.BROKEN, Fault.HALF])
async def test_what_nobody_answered_is_asked_again(wechat, fault):
    wechat.faults = [fault, fault]
    assert (await wechat.provider.start(asked())).next_action is not None
    assert len(wechat.asked) == 3
    assert len(set(wechat.nonces)) == len(wechat.nonces)


@pytest.mark.parametrize("fault", [Fault.BUSY, Fault.BROKEN, Fault.HALF])
async def test_three_times_without_an_answer_is_away(wechat, fault):
    wechat.faults = [fault] * 3
    with pytest.raises(ProviderAway):
        await wechat.provider.query(asked())
    assert len(wechat.asked) == 3


@pytest.mark.parametrize(
    ("fault", "call"),
    [
        *itertools.product(
            [Fault.ELSEWHERE, Fault.GARBAGE, Fault.UNSIGNED, Fault.FORGED, Fault.OLD],
            ["start", "query", "close"],
        ),
        (Fault.CHANGED, "start"),  # a close is granted without a word that could be changed
        (Fault.CHANGED, "query"),
    ],
)
async def test_an_answer_that_is_not_to_be_believed_is_none(wechat, fault, call):
    await wechat.provider.start(asked())
    wechat.faults = [fault]
    with pytest.raises(ProviderAway):
        await getattr(wechat.provider, call)(asked())


async def test_a_refusal_somebody_else_signed_is_not_believed(wechat):
    wechat.faults = [Fault.FORGED]
    with pytest.raises(ProviderAway):
        await wechat.provider.query(asked())
    wechat.faults = [Fault.UNSIGNED]
    assert await wechat.provider.query(asked()) == Standing(Outcome.PENDING)


@pytest.mark.parametrize("refusal", [(401, "SIGN_ERROR"), (403, "NO_AUTH"), (400, "MCH_NOT_EXISTS")])
@pytest.mark.parametrize("call", ["start", "query", "close"])
async def test_a_refusal_of_the_merchant_says_nothing_of_a_payment(wechat, refusal, call):
    wechat.refuses = [refusal]
    with pytest.raises(ProviderAway):
        await getattr(wechat.provider, call)(asked())


async def test_who_does_not_answer_in_time_is_away():
    async with wechat(seconds=0.1) as server:
        server.faults = [Fault.HANG] * 3
        with pytest.raises(ProviderAway):
            await server.provider.start(asked())


async def test_nobody_listens():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    provider = provider_at(f"http://127.0.0.1:{port}")
    with pytest.raises(ProviderAway):
        await provider.query(asked())
    await provider.stop()


async def test_answers_signed_with_a_known_certificate_are_believed(wechat):
    wechat.signs_with = ("old wechat", f"00{CERTIFICATE.lower()}")
    assert (await wechat.provider.start(asked())).next_action is not None
    wechat.signs_with = ("old wechat", "0A3E")
    with pytest.raises(ProviderAway):
        await wechat.provider.start(asked())
