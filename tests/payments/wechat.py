"""WeChat Pay v3 as it is documented, played on loopback: it checks who asks, and signs what it says."""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from devices.payments.keys import sign
from devices.payments.line import Line
from devices.payments.wechat_pay import Merchant, WeChatPay
from tests.payments.played import NOW, Fault, key, played

PLATFORM = "PUB_KEY_ID_0114232134912410000000000000"
CERTIFICATE = "0A3F"
API_V3_KEY = b"0123456789abcdef0123456789abcdef"
_PREPAID = {"jsapi": {"prepay_id": "wx201"}, "app": {"prepay_id": "wx202"}}


def signature_headers(
    body: bytes, *, whose: str = "wechat", serial: str = PLATFORM, age_seconds: float = 0
) -> dict[str, str]:
    """What WeChat Pay sends beside a body, its names in lower case as a server hands them on."""
    moment, nonce = str(int((NOW - timedelta(seconds=age_seconds)).timestamp())), "593BEC0C930BF1AFEB"
    return {
        "wechatpay-serial": serial,
        "wechatpay-timestamp": moment,
        "wechatpay-nonce": nonce,
        "wechatpay-signature": sign(key(whose), f"{moment}\n{nonce}\n{body.decode()}\n"),
        "wechatpay-signature-type": "WECHATPAY2-SHA256-RSA2048",
    }


def sealed(event: str, told: object, *, with_key: bytes = API_V3_KEY, **more: object) -> bytes:
    """The body of a notice."""
    nonce, beside = "fdasflkja484", event.partition(".")[0].lower()
    text = AESGCM(with_key).encrypt(nonce.encode(), json.dumps(told).encode(), beside.encode())
    resource = {
        "original_type": beside,
        "algorithm": "AEAD_AES_256_GCM",
        "ciphertext": base64.b64encode(text).decode(),
        "associated_data": beside,
        "nonce": nonce,
    }
    notice = {"id": "EV-2018022511223320873", "event_type": event, "resource_type": "encrypt-resource"}
    return json.dumps({**notice, "summary": "支付成功", "resource": {**resource, **more}}).encode()


class WeChatServer:
    """Orders and refunds at WeChat Pay; `faults` befall the next answers, one by one."""

    provider: WeChatPay

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Begins anew, as for another test."""
        self.orders: dict[str, dict[str, object]] = {}
        self.refunds: dict[str, dict[str, object]] = {}
        self.asked: list[tuple[str, dict[str, object]]] = []
        self.nonces: list[str] = []
        self.faults: list[Fault] = []
        self.refuses: list[tuple[int, str]] = []
        self.signs_with = ("wechat", PLATFORM)

    async def answer(self, request: Request) -> Response:
        body = await request.body()
        content = json.loads(body or b"{}")
        self.asked.append((f"{request.method} {request.url.path}", content))
        fault = self.faults.pop(0) if self.faults else None
        if fault is Fault.HANG:
            await asyncio.sleep(30)
        if fault in (Fault.BUSY, Fault.BROKEN):
            return Response(b'{"code":"SYSTEM_ERROR"}', int(fault))
        if fault is Fault.HALF:
            return Response(b"{}", headers={"content-length": "900"})
        if fault is Fault.ELSEWHERE:
            return RedirectResponse("http://127.0.0.1:9/")
        status, told = self._judge(request, body, content)
        text = b"" if told is None else json.dumps(told, ensure_ascii=False).encode()
        return self._signed(status, text, fault)

    def _signed(self, status: int, text: bytes, fault: Fault | None) -> Response:
        if fault is Fault.GARBAGE:
            text = b"<html>"
        age, whose = 301 if fault is Fault.OLD else 0, self.signs_with[0]
        if fault is Fault.FORGED:
            whose = "mallory"
        headers = signature_headers(text, whose=whose, serial=self.signs_with[1], age_seconds=age)
        if fault is Fault.CHANGED:
            text += b" "
        return Response(text, status, {} if fault is Fault.UNSIGNED else headers)

    def _judge(self, request: Request, body: bytes, content: dict) -> tuple[int, object]:
        if not self._is_ours(request, body):
            return 401, {"code": "SIGN_ERROR", "message": "错误的签名"}
        if self.refuses:
            status, code = self.refuses.pop(0)
            return status, {"code": code, "message": "不行"}
        if "/refund/" in request.url.path:
            return self._refund(request, content)
        return self._order(request, content)

    def _is_ours(self, request: Request, body: bytes) -> bool:
        """Whether the merchant signed this very request; the same nonce is never taken twice."""
        scheme, _, told = request.headers["authorization"].partition(" ")
        it = dict(re.findall(r'(\w+)="([^"]*)"', told))
        path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        message = f"{request.method}\n{path}\n{it['timestamp']}\n{it['nonce_str']}\n{body.decode()}\n"
        key("merchant").public_key().verify(
            base64.b64decode(it["signature"]), message.encode(), PKCS1v15(), SHA256()
        )
        known = it["nonce_str"] in self.nonces
        self.nonces.append(it["nonce_str"])
        ours = (it["mchid"], it["serial_no"]) == ("1900000109", "5157F09EFDC096DE15EBE81A47057A72")
        return scheme == "WECHATPAY2-SHA256-RSA2048" and ours and not known

    def _order(self, request: Request, content: dict) -> tuple[int, object]:
        last = request.url.path.rpartition("/")[2]
        if last in ("jsapi", "native", "app"):
            number = content["out_trade_no"]
            order = self.orders.setdefault(
                number, {**content, "trade_state": "NOTPAY", "trade_type": last.upper(), "new_field": [1]}
            )
            if order["trade_state"] != "NOTPAY":
                return 400, {"code": "ORDERPAID", "message": "订单已支付"}
            return 200, _PREPAID.get(last, {"code_url": "weixin://wxpay/bizpayurl?pr=p4lpSuKzz"})
        number = request.url.path.split("/")[5]
        order = self.orders.get(number)
        if order is None:
            return 404, {"code": "ORDER_NOT_EXIST", "message": "订单不存在"}
        if last != "close":
            return (200, order) if request.query_params["mchid"] == "1900000109" else (400, {"code": "X"})
        if order["trade_state"] != "NOTPAY":
            return 400, {"code": "ORDERPAID", "message": "订单已支付"}
        order["trade_state"] = "CLOSED"
        return 204, None

    def _refund(self, request: Request, content: dict) -> tuple[int, object]:
        if request.method == "GET":
            found = self.refunds.get(request.url.path.rpartition("/")[2])
            return (200, found) if found else (404, {"code": "RESOURCE_NOT_EXISTS", "message": "无"})
        if len(content["reason"].encode()) > 80:
            return 400, {"code": "PARAM_ERROR", "message": "退款原因过长"}
        made = {**content, "refund_id": "503000", "status": "PROCESSING", "channel": "ORIGINAL"}
        return 200, self.refunds.setdefault(content["out_refund_no"], made)

    def pay(self, number: str, **told: object) -> None:
        """Somebody pays an order."""
        amount = {**self.orders[number]["amount"], "payer_total": 1, "payer_currency": "CNY"}
        paid = {"trade_state": "SUCCESS", "transaction_id": "42000", "amount": amount}
        self.orders[number] |= {**paid, **told}


def provider_at(address: str, *, seconds: float = 5) -> WeChatPay:
    """The provider of a merchant whom this server knows."""
    merchant = Merchant(
        merchant_id="1900000109",
        app_id="wxd678efh567hg6787",
        mobile_app_id="wx0a1b2c3d4e5f6a7b",
        serial="5157F09EFDC096DE15EBE81A47057A72",
        key=key("merchant"),
        api_v3_key=API_V3_KEY,
        platform_keys={CERTIFICATE: key("old wechat").public_key(), PLATFORM: key("wechat").public_key()},
        notify_url="https://mall.example/webhooks/payments/wechat_pay",
    )
    return WeChatPay(merchant, Line(address, seconds=seconds), lambda: NOW)


@asynccontextmanager
async def wechat(seconds: float = 5) -> AsyncIterator[WeChatServer]:
    """WeChat Pay on a port, and the provider that asks it."""
    server = WeChatServer()
    app = Starlette(routes=[Route("/{path:path}", server.answer, methods=["GET", "POST"])])
    async with played(app) as address:
        server.provider = provider_at(address, seconds=seconds)
        yield server
        await server.provider.stop()
