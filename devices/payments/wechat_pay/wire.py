"""How WeChat Pay v3 is spoken: signed requests, signed answers, sealed notices.

How answers are checked is described at
https://pay.weixin.qq.com/docs/merchant/development/interface-rules/build-verify-sign-src.html.
"""

from __future__ import annotations

import base64
import binascii
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from devices.payments.fields import Fields, Garbled
from devices.payments.keys import is_signed, sign
from devices.payments.line import Answer, Line
from devices.payments.moments import is_timely
from devices.payments.wechat_pay.merchant import Merchant
from domain.payments import NotGenuine, ProviderAway, Unreadable

_log = structlog.get_logger("shelfgraph.payments")
_SCHEME = "WECHATPAY2-SHA256-RSA2048"
_SIGNATURE = "wechatpay-signature"
_UNAUTHORIZED = 401
_LONGEST_SEAL = 65_536
# About us and not about a payment: nothing is known of the payment, and somebody has to mend the settings.
_ABOUT_US = frozenset({"SIGN_ERROR", "NO_AUTH", "APPID_MCHID_NOT_MATCH", "MCH_NOT_EXISTS"})


@dataclass(frozen=True, slots=True)
class Answered:
    """What WeChat Pay answered: `refused` is its code when it said no, such as ORDERPAID."""

    status: int
    fields: Fields
    refused: str | None = None


class Wire:
    """Calls in a merchant's name, and the proof that answers and notices are WeChat Pay's."""

    def __init__(self, merchant: Merchant, line: Line, clock: Callable[[], datetime]) -> None:
        self._merchant = merchant
        self._line = line
        self._clock = clock

    async def call(self, method: str, path: str, content: Mapping[str, object] | None = None) -> Answered:
        """An answer that is WeChat Pay's; raises ProviderAway for everything that leaves us without one.

        What it grants is signed. A refusal may come unsigned, before it knows who asks; it moves no money.
        """
        body = b"" if content is None else json.dumps(content, ensure_ascii=False).encode()
        answer = await self._line.ask(
            method, path, body=body, headers=lambda: self._headers(method, path, body)
        )
        granted = 200 <= answer.status < 300
        try:
            if granted or _SIGNATURE in answer.headers:
                self.check(answer.headers, answer.body)
            fields = Fields.of_json(answer.body or b"{}")
            if granted:
                return Answered(answer.status, fields)
            return self._refusal(answer, fields)
        except (NotGenuine, Garbled) as error:
            _log.warning("an answer is not to be believed", provider="wechat_pay", status=answer.status)
            raise ProviderAway("an answer that is not to be believed") from error

    def _refusal(self, answer: Answer, fields: Fields) -> Answered:
        code = fields.text("code")
        if answer.status == _UNAUTHORIZED or code in _ABOUT_US:
            _log.error("the merchant is refused", provider="wechat_pay", code=code)
            raise ProviderAway(code)
        _log.info("a request is refused", provider="wechat_pay", status=answer.status, code=code)
        return Answered(answer.status, fields, code)

    def _headers(self, method: str, path: str, body: bytes) -> dict[str, str]:
        moment, nonce = str(int(self._clock().timestamp())), secrets.token_hex(16)
        signature = self.sign(method, path, moment, nonce, body.decode())
        credentials = {
            "mchid": self._merchant.merchant_id,
            "nonce_str": nonce,
            "signature": signature,
            "timestamp": moment,
            "serial_no": self._merchant.serial,
        }
        return {
            "accept": "application/json",
            "content-type": "application/json",
            "user-agent": "shelfgraph",
            "wechatpay-serial": self._merchant.wanted_platform_key,
            "authorization": f"{_SCHEME} " + ",".join(f'{name}="{it}"' for name, it in credentials.items()),
        }

    def sign(self, *lines: str) -> str:
        """Our signature of these lines, each ended."""
        return sign(self._merchant.key, "".join(f"{line}\n" for line in lines))

    def check(self, headers: Mapping[str, str], body: bytes) -> None:
        """Raises NotGenuine unless WeChat Pay signed this body, within five minutes of now."""
        key = self._merchant.platform_key(headers.get("wechatpay-serial", ""))
        moment, nonce = headers.get("wechatpay-timestamp", ""), headers.get("wechatpay-nonce", "")
        if key is None:
            raise NotGenuine("signed with a key we do not know")
        message = f"{moment}\n{nonce}\n".encode() + body + b"\n"
        if not is_signed(key, message, headers.get(_SIGNATURE, "")):
            raise NotGenuine("the signature is another's")
        try:
            told = datetime.fromtimestamp(int(moment), UTC)
        except (ValueError, OverflowError, OSError) as error:
            raise NotGenuine("no moment") from error
        if not is_timely(told, self._clock()):
            raise NotGenuine("too old, or from the future")

    def open(self, resource: Fields) -> Fields:
        """What is sealed in a notice; raises NotGenuine when somebody tampered with it, Garbled."""
        if resource.text("algorithm") != "AEAD_AES_256_GCM":
            raise Unreadable("sealed in a way we do not know")
        try:
            text = AESGCM(self._merchant.api_v3_key).decrypt(
                resource.text("nonce").encode(),
                base64.b64decode(resource.text("ciphertext", longest=_LONGEST_SEAL), validate=True),
                (resource.maybe("associated_data") or "").encode(),
            )
        except InvalidTag as error:
            raise NotGenuine("sealed with another key") from error
        except (binascii.Error, ValueError) as error:
            raise Unreadable("no seal") from error
        return Fields.of_json(text)
