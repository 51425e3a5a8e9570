"""The ways to pay with Alipay, as a client's token asks for them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from domain.payments import TokenRefused

_BUYER_ID = re.compile(r"2088[0-9]{12}")
_OPEN_ID = re.compile(r"[A-Za-z0-9_-]{20,128}")


class Way(StrEnum):
    """A way to pay; each value is the method of Alipay's that begins it."""

    QR = "alipay.trade.precreate"
    PAGE = "alipay.trade.page.pay"
    WAP = "alipay.trade.wap.pay"
    APP = "alipay.trade.app.pay"
    MINI_PROGRAM = "alipay.trade.create"


PRODUCTS = {
    Way.QR: "QR_CODE_OFFLINE",
    Way.PAGE: "FAST_INSTANT_TRADE_PAY",
    Way.WAP: "QUICK_WAP_WAY",
    Way.APP: "QUICK_MSECURITY_PAY",
    Way.MINI_PROGRAM: "JSAPI_PAY",
}
_BY_TOKEN = {None: Way.QR, "qr": Way.QR, "page": Way.PAGE, "wap": Way.WAP, "app": Way.APP}


@dataclass(frozen=True, slots=True)
class Asked:
    """A way to pay, and who pays where that is known: a field of the order and its value."""

    way: Way
    payer: tuple[str, str] | None = None


def asked_by(token: str | None) -> Asked:
    """What a token asks for: none or "qr", "page", "wap", "app", else the payer's user id or open id.

    Raises TokenRefused.
    """
    way = _BY_TOKEN.get(token)
    if way is not None:
        return Asked(way)
    if token is not None and _BUYER_ID.fullmatch(token):
        return Asked(Way.MINI_PROGRAM, ("buyer_id", token))
    if token is not None and _OPEN_ID.fullmatch(token):
        return Asked(Way.MINI_PROGRAM, ("buyer_open_id", token))
    raise TokenRefused
