"""What clients of WeChat Pay do next: the parameters that its SDKs take, signed.

Described at https://pay.weixin.qq.com/doc/v3/merchant/4012791897 (JSAPI) and
https://pay.weixin.qq.com/doc/v3/merchant/4013070347 (app).
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass

from devices.payments.fields import Fields
from devices.payments.wechat_pay.merchant import Merchant
from devices.payments.wechat_pay.wire import Wire
from domain.payments import TokenRefused

_OPENID = re.compile(r"[A-Za-z0-9_-]{16,128}")


@dataclass(frozen=True, slots=True)
class Way:
    """A way to pay: `kind` as in the path of its request, `openid` of the payer where that is known."""

    kind: str
    app_id: str
    openid: str | None = None


def way_of(token: str | None, merchant: Merchant) -> Way:
    """The way a client's token asks for: none or "native" a QR code, "app" the app, else the payer's openid.

    Raises TokenRefused.
    """
    match token:
        case None | "native":
            return Way("native", merchant.app_id)
        case "app" if merchant.mobile_app_id is not None:
            return Way("app", merchant.mobile_app_id)
        case openid if _OPENID.fullmatch(openid):
            return Way("jsapi", merchant.app_id, openid)
    raise TokenRefused


def payload_of(way: Way, granted: Fields, *, merchant: Merchant, wire: Wire, moment: str) -> dict[str, str]:
    """What the client's SDK takes; `moment` in seconds since 1970. Raises Garbled."""
    if way.kind == "native":
        return {"codeUrl": granted.text("code_url")}
    prepay_id, nonce = granted.text("prepay_id"), secrets.token_hex(16)
    if way.kind == "app":
        return {
            "appid": way.app_id,
            "partnerid": merchant.merchant_id,
            "prepayid": prepay_id,
            "package": "Sign=WXPay",
            "noncestr": nonce,
            "timestamp": moment,
            "sign": wire.sign(way.app_id, moment, nonce, prepay_id),
        }
    package = f"prepay_id={prepay_id}"
    return {
        "appId": way.app_id,
        "timeStamp": moment,
        "nonceStr": nonce,
        "package": package,
        "signType": "RSA",
        "paySign": wire.sign(way.app_id, moment, nonce, package),
    }
