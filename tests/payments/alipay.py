"""Alipay's gateway as it is documented, played on loopback: it checks who asks, and signs what it says."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from urllib.parse import parse_qsl, urlencode

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from devices.payments.alipay import Alipay, Merchant
from devices.payments.keys import sign
from devices.payments.line import Line
from devices.payments.moments import stamp
from tests.payments.played import NOW, Fault, key, played

APP_ID, SELLER_ID = "2021000000000001", "2088000000000009"


def text_to_sign(parameters: Mapping[str, str]) -> str:
    return "&".join(f"{name}={value}" for name, value in sorted(parameters.items()))


def our_parameters(query: str) -> dict[str, str]:
    """What the application signed in a query, its signature checked."""
    parameters = dict(parse_qsl(query, strict_parsing=True))
    signature = base64.b64decode(parameters.pop("sign"))
    message = text_to_sign(parameters).encode()
    key("application").public_key().verify(signature, message, PKCS1v15(), SHA256())
    return parameters


def form(*, whose: str = "alipay", age_seconds: float = 0, **told: str) -> bytes:
    """The body of a notice."""
    said = {
        "notify_id": "2026112300222180010",
        "notify_type": "trade_status_sync",
        "notify_time": stamp(NOW - timedelta(seconds=age_seconds)),
        "app_id": APP_ID,
        "seller_id": SELLER_ID,
        "charset": "utf-8",
        "version": "1.0",
        "subject": "订单 A-1001 & more = +",
        "a_new_field": "{}",
        **told,
    }
    return urlencode({**said, "sign": sign(key(whose), text_to_sign(said)), "sign_type": "RSA2"}).encode()


class AlipayServer:
    """Trades and refunds at Alipay; `faults` befall the next answers, one by one."""

    provider: Alipay
    address: str

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Begins anew, as for another test."""
        self.trades: dict[str, dict[str, object]] = {}
        self.refunds: dict[str, dict[str, object]] = {}
        self.asked: list[tuple[str, dict[str, object]]] = []
        self.faults: list[Fault] = []
        self.refuses: list[tuple[str, str]] = []

    async def answer(self, request: Request) -> Response:
        query = f"{request.url.query}&{(await request.body()).decode()}"
        parameters = our_parameters(query)
        method, content = parameters["method"], json.loads(parameters["biz_content"])
        self.asked.append((method, content))
        fault = self.faults.pop(0) if self.faults else None
        if fault is Fault.HANG:
            await asyncio.sleep(30)
        if fault in (Fault.BUSY, Fault.BROKEN):
            return Response(b"{}", int(fault))
        if fault is Fault.HALF:
            return Response(b"{}", headers={"content-length": "900"})
        if fault is Fault.ELSEWHERE:
            return RedirectResponse("http://127.0.0.1:9/")
        if fault is Fault.GARBAGE:
            return Response(b"<html>")
        if self.refuses:
            code, sub_code = self.refuses.pop(0)
            told = {"code": code, "msg": "Business Failed", "sub_code": sub_code, "sub_msg": "不行"}
        else:
            told = {"msg": "Success", "new_field": [1, {"}": "{"}], **self._judge(method, content)}
        return self._signed(f"{method.replace('.', '_')}_response", told, fault)

    def _signed(self, name: str, told: object, fault: Fault | None) -> Response:
        # Slashes are escaped and blanks strewn in: what counts is the text as it was sent.
        text = json.dumps(told, separators=(" ,", ": ")).replace("/", "\\/")
        signature = sign(key("mallory" if fault is Fault.FORGED else "alipay"), text)
        if fault is Fault.CHANGED:
            text = text.replace("Success", "success").replace("TRADE_NOT", "TRADE_HOT")
        after = "" if fault is Fault.UNSIGNED else f', "sign":"{signature}"'
        return Response(f'{{ "{name}" : {text}{after}, "alipay_cert_sn": "5f8f"}}'.encode())

    def _judge(self, method: str, content: dict) -> dict[str, object]:
        number = content["out_trade_no"]
        trade = self.trades.get(number)
        if method in ("alipay.trade.precreate", "alipay.trade.create"):
            if trade is not None and trade["trade_status"] != "WAIT_BUYER_PAY":
                return _no("ACQ.TRADE_HAS_SUCCESS")
            if method == "alipay.trade.precreate":
                return {"code": "10000", "out_trade_no": number, "qr_code": "https://qr.example/bax03"}
            self.open(number, str(content["total_amount"]))
            return {"code": "10000", "out_trade_no": number, "trade_no": "2026112322001"}
        if method == "alipay.trade.fastpay.refund.query":
            return {"code": "10000", **self.refunds.get(content["out_request_no"], {})}
        if trade is None:
            return _no("ACQ.TRADE_NOT_EXIST")
        if method == "alipay.trade.query":
            return {"code": "10000", **trade}
        if method == "alipay.trade.refund":
            return self._refund(content, trade)
        if trade["trade_status"] != "WAIT_BUYER_PAY":
            return _no("ACQ.REASON_TRADE_STATUS_INVALID")
        trade["trade_status"] = "TRADE_CLOSED"
        return {"code": "10000", "trade_no": "2026112322001"}

    def _refund(self, content: dict, trade: dict[str, object]) -> dict[str, object]:
        number = content["out_request_no"]
        change = "N" if number in self.refunds else "Y"
        self.refunds[number] = {**content, "refund_status": "REFUND_SUCCESS", "trade_no": "2026112322001"}
        return {"code": "10000", "fund_change": change, "trade_no": trade["trade_no"]}

    def open(self, number: str, amount: str = "12.30", **told: object) -> None:
        """A shopper opens a payment, or does more."""
        trade = {"out_trade_no": number, "trade_no": "2026112322001", "total_amount": amount}
        self.trades[number] = {**trade, "trade_status": "WAIT_BUYER_PAY", **told}

    def pay(self, number: str, **told: object) -> None:
        """Somebody pays."""
        self.open(number, **{"trade_status": "TRADE_SUCCESS", "send_pay_date": stamp(NOW), **told})


def _no(sub_code: str) -> dict[str, object]:
    return {"code": "40004", "msg": "Business Failed", "sub_code": sub_code, "sub_msg": "不行"}


@asynccontextmanager
async def alipay(*, seconds: float = 5, currency: str = "CNY") -> AsyncIterator[AlipayServer]:
    """Alipay's gateway on a port, and the provider that asks it."""
    server = AlipayServer()
    app = Starlette(routes=[Route("/gateway.do", server.answer, methods=["POST"])])
    async with played(app) as address:
        server.address = f"{address}/gateway.do"
        merchant = Merchant(
            gateway=server.address,
            app_id=APP_ID,
            seller_id=SELLER_ID,
            key=key("application"),
            alipay_key=key("alipay").public_key(),
            notify_url="https://mall.example/webhooks/payments/alipay",
            return_url="https://mall.example/paid",
            currency=currency,
        )
        server.provider = Alipay(merchant, Line(server.address, seconds=seconds), lambda: NOW)
        yield server
        await server.provider.stop()
