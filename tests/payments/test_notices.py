"""Notices: genuine ones are understood, and nothing else is."""

from __future__ import annotations

import json

import pytest

from domain.money import Money
from domain.payments import (
    NotGenuine,
    Notice,
    Outcome,
    RefundNotice,
    RefundStanding,
    RefundState,
    Standing,
    Unreadable,
)
from domain.refusals import Text
from tests.payments.alipay import form
from tests.payments.played import PAYMENT_ID, REFUND_ID
from tests.payments.wechat import CERTIFICATE, sealed, signature_headers

EVENT = "EV-2018022511223320873"
PAID = {
    "mchid": "1900000109",
    "appid": "wxd678efh567hg6787",
    "out_trade_no": PAYMENT_ID.hex,
    "transaction_id": "42000",
    "trade_state": "SUCCESS",
    "amount": {"total": 1230, "payer_total": 1230, "currency": "CNY", "payer_currency": "CNY"},
    "a_new_field": {"of": ["any", "kind"]},
}
GIVEN_BACK = {
    "mchid": "1900000109",
    "out_trade_no": PAYMENT_ID.hex,
    "out_refund_no": REFUND_ID.hex,
    "refund_id": "503000",
    "refund_status": "SUCCESS",
}
CAPTURED = Standing(Outcome.CAPTURED, Money(1230, "CNY"), "42000")


def test_wechat_tells_of_a_payment(wechat):
    body = sealed("TRANSACTION.SUCCESS", PAID)
    notice = wechat.provider.read_notice(signature_headers(body), body)
    assert notice == Notice(EVENT, PAYMENT_ID, CAPTURED)


@pytest.mark.parametrize(
    ("status", "state"),
    [("SUCCESS", RefundState.DONE), ("CLOSED", RefundState.FAILED), ("ABNORMAL", RefundState.FAILED)],
)
def test_wechat_tells_of_a_refund(wechat, status, state):
    body = sealed(f"REFUND.{status}", {**GIVEN_BACK, "refund_status": status})
    notice = wechat.provider.read_notice(signature_headers(body), body)
    assert notice == RefundNotice(EVENT, REFUND_ID, RefundStanding(state, "503000"))


def test_wechat_tells_of_another_amount_than_was_asked_for(wechat):
    body = sealed("TRANSACTION.SUCCESS", {**PAID, "amount": {"total": 1, "currency": "CNY"}})
    assert wechat.provider.read_notice(signature_headers(body), body).standing.amount == Money(1, "CNY")


@pytest.mark.parametrize("age_seconds", [-300, 0, 300])
def test_wechat_may_be_five_minutes_early_or_late(wechat, age_seconds):
    body = sealed("TRANSACTION.SUCCESS", PAID)
    headers = signature_headers(body, age_seconds=age_seconds)
    assert wechat.provider.read_notice(headers, body).event_id == EVENT


def test_wechat_may_sign_with_the_key_of_a_certificate(wechat):
    body = sealed("TRANSACTION.SUCCESS", PAID)
    headers = signature_headers(body, whose="old wechat", serial=CERTIFICATE)
    assert wechat.provider.read_notice(headers, body).event_id == EVENT


@pytest.mark.parametrize(
    "signed",
    [
        {"whose": "mallory"},
        {"whose": "merchant"},
        {"whose": "old wechat"},
        {"serial": "PUB_KEY_ID_OF_SOMEBODY"},
        {"serial": ""},
        {"age_seconds": 301},
        {"age_seconds": -301},
    ],
)
def test_what_wechat_did_not_sign_now_is_not_genuine(wechat, signed):
    body = sealed("TRANSACTION.SUCCESS", PAID)
    with pytest.raises(NotGenuine) as refused:
        wechat.provider.read_notice(signature_headers(body, **signed), body)
    assert not isinstance(refused.value, Unreadable)


@pytest.mark.parametrize(
    "changed",
    [
        {"wechatpay-signature": ""},
        {"wechatpay-signature": "WECHATPAY/SIGNTEST/bm8="},
        {"wechatpay-signature": "ä"},
        {"wechatpay-nonce": "another"},
        {"wechatpay-timestamp": "now"},
        {"wechatpay-timestamp": "9" * 30},
    ],
)
def test_headers_of_wechat_are_taken_as_they_were_signed(wechat, changed):
    body = sealed("TRANSACTION.SUCCESS", PAID)
    with pytest.raises(NotGenuine):
        wechat.provider.read_notice({**signature_headers(body), **changed}, body)
    with pytest.raises(NotGenuine):
        wechat.provider.read_notice({}, body)


@pytest.mark.parametrize(
    "body",
    [
        sealed("TRANSACTION.SUCCESS", PAID, with_key=b"f" * 32),
        sealed("TRANSACTION.SUCCESS", PAID, associated_data="refund"),
        sealed("TRANSACTION.SUCCESS", PAID, nonce="fdasflkja485"),
        sealed("TRANSACTION.SUCCESS", PAID, ciphertext="YWJjZGVmZ2hpamtsbW5vcHFyc3R1dg=="),
    ],
)
def test_a_broken_seal_is_not_genuine(wechat, body):
    with pytest.raises(NotGenuine) as refused:
        wechat.provider.read_notice(signature_headers(body), body)
    assert not isinstance(refused.value, Unreadable)


def test_a_body_changed_on_its_way_is_not_genuine(wechat):
    body = sealed("TRANSACTION.SUCCESS", PAID)
    with pytest.raises(NotGenuine):
        wechat.provider.read_notice(signature_headers(body), body + b" ")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"[" * 100_000,
        b'{"resource": 7}',
        sealed("TRANSACTION.SUCCESS", PAID, algorithm="ROT13"),
        sealed("TRANSACTION.SUCCESS", PAID, nonce="short"),
        sealed("TRANSACTION.SUCCESS", PAID, ciphertext="%%%"),
        sealed("TRANSACTION.SUCCESS", "a text"),
        sealed("TRANSACTION.SUCCESS", {**PAID, "mchid": "1900000108"}),
        sealed("TRANSACTION.SUCCESS", {**PAID, "out_trade_no": "A-1001"}),
        sealed("TRANSACTION.SUCCESS", {**PAID, "out_trade_no": PAYMENT_ID.hex.upper()}),
        sealed("TRANSACTION.SUCCESS", {**PAID, "trade_state": "ON_MARS"}),
        sealed("TRANSACTION.SUCCESS", {**PAID, "amount": {}}),
        sealed("REFUND.SUCCESS", {**GIVEN_BACK, "refund_status": "ON_MARS"}),
        sealed("REFUND.SUCCESS", {**GIVEN_BACK, "out_refund_no": "by hand"}),
    ],
)
def test_what_wechat_signed_and_we_can_not_read_is_unreadable(wechat, body):
    with pytest.raises(Unreadable):
        wechat.provider.read_notice(signature_headers(body), body)


def test_wechat_is_told_whether_its_notice_was_taken(wechat):
    assert wechat.provider.reply(None).status == 200
    refused = wechat.provider.reply(Text(en="another amount", zh="金额不符"))
    assert (refused.status, json.loads(refused.body)) == (500, {"code": "FAIL", "message": "金额不符"})


# ------------------------------------------------------------------ Alipay

TRADE = {
    "out_trade_no": PAYMENT_ID.hex,
    "trade_no": "42000",
    "trade_status": "TRADE_SUCCESS",
    "total_amount": "12.30",
    "gmt_payment": "2026-11-23 18:00:00",
}
GIVEN_BACK_BY_ALIPAY = {
    **TRADE,
    "gmt_refund": "2026-11-23 18:00:00.123",
    "refund_fee": "2.30",
    "out_biz_no": REFUND_ID.hex,
}


@pytest.mark.parametrize(
    ("told", "standing"),
    [
        ({}, CAPTURED),
        ({"trade_status": "TRADE_FINISHED"}, CAPTURED),
        ({"total_amount": "0.01"}, Standing(Outcome.CAPTURED, Money(1, "CNY"), "42000")),
        ({"trade_status": "TRADE_CLOSED", "gmt_payment": ""}, Standing(Outcome.CLOSED, None, "42000")),
        ({"trade_status": "WAIT_BUYER_PAY"}, Standing(Outcome.PENDING, None, "42000")),
    ],
)
def test_alipay_tells_of_a_payment(alipay, told, standing):
    notice = alipay.provider.read_notice({}, form(**{**TRADE, **told}))
    assert notice == Notice("2026112300222180010", PAYMENT_ID, standing)


@pytest.mark.parametrize("status", ["TRADE_SUCCESS", "TRADE_CLOSED"])
def test_alipay_tells_of_a_refund(alipay, status):
    notice = alipay.provider.read_notice({}, form(**{**GIVEN_BACK_BY_ALIPAY, "trade_status": status}))
    done = RefundStanding(RefundState.DONE, "42000")
    assert notice == RefundNotice("2026112300222180010", REFUND_ID, done)


@pytest.mark.parametrize("age_seconds", [-300, 0, 300])
def test_alipay_may_be_five_minutes_early_or_late(alipay, age_seconds):
    assert alipay.provider.read_notice({}, form(age_seconds=age_seconds, **TRADE)).payment_id == PAYMENT_ID


@pytest.mark.parametrize(
    "body",
    [
        form(whose="mallory", **TRADE),
        form(whose="application", **TRADE),
        form(age_seconds=301, **TRADE),
        form(age_seconds=-301, **TRADE),
        form(**TRADE).replace(b"12.30", b"12.31"),
        form(**TRADE) + b"&more=1",
        form(**TRADE).replace(b"sign_type=RSA2", b"sign_type=RSA"),
        form(**TRADE).replace(b"sign=", b"sing="),
        b"",
    ],
)
def test_what_alipay_did_not_sign_now_is_not_genuine(alipay, body):
    with pytest.raises(NotGenuine) as refused:
        alipay.provider.read_notice({}, body)
    assert not isinstance(refused.value, Unreadable)


@pytest.mark.parametrize(
    "body",
    [
        "金额".encode(),
        b"name=%FF",
        form(**TRADE) + b"&trade_status=TRADE_SUCCESS",
        b"&".join(b"a%d=1" % number for number in range(201)),
        form(**TRADE, notify_time="now"),
        form(**{**TRADE, "app_id": "2021000000000002"}),
        form(**{**TRADE, "seller_id": "2088000000000008"}),
        form(**{**TRADE, "out_trade_no": "A-1001"}),
        form(**{**TRADE, "trade_status": "ON_MARS"}),
        form(**{**TRADE, "total_amount": "12.301"}),
        form(**{**TRADE, "notify_id": ""}),
        form(**{**GIVEN_BACK_BY_ALIPAY, "out_biz_no": "by hand"}),
    ],
)
def test_what_we_can_not_read_of_alipay_is_unreadable(alipay, body):
    with pytest.raises(Unreadable):
        alipay.provider.read_notice({}, body)


def test_alipay_is_told_whether_its_notice_was_taken(alipay):
    assert alipay.provider.reply(None).body == b"success"
    assert alipay.provider.reply(Text(en="another amount", zh="金额不符")).body != b"success"
